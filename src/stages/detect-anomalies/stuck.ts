import type { KeyedState } from '../../core/keyed.ts';
import type { Detector } from './detector.ts';

export interface StuckOptions {
  /** Equal values in a row that are still normal. */
  readonly countMax: number;
  /** Values this near to the first of the run are equal to it. */
  readonly tolerance: number;
}

/** Finds a sensor that repeats itself: more than `countMax` equal values in a row. */
export function createStuck(state: KeyedState, { countMax, tolerance }: StuckOptions): Detector {
  const table = state.table(`stuck/${tolerance}`, 1, 1);
  return ({ batch: { length }, numbers, slots }, scores) => {
    const { values: firsts, counters: runs } = table;
    for (let at = 0; at < length; at++) {
      const slot = slots === null ? 0 : table.open(slots[at]!);
      const number = numbers[at]!;
      scores[at] = 0;
      if (number !== number) continue;
      const goesOn = runs[slot]! > 0 && Math.abs(number - firsts[slot]!) <= tolerance;
      if (!goesOn) firsts[slot] = number;
      runs[slot] = goesOn ? Math.min(runs[slot]! + 1, 2 ** 31 - 1) : 1;
      scores[at] = runs[slot]! / countMax;
    }
  };
}
