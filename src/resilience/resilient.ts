import type { Policy } from '../core/index.ts';
import { type BulkheadOptions, bulkhead } from './bulkhead.ts';
import type { CircuitBreakerOptions } from './circuit-breaker/options.ts';
import { circuitBreaker } from './circuit-breaker.ts';
import { type FallbackOptions, fallback } from './fallback.ts';
import { type HedgeOptions, hedge } from './hedge.ts';
import { checkNames } from './options.ts';
import type { PolicyOptions } from './policy.ts';
import { type RateLimitOptions, rateLimit } from './rate-limit.ts';
import { type RetryOptions, retry } from './retry.ts';
import { type TimeoutOptions, timeout } from './timeout.ts';
import { Wrapped } from './wrap.ts';

/** Each part by its options, or as a policy made before, which others may share. */
export interface ResilientOptions extends PolicyOptions {
  readonly fallback?: FallbackOptions | Policy | undefined;
  /** How long a call may take with all its retries. */
  readonly totalTimeout?: TimeoutOptions | Policy | undefined;
  readonly bulkhead?: BulkheadOptions | Policy | undefined;
  readonly breaker?: CircuitBreakerOptions | Policy | undefined;
  readonly retry?: RetryOptions | Policy | undefined;
  readonly rateLimit?: RateLimitOptions | Policy | undefined;
  readonly hedge?: HedgeOptions | Policy | undefined;
  /** How long one attempt may take. */
  readonly timeout?: TimeoutOptions | Policy | undefined;
}

type Shared = 'name' | 'onEvent' | 'clock' | 'random';

interface Part {
  readonly make: (options: never) => Policy;
  /** What it takes of the options of the whole. */
  readonly shares: readonly Shared[];
}

/** From the outermost to the innermost. */
const parts: Readonly<Record<Exclude<keyof ResilientOptions, Shared>, Part>> = {
  fallback: { make: fallback, shares: ['name', 'onEvent'] },
  totalTimeout: { make: timeout, shares: ['name', 'onEvent', 'clock'] },
  bulkhead: { make: bulkhead, shares: ['name', 'onEvent'] },
  breaker: { make: circuitBreaker, shares: ['name', 'onEvent', 'clock', 'random'] },
  retry: { make: retry, shares: ['name', 'onEvent', 'clock', 'random'] },
  rateLimit: { make: rateLimit, shares: ['name', 'onEvent', 'clock'] },
  hedge: { make: hedge, shares: ['name', 'onEvent', 'clock'] },
  timeout: { make: timeout, shares: ['name', 'onEvent', 'clock'] },
};

/**
 * One policy of the parts that are given, always in the same order, from the outside: fallback, total
 * timeout, bulkhead, breaker, retry, rate limit, hedge, timeout. So a call with all its retries is one
 * success or failure to the breaker, and each attempt has the whole of `timeout` for itself. Name,
 * listener, clock and random go to every part that has none of its own.
 */
export function resilient(options: ResilientOptions): Wrapped {
  checkNames('resilient', options, ['name', 'onEvent', 'clock', 'random', ...Object.keys(parts)]);
  const policies = Object.entries(parts).flatMap(([name, part]) => {
    const given = options[name as keyof typeof parts];
    return given === undefined ? [] : [policyOf(given, part, options)];
  });
  return new Wrapped(options.name ?? 'resilient', policies);
}

function policyOf(given: object, { make, shares }: Part, whole: ResilientOptions): Policy {
  if (typeof (given as Partial<Policy> | null)?.execute === 'function') return given as Policy;
  if (typeof given !== 'object' || given === null) return make(given as never);
  const shared = shares.filter((name) => whole[name] !== undefined);
  const inherited = Object.fromEntries(shared.map((name) => [name, whole[name]]));
  return make({ ...inherited, ...given } as never);
}
