import { isPromise } from 'node:util/types';

import { Batch } from '../batch/index.ts';
import { isStage } from '../core/index.ts';
import { isClass } from '../core/is-class.ts';
import { PipelineError } from '../errors.ts';
import { CoveredTime } from './covered-time.ts';
import { requireKnownNames } from './known-names.ts';
import { MetricsRegistry, metricsRegistry } from './metrics-registry.ts';
import { type Measurement, sizeOf, type Stream, StreamMeasurement } from './stage-metrics.ts';

/** How something is observed. */
export interface ObserveOptions {
  /** Of the entry in the registry; that of the function or of the stage's class unless given. */
  readonly name?: string;
  /** The process's unless given. */
  readonly registry?: MetricsRegistry;
  /** Whether to count what comes in and goes out, and whether to time it; both unless given. */
  readonly counts?: boolean;
  readonly times?: boolean;
}

/** What can be observed: a function of any kind, or a stage of the engine's contract. */
export type Observable =
  | ((...args: never[]) => unknown)
  | { readonly transform: (stream: never) => AsyncIterable<unknown> }
  | { readonly process: (...args: never[]) => unknown };

const optionNames: readonly string[] = [
  'name',
  'registry',
  'counts',
  'times',
] satisfies (keyof ObserveOptions)[];

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/** What was observed already, so that observing it again under the same name widens that. */
const observed = new WeakMap<object, { original: AnyFunction; measurement: Measurement }>();

/**
 * Counts and times what the engine does not see, into one entry of a registry. A function stays what
 * it is: asynchronous or not, a generator or not, with its `this`, name and type. In are calls, or
 * rows of a batch, or what a generator takes of its first argument that can be iterated; out is what
 * it returns or yields. Only a promise is waited for. A generator is registered when it ends, by exhaustion, return or throw; its
 * latency is the time between yields, without that of its input and its consumer. Throws
 * `ERR_CONFIG_INVALID` where there is no name, or nothing to observe, as in a class.
 */
export function observe<O extends Observable>(subject: O, options: ObserveOptions = {}): O {
  checkOptions(options);
  const { registry = metricsRegistry, counts = true, times = true } = options;
  const name = options.name ?? nameOf(subject);
  if (typeof name !== 'string' || name === '') throw refused('has no name', 'give it a `name`');
  const measurement = { name, registry, counts, times };
  if (typeof subject === 'function' && !isClass(subject)) {
    const { original, widened } = withEarlier(subject as unknown as AnyFunction, measurement);
    return keptAs(original, widened, false) as unknown as O;
  }
  if (isStage(subject)) return observedStage(subject, 'transform', measurement) as O;
  if (
    !isClass(subject) &&
    typeof (subject as { process?: unknown } | null)?.process === 'function'
  ) {
    return observedStage(subject, 'process', measurement) as O;
  }
  throw refused(
    'is neither a function nor a stage',
    'give a function, or a stage with `transform`',
  );
}

function checkOptions(options: ObserveOptions): void {
  requireKnownNames('observe', options, optionNames);
  const { registry, counts, times } = options;
  if (registry !== undefined && !(registry instanceof MetricsRegistry)) {
    throw refused('has a `registry` that is none', 'give a `MetricsRegistry`, or leave it out');
  }
  for (const [option, value] of Object.entries({ counts, times })) {
    if (value === undefined || typeof value === 'boolean') continue;
    throw refused(`has \`${option}: ${String(value)}\``, 'give true or false, or leave it out');
  }
}

function nameOf(subject: unknown): unknown {
  if (typeof subject === 'function') return subject.name;
  const { constructor } = Object(subject) as object;
  return constructor === Object ? undefined : constructor.name;
}

function refused(fact: string, remedy: string): PipelineError {
  const what = `what is to be observed ${fact}`;
  return new PipelineError({ code: 'ERR_CONFIG_INVALID', place: 'observe', fact: what, remedy });
}

