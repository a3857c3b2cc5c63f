import type { KeyedState, SlotTable } from '../keyed.ts';

// A record: the number and time before, and the rate that they gave.
const number = 0;
const time = 1;
const rate = 2;
const width = 3;

/**
 * How fast a number changes: its distance from the one before, by the time between them. 0 at the
 * first; a number that is not later than the one before changes nothing.
 */
export class RateOfChange {
  readonly #table: SlotTable;

  constructor(state: KeyedState) {
    this.#table = state.table('rate-of-change', width, 1);
  }

  /**
   * Takes in `numbers[0 … count)` at `times[0 … count)` (either NaN: nothing) and writes each rate so
   * far to `rates[rows[at]]`.
   */
  run(
    numbers: Float64Array,
    times: Float64Array,
    slots: Int32Array | null,
    rows: Uint32Array,
    count: number,
    rates: Float64Array,
  ): void {
    const table = this.#table;
    const { values, counters: begun } = table;
    for (let at = 0; at < count; at++) {
      const slot = slots === null ? 0 : table.open(slots[at]!);
      const start = slot * width;
      const now = numbers[at]!;
      const here = times[at]!;
      if (now === now && here === here) {
        const passed = here - values[start + time]!;
        const isFirst = begun[slot] === 0;
        if (!isFirst && passed > 0) values[start + rate] = (now - values[start + number]!) / passed;
        if (isFirst || passed > 0) {
          values[start + number] = now;
          values[start + time] = here;
          begun[slot] = 1;
        }
      }
      rates[rows[at]!] = begun[slot] === 0 ? NaN : values[start + rate]!;
    }
  }
}
