import type { BreakerState } from './policy.ts';

/**
 * What was last had of a sensor: a reading, one that stands in for it (`stale`, `interpolated`,
 * `constant`), or nothing. `fast-fail`: it was not asked, its breaker is open; something may stand in
 * all the same.
 */
export type SensorState = 'live' | 'stale' | 'interpolated' | 'constant' | 'fast-fail' | 'missing';

/** How one sensor of a source is. */
export interface SensorReport {
  readonly id: string;
  /** Of which field of the source's rows its value is: that of a sensitive one is told to nobody. */
  readonly field: string;
  readonly state: SensorState;
  /** Since when it is live, or is not: wall time in milliseconds. */
  readonly since: number;
  /** Why it is not live, as in the rows: `timeout`, `circuit-open`; null where it is. */
  readonly reason: string | null;
  /** What it last gave, or what stood in; null where that is nothing. */
  readonly value: number | null;
  /** When that was had, or what it was made from: wall time in milliseconds; null where never. */
  readonly at: number | null;
  /** Readings that something stood in for so far, by strategy; also in the figures of its source. */
  readonly substitutedBy: Readonly<Record<string, number>>;
  readonly breaker?: BreakerState;
}
