import { secondsMax } from './seconds-ring.ts';
import { keysMax } from './sink-keys.ts';

/** The last value of each key of one field, in each of the last seconds. */
export class LastsByKey {
  /** That goes on; of the monotonic clock. */
  #second = -1;
  /** Of that second, by key, NaN where there was none: apart, so that a batch touches little memory. */
  readonly #now = new Float64Array(keysMax).fill(NaN);
  /** By key and second, each from its first value on. */
  readonly #rings: (Float64Array | undefined)[] = [];

  /** Takes the first `count` of these numbers, each of the key beside it; NaN and -1 are none. */
  add(numbers: Float64Array, keys: Int32Array, count: number, second: number): void {
    if (second !== this.#second) this.#begin(second);
    for (let at = 0; at < count; at++) {
      const key = keys[at]!;
      const number = numbers[at]!;
      if (key !== -1 && !Number.isNaN(number)) this.#now[key] = number;
    }
  }

  /** Those of one key, by second; null where there was none. */
  of(key: number, seconds: readonly number[]): (number | null)[] {
    this.#keep();
    const ring = this.#rings[key];
    return seconds.map((second) => {
      const value = ring?.[second % secondsMax] ?? NaN;
      return Number.isNaN(value) ? null : value;
    });
  }

  #begin(second: number): void {
    this.#keep();
    this.#now.fill(NaN);
    const silent = Math.min(second - this.#second - 1, secondsMax);
    for (const ring of this.#rings) {
      // Of a key that has no value yet there is none.
      for (let ago = 1; ring && ago <= silent; ago++) ring[(second - ago) % secondsMax] = NaN;
    }
    this.#second = second;
  }

  #keep(): void {
    for (let key = 0; key < keysMax; key++) {
      const value = this.#now[key]!;
      if (!Number.isNaN(value)) this.#rings[key] ??= new Float64Array(secondsMax).fill(NaN);
      const ring = this.#rings[key];
      if (ring) ring[this.#second % secondsMax] = value;
    }
  }
}
