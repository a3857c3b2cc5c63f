import type { BreakerState } from '../core/index.ts';

export type ComponentKind = 'source' | 'stage' | 'sink' | 'dead-letters';

/** How a run ended. */
export type RunStatus =
  'running' | 'draining' | 'done' | 'stopped' | 'failed' | 'not-drained' | 'aborted';

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
  /**
   * Of a stage, rows that went into others, and rows made of those. `held`: rows that a stage holds
   * now, and those that a sink was given and has not committed, which may or may not be stored.
   */
  readonly absorbed: number;
  readonly created: number;
  readonly held: number;
  /**
   * Rows that nothing accounts for: more than 0 where the component lost rows, less where it made
   * some up. 0 until the run has ended, and where it failed: rows are on their way then.
   */
  readonly unaccounted: number;
  /**
   * Milliseconds at work, waiting for room downstream, and waiting for input. Of stages that share a
   * hop the first waits for input and the last for room.
   */
  readonly busyMs: number;
  readonly blockedMs: number;
  readonly idleMs: number;
  /** Milliseconds of work per batch; null before the first. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  /** `dropped`, by reason. */
  readonly droppedBy: Readonly<Record<string, number>>;
  /** Numbers of things that are no rows: blank lines, skipped ticks, evicted keys. */
  readonly counts: Readonly<Record<string, number>>;
  /** What its policy did; not there where it has none. */
  readonly policy?: PolicyReport;
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
  /** How full the fullest of its queues is, from 0 to 1. */
  readonly fill: number;
}

/** A report of a run that goes on, with what only the present has. */
export interface RunStats extends RunReport {
  /** Why the run goes on but not as it should, by component. */
  readonly degraded: Readonly<Record<string, string>>;
  /** What waits before each component that has a queue. */
  readonly queues: Readonly<Record<string, QueueStats>>;
  /** How far each source is behind its input; null when it cannot know. */
  readonly lag: Readonly<Record<string, number | null>>;
}

/** What a policy did; one that several components share is counted once for all of them. */
export interface PolicyReport {
  /** Calls of this component, and how often they were attempted. */
  readonly calls: number;
  readonly attempts: number;
  /** Results of this component's calls that a fallback gave. */
  readonly substituted: number;
  /** Attempts but the first of each call, and those that a budget did not allow. */
  readonly retries: number;
  readonly suppressed: number;
  readonly breakers: readonly BreakerReport[];
}

export interface BreakerReport {
  readonly name: string;
  readonly state: BreakerState;
  /** How often it opened, and for how many milliseconds it has been open in all. */
  readonly opens: number;
  readonly openMs: number;
  /** Calls that it let not through. */
  readonly refused: number;
}
