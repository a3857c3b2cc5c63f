import type { DataSeries } from '../data-report.ts';

export const everyMs = 1000;

/** Ten minutes. */
export const secondsMax = 600;

/** What the values of one field were like, by the second; null where there were none. */
export type Seconds = Omit<DataSeries, 'everyMs' | 'at' | 'anomalies'>;

/** What the values of one field were like in each of the last seconds. */
export class SecondsRing {
  /** Of the first value, and of the last; seconds of the monotonic clock. */
  #first = -1;
  #second = -1;
  #slot = 0;
  // Made with the first value.
  #counts: Uint32Array = new Uint32Array(0);
  #min: Float64Array = new Float64Array(0);
  #max: Float64Array = this.#min;
  #sum: Float64Array = this.#min;
  #last: Float64Array = this.#min;

  /** Of the last value: a second of the monotonic clock; -1 where there was none. */
  get second(): number {
    return this.#second;
  }

  /** Those that are kept, the oldest first, up to that of the last value. */
  get seconds(): number[] {
    const kept = this.#second === -1 ? 0 : Math.min(this.#second - this.#first + 1, secondsMax);
    return Array.from({ length: kept }, (_, at) => this.#second - kept + 1 + at);
  }

  /** Adds the first `count` of these numbers; NaN is none. `nowMs`: monotonic. */
  add(numbers: Float64Array, count: number, nowMs: number): void {
    let min = Infinity;
    let max = -Infinity;
    let sum = 0;
    let last = 0;
    let found = 0;
    for (let at = 0; at < count; at++) {
      const value = numbers[at]!;
      if (Number.isNaN(value)) continue;
      if (value < min) min = value;
      if (value > max) max = value;
      sum += value;
      last = value;
      found++;
    }
    if (found === 0 && this.#second === -1) return;
    this.#begin(nowMs);
    if (found === 0) return;
    const slot = this.#slot;
    const before = this.#counts[slot]!;
    this.#counts[slot] = before + found;
    this.#min[slot] = before === 0 ? min : Math.min(this.#min[slot]!, min);
    this.#max[slot] = before === 0 ? max : Math.max(this.#max[slot]!, max);
    this.#sum[slot] = before === 0 ? sum : this.#sum[slot]! + sum;
    this.#last[slot] = last;
  }

  #begin(nowMs: number): void {
    const second = Math.floor(nowMs / everyMs);
    if (second === this.#second) return;
    if (this.#second === -1) this.#open(second);
    const passed = Math.min(second - this.#second, secondsMax);
    for (let ago = 0; ago < passed; ago++) this.#counts[(second - ago) % secondsMax] = 0;
    this.#second = second;
    this.#slot = second % secondsMax;
  }

  /** What is known of `seconds`. */
  series(): Seconds {
    const slots = this.seconds.map((second) => second % secondsMax);
    const known = (values: Float64Array): (number | null)[] =>
      slots.map((slot) => (this.#counts[slot] === 0 ? null : values[slot]!));
    return {
      min: known(this.#min),
      max: known(this.#max),
      mean: known(this.#sum.map((sum, slot) => sum / this.#counts[slot]!)),
      last: known(this.#last),
      count: slots.map((slot) => this.#counts[slot]!),
    };
  }

  #open(second: number): void {
    this.#first = second;
    this.#second = second - 1;
    this.#counts = new Uint32Array(secondsMax);
    this.#min = new Float64Array(secondsMax);
    this.#max = new Float64Array(secondsMax);
    this.#sum = new Float64Array(secondsMax);
    this.#last = new Float64Array(secondsMax);
  }
}
