import type { Policy } from '../core/index.ts';
import { PipelineError } from '../errors.ts';
import type { Fallback } from './fallback.ts';
import { AsyncPolicy, type Attempt, neverAborted, started } from './policy.ts';

/** Made by `wrap(…)` and `resilient(…)`. */
export class Wrapped extends AsyncPolicy {
  readonly name: string;
  /** The outermost first; none of them is made of others. */
  readonly policies: readonly Policy[];
  /** All of them as one, and all but the outermost. */
  readonly #whole: Policy | undefined;
  readonly #within: Policy | undefined;

  constructor(name: string, policies: readonly Policy[]) {
    super();
    this.name = name;
    this.policies = policies.flatMap((policy) => policiesOf(policy));
    // Nested here and not at each call, which then needs no function of its own between two.
    this.#within = nested(this.policies.slice(1));
    this.#whole = nested(this.policies);
  }

  override get takesInner(): boolean {
    return false;
  }

  override executeWith<T>(
    args: readonly unknown[],
    attempt: Attempt<T>,
    signal: AbortSignal = neverAborted,
  ): Promise<T> {
    const outermost = this.policies[0] as Partial<Fallback> | undefined;
    if (outermost?.executeWith === undefined || outermost instanceof AsyncPolicy)
      return this.execute(attempt, signal);
    return outermost.executeWith(args, attempt, signal, this.#within);
  }

  override execute<T>(attempt: Attempt<T>, signal: AbortSignal = neverAborted): Promise<T> {
    return started(attempt, signal, this.#whole);
  }
}

function nested(policies: readonly Policy[]): Policy | undefined {
  return policies.reduceRight<Policy | undefined>(
    (inner, outer) => (inner === undefined ? outer : around(outer, inner)),
    undefined,
  );
}

function around(outer: Policy, inner: Policy): Policy {
  if ((outer as Partial<AsyncPolicy>).takesInner === true) {
    const policy = outer as AsyncPolicy;
    return { execute: (attempt, signal) => policy.execute(attempt, signal, inner) };
  }
  return {
    execute: (attempt, signal) => outer.execute((given) => inner.execute(attempt, given), signal),
  };
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
