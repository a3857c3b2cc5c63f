import type {
  ComponentDescription,
  Topology,
  TopologyNode,
} from '../../../src/server/api-types.ts';
import { useDocument } from '../documents.ts';
import { Card } from '../parts/card.tsx';
import { Empty } from '../parts/empty.tsx';
import { Table } from '../parts/table.tsx';
import { addressOf, route, show } from '../route.ts';

/** Every component there is, with its parameters, to be searched. */
export function ManifestPage(): preact.JSX.Element {
  const { value: all, refused } = useDocument<readonly ComponentDescription[]>('manifest').value;
  const { value: topology } = useDocument<Topology>('topology').value;
  const nodes = topology?.nodes ?? [];
  const uses = (one: ComponentDescription): readonly TopologyNode[] =>
    nodes.filter((node) => isOf(node, one));
  const others = nodes.filter((node) => all?.every((one) => !isOf(node, one)));
  const words = (route.value.query.get('find') ?? '').toLowerCase();
  const found = all
    ?.filter((one) => isFound(one, words))
    .toSorted((a, b) => Number(uses(b).length > 0) - Number(uses(a).length > 0));
  return (
    <>
      <h1>Manifest</h1>
      <div class="row card">
        <label class="row">
          Search
          <input
            type="search"
            placeholder="name, option, word"
            value={words}
            onInput={({ currentTarget: { value } }) => show(value === '' ? {} : { find: value })}
          />
        </label>
        <span class="quiet" role="status">
          {found === undefined ? '' : `${found.length} of ${all!.length} components`}
        </span>
      </div>
      {all === undefined && <Empty refused={refused} what="manifest" />}
      {others.length > 0 && (
        <p>
          In this run, and not of the manifest: <Links to={others} />
        </p>
      )}
      {found?.map((one) => (
        <Component key={`${one.stageType} ${one.className}`} {...one} uses={uses(one)} />
      ))}
    </>
  );
}

function isOf({ name, kind }: TopologyNode, one: ComponentDescription): boolean {
  return name === one.className && (kind === 'dead-letters' ? 'sink' : kind) === one.stageType;
}

function Links({ to }: { readonly to: readonly TopologyNode[] }): preact.JSX.Element {
  return (
    <>
      {to.slice(0, linksMax).map(({ id }) => (
        <span key={id}>
          <a href={addressOf('stage', id)}>{id}</a>{' '}
        </span>
      ))}
      {to.length > linksMax && `and ${to.length - linksMax} more`}
    </>
  );
}

const linksMax = 12;

function isFound(
  { className, stageType, summary, parameters }: ComponentDescription,
  words: string,
) {
  const said = parameters.flatMap(({ name, description = '' }) => [name, description]);
  const text = [className, stageType, summary, ...said].join(' ').toLowerCase();
  return words.split(/\s+/).every((word) => text.includes(word));
}

function Component({
  className,
  stageType,
  summary,
  parameters,
  parametersUnknown,
  uses,
}: ComponentDescription & { readonly uses: readonly TopologyNode[] }): preact.JSX.Element {
  return (
    <Card title={`${className} (${stageType})`}>
      {uses.length > 0 && (
        <p>
          In this run: <Links to={uses} />
        </p>
      )}
      <p>{summary}</p>
      {parametersUnknown !== undefined && <p class="quiet">Its parameters: {parametersUnknown}.</p>}
      {parameters.length > 0 && (
        <Table
          label={`Parameters of ${className}`}
          heads={['Parameter', 'Kind', 'Default', 'What for']}
          rows={parameters.map(
            ({ name, kind, hasDefault, default: given, required, description }) => [
              name,
              <code>{name}</code>,
              kind,
              hasDefault ? <code>{JSON.stringify(given)}</code> : required ? 'required' : '–',
              description ?? '',
            ],
          )}
        />
      )}
    </Card>
  );
}
