import { classicBounds, Histogram } from './histogram.ts';
import { ratePerSecond } from './rate.ts';
import type { Latency, StatsOptions } from './snapshot.ts';

/** Over how many seconds a rate is taken. */
const rateSeconds = 10;

/** What is measured of one component, by the wrapper around it and never by itself. */
export class Meter {
  /** Rows that came in over its edges; for a source, records read. */
  rowsIn = 0;
  /** Rows that went out; for a sink, rows committed. */
  rowsOut = 0;
  /** Milliseconds at work, waiting for room downstream, the outside, and input; none counted twice. */
  busyMs = 0;
  blockedMs = 0;
  waitingMs = 0;
  idleMs = 0;
  /** When it last did anything, in monotonic milliseconds; undefined before. */
  lastProgressMs: number | undefined;
  /** Seconds of work per batch, in the queue before it, and from the source into a sink. */
  readonly work: Histogram = new Histogram();
  readonly wait: Histogram = new Histogram();
  readonly endToEnd: Histogram = new Histogram();
  readonly #rate = new Rate();

  /** Rows that have left it, by its last work. */
  sent(rows: number): void {
    this.rowsOut += rows;
    this.#rate.add(rows, this.lastProgressMs ?? 0);
  }

  /** Rows out per second over the last ten seconds, or over the shorter time since `startMs`. */
  perSecond(nowMs: number, startMs: number): number {
    return this.#rate.at(nowMs, startMs);
  }
}

/** Counts by the second, for as many seconds as a rate is taken over. */
class Rate {
  readonly #rows = new Float64Array(rateSeconds + 1);
  readonly #seconds = new Float64Array(rateSeconds + 1).fill(-Infinity);
  /** Where the present second is counted, and until when that is. */
  #slot = 0;
  #untilMs = -Infinity;

  add(rows: number, nowMs: number): void {
    if (nowMs >= this.#untilMs) this.#begin(Math.floor(nowMs / 1000));
    this.#rows[this.#slot]! += rows;
  }

  #begin(second: number): void {
    this.#slot = second % this.#rows.length;
    this.#untilMs = (second + 1) * 1000;
    this.#seconds[this.#slot] = second;
    this.#rows[this.#slot] = 0;
  }

  at(nowMs: number, startMs: number): number {
    const first = Math.floor(nowMs / 1000) - rateSeconds;
    // The oldest second counts whole, and so does the time from its beginning.
    const overMs = nowMs - Math.max(first * 1000, startMs);
    let rows = 0;
    for (const [slot, second] of this.#seconds.entries()) {
      if (second >= first) rows += this.#rows[slot]!;
    }
    return ratePerSecond(rows, overMs) ?? 0;
  }
}

/** The mean of a histogram of seconds, in milliseconds; null while there is nothing in it. */
export function meanMsOf({ count, sum }: Histogram): number | null {
  return count === 0 ? null : (sum * 1000) / count;
}

/** The figures of a histogram of seconds, with the buckets that are asked for. */
export function latencyOf(
  seconds: Histogram,
  { classic, exponential }: StatsOptions = {},
): Latency {
  const { count, sum, max } = seconds;
  const sumMs = sum * 1000;
  if (count === 0)
    return { count, sumMs, meanMs: null, p50Ms: null, p95Ms: null, p99Ms: null, maxMs: null };
  const [p50, p95, p99] = seconds.quantiles([0.5, 0.95, 0.99]);
  return {
    count,
    sumMs,
    meanMs: meanMsOf(seconds),
    p50Ms: p50! * 1000,
    p95Ms: p95! * 1000,
    p99Ms: p99! * 1000,
    maxMs: max * 1000,
    ...(classic && { buckets: seconds.countsUpTo(classicBounds) }),
    ...(exponential && { exponential: seconds.exponentialBuckets() }),
  };
}
