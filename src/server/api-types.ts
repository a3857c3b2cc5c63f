/**
 * What the API answers, as types: for the page and other programs in TypeScript, which only
 * `import type` from here. Times are wall times in milliseconds unless they say otherwise.
 */
import type { BreakerState, ComponentDescription, LogLevel } from '../core/index.ts';
import type { Topology } from '../engine/index.ts';
import type { Alert } from '../observe/alerts/alert.ts';
import type { DataList, DataSeries } from '../observe/data-report.ts';
import type { Health, HealthReason } from '../observe/health.ts';
import type { RunStats } from '../observe/snapshot.ts';
import type { Lapse } from './sessions.ts';
import type { Role } from './routes.ts';

export type {
  BreakerState,
  ComponentDescription,
  LogLevel,
  SensorReport,
  SensorState,
} from '../core/index.ts';
export type { Topology, TopologyNode, TopologyPolicy } from '../engine/index.ts';
export type { Alert, AlertSeverity, AlertState } from '../observe/alerts/alert.ts';
export type {
  DataAnomaly,
  DataField,
  DataList,
  DataSeries,
  SinkData,
} from '../observe/data-report.ts';
export type { Health, HealthReason, HealthWord } from '../observe/health.ts';
export type {
  BreakerReport,
  Census,
  ComponentKind,
  ComponentReport,
  FailureReport,
  LaneStats,
  Latency,
  PolicyReport,
  QueueStats,
  RecentLatencies,
  RecentLatency,
  RecordFailure,
  RunStats,
  RunStatus,
  SensorsReport,
  SlowBatch,
  SourceState,
  TierHealth,
  TierState,
} from '../observe/snapshot.ts';
export type { Lapse } from './sessions.ts';
export type { Role } from './routes.ts';

/** `GET /api/v1/snapshot` gives `RunStats`, `/topology` `Topology`, `/health` `Health`. */
export interface ApiDocuments {
  readonly '/api/v1/snapshot': RunStats;
  readonly '/api/v1/topology': Topology;
  readonly '/api/v1/manifest': readonly ComponentDescription[];
  readonly '/api/v1/health': Health;
  readonly '/api/v1/alerts': AlertsDocument;
  readonly '/api/v1/log': LogDocument;
  readonly '/api/v1/history': RunHistory | ComponentHistory;
  readonly '/api/v1/breakers': BreakersDocument;
  /** The list where the query names no sink and field. */
  readonly '/api/v1/data': DataList | DataSeries;
  readonly '/api/v1/session': SessionDocument;
}

/** What each event of the live stream has as its data. */
export interface LiveEvents {
  readonly snapshot: RunStats;
  readonly health: Health;
  readonly alerts: AlertsDocument;
  readonly log: LogEntry;
  readonly point: HistoryPoint;
  readonly breaker: BreakerTransition;
}

/** Alerts that are pending or firing, the worst first, and those resolved lately, the oldest first. */
export interface AlertsDocument {
  readonly active: readonly Alert[];
  readonly history: readonly Alert[];
}

/**
 * The last lines, newest last. Where they are too many, the oldest goes of the event of a component
 * that takes most room: one that comes all the time leaves some for what is said once.
 */
export interface LogDocument {
  /** Those that found no room on their way to the server. */
  readonly dropped: number;
  /** Those that are kept no more. */
  readonly leftOut: number;
  readonly lines: readonly LogEntry[];
}

