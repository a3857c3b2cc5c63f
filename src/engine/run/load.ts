import { performance } from 'node:perf_hooks';

import type { LaneStats } from '../../observe/index.ts';
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
    this.#older = this.#newer = {
      atMs: startedMs,
      loop: performance.eventLoopUtilization(),
      busyMs: new Map(),
    };
  }

  /** Looks at it now, in monotonic milliseconds. */
  look(
    nowMs: number,
    observed: readonly Observed[],
  ): Pick<LaneStats, 'busyShare' | 'loopUtilization'> {
    const now: Mark = {
      atMs: nowMs,
      loop: performance.eventLoopUtilization(),
      busyMs: new Map(observed.map(({ id, meter }) => [id, meter.busyMs])),
    };
    const { atMs, loop, busyMs } = this.#older;
    if (nowMs - this.#newer.atMs >= overMs) [this.#older, this.#newer] = [this.#newer, now];
    const { utilization } = performance.eventLoopUtilization(now.loop, loop);
    const longest = Math.max(
      0,
      ...[...now.busyMs].map(([id, busy]) => busy - (busyMs.get(id) ?? 0)),
    );
    return {
      // What began before counts whole when it is done.
      busyShare: nowMs > atMs ? Math.min(1, longest / (nowMs - atMs)) : null,
      loopUtilization: utilization,
    };
  }
}
