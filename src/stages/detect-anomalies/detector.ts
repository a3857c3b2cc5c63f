import type { Batch } from '../../batch/index.ts';

/** What a detector judges. */
export interface Judged {
  readonly batch: Batch;
  /** The field in the order of the rows; NaN where there is no finite value. */
  readonly numbers: Float64Array;
  /** As `KeyedState.slots` gives them. */
  readonly slots: Int32Array | null;
}

/** Writes for each row, in order, how far it is on the way to the limit: above 1 is an anomaly. */
export type Detector = (judged: Judged, scores: Float64Array) => void;

/** The greatest score: where there is no scatter at all, any distance is beyond measure. */
export const scoreMax = 1e6;

/** A distance over its limit, 0 … `scoreMax`. */
export function scoreOf(distance: number, limit: number): number {
  return distance === 0 ? 0 : Math.min(scoreMax, distance / limit);
}
