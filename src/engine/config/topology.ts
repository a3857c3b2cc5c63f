import type { Definition } from '../../core/index.ts';
import { idProblem } from '../checks/placement.ts';
import type { Path, SinkNode, SourceNode, StageNode } from '../description.ts';
import { meantKey } from './keys.ts';
import { type ConfigMap, configMap, type ConfigValue, isConfigMap } from './document.ts';
import type { Entry, EntryReader } from './entries.ts';
import type { Policies } from './policies.ts';

/** The graph of a config. */
export interface Topology {
  readonly sources: readonly SourceNode[];
  readonly stages: readonly StageNode[];
  readonly sinks: readonly SinkNode[];
  readonly deadLetters: SinkNode | undefined;
}

/** Makes of the options as written what the component is given. */
export type ResolveOptions = (
  options: ConfigValue,
  path: Path,
  definition: Definition,
) => Promise<ConfigValue>;

type Kind = Definition['kind'];

interface Placed {
  readonly entry: Entry;
  /** As written; undefined where it is made from the component's name. */
  readonly id: string | undefined;
}

/** Reads sources, stages and sinks of a config and how they are connected. */
export async function readTopology(
  config: ConfigMap,
  reader: EntryReader,
  policies: Policies,
  resolve: ResolveOptions,
): Promise<Topology> {
  const sources = readEnds('source', config, reader);
  const sinks = readEnds('sink', config, reader);
  const stages: Placed[] = [];
  const readsBehind = new Map<Placed, Placed | undefined>();
  const chain = readChain(config, reader);
  for (const [index, placed] of chain.entries()) {
    readsBehind.set(placed, stages.at(-1));
    const kind = kindInChain(placed, index, sources);
    if (kind !== 'stage')
      reader.problem('topology', placed.entry.path, misplacedText(kind, chain, index, sinks));
    if (kind === 'stage') stages.push(placed);
    else if (kind === 'sink') sinks.push(placed);
    else sources.push({ ...placed, entry: reader.asSource(placed.entry) });
  }
  addMissingEnds(config, sources, sinks, reader);

  const ids = nameAll([...sources, ...stages, ...sinks]);
  const behind = ({ entry }: Placed, before: Placed | undefined): References =>
    readFrom(entry, reader) ?? {
      from: (before === undefined ? sources : [before]).map((other) => ids.get(other)!),
    };
  const node = async <C>(placed: Placed, kind: Kind): Promise<NodeParts<C>> => ({
    id: ids.get(placed)!,
    component: await toComponent<C>(placed.entry, kind, resolve, reader),
    ...(await policyIn(placed.entry, kind, ids.get(placed)!, policies)),
    path: placed.entry.path,
  });
  const nodes = { sources: [] as SourceNode[], stages: [] as StageNode[], sinks: [] as SinkNode[] };
  for (const source of sources) {
    const { at, placement } = source.entry;
    // Whatever it is, the plan checks it.
    const { eventTime } = placement as Pick<SourceNode, 'eventTime'>;
    const timed = eventTime !== undefined && { eventTime, at: [...at, 'eventTime'] };
    nodes.sources.push({ ...(await node(source, 'source')), ...timed });
  }
  for (const stage of stages) {
    const references = behind(stage, readsBehind.get(stage));
    nodes.stages.push({ ...(await node(stage, 'stage')), ...references });
  }
  for (const sink of sinks) {
    const before = readsBehind.has(sink) ? readsBehind.get(sink) : stages.at(-1);
    const { at, placement } = sink.entry;
    // Whatever they are, the plan checks them.
    const { required, overflow } = placement as Pick<SinkNode, 'required' | 'overflow'>;
    nodes.sinks.push({
      ...(await node(sink, 'sink')),
      ...behind(sink, before),
      ...(required !== undefined && { required }),
      ...(overflow !== undefined && { overflow }),
      at,
    });
  }
  return { ...nodes, deadLetters: await readDeadLetters(config, reader, policies, resolve) };
}

async function policyIn(
  { placement, at }: Entry,
  kind: Kind,
  id: string,
  policies: Policies,
): Promise<Pick<SourceNode, 'policy'>> {
  const path = [...at, 'resilience'];
  const policy = await policies.of(placement['resilience'], { id, kind, path });
  return policy === undefined ? {} : { policy };
}

type References = Pick<StageNode, 'from' | 'fromPath'>;

interface NodeParts<C> extends Pick<SourceNode, 'policy'> {
  readonly id: string;
  readonly component: C | undefined;
  readonly path: Path;
}

/** The entries under `source` and `sources`, or `sink` and `sinks`. */
function readEnds(kind: 'source' | 'sink', config: ConfigMap, reader: EntryReader): Placed[] {
  const plural = `${kind}s`;
  const one = config[kind] ?? null;
  const many = config[plural] ?? null;
  if (one !== null && many !== null) {
    reader.problem(
      'topology',
      [plural],
      `there is \`${kind}\` and \`${plural}\`; write all under \`${plural}\``,
    );
  }
  const ends: Placed[] = [];
  if (Array.isArray(one)) {
    const text = `two ${plural} in a row; name each under \`${plural}:\``;
    reader.problem('topology', [kind], text);
    for (const [index, item] of one.entries()) ends.push(place(kind, item, [kind, index], reader));
  } else if (one !== null) {
    ends.push(place(kind, one, [kind], reader));
  }
  if (isConfigMap(many)) {
    for (const [id, item] of Object.entries(many)) {
      const { entry, id: inner } = place(kind, item, [plural, id], reader);
      if (inner !== undefined) {
        reader.problem(
          'unknown-key',
          [plural, id, 'id'],
          `it is named \`${id}\` already; leave \`id\` out`,
        );
      }
      ends.push({ entry, id: checkedId(id, [plural, id], reader) });
    }
  } else if (many !== null) {
    reader.problem(
      'invalid-option',
      [plural],
      `\`${plural}\` is a map: \`name: { component: { … } }\``,
    );
  }
  return ends;
}

