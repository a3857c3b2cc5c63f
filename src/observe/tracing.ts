import type { Clock, Random } from '../core/index.ts';
import type { ComponentKind } from './snapshot.ts';

/** Traces what runs do with their batches: `createTelemetry` of `millrace/otel` gives one. */
export interface Tracing {
  /** Called as a run begins. What is at work at that moment in the program is what it belongs to. */
  start(run: TracedRun): RunTracing;
}

/** What a run gives whoever traces it. */
export interface TracedRun {
  readonly pipeline: string;
  /** Of Millrace. */
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** What a span says of a component. */
export interface TracedComponent {
  readonly id: string;
  readonly name: string;
  readonly kind: ComponentKind;
}

/** What the further spans of a batch belong to; it travels with the batch's origin. */
export type BatchTrace = object;

/** The tracing of one run. Times are milliseconds of the run's monotonic clock. */
export interface RunTracing {
  /**
   * A source gave a batch, or failed to (`error`). Gives what the batch's further spans belong to;
   * undefined where it is not sampled.
   */
  read(source: TracedComponent, work: ReadWork): BatchTrace | undefined;
  /** Work on a batch begins: a child of its only parent, or linked to each of several. */
  begin(component: TracedComponent, work: BegunWork): TracedWork;
}

/** What a source did to read a batch. */
export interface ReadWork {
  readonly startMs: number;
  readonly endMs: number;
  readonly rows: number;
  readonly error?: unknown;
}

/** What begins. */
export interface BegunWork {
  /** At least one. */
  readonly parents: readonly BatchTrace[];
  readonly rows: number;
  readonly startMs: number;
}

/** Work that goes on. */
export interface TracedWork {
  /** What batches that were made of several belong to. */
  readonly trace: BatchTrace;
  /** Runs a part of it such that spans of others belong to it. */
  run<T>(part: () => T): T;
  /** `failed`: rows that failed in it. */
  end(outcome: {
    readonly endMs: number;
    readonly failed?: number;
    readonly error?: unknown;
  }): void;
}
