import type {
  ComponentReport,
  LaneStats,
  QueueStats,
  RecentLatency,
  RunStats,
} from '../../observe/snapshot.ts';
import { ratePerSecond } from '../../observe/rate.ts';
import type { ComponentSeries, LaneSeries, RunSeries } from '../api-types.ts';

/** What stands for several slots together. */
export type Merge = 'mean' | 'greatest' | 'sum';

/** A series: how it is read, and how its slots are merged. */
export interface SeriesOf<L> {
  readonly merge: Merge;
  /** Null where there is nothing to measure. */
  readonly read: (look: L) => number | null;
}

/** A run now and a slot before, and how much time that was. */
export interface RunLook {
  readonly now: RunStats;
  readonly before: RunStats | undefined;
  readonly seconds: number;
  /** The longest by which its loop was late. */
  readonly loopDelayMs: number | null;
}

/** A component now and a slot before. */
export interface ComponentLook {
  readonly now: ComponentReport;
  readonly before: ComponentReport | undefined;
  readonly seconds: number;
  readonly queue: QueueStats | undefined;
}

interface Look<T> {
  readonly now: T;
  readonly before: T | undefined;
  readonly seconds: number;
}

type Total<T> = (figures: T) => number | undefined;

const greatest = <L>(read: SeriesOf<L>['read']): SeriesOf<L> => ({ merge: 'greatest', read });
const mean = <L>(read: SeriesOf<L>['read']): SeriesOf<L> => ({ merge: 'mean', read });

/** By how much a total has grown; null where there is none, or none before. */
function grown<T>({ now, before }: Look<T>, total: Total<T>): number | null {
  const [to, from] = [total(now), before === undefined ? undefined : total(before)];
  return to === undefined || from === undefined ? null : to - from;
}

/** How fast a total grows. */
function perSecond<T>(total: Total<T>): SeriesOf<Look<T>> {
  return mean((look) => {
    const by = grown(look, total);
    return by === null ? null : ratePerSecond(by, look.seconds * 1000);
  });
}

/** How much of the time a total of milliseconds grew by. */
function share<T>(totalMs: Total<T>): SeriesOf<Look<T>> {
  return mean((look) => {
    const ms = grown(look, totalMs);
    // What began before counts whole when it is done.
    return ms === null ? null : Math.min(1, ms / (look.seconds * 1000));
  });
}

function ratio<T>(of: Total<T>, among: Total<T>): SeriesOf<Look<T>> {
  return mean((look) => {
    const [part, all] = [grown(look, of), grown(look, among)];
    return part === null || all === null || all === 0 ? null : part / all;
  });
}

function recent(
  kind: 'work' | 'wait' | 'endToEnd',
  quantile: keyof RecentLatency,
): SeriesOf<ComponentLook> {
  return greatest(({ now }) => now.recent?.[kind][quantile] ?? null);
}

/** Of a run over all components. */
function sumOf(total: Total<ComponentReport>): Total<RunStats> {
  return ({ components }) => components.reduce((sum, one) => sum + (total(one) ?? 0), 0);
}

/** The series of a component. */
export const componentSeries: Readonly<Record<ComponentSeries, SeriesOf<ComponentLook>>> = {
  inPerSecond: perSecond((one) => one.in),
  outPerSecond: perSecond(({ out }) => out),
  failedPerSecond: perSecond(({ failed }) => failed),
  droppedPerSecond: perSecond(({ dropped }) => dropped),
  retriesPerSecond: perSecond(({ policy }) => policy?.retries),
  busyShare: share(({ busyMs }) => busyMs),
  blockedShare: share(({ blockedMs }) => blockedMs),
  waitingShare: share(({ waitingMs }) => waitingMs),
  idleShare: share(({ idleMs }) => idleMs),
  queueFill: mean(({ queue }) => queue?.fill ?? null),
  queueRows: mean(({ queue }) => queue?.rows ?? null),
  workP50Ms: recent('work', 'p50Ms'),
  workP95Ms: recent('work', 'p95Ms'),
  workP99Ms: recent('work', 'p99Ms'),
  waitP50Ms: recent('wait', 'p50Ms'),
  waitP95Ms: recent('wait', 'p95Ms'),
  waitP99Ms: recent('wait', 'p99Ms'),
  endToEndP50Ms: recent('endToEnd', 'p50Ms'),
  endToEndP95Ms: recent('endToEnd', 'p95Ms'),
  endToEndP99Ms: recent('endToEnd', 'p99Ms'),
  lag: greatest(({ now }) => now.source?.lag?.value ?? null),
};

/** The series of a lane. */
export const laneSeries: Readonly<Record<LaneSeries, SeriesOf<LaneStats>>> = {
  busyShare: mean(({ busyShare }) => busyShare),
  loopUtilization: mean(({ loopUtilization }) => loopUtilization),
};

/** The series of a run. */
export const runSeries: Readonly<Record<RunSeries, SeriesOf<RunLook>>> = {
  recordsInPerSecond: perSecond(({ recordsIn }) => recordsIn),
  recordsOutPerSecond: perSecond(({ recordsOut }) => recordsOut),
  deadPerSecond: perSecond(sumOf(({ kind, dead }) => (kind === 'dead-letters' ? 0 : dead))),
  errorRate: ratio(
    sumOf(({ failed }) => failed),
    ({ recordsIn }) => recordsIn,
  ),
  retryRate: ratio(
    sumOf(({ policy }) => policy?.retries),
    sumOf(({ policy }) => policy?.attempts),
  ),
  rssBytes: mean(({ now }) => now.process.rssBytes),
  heapUsedBytes: mean(({ now }) => now.process.heapUsedBytes),
  loopUtilization: mean(({ now }) => now.process.loopUtilization),
  loopDelayMs: greatest(({ loopDelayMs }) => loopDelayMs),
  laneBusy: mean(({ now }) =>
    now.lanes.reduce<number | null>(
      (most, { busyShare }) => (busyShare === null ? most : Math.max(most ?? 0, busyShare)),
      null,
    ),
  ),
  batches: {
    merge: 'sum',
    read: (look) =>
      grown(
        look,
        sumOf(({ kind, work }) => (kind === 'sink' ? work.count : 0)),
      ),
  },
};
