/** Numbers in ascending order, in a part of an array. */
export class SortedNumbers {
  #values: Float64Array = new Float64Array(0);
  #start = 0;
  #size = 0;

  /** Turns to `values[start … start + size)`; what follows is about these. */
  turnTo(values: Float64Array, start: number, size: number): void {
    this.#values = values;
    this.#start = start;
    this.#size = size;
  }

  get size(): number {
    return this.#size;
  }

  /** Takes a number in; there must be room for it. */
  add(number: number): void {
    this.#fill(this.#size++, number);
  }

  /** Takes out a number that is there. */
  remove(number: number): void {
    const from = this.#start + this.countBelow(number);
    this.#values.copyWithin(from, from + 1, this.#start + this.#size);
    this.#size--;
  }

  /** Takes out a number that is there, and another one in. */
  replace(number: number, by: number): void {
    this.#fill(this.countBelow(number), by);
  }

  /** NaN while there are none. */
  median(): number {
    const middle = this.#start + (this.#size >> 1);
    if (this.#size % 2 === 1) return this.#values[middle]!;
    return this.#size === 0 ? NaN : middleOf(this.#values[middle - 1]!, this.#values[middle]!);
  }

  /** The median of the distances from `median`, in O(log size) comparisons. */
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
      sum += Math.abs(this.#values[this.#start + at]! - median);
    }
    return sum / this.#size;
  }

  countBelow(number: number): number {
    let [low, high] = [0, this.#size];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#values[this.#start + middle]! < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Puts a number where it belongs, moving what is between there and the free place. */
  #fill(free: number, number: number): void {
    const values = this.#values;
    const start = this.#start;
    while (free > 0 && values[start + free - 1]! > number) {
      values[start + free] = values[start + free - 1]!;
      free--;
    }
    while (free < this.#size - 1 && values[start + free + 1]! < number) {
      values[start + free] = values[start + free + 1]!;
      free++;
    }
    values[start + free] = number;
  }

  /**
   * The distance that has `rank` (from 0) among all. Below the median distances fall and above they
   * rise with the place, so those of ranks 0 … `rank` are the places of some run: the search
   * finds where it starts.
   */
  #deviationOfRank(rank: number, median: number): number {
    const values = this.#values;
    const start = this.#start;
    let [low, high] = [0, this.#size - 1 - rank];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (median - values[start + middle]! > values[start + middle + rank + 1]! - median)
        low = middle + 1;
      else high = middle;
    }
    return Math.max(median - values[start + low]!, values[start + low + rank]! - median);
  }
}

/** Half-way between two numbers, also where their sum would overflow. */
function middleOf(a: number, b: number): number {
  return a / 2 + b / 2;
}
