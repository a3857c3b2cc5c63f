import type { MetricsRegistry } from '../observe/metrics-registry.ts';
import { observe, type ObserveOptions } from '../observe/observe.ts';
import { checkGenerator, checkName, type Method } from './method.ts';

/** Wraps a generator method, asynchronous or not; its type stays as it is. */
export type GeneratorMethodDecorator = <
  This,
  A extends unknown[],
  G extends Iterable<unknown> | AsyncIterable<unknown>,
>(
  method: Method<This, A, G>,
  context: ClassMethodDecoratorContext<This, Method<This, A, G>>,
) => Method<This, A, G>;

/** Where the metrics of a decorated method go. */
export interface StageMetricsOptions {
  /** The process's unless given. */
  readonly registry?: MetricsRegistry;
}

/**
 * `@countedStage(name)` before a generator method: what it takes of its input and what it yields, and
 * the ratio. Stacked with the others under the same name it makes one entry.
 */
export function countedStage(
  name: string,
  options: StageMetricsOptions = {},
): GeneratorMethodDecorator {
  return measured('countedStage', { ...options, name, times: false });
}

/**
 * `@timedStage(name)` before a generator method: the time between yields, without what its input and
 * its consumer take.
 */
export function timedStage(
  name: string,
  options: StageMetricsOptions = {},
): GeneratorMethodDecorator {
  return measured('timedStage', { ...options, name, counts: false });
}

/** `@measuredStage(name)` before a generator method: counted and timed. */
export function measuredStage(
  name: string,
  options: StageMetricsOptions = {},
): GeneratorMethodDecorator {
  return measured('measuredStage', { ...options, name });
}

function measured(decorator: string, options: ObserveOptions): GeneratorMethodDecorator {
  checkName(decorator, options.name);
  return (method, context) => {
    checkGenerator(decorator, method, context);
    return observe(method, options);
  };
}
