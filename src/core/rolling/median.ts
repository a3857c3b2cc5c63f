import type { KeyedState, SlotTable } from '../keyed.ts';
import { SortedNumbers } from './sorted.ts';

// A record: the numbers in the order they came, then the same in ascending order.
const next = 0;
const held = 1;

/** The last `window` numbers in order. A number goes in with at most `window` moves. */
export class RollingMedian {
  /** Those of the slot that was opened last. */
  readonly numbers: SortedNumbers = new SortedNumbers();
  readonly #window: number;
  readonly #table: SlotTable;
  #slot = 0;

  constructor(state: KeyedState, window: number) {
    this.#window = window;
    this.#table = state.table(`median/${window}`, 2 * window, 2);
  }

  /** Turns to a slot, given as by `KeyedState.slots`; what follows is about its numbers. */
  open(slot: number): void {
    this.#slot = this.#table.open(slot);
    const { values, width, counters } = this.#table;
    const sorted = this.#slot * width + this.#window;
    this.numbers.turnTo(values, sorted, counters[2 * this.#slot + held]!);
  }

  /** Takes a number in; the oldest leaves when there are `window` already. */
  add(number: number): void {
    const { values, counters, width } = this.#table;
    const newest = this.#slot * width + counters[2 * this.#slot + next]!;
    if (this.numbers.size === this.#window) this.numbers.replace(values[newest]!, number);
    else this.numbers.add(number);
    values[newest] = number;
    counters[2 * this.#slot + next] = (counters[2 * this.#slot + next]! + 1) % this.#window;
    counters[2 * this.#slot + held] = this.numbers.size;
  }
}
