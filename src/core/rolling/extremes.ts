import type { KeyedState, SlotTable } from '../keyed.ts';

// A record: the extreme of this block, then for each cell a number (behind: the extreme from it to
// the end).
const extreme = 0;
const cells = 1;
const next = 0;
const isFull = 1;

/**
 * The least or the greatest of the last `window` numbers, exact, in three comparisons a number
 * whatever the window, by the method of van Herk (1992) and Gil and Werman (1993); see `RollingMean`.
 */
export class RollingExtreme {
  readonly #window: number;
  readonly #table: SlotTable;
  // The greatest is the negative of the least of the negatives.
  readonly #sign: 1 | -1;

  constructor(state: KeyedState, which: 'min' | 'max', window: number) {
    this.#window = window;
    this.#table = state.table(`${which}/${window}`, cells + window, 2);
    this.#sign = which === 'min' ? 1 : -1;
  }

  /**
   * Takes in `numbers[0 … count)` (NaN: nothing) and writes what holds so far to
   * `extremes[rows[at]]`.
   */
  run(
    numbers: Float64Array,
    slots: Int32Array | null,
    rows: Uint32Array,
    count: number,
    extremes: Float64Array,
  ): void {
    const window = this.#window;
    const table = this.#table;
    const sign = this.#sign;
    const { values, counters, width } = table;
    for (let at = 0; at < count; at++) {
      const slot = slots === null ? 0 : table.open(slots[at]!);
      const start = Math.imul(slot, width);
      const first = start + cells;
      const number = sign * numbers[at]!;
      let here = counters[2 * slot + next]!;
      if (number === number) {
        values[start + extreme] = here === 0 ? number : Math.min(values[start + extreme]!, number);
        values[first + here++] = number;
        if (here === window) {
          leastOfEnds(values, first, window);
          counters[2 * slot + isFull] = 1;
          here = 0;
        }
        counters[2 * slot + next] = here;
      }
      let least = here === 0 ? NaN : values[start + extreme]!;
      if (counters[2 * slot + isFull] === 1) {
        const ofEnd = values[first + here]!;
        least = here === 0 ? ofEnd : Math.min(least, ofEnd);
      }
      extremes[rows[at]!] = sign * least;
    }
  }
}

/** Each cell becomes the least from it to the end. */
function leastOfEnds(values: Float64Array, first: number, window: number): void {
  let least = Infinity;
  for (let cell = first + window - 1; cell >= first; cell--) {
    least = Math.min(least, values[cell]!);
    values[cell] = least;
  }
}
