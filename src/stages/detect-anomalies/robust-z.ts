import type { StageContext } from '../../core/index.ts';
import { durationMs } from '../../core/duration.ts';
import type { KeyedState } from '../../core/keyed.ts';
import {
  NumberReader,
  RollingMedian,
  type SortedNumbers,
  TimedMedian,
} from '../../core/rolling.ts';
import { type Detector, scoreOf } from './detector.ts';

export interface RobustZOptions {
  /** Values that a value is compared with: the last so many before it, or those of so long. */
  readonly window: number | string;
  /** Timestamp field, for a window of time. */
  readonly time?: string | undefined;
  readonly limit: number;
  /** Least scatter to assume, in the field's unit. */
  readonly deviationMin: number;
}

// Of a normal distribution: its median absolute deviation, and the inverse of its mean one.
const medianDeviationOfNormal = 0.6745;
const inverseMeanDeviationOfNormal = 1.253314;
/** With fewer values in a window of time none is judged. */
const timedSizeMin = 5;

/**
 * The modified z-score, 0.6745 · |x − median| / MAD (Iglewicz and Hoaglin, 1993), against the values
 * before x, so that none hides itself. Where more than half of them are equal, so that MAD is 0,
 * the mean absolute deviation stands in. Judges from half a window on.
 */
export function createRobustZ(
  state: KeyedState,
  options: RobustZOptions,
  { report }: Pick<StageContext, 'report'>,
): Detector {
  const { window, time } = options;
  return typeof window === 'number'
    ? overRows(new RollingMedian(state, window), Math.ceil(window / 2), options)
    : overTime(state, { ...options, time: time!, windowMs: durationMs(window)! }, report);
}

function overRows(values: RollingMedian, sizeMin: number, options: RobustZOptions): Detector {
  return ({ batch: { length }, numbers, slots }, scores) => {
    for (let at = 0; at < length; at++) {
      values.open(slots === null ? 0 : slots[at]!);
      const number = numbers[at]!;
      scores[at] = 0;
      if (number !== number) continue;
      if (values.numbers.size >= sizeMin) scores[at] = judge(values.numbers, number, options);
      values.add(number);
    }
  };
}

function overTime(
  state: KeyedState,
  { time, windowMs, ...options }: RobustZOptions & { readonly time: string; windowMs: number },
  report: StageContext['report'],
): Detector {
  const values = new TimedMedian(state, windowMs, report);
  const reader = new NumberReader(time);
  return ({ batch, numbers, slots }, scores) => {
    const times = reader.read(batch);
    for (let at = 0; at < batch.length; at++) {
      values.open(slots === null ? 0 : slots[at]!);
      const number = numbers[at]!;
      scores[at] = 0;
      if (!values.reaches(times[at]!) || number !== number) continue;
      const isReady = values.numbers.size >= timedSizeMin && values.spanMs >= windowMs / 2;
      if (isReady) scores[at] = judge(values.numbers, number, options);
      values.add(number);
    }
  };
}

function judge(
  values: SortedNumbers,
  number: number,
  { limit, deviationMin }: Pick<RobustZOptions, 'limit' | 'deviationMin'>,
): number {
  const median = values.median();
  let scatter = values.medianDeviation(median) / medianDeviationOfNormal;
  if (scatter === 0) scatter = values.meanDeviation(median) * inverseMeanDeviationOfNormal;
  return scoreOf(Math.abs(number - median), limit * Math.max(scatter, deviationMin));
}
