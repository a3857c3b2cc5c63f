import { allRows } from '../../batch/selection.ts';
import type { KeyedState, SlotTable } from '../keyed.ts';

// A record: the sum of this block, then the cells, of which the one behind the last stays 0.
const sum = 0;
const cells = 1;
// Its counters: the cell that is written next, and the numbers in the window.
const next = 0;
const held = 1;

/**
 * The mean of the last `window` numbers, by the method of van Herk (1992) and Gil and Werman (1993):
 * the window is the end of the last block of `window` numbers and the start of this one. The sums
 * of all ends are made once per block, in the cells that the next block then writes to. Nothing is
 * ever subtracted, so no error outlives the numbers that made it.
 */
export class RollingMean {
  readonly #window: number;
  readonly #table: SlotTable;

  constructor(state: KeyedState, window: number) {
    this.#window = window;
    this.#table = state.table(`mean/${window}`, cells + window + 1, 2);
  }

  /** Takes in `numbers[0 … count)` (NaN: nothing) and writes each mean so far to `means[rows[at]]`. */
  run(
    numbers: Float64Array,
    slots: Int32Array | null,
    rows: Uint32Array,
    count: number,
    means: Float64Array,
  ): void {
    const table = this.#table;
    const window = this.#window;
    if (slots !== null) meansOfMany(table, window, numbers, slots, rows, count, means);
    else meansOfOne(table, window, numbers, allRows(count), rows, count, means);
  }

  /** The same without keys, of `values[rows[0 … count)]`: NaN and the infinities are nothing. */
  runColumn(values: Float64Array, rows: Uint32Array, count: number, means: Float64Array): void {
    meansOfOne(this.#table, this.#window, values, rows, rows, count, means);
  }
}

/**
 * Of `numbers[from[at]]`. All rows have slot 0, so its state stays in registers and a block needs no
 * check for its end.
 */
function meansOfOne(
  { values, counters }: SlotTable,
  window: number,
  numbers: Float64Array,
  from: Uint32Array,
  rows: Uint32Array,
  count: number,
  means: Float64Array,
): void {
  let here = counters[next]!;
  let size = counters[held]!;
  let prefix = values[sum]!;
  for (let at = 0; at < count;) {
    const stop = Math.min(count, at + window - here);
    // Until it has been full once, the window grows.
    for (; size < window && at < stop; at++) {
      const number = numbers[from[at]!]!;
      if (number - number === 0) {
        values[cells + here] = number;
        here++;
        prefix += number;
        size++;
      }
      means[rows[at]!] = (prefix + values[cells + here]!) / size;
    }
    for (; at < stop; at++) {
      const number = numbers[from[at]!]!;
      if (number - number === 0) {
        values[cells + here] = number;
        here++;
        prefix += number;
      }
      means[rows[at]!] = (prefix + values[cells + here]!) / window;
    }
    if (here === window) {
      sumEnds(values, cells, window);
      here = 0;
      prefix = 0;
    }
  }
  counters[next] = here;
  counters[held] = size;
  values[sum] = prefix;
}

function meansOfMany(
  table: SlotTable,
  window: number,
  numbers: Float64Array,
  slots: Int32Array,
  rows: Uint32Array,
  count: number,
  means: Float64Array,
): void {
  const { values, counters, width } = table;
  for (let at = 0; at < count; at++) {
    const slot = table.open(slots[at]!);
    const start = Math.imul(slot, width);
    const first = start + cells;
    let here = counters[2 * slot + next]!;
    let size = counters[2 * slot + held]!;
    let prefix = values[start + sum]!;
    const number = numbers[at]!;
    if (number === number) {
      values[first + here] = number;
      here++;
      prefix += number;
      if (size < window) size++;
    }
    means[rows[at]!] = (prefix + values[first + here]!) / size;
    if (here === window) {
      sumEnds(values, first, window);
      here = 0;
      prefix = 0;
    }
    counters[2 * slot + next] = here;
    counters[2 * slot + held] = size;
    values[start + sum] = prefix;
  }
}

/** Each cell becomes the sum from it to the end. */
function sumEnds(state: Float64Array, first: number, window: number): void {
  let ends = 0;
  for (let cell = first + window - 1; cell >= first; cell--) {
    ends += state[cell]!;
    state[cell] = ends;
  }
}
