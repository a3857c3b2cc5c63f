import type { Clock } from './clock.ts';

/**
 * A schedule of moments `everyMs` apart, numbered; it does not drift, however late one is taken.
 * Moments that passed before anyone asked for the next are skipped and counted.
 */
export class Ticks {
  readonly #clock: Clock;
  readonly #everyMs: number;
  /** The monotonic time of tick 0. */
  readonly #start: number;
  #next: number;

  /** Tick `first` is due now, or `delayMs` from now. */
  constructor(
    clock: Clock,
    everyMs: number,
    { first = 0, delayMs = 0 }: { first?: number; delayMs?: number } = {},
  ) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#start = clock.monotonic() + delayMs - first * everyMs;
    this.#next = first;
  }

  /** The number of the tick that `take` gives, unless it comes too late for it. */
  get next(): number {
    return this.#next;
  }

  /** Milliseconds until the next tick; 0 or less where it is due. */
  get waitMs(): number {
    return this.#start + this.#next * this.#everyMs - this.#clock.monotonic();
  }

  /** Waits for the next tick. Rejects with the signal's reason once that aborts. */
  async take(signal: AbortSignal): Promise<{ tick: number; skipped: number }> {
    signal.throwIfAborted();
    // A timer may fire a fraction of a millisecond early.
    for (let waitMs = this.waitMs; waitMs > 0; waitMs = this.waitMs) {
      await this.#clock.sleep(waitMs, { signal });
    }
    const latest = Math.floor((this.#clock.monotonic() - this.#start) / this.#everyMs);
    const tick = Math.max(this.#next, latest);
    const skipped = tick - this.#next;
    this.#next = tick + 1;
    return { tick, skipped };
  }
}
