import type { ChangeLog } from '../core/change-trail.ts';
import type { BreakerState, ComponentType, Lag, SensorReport, SensorState } from '../core/index.ts';
import type { ExponentialBuckets } from './histogram.ts';
import type { Alert } from './alerts/alert.ts';

/** What a component is in its pipeline. */
export type ComponentKind = ComponentType | 'dead-letters';

/** How a run may end before what it had read was through. */
export const runFailures = ['failed', 'not-drained', 'aborted'] as const;

/** One of `runFailures`. */
export type RunFailure = (typeof runFailures)[number];

/** How a run may end. */
export const runEndings: readonly ['done', 'stopped', ...typeof runFailures] = [
  'done',
  'stopped',
  ...runFailures,
];

/** Every state of a run. */
export const runStatuses: readonly [
  'starting',
  'running',
  'paused',
  'draining',
  ...typeof runEndings,
] = ['starting', 'running', 'paused', 'draining', ...runEndings];

/** Where a run stands, or how it ended. */
export type RunStatus = (typeof runStatuses)[number];

/** Whether a run that stands there is over. */
export function hasEnded(status: RunStatus): boolean {
  return runEndings.some((ending) => ending === status);
}

/** Whether a run that stands there ended before what it had read was through. */
export function hasFailed(status: RunStatus): boolean {
  return runFailures.some((failure) => failure === status);
}

/** Of one kind of time, in milliseconds; null while nothing was measured. */
export interface Latency {
  /** Batches measured, and the time of all of them together. */
  readonly count: number;
  readonly sumMs: number;
  readonly meanMs: number | null;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
  /** How many took at most each of `classicBounds`; where `StatsOptions` asks for them. */
  readonly buckets?: readonly number[];
  /** The buckets that these come from, of seconds; where `StatsOptions` asks for them. */
  readonly exponential?: ExponentialBuckets;
}

/** Of the batches of about the last second, in milliseconds; null where there were none. */
export interface RecentLatency {
  readonly count: number;
  readonly meanMs: number | null;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
}

/** Of one component, of about the last second. */
export interface RecentLatencies {
  readonly work: RecentLatency;
  readonly wait: RecentLatency;
  readonly endToEnd: RecentLatency;
}

/** What is to be in figures. */
export interface StatsOptions {
  /** Whether latencies have the buckets that `prometheusText` shows. */
  readonly classic?: boolean;
  /** Whether latencies have their exponential buckets, of which there are hundreds. */
  readonly exponential?: boolean;
}

/** The figures of one component. */
export interface ComponentReport {
  readonly id: string;
  readonly name: string;
  readonly kind: ComponentKind;
  /** Rows in; for a source, records read. */
  readonly in: number;
  /** Rows out; for a sink, rows committed. */
  readonly out: number;
  /** Rows dropped by a rule, and rows that became dead letters. */
  readonly dropped: number;
  readonly dead: number;
  /** Rows that failed here, whatever became of them. */
  readonly failed: number;
  /**
   * Of a stage, rows that went into others, and rows made of those. `held`: rows that a stage holds
   * now, or had in hand when a run ended before its time, and those that a sink was given and has not
   * committed, which may or may not be stored; null where it cannot say.
   */
  readonly absorbed: number;
  readonly created: number;
  readonly held: number | null;
  /**
   * Rows on their way to it: what the components before it gave and it has not taken, in its queue or
   * waiting for room there. Of a run that has ended, rows that never came to it.
   */
  readonly undelivered: number;
  /**
   * Rows that nothing accounts for: more than 0 where the component lost rows, less where it made
   * some up. As of the last cut that passed it, and of the end of a run that did not fail.
   */
  readonly unaccounted: number;
  /**
   * Milliseconds at work, blocked by what comes after it, waiting for the outside, and waiting for
   * input, each counted once, with what is under way: a call that hangs is work as long as it does. It
   * waits for the outside where its policy, or what it calls, lets no call through: a breaker that is
   * open, a rate limit, a sink that takes nothing now. Of stages that share a hop the first waits for
   * input and the last for room.
   */
  readonly busyMs: number;
  readonly blockedMs: number;
  readonly waitingMs: number;
  readonly idleMs: number;
  /** Per batch: at work, in the queue before it, and for a sink from the source's read to its write. */
  readonly work: Latency;
  readonly wait: Latency;
  readonly endToEnd: Latency;
  /** The same of about the last second; null unless the run is followed, as by a server. */
  readonly recent: RecentLatencies | null;
  /** Rows out per second, over the last ten seconds. */
  readonly perSecond: number;
  /** Bytes taken in, by a source that counts them. */
  readonly bytes: number;
  /** Milliseconds since it last did anything; null before it has. */
  readonly sinceProgressMs: number | null;
  /** Failed records by reason, and failed calls by the error's code, or by the reason that it gives. */
  readonly errors: Readonly<Record<string, number>>;
  /**
   * What the last failed call of each kind failed with, of the first 20 kinds, that which failed last
   * at the end; at most 500 characters, without secrets. Of a call that a stage makes for a row, which that may quote, its class is all
   * unless `logBodies` asks for more. Not there where no call failed.
   */
  readonly callErrors?: Readonly<Record<string, string>>;
  /** `failed`, of those that came in; null before any came. */
  readonly errorRate: number | null;
  /** `dropped`, by reason. */
  readonly droppedBy: Readonly<Record<string, number>>;
  /** Numbers of things that are no rows: blank lines, skipped ticks, evicted keys. */
  readonly counts: Readonly<Record<string, number>>;
  /** How its input is; of a source. */
  readonly source?: SourceState;
  /** What its policy did; not there where it has none, nor sensors, or that cannot be told. */
  readonly policy?: PolicyReport;
  /** How its sensors are; of a source that has such. */
  readonly sensors?: SensorsReport;
}

