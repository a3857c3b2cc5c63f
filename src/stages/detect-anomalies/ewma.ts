import type { KeyedState } from '../../core/keyed.ts';
import { type Detector, scoreOf } from './detector.ts';

export interface EwmaOptions {
  readonly lambda: number;
  /** Width of the chart in standard deviations of the average. */
  readonly limit: number;
  /** How many first values of a key give mean and deviation, where these are not fixed. */
  readonly baseline: number;
  readonly mean?: number | undefined;
  readonly stdDev?: number | undefined;
}

// A record: mean and squared deviations of the baseline, the average, and (1 − λ)^2t after t values.
const mean = 0;
const squares = 1;
const average = 2;
const decay = 3;
const width = 4;

/**
 * The EWMA control chart (Roberts, 1959; limits as in the NIST handbook, 6.3.2.4): an exponential
 * average leaves mean ± limit · σ · √(λ / (2 − λ) · (1 − (1 − λ)^2t)). It finds small shifts that
 * last. A baseline without scatter gives nothing to measure by: nothing is found.
 */
export function createEwma(state: KeyedState, options: EwmaOptions): Detector {
  const { lambda, limit, baseline } = options;
  const fixed = options.mean !== undefined && options.stdDev !== undefined;
  const table = state.table(`ewma/${lambda}/${fixed ? 'fixed' : baseline}`, width, 1);
  return ({ batch: { length }, numbers, slots }, scores) => {
    const { values, counters: learnt } = table;
    for (let at = 0; at < length; at++) {
      const slot = slots === null ? 0 : table.open(slots[at]!);
      const start = slot * width;
      const number = numbers[at]!;
      scores[at] = 0;
      if (number !== number) continue;
      if (!fixed && learnt[slot]! < baseline) {
        const before = number - values[start + mean]!;
        values[start + mean]! += before / ++learnt[slot]!;
        values[start + squares]! += before * (number - values[start + mean]!);
        values[start + average] = values[start + mean]!;
        values[start + decay] = 1;
        continue;
      }
      if (fixed && learnt[slot] === 0) {
        values[start + mean] = options.mean!;
        values[start + average] = options.mean!;
        values[start + decay] = 1;
        learnt[slot] = 1;
      }
      values[start + average]! += lambda * (number - values[start + average]!);
      values[start + decay]! *= (1 - lambda) ** 2;
      const sigma = fixed ? options.stdDev! : Math.sqrt(values[start + squares]! / (baseline - 1));
      if (sigma === 0) continue;
      const spread = sigma * Math.sqrt((lambda / (2 - lambda)) * (1 - values[start + decay]!));
      scores[at] = scoreOf(
        Math.abs(values[start + average]! - values[start + mean]!),
        limit * spread,
      );
    }
  };
}
