import type { ComponentKind, ComponentReport } from '../../../src/server/api-types.ts';
import { count } from '../format.ts';
import { addressOf } from '../route.ts';
import { Card } from './card.tsx';
import { type Row, Table } from './table.tsx';

const kinds: readonly { readonly kind: ComponentKind; readonly title: string }[] = [
  { kind: 'source', title: 'Sources' },
  { kind: 'stage', title: 'Stages' },
  { kind: 'sink', title: 'Sinks' },
  { kind: 'dead-letters', title: 'Dead letters' },
];

/** What became of every record, and whether that is all of them. */
export function Ledger({
  components,
}: {
  readonly components: readonly ComponentReport[];
}): preact.JSX.Element {
  const open = components.filter(({ unaccounted }) => unaccounted !== 0);
  return (
    <Card
      title="Ledger"
      beside={
        <span class={`tag ${open.length === 0 ? 'good' : 'bad'}`}>
          {open.length === 0 ? 'closed' : 'not closed'}
        </span>
      }
    >
      {open.length === 0 ? (
        <p class="quiet">
          Every record is accounted for, in each of {components.length} components.
        </p>
      ) : (
        <ul>
          {open.slice(0, shownMax).map(({ id, unaccounted }) => (
            <li key={id}>
              <a href={addressOf('stage', id)}>{id}</a> {unaccounted > 0 ? 'lost' : 'made up'}{' '}
              {count(Math.abs(unaccounted))} records
            </li>
          ))}
        </ul>
      )}
      <Table
        label="What became of every record"
        heads={['', '#In', '#= out', '#+ dropped', '#+ dead', '#+ held']}
        rows={kinds.flatMap(({ kind, title }) =>
          rowOf(
            title,
            components.filter((one) => one.kind === kind),
          ),
        )}
      />
      <p class="quiet">
        Between them {count(sumOf(components, ({ undelivered }) => undelivered))} are on their way.
        What a stage made of records counts as in, and what went into those as out.
      </p>
    </Card>
  );
}

const shownMax = 8;

function rowOf(title: string, of: readonly ComponentReport[]): Row[] {
  if (of.length === 0) return [];
  const sums = [
    sumOf(of, (one) => one.in + one.created),
    sumOf(of, ({ out, absorbed }) => out + absorbed),
    sumOf(of, ({ dropped }) => dropped),
    sumOf(of, ({ dead }) => dead),
    sumOf(of, ({ held }) => held ?? 0),
  ];
  return [[title, title, ...sums.map(count)]];
}

function sumOf(
  components: readonly ComponentReport[],
  figure: (report: ComponentReport) => number,
): number {
  return components.reduce((sum, one) => sum + figure(one), 0);
}