/** How many there are of something, in all and in each state, and the least well of them. */
export interface Census<State extends string, One> {
  readonly total: number;
  readonly byState: Readonly<Record<State, number>>;
  /** At most 1,000, the least well first. */
  readonly worst: readonly One[];
}

/** How the sensors of a source are. */
export interface SensorsReport extends Census<SensorState, SensorReport> {
  /** Readings of all of them that something stood in for so far, by strategy. */
  readonly substitutedBy: Readonly<Record<string, number>>;
}

/** How the input of a source is. */
export interface SourceState {
  /** Whether it reads what comes at its own pace, and so can fall behind; a file does not. */
  readonly isPaced: boolean;
  /** Whether it gives nothing more. */
  readonly hasEnded: boolean;
  /** How far it is behind; not there where it cannot know. */
  readonly lag?: Lag;
}

/** What a run did, or has done so far. */
export interface RunReport {
  readonly pipeline: string;
  readonly status: RunStatus;
  readonly delivery: 'best-effort';
  /** Records read by all sources. */
  readonly recordsIn: number;
  /** Rows committed by all sinks, beside that of the dead letters. */
  readonly recordsOut: number;
  readonly durationMs: number;
  /** Bytes read by the sources that count them. */
  readonly bytesIn: number;
  readonly peakMemoryBytes: number;
  /** Dead letters committed. */
  readonly deadLetters: number;
  readonly components: readonly ComponentReport[];
}

/** What waits before one component. */
export interface QueueStats {
  /** Batches. */
  readonly depth: number;
  readonly rows: number;
  readonly bytes: number;
  /** How full the fullest of its queues is, from 0 to 1. */
  readonly fill: number;
  /** Whether what waits comes from a source that has a pace of its own, and that has not ended. */
  readonly isPaced: boolean;
  /**
   * Milliseconds until it is full, at 0.95 as for `queue-saturation`, as of the last second that
   * somebody followed; not there where it is, does not fill clearly, is not paced, or takes over an hour.
   */
  readonly leftMs?: number;
  /** What waits on disk beside; of a sink that spills. */
  readonly disk?: { readonly rows: number; readonly bytes: number };
}

/** What the process is doing, of which a run is only a part. */
export interface ProcessStats {
  readonly rssBytes: number;
  readonly heapUsedBytes: number;
  /** The share of time that its event loop was busy, over the last five to ten seconds, from 0 to 1. */
  readonly loopUtilization: number;
}

/** What a run failed with. */
export interface FailureReport {
  /** In which component; null where it was in none. */
  readonly component: string | null;
  /** With its code, for people. */
  readonly text: string;
}

