import type { LogLevel } from '../../core/index.ts';
import type { RecordFailure, RunStatus, SlowBatch } from '../snapshot.ts';
import type { FlightReason } from './record.ts';

/** Something that was not as it should be. Times are wall times in milliseconds. */
export interface FlightSign {
  readonly at: number;
  /** Empty for the run. */
  readonly component: string;
  readonly text: string;
  /** Whether it was still so at the end. */
  readonly isOver: boolean;
}

/** What happened, once or again and again. */
export interface FlightStep {
  readonly at: number;
  readonly lastAt: number;
  readonly times: number;
  readonly level: LogLevel;
  readonly event: string;
  readonly component: string;
  readonly text: string;
}

/** What a record of a flight says. */
export interface FlightExplanation {
  readonly pipeline: string;
  readonly reason: FlightReason;
  readonly why: string;
  readonly stack?: string;
  readonly at: number;
  readonly status: RunStatus;
  readonly versions: { readonly millrace: string; readonly node: string };
  /** How long before the end its figures begin. */
  readonly coveredMs: number;
  /** What was wrong first of what was wrong at the end; else of what went wrong; null: nothing showed. */
  readonly first: FlightSign | null;
  /** What was wrong at the end, and what was no more, the oldest first. */
  readonly signs: readonly FlightSign[];
  /** Since the first sign; rates are of rows written per second, null where too little is known. */
  readonly cost: {
    readonly failed: number;
    readonly dropped: number;
    readonly perSecondBefore: number | null;
    readonly perSecondSince: number | null;
  };
  /** What held up the rest; null where nothing did. */
  readonly bottleneck: {
    readonly component: string;
    /** At work, or waiting for the outside, over the last seconds; from 0 to 1. */
    readonly heldShare: number;
    /** Null where it shares the queue of the component before it. */
    readonly queueFill: number | null;
    readonly overMs: number;
  } | null;
  /** Components with errors, those with the most first. */
  readonly failing: readonly {
    readonly component: string;
    readonly failed: number;
    readonly errorRate: number | null;
    readonly errors: Readonly<Record<string, number>>;
  }[];
  /** Rows written per second, in equal parts of the time. */
  readonly perSecond: readonly number[];
  readonly rssMiB: { readonly first: number; readonly last: number } | null;
  readonly timeline: readonly FlightStep[];
  readonly lastFailures: readonly RecordFailure[];
  readonly slowestBatches: readonly SlowBatch[];
}
