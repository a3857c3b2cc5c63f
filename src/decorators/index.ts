// Where the platform has no `Symbol.metadata`, compilers look for this one.
(Symbol as { metadata?: symbol }).metadata ??= Symbol.for('Symbol.metadata');

export { breakerOf, circuitBreaker, fallback, retry, timeout } from './policies.ts';
export type { AsyncMethodDecorator, MethodDecorator } from './policies.ts';
