import type { ComponentKind, Observed } from './observed.ts';

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
  /** Rows out; for a sink, rows taken. */
  readonly out: number;
  readonly dropped: number;
  readonly dead: number;
  readonly busyMs: number;
  /** Milliseconds of work per batch; null before the first. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly droppedBy: Readonly<Record<string, number>>;
  /** Numbers of things that are no rows: blank lines, skipped ticks, evicted keys. */
  readonly counts: Readonly<Record<string, number>>;
}

/** What a run did, or has done so far. */
export interface RunReport {
  readonly pipeline: string;
  readonly status: RunStatus;
  readonly delivery: 'best-effort';
  readonly recordsIn: number;
  readonly recordsOut: number;
  readonly durationMs: number;
  readonly bytesIn: number;
  readonly peakMemoryBytes: number;
  readonly deadLetters: number;
  readonly components: readonly ComponentReport[];
}

/** A report of a run that goes on, with what only the present has. */
export interface RunStats extends RunReport {
  /** Why the run goes on but not as it should, by component. */
  readonly degraded: Readonly<Record<string, string>>;
  /** Batches waiting before each component that has a queue. */
  readonly queues: Readonly<Record<string, { readonly depth: number; readonly fill: number }>>;
  /** How far each source is behind its input; null when it cannot know. */
  readonly lag: Readonly<Record<string, number | null>>;
}

export function reportComponent(observed: Observed): ComponentReport {
  const { id, name, kind, meter, tally } = observed;
  return {
    id,
    name,
    kind,
    in: meter.rowsIn,
    out: meter.rowsOut,
    dropped: tally.droppedRows,
    dead: tally.dead,
    busyMs: meter.busyMs,
    p50Ms: quantileMs(observed, 0.5),
    p95Ms: quantileMs(observed, 0.95),
    p99Ms: quantileMs(observed, 0.99),
    droppedBy: Object.fromEntries(tally.droppedBy),
    counts: Object.fromEntries(tally.counts),
  };
}

function quantileMs({ meter }: Observed, q: number): number | null {
  const seconds = meter.work.quantile(q);
  return seconds === null ? null : seconds * 1000;
}
