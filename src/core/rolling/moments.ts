import type { KeyedState, SlotTable } from '../keyed.ts';

// A record: mean and squared deviations of this block from its first number, the number that the
// ends were measured from, then for each cell a number (behind: the mean of the end from it) and
// the squared deviations of that end.
const anchor = 0;
const mean = 1;
const squares = 2;
const anchorOfEnds = 3;
const cells = 4;
const next = 0;
const isFull = 1;

/**
 * Mean and standard deviation (over n, not n − 1) of the last `window` numbers. Blocks as in
 * `RollingMean`; within each, Welford's updates (1962) of the distances from one of its numbers, so
 * that a large common level costs no digits; both parts are joined as by Chan, Golub and LeVeque
 * (1979).
 */
export class RollingMoments {
  readonly #window: number;
  readonly #table: SlotTable;
  readonly #inverses: Float64Array;

  constructor(state: KeyedState, window: number) {
    this.#window = window;
    this.#table = state.table(`moments/${window}`, cells + 2 * window, 2);
    this.#inverses = Float64Array.from({ length: window + 1 }, (_, count) => 1 / count);
  }

  /**
   * Takes in `numbers[0 … count)` (NaN: nothing) and writes what holds so far to `means[rows[at]]`
   * and `deviations[rows[at]]`. The deviation of equal numbers is exactly 0.
   */
  run(
    numbers: Float64Array,
    slots: Int32Array | null,
    rows: Uint32Array,
    count: number,
    means: Float64Array,
    deviations: Float64Array,
  ): void {
    const window = this.#window;
    const table = this.#table;
    const inverses = this.#inverses;
    const { values, counters, width } = table;
    for (let at = 0; at < count; at++) {
      const slot = slots === null ? 0 : table.open(slots[at]!);
      const start = Math.imul(slot, width);
      const first = start + cells;
      const number = numbers[at]!;
      let here = counters[2 * slot + next]!;
      if (number === number) {
        if (here === 0) {
          values[start + anchor] = number;
          values[start + mean] = 0;
          values[start + squares] = 0;
        }
        values[first + here++] = number;
        const distance = number - values[start + anchor]!;
        const before = distance - values[start + mean]!;
        const after = values[start + mean]! + before * inverses[here]!;
        values[start + mean] = after;
        values[start + squares]! += before * (distance - after);
        if (here === window) {
          momentsOfEnds(values, start, window, inverses);
          counters[2 * slot + isFull] = 1;
          here = 0;
        }
        counters[2 * slot + next] = here;
      }
      const row = rows[at]!;
      if (counters[2 * slot + isFull] === 0) {
        means[row] = here === 0 ? NaN : values[start + anchor]! + values[start + mean]!;
        deviations[row] = Math.sqrt(values[start + squares]! / here);
        continue;
      }
      const rest = window - here;
      const meanOfEnd = values[first + here]!;
      const base = values[start + anchorOfEnds]!;
      const apart =
        here === 0 ? 0 : values[start + anchor]! - base + (values[start + mean]! - meanOfEnd);
      const share = here * inverses[window]!;
      const ofBlock = here === 0 ? 0 : values[start + squares]!;
      means[row] = base + (meanOfEnd + apart * share);
      const total = ofBlock + values[first + window + here]! + apart * apart * share * rest;
      deviations[row] = Math.sqrt(total * inverses[window]!);
    }
  }
}

/** For each cell, the mean and squared deviations of the numbers from it to the end. */
function momentsOfEnds(
  values: Float64Array,
  start: number,
  window: number,
  inverses: Float64Array,
): void {
  const first = start + cells;
  const base = values[first + window - 1]!;
  let meanSoFar = 0;
  let squaresSoFar = 0;
  for (let cell = window - 1; cell >= 0; cell--) {
    const distance = values[first + cell]! - base;
    const before = distance - meanSoFar;
    meanSoFar += before * inverses[window - cell]!;
    squaresSoFar += before * (distance - meanSoFar);
    values[first + cell] = meanSoFar;
    values[first + window + cell] = squaresSoFar;
  }
  values[start + anchorOfEnds] = base;
}
