import type { ComponentReport, QueueStats, RunStats } from '../../../src/server/api-types.ts';
import { about, count, none, rate, span, withUnit } from '../format.ts';
import { isStill, point } from '../live.ts';
import { own } from '../own.ts';
import { addressOf } from '../route.ts';
import type { Trouble } from '../troubles.ts';
import { Bar } from './bar.tsx';
import type { FlowNode } from './flow.ts';

/** As much of what is wrong as a node says. */
export type NodeTrouble = Pick<Trouble, 'mood' | 'brief' | 'what' | 'cause'>;

/** How much waits: from when it is told of, and from when it is bad. */
const [fillHigh, fillFull] = [0.5, 0.9];

/** A component of the picture with its figures; of several, the worst of them. */
export function FlowNodeCard({
  node: { id, ids, kind },
  stats: { components, queues, lanes },
  troubles,
}: {
  readonly node: FlowNode;
  readonly stats: RunStats;
  readonly troubles: ReadonlyMap<string, NodeTrouble>;
}): preact.JSX.Element {
  const reports = components.filter((one) => ids.includes(one.id));
  const ill = ids.find((one) => troubles.has(one));
  const trouble = troubles.get(ill ?? '');
  const bottleneck = lanes.find((lane) => ids.includes(lane.bottleneck ?? ''))?.bottleneck;
  const slowest = reports.toSorted((a, b) => (p95Of(b) ?? 0) - (p95Of(a) ?? 0))[0];
  const worst = ill ?? bottleneck ?? slowest?.id ?? id;
  const isRun = ids.length > 1;
  const waiting = ids.flatMap((one) => own(queues, one) ?? []);
  const lag = reports[0]?.source?.lag;
  return (
    <article class={`node ${trouble?.mood ?? (bottleneck ? 'warn' : '')}`}>
      {bottleneck && <span class="mark">bottleneck</span>}
      <a href={addressOf('stage', worst)} title={`${kind} ${isRun ? `${id} … ${ids.at(-1)}` : id}`}>
        {isRun ? `${ids.length} stages` : id}
      </a>
      <span class="row">
        <b>
          {isStill.value ? none : rate(figureOf(ids.at(-1)!, kind) ?? reports.at(-1)?.perSecond)}
        </b>
        <span class="quiet">p95 {slowest === undefined ? none : span(p95Of(slowest))}</span>
      </span>
      <span class={`cut ${trouble?.mood ?? 'quiet'}`} title={titleOf(trouble)}>
        {isRun && `${worst}: `}
        {trouble?.brief ?? calmText(kind, reports)}
      </span>
      {waiting.length > 0 ? (
        <Queue queues={waiting} of={worst} />
      ) : lag !== undefined ? (
        <span class="cut quiet">{withUnit(lag.value, lag.unit)} behind</span>
      ) : (
        trouble === undefined && <span class="cut quiet">{kind}</span>
      )}
    </article>
  );
}

function titleOf(trouble: NodeTrouble | undefined): string | undefined {
  if (trouble === undefined) return undefined;
  return trouble.cause === undefined ? trouble.what : `${trouble.what}: ${trouble.cause}`;
}

/** What there is to say of those with which nothing is wrong. */
function calmText(kind: FlowNode['kind'], reports: readonly ComponentReport[]): string {
  if (kind === 'dead-letters') return `${count(reports[0]?.in)} in all`;
  const failed = reports.reduce((sum, one) => sum + one.failed, 0);
  return failed === 0 ? 'no errors' : `${count(failed)} failed before`;
}

/** Rows per second in the last second: out of it, or of what gives nothing on, in. */
function figureOf(id: string, kind: FlowNode['kind']): number | null | undefined {
  const figures = own(point.value?.components, id);
  return kind === 'sink' || kind === 'dead-letters' ? figures?.inPerSecond : figures?.outPerSecond;
}

function p95Of({ recent, work }: ComponentReport): number | null {
  return recent?.work.p95Ms ?? work.p95Ms;
}

/** The fullest of them, and the first that is full. */
function Queue({
  queues,
  of,
}: {
  readonly queues: readonly QueueStats[];
  readonly of: string;
}): preact.JSX.Element {
  const fill = Math.max(...queues.map((queue) => queue.fill));
  const leftMs = Math.min(...queues.map((queue) => queue.leftMs ?? Infinity));
  const mood = fill >= fillFull ? 'bad' : fill >= fillHigh ? 'warn' : 'flow';
  return (
    <span class="queue">
      <Bar share={fill} mood={mood} label={`Queue before ${of}`} />
      <small class="quiet">
        {isStill.value || leftMs === Infinity
          ? `${Math.round(fill * 100)} %`
          : `full in ${about(leftMs)}`}
      </small>
    </span>
  );
}
