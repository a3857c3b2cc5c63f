import type { Clock, Policy } from '../core/index.ts';
import type { CircuitBreaker, Fallback, Retry } from '../resilience/index.ts';
import { policiesOf } from '../resilience/policy.ts';

// By what they have and not by class: whoever describes a pipeline loads no policy.

export function breakersOf(policy: Policy): CircuitBreaker[] {
  return policiesOf(policy).filter(isBreaker);
}

/** What retries count in, which several may share. */
export function retriesOf(policies: readonly Policy[]): Retry['stats'][] {
  const retries = policies.flatMap((policy) => policiesOf(policy)).filter(isRetry);
  return [...new Set(retries.map(({ stats }) => stats))];
}

/** The policies in one whose times pass by another clock than this, with the name of each. */
export function otherClocksIn(policy: Policy, clock: Clock): string[] {
  return policiesOf(policy).flatMap((one) => {
    const { name = 'policy', strategy, clock: own = strategy?.clock } = one as Timed;
    return own === undefined || own === clock ? [] : [name];
  });
}

interface Timed {
  readonly name?: string;
  readonly clock?: Clock;
  readonly strategy?: { readonly clock?: Clock };
}

/** The fallback of a policy, wherever it stands in it. */
export function fallbackOf(policy: Policy): Fallback | undefined {
  return policiesOf(policy).find(isFallback);
}

function isBreaker(policy: Policy): policy is CircuitBreaker {
  const { reportStatus, retryAfterMs } = policy as Partial<CircuitBreaker>;
  return typeof reportStatus === 'function' && typeof retryAfterMs === 'number';
}

function isRetry(policy: Policy): policy is Retry {
  return typeof (policy as Partial<Retry>).stats?.summary === 'function';
}

function isFallback(policy: Policy): policy is Fallback {
  return typeof (policy as Partial<Fallback>).strategy?.handleFailure === 'function';
}
