import { performance } from 'node:perf_hooks';

import type { Clock } from '../../core/index.ts';

/** A load is taken over at least so long, and at most twice. */
const overMs = 5000;

/** Milliseconds so far. */
export interface LoadTimes {
  /** At work. */
  readonly busyMs: number;
  /** Waiting for the outside. */
  readonly waitingMs: number;
}

interface Mark {
  readonly atMs: number;
  readonly loop: ReturnType<typeof performance.eventLoopUtilization>;
  readonly times: ReadonlyMap<string, LoadTimes>;
}

/** Of the time, from 0 to 1. */
export interface Share {
  /** At work. */
  readonly busy: number;
  /** At work, or waiting for the outside: what comes behind and before it waits for it. */
  readonly held: number;
}

/** Of the loop of the process, or of another thread. */
type LoopUtilization = typeof performance.eventLoopUtilization;

/** What a load is taken of. */
export interface LoadParts {
  readonly startedMs: number;
  /** The times of each component until then. */
  readonly times: (nowMs: number) => ReadonlyMap<string, LoadTimes>;
  /** That of this thread unless given. */
  readonly loop?: LoopUtilization;
}

/** How much a lane has to do of late. */
export class Load {
  readonly #times: LoadParts['times'];
  readonly #loop: LoopUtilization;
  #older: Mark;
  #newer: Mark;

  constructor({ startedMs, times, loop }: LoadParts) {
    this.#times = times;
    this.#loop = loop ?? ((...marks) => performance.eventLoopUtilization(...marks));
    this.#older = this.#newer = { atMs: startedMs, loop: this.#loop(), times: new Map() };
  }

  /** Marks where the last seconds begin, now and again, until the signal aborts. */
  async watch(clock: Clock, signal: AbortSignal): Promise<void> {
    for (;;) {
      await clock.sleep(overMs, { signal }).catch(() => {});
      if (signal.aborted) return;
      [this.#older, this.#newer] = [this.#newer, this.#mark(clock.monotonic())];
    }
  }

  /** What it is now, in monotonic milliseconds: of the loop, and of each component. */
  at(nowMs: number): {
    readonly loopUtilization: number;
    readonly shares: ReadonlyMap<string, Share>;
  } {
    const now = this.#mark(nowMs);
    const { atMs, loop, times } = this.#older;
    const { utilization } = this.#loop(now.loop, loop);
    const shares = new Map<string, Share>();
    const share = (ms: number): number => Math.min(1, ms / (nowMs - atMs));
    for (const [id, { busyMs, waitingMs }] of nowMs > atMs ? now.times : []) {
      const before = times.get(id) ?? { busyMs: 0, waitingMs: 0 };
      const busy = busyMs - before.busyMs;
      shares.set(id, { busy: share(busy), held: share(busy + waitingMs - before.waitingMs) });
    }
    return { loopUtilization: utilization, shares };
  }

  #mark(atMs: number): Mark {
    return { atMs, loop: this.#loop(), times: this.#times(atMs) };
  }
}
