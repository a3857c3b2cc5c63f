// Checked by the compiler alone: what policies make of a function, and what they refuse.
import type { Policy } from '../../src/core/index.ts';
import {
  bulkhead,
  circuitBreaker,
  constant,
  fallback,
  hedge,
  rateLimit,
  resilient,
  type ResilientOptions,
  retry,
  timeout,
  wrap,
} from '../../src/resilience/index.ts';

const length = (text: string): number => text.length;
const later = async (text: string): Promise<number> => text.length;
const breaker = circuitBreaker();
const zero = fallback({ strategy: constant(0) });
declare const policy: Policy;
declare const options: ResilientOptions;

type Synchronous = (text: string) => number;
type Asynchronous = (text: string) => Promise<number>;

export const synchronous: Synchronous[] = [
  wrap(breaker, zero).wrap(length),
  wrap(zero, wrap(breaker)).wrap(length),
  resilient({ name: 'both', breaker: {}, fallback: zero }).wrap(length),
];

export const asynchronous: Asynchronous[] = [
  wrap(breaker, zero).wrap(later),
  wrap(zero, breaker, retry()).wrap(length),
  wrap(zero, wrap(breaker, timeout({ timeoutMs: 1 }))).wrap(length),
  wrap(policy, retry()).wrap(length),
  resilient({ breaker: {}, retry: {} }).wrap(length),
  resilient({ breaker: {}, timeout: { timeoutMs: 1 } }).wrap(later),
];

// Which policies these are is not known: they may leave it synchronous, or not.
export const either: ((text: string) => number | Promise<number>)[] = [
  wrap(policy).wrap(length),
  resilient(options).wrap(length),
];
// @ts-expect-error it may be a promise
export const notSynchronous: Synchronous = wrap(policy).wrap(length);
// @ts-expect-error it may be none
export const notAsynchronous: Asynchronous = resilient(options).wrap(length);

// @ts-expect-error an option that is none
export const misspelt: unknown = resilient({ breaker: {}, rety: {} });
// @ts-expect-error another policy
export const mistaken: unknown = resilient({ retry: timeout({ timeoutMs: 1 }) });

export const policies: unknown[] = [
  // @ts-expect-error a policy is no options
  retry(timeout({ timeoutMs: 1 })),
  // @ts-expect-error a policy is no options
  circuitBreaker(retry()),
  // @ts-expect-error a policy is no options
  timeout(timeout({ timeoutMs: 1 })),
  // @ts-expect-error a policy is no options
  bulkhead(bulkhead({ concurrentMax: 1 })),
  // @ts-expect-error a policy is no options
  rateLimit(rateLimit({ callsMax: 1, perMs: 1 })),
  // @ts-expect-error a policy is no options
  hedge(hedge({ afterMs: 1 })),
  // @ts-expect-error a policy is no options
  fallback(zero),
];

// @ts-expect-error a promise is no answer
export const asyncRetryOn: unknown = retry({ retryOn: async () => true });
// @ts-expect-error a promise is no answer
export const asyncFailureOn: unknown = circuitBreaker({ failureOn: async () => true });
// @ts-expect-error it is no function
export const executed: unknown = wrap(retry(), breaker).execute({});
// @ts-expect-error it is no function
export const wrapped: unknown = retry().wrap(3);
