import { Batch } from '../batch/index.ts';
import { Cut } from '../core/index.ts';
import { CoveredTime } from './covered-time.ts';
import { Histogram } from './histogram.ts';
import type { MetricsRegistry } from './metrics-registry.ts';

/** How something is measured, and where the figures go. */
export interface Measurement {
  readonly name: string;
  readonly registry: MetricsRegistry;
  readonly counts: boolean;
  readonly times: boolean;
}

/** Something that gives one thing after the other: generators do. */
export interface Stream {
  next(...sent: unknown[]): unknown;
  return?(value?: unknown): unknown;
  throw?(error: unknown): unknown;
}

type Step = IteratorResult<unknown>;

/** How much a value counts: a batch its rows, a cut nothing, anything else one. */
export function sizeOf(value: unknown): number {
  if (value instanceof Batch) return value.length;
  return value instanceof Cut ? 0 : 1;
}

/** How many histograms of runs that have ended are kept for the next. */
const freeMax = 8;

/** What the runs of one generator function share. */
export class StreamMeasurement {
  readonly measurement: Measurement;
  readonly #covered = new CoveredTime();
  readonly #free: Histogram[] = [];

  constructor(measurement: Measurement) {
    this.measurement = measurement;
  }

  /** Runs it: `start` is given the arguments with the input among them watched. */
  run(args: readonly unknown[], start: (args: unknown[]) => Stream, isAsync: boolean): Stream {
    const latency = this.measurement.times ? (this.#free.pop() ?? new Histogram()) : undefined;
    const run = new StreamRun(this.measurement.registry, latency, {
      began: (nowMs) => this.#covered.begin(nowMs),
      ended: (ended) => this.#register(ended),
    });
    const given = [...args];
    const at = args.findIndex(isInput);
    if (args[at] instanceof Batch) run.in += args[at].length;
    else if (at >= 0) given[at] = watchedInput(args[at] as object, run);
    return observedStream(start(given), run, isAsync);
  }

  #register({ in: into, out, errors, hasBegun, latency }: StreamRun): void {
    const { name, registry, counts } = this.measurement;
    const busyMs = hasBegun ? this.#covered.end(registry.clock.monotonic()) : 0;
    const counted = counts ? { in: into, out, busyMs } : {};
    registry.register(name, { ...counted, errors, ...(latency === undefined ? {} : { latency }) });
    if (latency === undefined || this.#free.length >= freeMax) return;
    latency.clear();
    this.#free.push(latency);
  }
}

/** Told of the time of a run. */
interface RunTimes {
  began(nowMs: number): void;
  ended(run: StreamRun): void;
}

/** One run of a generator: from its first step until it is exhausted, returns or throws. */
class StreamRun {
  in = 0;
  out = 0;
  errors = 0;
  /** False before its first step. */
  hasBegun = false;
  /** Seconds between yields: from being asked to the yield, without what its input took. */
  readonly latency: Histogram | undefined;
  readonly #clock: MetricsRegistry['clock'];
  readonly #times: RunTimes;
  readonly #inputTime = new CoveredTime();
  #inputMs = 0;
  #resumedMs = 0;
  #yieldedMs = -Infinity;
  #hasEnded = false;

  constructor({ clock }: MetricsRegistry, latency: Histogram | undefined, times: RunTimes) {
    this.#clock = clock;
    this.latency = latency;
    this.#times = times;
  }

  resumed(): void {
    if (this.latency === undefined && this.hasBegun) return;
    this.#resumedMs = this.#clock.monotonic();
    // What was asked for ahead took that long while nobody waited.
    this.#inputTime.take(this.#resumedMs);
    this.#inputMs = 0;
    if (!this.hasBegun) this.#times.began(this.#resumedMs);
    this.hasBegun = true;
  }

  settled(step: Step): Step {
    if (step.done === true) this.#ended();
    else {
      const size = sizeOf(step.value);
      this.out += size;
      if (size > 0 && this.latency !== undefined) this.#yielded(this.latency);
    }
    return step;
  }