function readChain(config: ConfigMap, reader: EntryReader): Placed[] {
  const stages = config['stages'] ?? [];
  if (!Array.isArray(stages)) {
    reader.problem('invalid-option', ['stages'], '`stages` is a list: begin each with `- `');
    return [];
  }
  return stages.map((item, index) => place('stage', item, ['stages', index], reader));
}

function place(kind: Kind, value: ConfigValue, at: Path, reader: EntryReader): Placed {
  const entry = reader.read(kind, value, at);
  const { id } = entry.placement;
  return { entry, id: id === undefined ? undefined : checkedId(id, [...at, 'id'], reader) };
}

function checkedId(id: ConfigValue, path: Path, reader: EntryReader): string {
  const wrong = idProblem(id);
  if (wrong !== undefined) reader.problem('invalid-option', path, wrong);
  return String(id);
}

/** What an entry among the stages is. A name of both a source and a sink is one by its place. */
function kindInChain({ entry }: Placed, index: number, sources: readonly Placed[]): Kind {
  const { definition } = entry;
  if (definition === undefined || definition.kind === 'stage') return 'stage';
  const begins = index === 0 && sources.length === 0;
  return begins && entry.isSource ? 'source' : definition.kind;
}

function misplacedText(
  kind: 'source' | 'sink',
  chain: readonly Placed[],
  index: number,
  sinks: readonly Placed[],
): string {
  const { name } = chain[index]!.entry;
  if (kind === 'source')
    return `\`${name}\` is a source and stands among the stages; write it under \`source:\``;
  const next = chain[index + 1]?.entry;
  if (next !== undefined && next.definition?.kind !== 'sink') {
    return `sink \`${name}\` is not last: \`${next.name}\` comes after it; write it under \`sink:\``;
  }
  const other = next ?? sinks[0]?.entry;
  return other === undefined
    ? `\`${name}\` is a sink and stands among the stages; write it under \`sink:\``
    : `two sinks in a row: \`${name}\` and \`${other.name}\`; name each under \`sinks:\``;
}

// An end that is missing is one problem and no reason for others.
function addMissingEnds(
  config: ConfigMap,
  sources: Placed[],
  sinks: Placed[],
  reader: EntryReader,
): void {
  for (const [kind, ends] of [
    ['source', sources],
    ['sink', sinks],
  ] as const) {
    if (ends.length > 0) continue;
    const isMisspelt = Object.keys(config).some((key) => meantKey(key)?.startsWith(kind));
    if (!isMisspelt)
      reader.problem('topology', [], `the pipeline has no ${kind}; add \`${kind}:\``);
    const entry = { name: kind, definition: undefined, isSource: false, options: null };
    ends.push({ entry: { ...entry, path: [], at: [], placement: configMap() }, id: undefined });
  }
}

/** Ids as written, and for the others the name of the component, numbered where it is taken. */
function nameAll(all: readonly Placed[]): Map<Placed, string> {
  const ids = new Map<Placed, string>();
  const taken = new Set(all.map(({ id }) => id));
  for (const placed of all) {
    let { id } = placed;
    for (let count = 1; id === undefined; count++) {
      const free = count === 1 ? placed.entry.name : `${placed.entry.name}-${count}`;
      if (!taken.has(free)) id = free;
    }
    taken.add(id);
    ids.set(placed, id);
  }
  return ids;
}

function readFrom({ placement, at }: Entry, reader: EntryReader): References | undefined {
  const { from } = placement;
  if (from === undefined) return undefined;
  const fromPath = [...at, 'from'];
  const references = Array.isArray(from) ? from : [from];
  if (references.length > 0 && references.every((reference) => typeof reference === 'string')) {
    return { from: references, fromPath };
  }
  reader.problem('invalid-option', fromPath, '`from` is an id, or a list of ids');
  return undefined;
}

async function readDeadLetters(
  config: ConfigMap,
  reader: EntryReader,
  policies: Policies,
  resolve: ResolveOptions,
): Promise<SinkNode | undefined> {
  const value = config['deadLetters'] ?? null;
  if (value === null) return undefined;
  const { entry } = place('sink', value, ['deadLetters'], reader);
  for (const key of Object.keys(entry.placement)) {
    if (key === 'resilience') continue;
    reader.problem('unknown-key', ['deadLetters', key], `\`deadLetters\` takes no \`${key}\``);
  }
  const component = await toComponent<SinkNode['component']>(entry, 'sink', resolve, reader);
  const id = 'dead-letters';
  const policy = await policyIn(entry, 'sink', id, policies);
  return { id, component, ...policy, from: [], path: entry.path };
}

async function toComponent<C>(
  { name, definition, options, path }: Entry,
  kind: Kind,
  resolve: ResolveOptions,
  reader: EntryReader,
): Promise<C | undefined> {
  if (definition === undefined) return undefined;
  if (definition.kind !== kind) {
    reader.problem('topology', path, `\`${name}\` is a ${definition.kind}, not a ${kind}`);
    return undefined;
  }
  return { kind, definition, options: await resolve(options, path, definition) } as C;
}