/** The stage with one of its methods observed; the others, and its state, are the stage's own. */
function observedStage<S extends object>(
  stage: S,
  method: 'transform' | 'process',
  measurement: Measurement,
): S {
  const given = (stage as Record<string, AnyFunction>)[method]!;
  const { original, widened } = withEarlier(given, measurement);
  const replaced = keptAs(original.bind(stage), widened, method === 'transform');
  // Around an object that has nothing of its own: what is frozen could not be given otherwise.
  return new Proxy(Object.create(stage) as S, {
    get(_, key) {
      if (key === method) return replaced;
      const value: unknown = Reflect.get(stage, key, stage);
      if (typeof value !== 'function' || key === 'constructor') return value;
      return (value as AnyFunction).bind(stage);
    },
    set: (_, key, value) => Reflect.set(stage, key, value, stage),
  });
}

/** What is to be measured, and how: with what it is measured for already under that name. */
function withEarlier(
  given: AnyFunction,
  measurement: Measurement,
): { original: AnyFunction; widened: Measurement } {
  const earlier = observed.get(given);
  if (earlier?.measurement.name === measurement.name) {
    const { registry, counts, times } = earlier.measurement;
    if (registry === measurement.registry) {
      const both = { counts: counts || measurement.counts, times: times || measurement.times };
      return { original: earlier.original, widened: { ...measurement, ...both } };
    }
  }
  return { original: given, widened: measurement };
}

/** The observed function, that looks as the original does. */
function keptAs(original: AnyFunction, measurement: Measurement, streams: boolean): AnyFunction {
  const isGenerator = original.constructor.name === 'GeneratorFunction';
  const isAsync = original.constructor.name === 'AsyncGeneratorFunction' || streams;
  const replacement =
    isGenerator || isAsync
      ? observedGenerator(original, measurement, isAsync)
      : observedCalls(original, measurement);
  Object.setPrototypeOf(replacement, Object.getPrototypeOf(original) as object);
  const { name, length, prototype } = original as AnyFunction & { prototype?: unknown };
  Object.defineProperties(replacement, {
    name: { value: name, configurable: true },
    length: { value: length, configurable: true },
    prototype: { value: prototype, writable: true },
  });
  observed.set(replacement, { original, measurement });
  return replacement;
}

function observedGenerator(
  original: AnyFunction,
  measurement: Measurement,
  isAsync: boolean,
): AnyFunction {
  const runs = new StreamMeasurement(measurement);
  return function (...args) {
    const start = (given: unknown[]): Stream => {
      const made = original.apply(this, given) as AsyncIterable<unknown> & Stream;
      // A stage may give anything that can be iterated; a generator is its own iterator.
      return isAsync ? (made[Symbol.asyncIterator]() as unknown as Stream) : made;
    };
    return runs.run(args, start, isAsync);
  };
}

function observedCalls(original: AnyFunction, measurement: Measurement): AnyFunction {
  const { name, registry, counts, times } = measurement;
  const { clock } = registry;
  const covered = new CoveredTime();
  const ended = (into: number, out: number, errors: number, startMs: number): void => {
    const nowMs = clock.monotonic();
    const busyMs = covered.end(nowMs);
    const counted = counts ? { in: into, out, busyMs } : {};
    const timed = times ? { latency: (nowMs - startMs) / 1000 } : {};
    registry.register(name, { ...counted, ...timed, errors });
  };
  return function (...args) {
    const into = sizeOf(args[0]);
    const startMs = clock.monotonic();
    covered.begin(startMs);
    const returned = (value: unknown): unknown => {
      ended(into, args[0] instanceof Batch ? rowsOf(value) : sizeOf(value), 0, startMs);
      return value;
    };
    const failed = (error: unknown): never => {
      ended(into, 0, 1, startMs);
      throw error;
    };
    let result: unknown;
    try {
      result = original.apply(this, args);
    } catch (error) {
      return failed(error);
    }
    return isPromise(result) ? result.then(returned, failed) : returned(result);
  };
}

/** Of what a stage made of a batch: a batch, or several by name. */
function rowsOf(made: unknown): number {
  if (made instanceof Batch || typeof made !== 'object' || made === null) return sizeOf(made);
  const batches = Object.values(made).filter((value) => value instanceof Batch);
  return batches.reduce((sum, batch) => sum + batch.length, 0);
}
