import type { Clock } from '../../core/index.ts';

/** How far back a rate looks: so many calls, or so many milliseconds. */
export type WindowSize = { readonly calls: number } | { readonly ms: number };

/** The last calls, each good or bad, in memory of fixed size. */
export interface CallWindow {
  add(isBad: boolean): void;
  readonly calls: number;
  readonly bad: number;
  /** As JSON; times as what has passed since, so that another monotonic clock can go on from it. */
  save(): unknown;
  /** Takes over what was saved; false where that is not of a window of this size. */
  load(saved: unknown): boolean;
}

/** The last so many calls: a ring with a byte for each. */
export class CountWindow implements CallWindow {
  readonly #ring: Uint8Array;
  #next = 0;
  calls = 0;
  bad = 0;

  constructor(callsMax: number) {
    this.#ring = new Uint8Array(callsMax);
  }

  add(isBad: boolean): void {
    const ring = this.#ring;
    const [at, value] = [this.#next, isBad ? 1 : 0];
    if (this.calls === ring.length) this.bad -= ring[at]!;
    else this.calls++;
    this.bad += value;
    ring[at] = value;
    this.#next = at + 1 === ring.length ? 0 : at + 1;
  }

  save(): unknown {
    const { calls } = this;
    const ring = this.#ring;
    const start = calls === ring.length ? this.#next : 0;
    let text = '';
    for (let at = 0; at < calls; at++) text += ring[(start + at) % ring.length];
    return { callsMax: ring.length, oldestFirst: text };
  }

  load(saved: unknown): boolean {
    const { callsMax, oldestFirst } = (saved ?? {}) as {
      callsMax?: unknown;
      oldestFirst?: unknown;
    };
    const { length } = this.#ring;
    if (callsMax !== length || typeof oldestFirst !== 'string') return false;
    if (oldestFirst.length > length || !/^[01]*$/.test(oldestFirst)) return false;
    this.#next = this.calls = this.bad = 0;
    for (const digit of oldestFirst) this.add(digit === '1');
    return true;
  }
}

const buckets = 10;

/**
 * The last so many milliseconds, in ten buckets: a call is forgotten with its bucket, when between
 * nine tenths and all of the time have passed.
 */
export class TimeWindow implements CallWindow {
  readonly #bucketMs: number;
  readonly #clock: Clock;
  readonly #calls: Uint32Array = new Uint32Array(buckets);
  readonly #bad: Uint32Array = new Uint32Array(buckets);
  #at = 0;
  /** When the bucket at `#at` began. */
  #startMs: number;
  calls = 0;
  bad = 0;

  constructor(windowMs: number, clock: Clock) {
    this.#bucketMs = windowMs / buckets;
    this.#clock = clock;
    this.#startMs = clock.monotonic();
  }

  add(isBad: boolean): void {
    this.#turn();
    this.calls++;
    this.#calls[this.#at]!++;
    if (!isBad) return;
    this.bad++;
    this.#bad[this.#at]!++;
  }

  save(): unknown {
    this.#turn();
    const newestFirst = Array.from({ length: buckets }, (_, back) => {
      const at = (this.#at + buckets - back) % buckets;
      return [this.#calls[at]!, this.#bad[at]!];
    });
    const ageMs = this.#clock.monotonic() - this.#startMs;
    return { bucketMs: this.#bucketMs, ageMs, newestFirst };
  }

  load(saved: unknown): boolean {
    const { bucketMs, ageMs, newestFirst } = (saved ?? {}) as Record<string, unknown>;
    if (bucketMs !== this.#bucketMs || typeof ageMs !== 'number' || !(ageMs >= 0)) return false;
    if (!Array.isArray(newestFirst) || newestFirst.length !== buckets) return false;
    if (!newestFirst.every(isCounts)) return false;
    this.#at = buckets - 1;
    // What is older than the window is forgotten all the same; further back lies no exact time.
    this.#startMs = this.#clock.monotonic() - Math.min(ageMs, buckets * bucketMs);
    this.calls = this.bad = 0;
    for (const [back, [calls, bad]] of newestFirst.entries()) {
      this.#calls[buckets - 1 - back] = calls;
      this.#bad[buckets - 1 - back] = bad;
      this.calls += calls;
      this.bad += bad;
    }
    return true;
  }

  /** Goes on to the bucket of this moment; those on the way are forgotten. */
  #turn(): void {
    const passed = Math.floor((this.#clock.monotonic() - this.#startMs) / this.#bucketMs);
    if (passed <= 0) return;
    for (let step = 0; step < Math.min(passed, buckets); step++) {
      this.#at = (this.#at + 1) % buckets;
      this.calls -= this.#calls[this.#at]!;
      this.bad -= this.#bad[this.#at]!;
      this.#calls[this.#at] = this.#bad[this.#at] = 0;
    }
    this.#startMs += passed * this.#bucketMs;
  }
}

function isCounts(value: unknown): value is [calls: number, bad: number] {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [calls, bad] = value as [number, number];
  if (!Number.isInteger(calls) || !Number.isInteger(bad)) return false;
  return 0 <= bad && bad <= calls && calls < 2 ** 32;
}
