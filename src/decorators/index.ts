// Where the platform has no `Symbol.metadata`, compilers look for this one.
(Symbol as { metadata?: symbol }).metadata ??= Symbol.for('Symbol.metadata');

export {
  countedStage,
  type GeneratorMethodDecorator,
  measuredStage,
  type StageMetricsOptions,
  timedStage,
} from './metrics.ts';
export { breakerOf, circuitBreaker, fallback, retry, timeout } from './policies.ts';
export { type ComponentDecorator, register } from './register.ts';
export type { AsyncMethodDecorator, MethodDecorator } from './policies.ts';
