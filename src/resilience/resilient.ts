import type { Policy } from '../core/index.ts';
import { PipelineError } from '../errors.ts';
import type { AsyncPolicy } from './async-policy.ts';
import { type Bulkhead, type BulkheadOptions, bulkhead } from './bulkhead.ts';
import type { CircuitBreakerOptions } from './circuit-breaker/options.ts';
import { type CircuitBreaker, circuitBreaker } from './circuit-breaker.ts';
import { type Fallback, type FallbackOptions, fallback } from './fallback.ts';
import { type Hedge, type HedgeOptions, hedge } from './hedge.ts';
import { badOption, checkNames } from './options.ts';
import { isPolicy, kindOf, policiesOf, type PolicyKind, type PolicyOptions } from './policy.ts';
import { type RateLimit, type RateLimitOptions, rateLimit } from './rate-limit.ts';
import { type Retry, type RetryOptions, retry } from './retry.ts';
import { type Timeout, type TimeoutOptions, timeout } from './timeout.ts';
import { Wrapped } from './wrap.ts';

/** Each part by its options, or as a policy made before, which others may share. */
export interface ResilientOptions extends PolicyOptions {
  readonly fallback?: FallbackOptions | Fallback | Wrapped<Fallback> | undefined;
  /** How long a call may take with all its retries. */
  readonly totalTimeout?: TimeoutOptions | Timeout | Wrapped<Timeout> | undefined;
  readonly bulkhead?: BulkheadOptions | Bulkhead | Wrapped<Bulkhead> | undefined;
  readonly breaker?: CircuitBreakerOptions | CircuitBreaker | Wrapped<CircuitBreaker> | undefined;
  readonly retry?: RetryOptions | Retry | Wrapped<Retry> | undefined;
  readonly rateLimit?: RateLimitOptions | RateLimit | Wrapped<RateLimit> | undefined;
  readonly hedge?: HedgeOptions | Hedge | Wrapped<Hedge> | undefined;
  /** How long one attempt may take. */
  readonly timeout?: TimeoutOptions | Timeout | Wrapped<Timeout> | undefined;
}

/** The parts under which every function becomes asynchronous. */
type AsyncPart = 'totalTimeout' | 'bulkhead' | 'retry' | 'rateLimit' | 'hedge' | 'timeout';
type WithoutAsync = ResilientOptions & { readonly [K in AsyncPart]?: undefined };
type WithAsync = ResilientOptions &
  { [K in AsyncPart]: { readonly [_ in K]: NonNullable<ResilientOptions[K]> } }[AsyncPart];

type Shared = 'name' | 'onEvent' | 'clock' | 'random';

interface Part {
  readonly kind: PolicyKind;
  readonly make: (options: never) => Policy;
  /** What it takes of the options of the whole. */
  readonly shares: readonly Shared[];
}

/** From the outermost to the innermost. */
const parts: Readonly<Record<Exclude<keyof ResilientOptions, keyof PolicyOptions>, Part>> = {
  fallback: { kind: 'fallback', make: fallback, shares: ['name', 'onEvent'] },
  totalTimeout: { kind: 'timeout', make: timeout, shares: ['name', 'onEvent', 'clock'] },
  bulkhead: { kind: 'bulkhead', make: bulkhead, shares: ['name', 'onEvent'] },
  breaker: {
    kind: 'circuitBreaker',
    make: circuitBreaker,
    shares: ['name', 'onEvent', 'clock', 'random'],
  },
  retry: { kind: 'retry', make: retry, shares: ['name', 'onEvent', 'clock', 'random'] },
  rateLimit: { kind: 'rateLimit', make: rateLimit, shares: ['name', 'onEvent', 'clock'] },
  hedge: { kind: 'hedge', make: hedge, shares: ['name', 'onEvent', 'clock'] },
  timeout: { kind: 'timeout', make: timeout, shares: ['name', 'onEvent', 'clock'] },
};

/**
 * One policy of the parts that are given, always in the same order, from the outside: fallback, total
 * timeout, bulkhead, breaker, retry, rate limit, hedge, timeout. So a call with all its retries is one
 * success or failure to the breaker, and each attempt has the whole of `timeout` for itself. Name,
 * listener, clock and random go to every part that has none of its own.
 */
export function resilient(options: WithoutAsync): Wrapped<CircuitBreaker | Fallback>;
export function resilient(options: WithAsync): Wrapped<AsyncPolicy>;
export function resilient(options: ResilientOptions): Wrapped;
export function resilient(options: ResilientOptions): Wrapped {
  checkNames('resilient', options, ['name', 'onEvent', 'clock', 'random', ...Object.keys(parts)]);
  const policies = Object.entries(parts).flatMap(([name, part]) => {
    const given = options[name as keyof typeof parts];
    return given === undefined ? [] : [policyOf(name, given, part, options)];
  });
  const { name = 'resilient' } = options;
  if (policies.length === 0) {
    throw new PipelineError({
      code: 'ERR_CONFIG_INVALID',
      place: name,
      fact: 'has no part',
      remedy: `give one or more of ${Object.keys(parts).join(', ')}`,
    });
  }
  return new Wrapped(name, policies);
}

function policyOf(
  slot: string,
  given: object,
  { kind, make, shares }: Part,
  whole: ResilientOptions,
): Policy {
  if (isPolicy(given)) {
    const [policy, ...more] = policiesOf(given);
    if (policy !== undefined && more.length === 0 && kindOf(policy) === kind) return given;
    const allowed = `its options, or what \`${kind}()\` made`;
    throw badOption(whole.name ?? 'resilient', slot, given, allowed);
  }
  if (typeof given !== 'object' || given === null) return make(given as never);
  const shared = shares.filter((name) => whole[name] !== undefined);
  const inherited = Object.fromEntries(shared.map((name) => [name, whole[name]]));
  return make({ ...inherited, ...given } as never);
}
