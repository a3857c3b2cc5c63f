import type { Clock } from '../core/index.ts';
import { Histogram, HistogramMark } from './histogram.ts';
import type { Meter } from './meter.ts';
import { queueLimits } from './queue-limits.ts';
import { Slope } from './slope.ts';
import type { RecentLatencies, RecentLatency } from './snapshot.ts';

/** What came since a mark, one histogram after the other. */
const since = new Histogram();

/** What looks of half a minute say of a time beyond this is nothing. */
const leftMsMax = 3_600_000;

/**
 * The times of one component over the last window, and where its queue leads: 13 KiB, from when the
 * first begins.
 */
export class RecentFigures {
  /** How full its queue is; undefined where nothing fills that at a pace of its own. */
  pacedFill: () => number | undefined = () => undefined;
  readonly #meter: Meter;
  readonly #clock: Pick<Clock, 'monotonic'>;
  #slope: Slope | undefined;
  #leftMs: number | undefined;
  #marks: Readonly<Record<keyof RecentLatencies, HistogramMark>> | undefined;
  #latencies: RecentLatencies | null = null;

  constructor(meter: Meter, clock: Pick<Clock, 'monotonic'>) {
    this.#meter = meter;
    this.#clock = clock;
  }

  /** Those of the last whole window; null before any has passed. */
  get latencies(): RecentLatencies | null {
    return this.#latencies;
  }

  /**
   * Milliseconds until its queue is full (`queueLimits.critical`), as of the last window; undefined
   * where it is, does not fill clearly, or takes longer than an hour.
   */
  get queueLeftMs(): number | undefined {
    return this.#leftMs;
  }

  /** A window begins now. */
  begin(): void {
    const marks = this.#marked();
    for (const kind of ['work', 'wait', 'endToEnd'] as const) {
      this.#meter[kind].since(marks[kind], since);
    }
  }

  /** The window has passed, and the next begins. */
  advance(): void {
    const { work, wait, endToEnd } = this.#meter;
    const marks = this.#marked();
    this.#latencies = Object.freeze({
      work: latencySince(work, marks.work),
      wait: latencySince(wait, marks.wait),
      endToEnd: latencySince(endToEnd, marks.endToEnd),
    });
    this.#lookAtQueue();
  }

  /** Nobody looks any more. */
  end(): void {
    this.#marks = undefined;
    this.#latencies = null;
    this.#slope = this.#leftMs = undefined;
  }

  #lookAtQueue(): void {
    this.#leftMs = undefined;
    const fill = this.pacedFill();
    if (fill === undefined) return;
    this.#slope ??= new Slope();
    this.#slope.add(this.#clock.monotonic(), fill);
    if (fill >= queueLimits.critical) return;
    const leftMs = this.#slope.msUntil(queueLimits.critical);
    if (leftMs !== undefined && leftMs <= leftMsMax) this.#leftMs = leftMs;
  }

  /** Of a component that came while somebody looked, all is since. */
  #marked(): Readonly<Record<keyof RecentLatencies, HistogramMark>> {
    return (this.#marks ??= {
      work: new HistogramMark(),
      wait: new HistogramMark(),
      endToEnd: new HistogramMark(),
    });
  }
}

const nothing: RecentLatency = Object.freeze({
  count: 0,
  meanMs: null,
  p50Ms: null,
  p95Ms: null,
  p99Ms: null,
  maxMs: null,
});

function latencySince(histogram: Histogram, mark: HistogramMark): RecentLatency {
  if (histogram.count === mark.count) return nothing;
  histogram.since(mark, since);
  const { count, sum, max } = since;
  const [p50, p95, p99] = since.quantiles([0.5, 0.95, 0.99]);
  return Object.freeze({
    count,
    meanMs: (sum * 1000) / count,
    p50Ms: p50! * 1000,
    p95Ms: p95! * 1000,
    p99Ms: p99! * 1000,
    maxMs: max * 1000,
  });
}