/** A line of the log. */
export interface LogEntry {
  /** ISO 8601. */
  readonly timestamp: string;
  readonly level: LogLevel;
  readonly component: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

/** Who the server takes the asker for; null is nobody. */
export interface SessionDocument {
  readonly role: Role | null;
  /** For how many milliseconds the session goes on, where it is one. */
  readonly leftMs?: number;
  /** Why the cookie that was sent opens nothing. */
  readonly lapse?: Lapse;
}

/** How long back a history goes, and with it how much time one of its slots stands for. */
export type HistorySpan = '5m' | '1h' | '12h';

/** What is kept of a component: rates per second, shares from 0 to 1, milliseconds. */
export type ComponentSeries =
  | 'inPerSecond'
  | 'outPerSecond'
  | 'failedPerSecond'
  | 'droppedPerSecond'
  | 'retriesPerSecond'
  | 'busyShare'
  | 'blockedShare'
  | 'waitingShare'
  | 'idleShare'
  | 'queueFill'
  | 'queueRows'
  | 'workP50Ms'
  | 'workP95Ms'
  | 'workP99Ms'
  | 'waitP50Ms'
  | 'waitP95Ms'
  | 'waitP99Ms'
  | 'endToEndP50Ms'
  | 'endToEndP95Ms'
  | 'endToEndP99Ms'
  /** In the unit that `source.lag` of the figures has. */
  | 'lag';

/** What is kept of the run; `batches`: how many were written by sinks. */
export type RunSeries =
  | 'recordsInPerSecond'
  | 'recordsOutPerSecond'
  | 'deadPerSecond'
  | 'errorRate'
  | 'retryRate'
  | 'rssBytes'
  | 'heapUsedBytes'
  | 'loopUtilization'
  | 'loopDelayMs'
  | 'laneBusy'
  | 'batches';

/** What is kept of each lane: shares from 0 to 1. */
export type LaneSeries = 'busyShare' | 'loopUtilization';

/** 0: healthy, 1: overloaded, 2: degraded, 3: not alive, or failed. Of some time the worst. */
export type RunState = 0 | 1 | 2 | 3;

/** Why a run was not healthy, and which component that is of, where it is one. */
export type RunReason = Omit<HealthReason, 'of'>;

/** A number of each series; null where there was nothing to measure. */
export type Figures<S extends string> = Readonly<Record<S, number | null>>;

/** How a run was in one second, or since the point before. */
export interface HistoryPoint {
  readonly at: number;
  /** The same moment by the clock of the run that nobody sets. */
  readonly monotonicMs: number;
  readonly run: Figures<RunSeries>;
  readonly state: RunState;
  /** Why it was not healthy; of many the first, and how many more there were at once. */
  readonly reasons: readonly RunReason[];
  readonly reasonsLeftOut: number;
  /** By id. */
  readonly components: Readonly<Record<string, Figures<ComponentSeries>>>;
  readonly lanes: Readonly<Record<string, Figures<LaneSeries>>>;
}

/**
 * Lists of the same length, the oldest first; `at`: when each slot ended, by the clock as it stands
 * now. A second in which nothing was told is null in all.
 */
interface Slots<S extends string> {
  /** How much time one slot stands for. */
  readonly everyMs: number;
  readonly at: readonly number[];
  /** When the last slot ended, by the clock of the run that nobody sets; null where there is none. */
  readonly monotonicMs: number | null;
  readonly series: FigureLists<S>;
}

/** A list of each series. */
export type FigureLists<S extends string> = Readonly<Record<S, readonly (number | null)[]>>;

/** `GET /api/v1/history?span=5m` */
export interface RunHistory extends Slots<RunSeries> {
  readonly component: null;
  /** By id. */
  readonly lanes: Readonly<Record<string, FigureLists<LaneSeries>>>;
  /** Null where nobody could tell. */
  readonly state: readonly (RunState | null)[];
  /** By the index of each slot that was not healthy: why. */
  readonly reasons: Readonly<Record<string, readonly RunReason[]>>;
  /** By the index of each slot that had more reasons than are kept: how many more at once. */
  readonly reasonsLeftOut: Readonly<Record<string, number>>;
}

/** `GET /api/v1/history?span=5m&component=filter` */
export interface ComponentHistory extends Slots<ComponentSeries> {
  readonly component: string;
}

/** A change of a breaker; one that several components share is told of once for each. */
export interface BreakerTransition {
  /** Counts the changes of a run, from 1 on. */
  readonly seq: number;
  readonly at: number;
  /** Null where that is not known. */
  readonly component: string | null;
  /** The `id` that it has in the figures of the component. */
  readonly breaker: string;
  readonly state: BreakerState;
  readonly previous: BreakerState;
  /** What changed it, as `rule` or `probe-failed`. */
  readonly reason?: string;
}

/** The newest transitions, newest last; `dropped`: how many there were beside them. */
export interface BreakersDocument {
  readonly transitions: readonly BreakerTransition[];
  readonly dropped: number;
}