  failed(): void {
    if (!this.#hasEnded) this.errors++;
    this.#ended();
  }

  /** Its input is asked; timed only where that matters. */
  asked(): void {
    if (this.latency !== undefined) this.#inputTime.begin(this.#clock.monotonic());
  }

  answered(): void {
    if (this.latency === undefined) return;
    this.#inputMs += this.#inputTime.end(this.#clock.monotonic());
  }

  took(step: Step): Step {
    if (step.done !== true) this.in += sizeOf(step.value);
    return step;
  }

  #yielded(latency: Histogram): void {
    const nowMs = this.#clock.monotonic();
    // Asked again before it had yielded, it began with this when it had yielded that.
    const sinceMs = Math.max(this.#resumedMs, this.#yieldedMs);
    latency.record(Math.max(0, nowMs - sinceMs - this.#inputMs) / 1000);
    this.#yieldedMs = nowMs;
    this.#inputMs = 0;
  }

  #ended(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#times.ended(this);
  }
}

/** The stream, each step of it observed. */
function observedStream(stream: Stream, run: StreamRun, isAsync: boolean): Stream {
  const step = (take: () => unknown): unknown => {
    run.resumed();
    return settle(take, isAsync, {
      stepped: (result) => run.settled(result),
      failed: () => run.failed(),
    });
  };
  const observed = Object.create(Object.getPrototypeOf(stream) as object) as Stream;
  const methods: Stream = { next: (...sent) => step(() => stream.next(...sent)) };
  if (stream.return) methods.return = (value) => step(() => stream.return!(value));
  if (stream.throw) methods.throw = (error) => step(() => stream.throw!(error));
  const iterate = isAsync ? Symbol.asyncIterator : Symbol.iterator;
  return Object.assign(observed, methods, { [iterate]: () => observed });
}

/** The input, what is taken from it counted and timed; everything else of it as it was. */
function watchedInput(input: object, run: StreamRun): object {
  // An array stays one; of another object what is frozen could not be given otherwise.
  const outside = Array.isArray(input) ? input : (Object.create(input) as object);
  return new Proxy(outside, {
    get(_, key) {
      const value: unknown = Reflect.get(input, key, input);
      if (typeof value !== 'function' || key === 'constructor') return value;
      const method = value as (...args: unknown[]) => unknown;
      if (key === Symbol.iterator) {
        return () => watchedStream(method.call(input) as Stream, run, false);
      }
      if (key === Symbol.asyncIterator) {
        return () => watchedStream(method.call(input) as Stream, run, true);
      }
      if (key === 'next') {
        const isAsync = Symbol.asyncIterator in input;
        return (...sent: unknown[]) => watchedStep(() => method.apply(input, sent), run, isAsync);
      }
      // What its own methods reach for may be private to it.
      return Object.hasOwn(input, key) ? value : method.bind(input);
    },
  });
}

function watchedStream(stream: Stream, run: StreamRun, isAsync: boolean): Stream {
  const methods: Stream = {
    next: (...sent) => watchedStep(() => stream.next(...sent), run, isAsync),
  };
  if (stream.return) methods.return = (value) => stream.return!(value);
  if (stream.throw) methods.throw = (error) => stream.throw!(error);
  const iterate = isAsync ? Symbol.asyncIterator : Symbol.iterator;
  return Object.assign(methods, { [iterate]: () => methods });
}

function watchedStep(take: () => unknown, run: StreamRun, isAsync: boolean): unknown {
  run.asked();
  return settle(take, isAsync, {
    stepped: (step) => {
      run.answered();
      return run.took(step);
    },
    failed: () => run.answered(),
  });
}

interface Settling {
  stepped(step: Step): Step;
  failed(): void;
}

/** Takes a step, now or later, and tells how it went. */
function settle(take: () => unknown, isAsync: boolean, { stepped, failed }: Settling): unknown {
  const fail = (error: unknown): never => {
    failed();
    throw error;
  };
  let step: unknown;
  try {
    step = take();
  } catch (error) {
    return fail(error);
  }
  return isAsync ? Promise.resolve(step as Step).then(stepped, fail) : stepped(step as Step);
}

/** Whether a generator's argument is what it works through. */
function isInput(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return value instanceof Batch || Symbol.asyncIterator in value || Symbol.iterator in value;
}