/** A report of a run that goes on, with what only the present has. */
export interface RunStats extends RunReport {
  /** When it was taken: wall time, and milliseconds of the run's monotonic clock. */
  readonly at: number;
  readonly monotonicMs: number;
  /** Wall time at which the run began, as the clock stood then: it tells one run from another. */
  readonly startedAt: number;
  /** When it ended, by the clock as it stands now; null while it has not. */
  readonly endedAt: number | null;
  readonly process: ProcessStats;
  /** Why the run goes on but not as it should, by component. */
  readonly degraded: Readonly<Record<string, string>>;
  /** What it failed with; null where it has not. */
  readonly failure: FailureReport | null;
  /** What waits before each component that has a queue. */
  readonly queues: Readonly<Record<string, QueueStats>>;
  /** Alerts that are pending or firing, the worst first; none where the run has no rules for them. */
  readonly alerts: readonly Alert[];
  /** How often each event of the engine happened, by its name. */
  readonly events: Readonly<Record<string, number>>;
  /**
   * What somebody changed while it was at work, the newest 100 of each thing: `status`, `logLevel` (of
   * one component `logLevel.<id>`), and limits of alerts, as `alerts.<rule>.warn`.
   */
  readonly changes: Readonly<Record<string, ChangeLog<ChangedValue>>>;
  /** Records that failed anywhere, of those read; null before any was. */
  readonly errorRate: number | null;
  /** The last records that failed, at most 20, the oldest first. */
  readonly lastFailures: readonly RecordFailure[];
  /** The batches of the last 5 to 10 minutes that took longest, at most 10, the slowest first. */
  readonly slowestBatches: readonly SlowBatch[];
  /** The copies of the chain that are at work; one, so far. */
  readonly lanes: readonly LaneStats[];
  /** The connectors, and the lock of the state directory, in the order in which they are opened. */
  readonly resources: readonly TierHealth[];
  readonly versions: Versions;
  /**
   * What reads and writes bytes: `wasm`, or `typescript` with the reason in brackets; null before any
   * component of this process needed it.
   */
  readonly kernels: string | null;
  /** Milliseconds since the process began, of which a run is only a part. */
  readonly uptimeMs: number;
}

/** What something was, or is, that was changed while a run was at work. */
export type ChangedValue = string | number | boolean | null;

/** A record that failed, without what was in it. */
export interface RecordFailure {
  /** The id of the record, as in the log and of its dead letter. */
  readonly eventId: string;
  /** The component that it failed in. */
  readonly stage: string;
  readonly reason: string;
  /** What is wrong with it, for people; at most 500 characters. */
  readonly message: string;
  /** Wall time in milliseconds. */
  readonly at: number;
}

/** A batch that took long. */
export interface SlowBatch {
  readonly component: string;
  /** At work on it, and the rows that it had. */
  readonly ms: number;
  readonly rows: number;
  /** When it was done: wall time in milliseconds. */
  readonly at: number;
}

/** How much one lane has to do, over the last five to ten seconds. */
export interface LaneStats {
  readonly id: string;
  /** How much of the time its busiest component was at work, from 0 to 1; null before any has passed. */
  readonly busyShare: number | null;
  /** How much of the time its event loop was busy, from 0 to 1. */
  readonly loopUtilization: number;
  /** How full its fullest queue is, from 0 to 1. */
  readonly queueFill: number;
  /** The component that holds up the rest; null where none does. */
  readonly bottleneck: string | null;
}

/** Where a resource is: `waiting` is one that is being opened, and what needs it waits for it. */
export type TierState = 'closed' | 'opening' | 'waiting' | 'open' | 'closing' | 'failed';

/** How a resource of a run is. It is well where it is open and there is no reason. */
export interface TierHealth {
  /** The id of the component, or the name of the tier. */
  readonly tier: string;
  readonly state: TierState;
  /** Since when it is in that state: wall time in milliseconds. */
  readonly since: number;
  /** What is wrong, for people; null where nothing is. */
  readonly reason: string | null;
}

/** What runs. */
export interface Versions {
  /** `unknown` where the package was bundled without its `package.json`. */
  readonly millrace: string;
  readonly node: string;
}

/** What a policy did; one that several components share is counted once for all of them. */
export interface PolicyReport {
  /** Calls of this component, and how often they were attempted. */
  readonly calls: number;
  readonly attempts: number;
  /** Results of this component's calls, or readings of its sensors, that a fallback gave. */
  readonly substituted: number;
  /** The same, by the strategy that the result came of, as `last-known-good`. */
  readonly substitutedBy: Readonly<Record<string, number>>;
  /** Attempts but the first of each call, and those that a budget did not allow. */
  readonly retries: number;
  readonly suppressed: number;
  readonly breakers: Census<BreakerState, BreakerReport>;
}

/** What a circuit breaker did. */
export interface BreakerReport {
  /** Its name, by which it is told from the others of its component: the second of a name has `#2`. */
  readonly id: string;
  readonly name: string;
  readonly state: BreakerState;
  /** How often it opened, and for how many milliseconds it has been open in all. */
  readonly opens: number;
  readonly openMs: number;
  /** Calls that it let not through. */
  readonly refused: number;
}
