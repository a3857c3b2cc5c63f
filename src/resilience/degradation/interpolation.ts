import type { Sample } from './history.ts';

/** Of samples, the newest first, those before the first gap that is too long. */
export function contiguous<R>(
  samples: readonly Sample<R>[],
  nowMs: number,
  gapMsMax: number,
): readonly Sample<R>[] {
  let laterMs = nowMs;
  const end = samples.findIndex(({ atMs }) => {
    const gapMs = laterMs - atMs;
    laterMs = atMs;
    return gapMs > gapMsMax;
  });
  return end === -1 ? samples : samples.slice(0, end);
}

/** The arithmetic mean; finite where they all are. */
export function mean(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  if (Number.isFinite(sum)) return sum / values.length;
  // Each by itself is small enough, but for what rounding adds to the largest there are.
  sum = 0;
  for (const value of values) sum += value / values.length;
  return Math.min(Math.max(sum, -Number.MAX_VALUE), Number.MAX_VALUE);
}

/**
 * The value at time 0 of the line through points (least squares); their mean where it is upright, or
 * leads beyond all numbers.
 */
export function lineAt(times: readonly number[], values: readonly number[]): number {
  const [meanTime, meanValue] = [mean(times), mean(values)];
  let [products, squares] = [0, 0];
  for (const [at, time] of times.entries()) {
    products += (time - meanTime) * (values[at]! - meanValue);
    squares += (time - meanTime) ** 2;
  }
  const value = meanValue - (products / squares) * meanTime;
  return Number.isFinite(value) ? value : meanValue;
}
