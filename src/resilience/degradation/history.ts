import type { Clock } from '../../core/index.ts';

/** A reading, and when it was recorded. */
export interface Sample<R> {
  reading: R;
  /** By the monotonic clock, for ages and gaps. */
  atMs: number;
  /** Milliseconds since 1970. */
  timeMs: number;
}

interface Ring<R> {
  readonly samples: Sample<R>[];
  /** Where the next one goes. */
  next: number;
}

/**
 * The last readings of each key. At most `keysMax` keys are kept; the least recently used one is
 * forgotten for a new one and counted.
 */
export class History<R> {
  readonly keysMax: number;
  readonly #depth: number;
  readonly #clock: Clock;
  // In the order of use, the newest last.
  readonly #rings = new Map<string, Ring<R>>();
  #newest: string | undefined;
  #evicted = 0;

  constructor(depth: number, keysMax: number, clock: Clock) {
    this.#depth = depth;
    this.keysMax = keysMax;
    this.#clock = clock;
  }

  /** Keys that were forgotten for others. */
  get evicted(): number {
    return this.#evicted;
  }

  record(key: string, reading: R): void {
    const ring = this.#use(key) ?? this.#add(key);
    const { samples, next } = ring;
    const [atMs, timeMs] = [this.#clock.monotonic(), this.#clock.now()];
    const sample = samples[next];
    // Written over where there is one: a success makes nothing anew.
    if (sample === undefined) samples.push({ reading, atMs, timeMs });
    else {
      sample.reading = reading;
      sample.atMs = atMs;
      sample.timeMs = timeMs;
    }
    ring.next = (next + 1) % this.#depth;
  }

  /** The newest first; none where the key is not known. Valid until the next `record`. */
  last(key: string): readonly Sample<R>[] {
    const ring = this.#use(key);
    if (ring === undefined) return [];
    const { samples, next } = ring;
    return [...samples.slice(0, next).reverse(), ...samples.slice(next).reverse()];
  }

  #use(key: string): Ring<R> | undefined {
    const ring = this.#rings.get(key);
    if (ring === undefined || key === this.#newest) return ring;
    this.#rings.delete(key);
    this.#rings.set(key, ring);
    this.#newest = key;
    return ring;
  }

  #add(key: string): Ring<R> {
    if (this.#rings.size >= this.keysMax) {
      const [oldest] = this.#rings.keys();
      this.#rings.delete(oldest!);
      this.#evicted++;
    }
    const ring: Ring<R> = { samples: [], next: 0 };
    this.#rings.set(key, ring);
    this.#newest = key;
    return ring;
  }
}
