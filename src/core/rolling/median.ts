import type { KeyedState, SlotTable } from '../keyed.ts';

// A record: the numbers in the order they came, then the same in ascending order.
const next = 0;
const held = 1;

/**
 * The last `window` numbers in order: median and median absolute deviation. A number goes in with
 * at most `window` moves; the deviation takes O(log window) comparisons.
 */
export class RollingMedian {
  readonly #window: number;
  readonly #table: SlotTable;
  #slot = 0;
  #sorted = 0;
  #size = 0;

  constructor(state: KeyedState, window: number) {
    this.#window = window;
    this.#table = state.table(`median/${window}`, 2 * window, 2);
  }

  /** Turns to a slot, given as by `KeyedState.slots`; what follows is about its numbers. */
  open(slot: number): void {
    this.#slot = this.#table.open(slot);
    this.#sorted = this.#slot * this.#table.width + this.#window;
    this.#size = this.#table.counters[2 * this.#slot + held]!;
  }

  /** How many numbers there are, `window` at most. */
  get size(): number {
    return this.#size;
  }

  /** NaN while there are none. */
  median(): number {
    const { values } = this.#table;
    const middle = this.#sorted + (this.#size >> 1);
    if (this.#size % 2 === 1) return values[middle]!;
    return this.#size === 0 ? NaN : middleOf(values[middle - 1]!, values[middle]!);
  }

  /** The median of the distances from `median`. */
  medianDeviation(median: number): number {
    const size = this.#size;
    if (size === 0) return NaN;
    const upper = this.#deviationOfRank(size >> 1, median);
    return size % 2 === 1 ? upper : middleOf(this.#deviationOfRank((size >> 1) - 1, median), upper);
  }

  /** The mean of the distances from `median`. */
  meanDeviation(median: number): number {
    let sum = 0;
    for (let at = 0; at < this.#size; at++) {
      sum += Math.abs(this.#table.values[this.#sorted + at]! - median);
    }
    return sum / this.#size;
  }

  /** Takes a number in; the oldest leaves when there are `window` already. */
  add(number: number): void {
    const { values, counters, width } = this.#table;
    const sorted = this.#sorted;
    const newest = this.#slot * width + counters[2 * this.#slot + next]!;
    // The place that becomes free: of the number that leaves, or behind the last.
    const isFull = this.#size === this.#window;
    let free = isFull ? this.#countBelow(values[newest]!) : this.#size++;
    while (free > 0 && values[sorted + free - 1]! > number) {
      values[sorted + free] = values[sorted + free - 1]!;
      free--;
    }
    while (free < this.#size - 1 && values[sorted + free + 1]! < number) {
      values[sorted + free] = values[sorted + free + 1]!;
      free++;
    }
    values[sorted + free] = number;
    values[newest] = number;
    counters[2 * this.#slot + next] = (counters[2 * this.#slot + next]! + 1) % this.#window;
    counters[2 * this.#slot + held] = this.#size;
  }

  #countBelow(number: number): number {
    let [low, high] = [0, this.#size];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#table.values[this.#sorted + middle]! < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * The distance that has `rank` (from 0) among all. Below the median distances fall and above they
   * rise with the place, so those of ranks 0 … `rank` are the places of some run: the search
   * finds where it starts.
   */
  #deviationOfRank(rank: number, median: number): number {
    const { values } = this.#table;
    const sorted = this.#sorted;
    let [low, high] = [0, this.#size - 1 - rank];
    while (low < high) {
      const start = (low + high) >>> 1;
      if (median - values[sorted + start]! > values[sorted + start + rank + 1]! - median)
        low = start + 1;
      else high = start;
    }
    return Math.max(median - values[sorted + low]!, values[sorted + low + rank]! - median);
  }
}

/** Half-way between two numbers, also where their sum would overflow. */
function middleOf(a: number, b: number): number {
  return a / 2 + b / 2;
}
