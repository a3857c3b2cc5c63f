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

/** The arithmetic mean. */
export function mean(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** The value at time 0 of the line through points (least squares); their mean where it is upright. */
export function lineAt(times: readonly number[], values: readonly number[]): number {
  const [meanTime, meanValue] = [mean(times), mean(values)];
  let [products, squares] = [0, 0];
  for (const [at, time] of times.entries()) {
    products += (time - meanTime) * (values[at]! - meanValue);
    squares += (time - meanTime) ** 2;
  }
  return squares === 0 ? meanValue : meanValue - (products / squares) * meanTime;
}
