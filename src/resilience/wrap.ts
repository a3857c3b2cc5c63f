import type { Policy } from '../core/index.ts';
import { PipelineError } from '../errors.ts';
import { AsyncPolicy, type Attempt, neverAborted } from './policy.ts';

/** Made by `wrap(…)` and `resilient(…)`. */
export class Wrapped extends AsyncPolicy {
  readonly name: string;
  /** The outermost first; none of them is made of others. */
  readonly policies: readonly Policy[];

  constructor(name: string, policies: readonly Policy[]) {
    super();
    this.name = name;
    this.policies = policies.flatMap((policy) => policiesOf(policy));
  }

  execute<T>(attempt: Attempt<T>, signal: AbortSignal = neverAborted): Promise<T> {
    return this.#within(0, attempt, signal);
  }

  #within<T>(depth: number, attempt: Attempt<T>, signal: AbortSignal): Promise<T> {
    const policy = this.policies[depth];
    if (policy === undefined) return attempt(signal);
    if (depth === this.policies.length - 1) return policy.execute(attempt, signal);
    // A bound function takes less than a closure.
    return policy.execute(this.#within.bind(this, depth + 1, attempt) as Attempt<T>, signal);
  }
}

/** The policies that one is made of, the outermost first: itself, unless it was wrapped. */
export function policiesOf(policy: Policy): readonly Policy[] {
  return policy instanceof Wrapped ? policy.policies : [policy];
}

/**
 * One policy made of several, the first outermost: `wrap(breaker, retry())` counts a call and its
 * retries as one, `wrap(retry(), breaker)` counts each attempt.
 */
export function wrap(...policies: readonly Policy[]): Wrapped {
  for (const policy of policies as readonly unknown[]) {
    if (typeof (policy as Policy | null | undefined)?.execute === 'function') continue;
    throw new PipelineError({
      code: 'ERR_CONFIG_INVALID',
      place: 'wrap',
      fact: `${policy === null ? 'null' : `a value of type ${typeof policy}`} is no policy`,
      remedy: 'give what `retry()`, `circuitBreaker()` and the others make, the outermost first',
    });
  }
  return new Wrapped('wrap', policies);
}
