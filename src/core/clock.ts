import { setImmediate, setTimeout, clearTimeout } from 'node:timers';
import { performance } from 'node:perf_hooks';

import { PipelineError } from '../errors.ts';

/** How to sleep. */
export interface SleepOptions {
  /** Wakes the sleeper at once; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** How a timer is made. */
export interface TimerOptions {
  /** False: the process may end while it is set, and virtual time does not advance for it alone. */
  readonly keepsAlive?: boolean;
}

/**
 * Goes off once each time that it is set; for what is set and stopped far more often. Make one for
 * each policy, not one for each call: what `stop` leaves behind stays until the time it was set to.
 */
export interface Timer {
  /**
   * Goes off at that monotonic time, and at no earlier one that it was set to: at once where that
   * has passed, never at Infinity. Throws for NaN, and stays set as it was.
   */
  set(atMs: number): void;
  /** Does not go off any more, nor keep the process alive. May be set again. */
  stop(): void;
}

/** The only way to time. */
export interface Clock {
  /** Milliseconds since 1970; may jump. */
  now(): number;
  /** Milliseconds from an arbitrary start; never goes back. */
  monotonic(): number;
  /** Resolves after so many milliseconds; never after Infinity. Rejects for NaN. */
  sleep(delayMs: number, options?: SleepOptions): Promise<void>;
  /** A timer that calls `goOff`. While it is set, it keeps the process alive, if not told otherwise. */
  timer(goOff: () => void, options?: TimerOptions): Timer;
  /** Keeps virtual time from advancing until the promise settles; returns the promise. */
  hold<T>(promise: Promise<T>): Promise<T>;
}

const timeoutMsMax = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async sleep(delayMs, { signal } = {}) {
    // Once at least, also for no time at all: everything else gets its turn.
    checkNumber(delayMs, 'to sleep for NaN milliseconds');
    let left = Math.max(0, delayMs);
    do {
      await sleepOnce(Math.min(left, timeoutMsMax), signal);
      left -= timeoutMsMax;
    } while (left > 0);
  },
  timer: (goOff, { keepsAlive = true } = {}) => new SystemTimer(goOff, keepsAlive),
  hold: (promise) => promise,
};

/** Stopped or set to later, it leaves Node's timer as it is and looks again when that goes off. */
class SystemTimer implements Timer {
  readonly #goOff: () => void;
  readonly #keepsAlive: boolean;
  #atMs = Infinity;
  #wakeMs = Infinity;
  #timeout: NodeJS.Timeout | undefined;

  constructor(goOff: () => void, keepsAlive: boolean) {
    this.#goOff = goOff;
    this.#keepsAlive = keepsAlive;
  }

  set(atMs: number): void {
    checkNumber(atMs, 'to go off at NaN');
    if (atMs === Infinity) return this.stop();
    this.#atMs = atMs;
    if (this.#timeout === undefined || this.#wakeMs > atMs) this.#wakeAt(atMs);
    else if (this.#keepsAlive) this.#timeout.ref();
  }

  stop(): void {
    this.#atMs = Infinity;
    this.#timeout?.unref();
  }

  #wakeAt(atMs: number): void {
    clearTimeout(this.#timeout);
    const delayMs = Math.min(Math.max(0, atMs - performance.now()), timeoutMsMax);
    this.#wakeMs = performance.now() + delayMs;
    this.#timeout = setTimeout(() => this.#wake(), delayMs);
    if (!this.#keepsAlive) this.#timeout.unref();
  }

  #wake(): void {
    this.#timeout = undefined;
    if (this.#atMs === Infinity) return;
    if (performance.now() < this.#atMs) return this.#wakeAt(this.#atMs);
    this.#atMs = Infinity;
    this.#goOff();
  }
}

function checkNumber(timeMs: number, asked: string): void {
  if (!Number.isNaN(timeMs)) return;
  throw new PipelineError({
    code: 'ERR_TIMEOUT',
    place: 'clock',
    fact: `asked ${asked}`,
    remedy: 'give a number',
  });
}

function sleepOnce(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const wake = (): void => {
      clearTimeout(timer);
      reject(signal!.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', wake);
      resolve();
    }, delayMs);
    signal?.addEventListener('abort', wake, { once: true });
  });
}

interface Sleeper {
  readonly at: number;
  readonly order: number;
  readonly keepsAlive?: boolean;
  readonly wake: () => void;
}

/**
 * A clock of its own: when everything waits and nothing is held, it jumps to the next sleeper.
 * Thirty minutes take as long as the work in them. Real files, sockets and processes look like
 * waiting to it: give it virtual ones (`virtualOutside`), or pass what waits for them to `hold`.
 */
export class VirtualClock implements Clock {
  #time = 0;
  readonly #startMs: number;
  #sleepers: Sleeper[] = [];
  #order = 0;
  #holds = 0;
  #scheduled = false;

  /** `startMs`: the wall time at the start, 2026-01-01T00:00:00Z unless given. */
  constructor(startMs: number = Date.UTC(2026, 0, 1)) {
    this.#startMs = startMs;
  }

  now(): number {
    return this.#startMs + this.#time;
  }

  monotonic(): number {
    return this.#time;
  }

  sleep(delayMs: number, { signal }: SleepOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      checkNumber(delayMs, 'to sleep for NaN milliseconds');
      if (signal?.aborted) return reject(signal.reason as Error);
      const sleeper: Sleeper = {
        at: this.#time + Math.max(0, delayMs),
        order: this.#order++,
        wake: () => {
          signal?.removeEventListener('abort', abort);
          resolve();
        },
      };
      const abort = (): void => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal!.reason as Error);
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#add(sleeper);
    });
  }

  timer(goOff: () => void, { keepsAlive = true }: TimerOptions = {}): Timer {
    let sleeper: Sleeper | undefined;
    const stop = (): void => {
      this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
      sleeper = undefined;
    };
    const set = (atMs: number): void => {
      checkNumber(atMs, 'to go off at NaN');
      stop();
      sleeper = { at: Math.max(atMs, this.#time), order: this.#order++, keepsAlive, wake: goOff };
      this.#add(sleeper);
    };
    return { set, stop };
  }

  hold<T>(promise: Promise<T>): Promise<T> {
    this.#holds++;
    const open = (): void => {
      this.#holds--;
      this.#schedule();
    };
    promise.then(open, open);
    return promise;
  }

  #add(sleeper: Sleeper): void {
    // Time never comes to Infinity.
    if (sleeper.at === Infinity) return;
    this.#sleepers.push(sleeper);
    this.#schedule();
  }

  // Promise callbacks all run before an immediate does, so by then everything that can go on has.
  #schedule(): void {
    if (this.#scheduled || !this.#mayAdvance) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#mayAdvance) this.#advance();
      this.#schedule();
    });
  }

  get #mayAdvance(): boolean {
    return this.#holds === 0 && this.#sleepers.some(({ keepsAlive }) => keepsAlive !== false);
  }

  #advance(): void {
    let next: Sleeper | undefined;
    for (const sleeper of this.#sleepers) {
      if (next === undefined || sleeper.at < next.at) next = sleeper;
      else if (sleeper.at === next.at && sleeper.order < next.order) next = sleeper;
    }
    if (next === undefined) return;
    this.#sleepers = this.#sleepers.filter((sleeper) => sleeper !== next);
    this.#time = next.at;
    next.wake();
  }
}
