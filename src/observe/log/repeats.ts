import type { Clock, Timer } from '../../core/index.ts';

interface Repeated {
  readonly name: string;
  readonly endMs: number;
  readonly json: string | undefined;
  count: number;
}

/** `json`: as it was given with the body. */
type Summarize = (body: string, count: number, json: string | undefined) => void;

/** What is kept of warnings: so many different ones, and none longer than this. */
const bodiesMax = 256;
const bodyLengthMax = 4096;

/** Finds warnings that say the same within a window of time, which begins with the first. */
export class Repeats {
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #summarize: Summarize;
  readonly #timer: Timer;
  /** By body, in the order in which their windows end. */
  readonly #bodies: Map<string, Repeated> = new Map();
  /** When the timer goes off: Infinity while it is not set. */
  #timerMs = Infinity;

  /** `summarize`: given the body of a warning that was repeated, and how often. */
  constructor(clock: Clock, windowMs: number, summarize: Summarize) {
    this.#clock = clock;
    this.#windowMs = windowMs;
    this.#summarize = summarize;
    this.#timer = clock.timer(() => this.#goOff(), { keepsAlive: false });
  }

  /** `name`: what warnings that end together have in common. True where a warning was there less than a window ago: it is counted, and not to be written. */
  counts(name: string, body: string, json: string | undefined): boolean {
    if (this.#windowMs === 0 || body.length > bodyLengthMax) return false;
    const now = this.#clock.monotonic();
    this.#endWindows(now);
    const same = this.#bodies.get(body);
    if (same === undefined) {
      if (this.#bodies.size >= bodiesMax) this.#endOne(...this.#bodies.entries().next().value!);
      this.#bodies.set(body, { name, endMs: now + this.#windowMs, json, count: 0 });
      return false;
    }
    same.count++;
    if (same.endMs < this.#timerMs) this.#setTimer(same.endMs);
    return true;
  }

  /** Ends the windows of all warnings of a name. */
  end(name: string): void {
    for (const [body, repeated] of this.#bodies) {
      if (repeated.name === name) this.#endOne(body, repeated);
    }
  }

  /** Ends all windows now. */
  flush(): void {
    this.#endWindows(Infinity);
    this.#timer.stop();
    this.#timerMs = Infinity;
  }

  #goOff(): void {
    this.#timerMs = Infinity;
    this.#endWindows(this.#clock.monotonic());
    const next = this.#bodies.values().find(({ count }) => count > 0);
    if (next !== undefined) this.#setTimer(next.endMs);
  }

  #endWindows(now: number): void {
    for (const [body, repeated] of this.#bodies) {
      if (repeated.endMs > now) return;
      this.#endOne(body, repeated);
    }
  }

  #endOne(body: string, { count, json }: Repeated): void {
    this.#bodies.delete(body);
    if (count > 0) this.#summarize(body, count, json);
  }

  #setTimer(atMs: number): void {
    this.#timerMs = atMs;
    this.#timer.set(atMs);
  }
}
