import type { KeyedState, SlotTable } from '../keyed.ts';

/**
 * The exponentially weighted mean: the first number, then `weight` of each new one and the rest of
 * what was.
 */
export class ExponentialMean {
  readonly #weight: number;
  readonly #table: SlotTable;

  constructor(state: KeyedState, weight: number) {
    this.#weight = weight;
    this.#table = state.table(`exponential-mean/${weight}`, 1, 1);
  }

  /** Takes in `numbers[0 … count)` (NaN: nothing) and writes each mean so far to `means[rows[at]]`. */
  run(
    numbers: Float64Array,
    slots: Int32Array | null,
    rows: Uint32Array,
    count: number,
    means: Float64Array,
  ): void {
    const weight = this.#weight;
    const table = this.#table;
    const { values, counters: begun } = table;
    for (let at = 0; at < count; at++) {
      const slot = slots === null ? 0 : table.open(slots[at]!);
      const number = numbers[at]!;
      if (number === number) {
        const before = begun[slot] === 0 ? number : values[slot]!;
        values[slot] = before + weight * (number - before);
        begun[slot] = 1;
      }
      means[rows[at]!] = begun[slot] === 0 ? NaN : values[slot]!;
    }
  }
}
