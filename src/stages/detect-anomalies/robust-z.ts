import type { KeyedState } from '../../core/keyed.ts';
import { RollingMedian } from '../../core/rolling.ts';
import { type Detector, scoreOf } from './detector.ts';

export interface RobustZOptions {
  /** Values that a value is compared with: the last so many before it. */
  readonly window: number;
  readonly limit: number;
  /** Least scatter to assume, in the field's unit. */
  readonly deviationMin: number;
}

// Of a normal distribution: its median absolute deviation, and the inverse of its mean one.
const medianDeviationOfNormal = 0.6745;
const inverseMeanDeviationOfNormal = 1.253314;

/**
 * The modified z-score, 0.6745 · |x − median| / MAD (Iglewicz and Hoaglin, 1993), against the values
 * before x, so that none hides itself. Where more than half of them are equal, so that MAD is 0,
 * the mean absolute deviation stands in. Judges from half a window on.
 */
export function createRobustZ(
  state: KeyedState,
  { window, limit, deviationMin }: RobustZOptions,
): Detector {
  const values = new RollingMedian(state, window);
  const sizeMin = Math.ceil(window / 2);
  return ({ batch: { length }, numbers, slots }, scores) => {
    for (let at = 0; at < length; at++) {
      values.open(slots === null ? 0 : slots[at]!);
      const number = numbers[at]!;
      scores[at] = 0;
      if (number !== number) continue;
      if (values.size >= sizeMin) {
        const median = values.median();
        let scatter = values.medianDeviation(median) / medianDeviationOfNormal;
        if (scatter === 0) scatter = values.meanDeviation(median) * inverseMeanDeviationOfNormal;
        scores[at] = scoreOf(Math.abs(number - median), limit * Math.max(scatter, deviationMin));
      }
      values.add(number);
    }
  };
}
