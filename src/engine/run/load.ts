import { performance } from 'node:perf_hooks';

import type { Clock } from '../../core/index.ts';
import type { Observed } from '../observed.ts';

/** A load is taken over at least so long, and at most twice. */
const overMs = 5000;

interface Mark {
  readonly atMs: number;
  readonly loop: ReturnType<typeof performance.eventLoopUtilization>;
  /** Time at work so far, by component. */
  readonly busyMs: ReadonlyMap<string, number>;
}

/** How much a lane has to do of late. */
export class Load {
  #older: Mark;
  #newer: Mark;

  constructor(startedMs: number) {
    this.#older = this.#newer = markOf(startedMs, []);
  }

  /** Marks where the last seconds begin, now and again, until the signal aborts. */
  async watch(
    clock: Clock,
    signal: AbortSignal,
    observed: () => readonly Observed[],
  ): Promise<void> {
    for (;;) {
      await clock.sleep(overMs, { signal }).catch(() => {});
      if (signal.aborted) return;
      [this.#older, this.#newer] = [this.#newer, markOf(clock.monotonic(), observed())];
    }
  }

  /** What it is now, in monotonic milliseconds: of the loop, and of each component. */
  at(
    nowMs: number,
    observed: readonly Observed[],
  ): { readonly loopUtilization: number; readonly busyShares: ReadonlyMap<string, number> } {
    const now = markOf(nowMs, observed);
    const { atMs, loop, busyMs } = this.#older;
    const { utilization } = performance.eventLoopUtilization(now.loop, loop);
    const busyShares = new Map<string, number>();
    for (const [id, ms] of nowMs > atMs ? now.busyMs : []) {
      // What began before counts whole when it is done.
      busyShares.set(id, Math.min(1, (ms - (busyMs.get(id) ?? 0)) / (nowMs - atMs)));
    }
    return { loopUtilization: utilization, busyShares };
  }
}

function markOf(atMs: number, observed: readonly Observed[]): Mark {
  return {
    atMs,
    loop: performance.eventLoopUtilization(),
    busyMs: new Map(observed.map(({ id, meter }) => [id, meter.busyMs])),
  };
}
