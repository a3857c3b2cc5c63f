import type { BreakerState } from '../core/index.ts';
import type { BatchStatus } from './degradation-histogram.ts';
import type { HealthReason } from './health.ts';

/** How one stage did in one batch. */
export interface StageHealth {
  readonly stage: string;
  /** Records in and out, and calls that threw, in this batch. */
  readonly in: number;
  readonly out: number;
  readonly errors: number;
  /** Milliseconds of work in this batch; null where that was not measured, and calls only timed. */
  readonly busyMs: number | null;
  /** Records in per second of its own work; null without records, or without time to measure. */
  readonly inPerSecond: number | null;
  /** Milliseconds per call: the mean of this batch, and percentiles of all so far. */
  readonly meanMs: number | null;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
}

/** A breaker as it was at the end of a batch. */
export interface BreakerHealth {
  readonly name: string;
  readonly state: BreakerState;
  /** How often it has opened, and how many calls it has refused, so far. */
  readonly opens: number;
  readonly refused: number;
}

/** How one batch went; frozen, and JSON as it is. */
export interface HealthReport {
  /** The number of the batch, from 1. */
  readonly batch: number;
  /** When it was collected: wall time in milliseconds. */
  readonly at: number;
  readonly status: BatchStatus;
  /** Why it is DEGRADED. */
  readonly reasons: readonly HealthReason[];
  /** Records into the first stage and out of the last. */
  readonly recordsIn: number;
  readonly recordsOut: number;
  /** Milliseconds of work of all stages. */
  readonly busyMs: number;
  /** Records in per second of that work; null without records, or without time to measure. */
  readonly inPerSecond: number | null;
  readonly stages: readonly StageHealth[];
  /** The stage that takes the fewest records per second of its work; null where none took any. */
  readonly bottleneck: string | null;
  readonly breakers: readonly BreakerHealth[];
  /** The process's resident memory, in MiB; null where it is not known. */
  readonly memoryMb: number | null;
  /** Alerts that are pending or firing; null where that is not known. */
  readonly unresolvedAlerts: number | null;
  /** DEGRADED batches in a row, with this one. */
  readonly consecutiveDegradedCount: number;
}
