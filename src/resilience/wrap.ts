import type { Policy } from '../core/index.ts';
import { type AsyncPolicy, asynchronous } from './async-policy.ts';
import type { CircuitBreaker } from './circuit-breaker.ts';
import { PipelineError } from '../errors.ts';
import type { Fallback } from './fallback.ts';
import { checkWrapped, noFunction } from './given-function.ts';
import { describe } from './options.ts';
import {
  type Attempt,
  Composite,
  isPolicy,
  kindOf,
  neverAborted,
  policiesOf,
  started,
} from './policy.ts';

/** Under one of these a synchronous function stays so. */
type SynchronousPolicy = CircuitBreaker | Fallback;

/**
 * What a function that returns `R` returns under policies `P`: the same under breakers and fallbacks
 * alone, a promise where another is among them; either where that is not known.
 */
export type Returned<P extends Policy, R> = [P] extends [SynchronousPolicy]
  ? R
  : [Extract<P, AsyncPolicy>] extends [never]
    ? R | Promise<Awaited<R>>
    : Promise<Awaited<R>>;

/** Made by `wrap(…)` and `resilient(…)`. `P`: the policies that it is made of. */
export class Wrapped<P extends Policy = Policy> extends Composite<P> {
  readonly name: string;
  readonly policies: readonly P[];
  /** All of them as one, and all but the outermost. */
  readonly #whole: Policy | undefined;
  readonly #within: Policy | undefined;

  constructor(name: string, policies: readonly Policy[]) {
    super();
    this.name = name;
    this.policies = policies.flatMap((policy) => policiesOf(policy)) as readonly Policy[] as P[];
    // Nested here and not at each call, which then needs no function of its own between two.
    this.#within = nested(this.policies.slice(1));
    this.#whole = nested(this.policies);
  }

  execute<T>(attempt: Attempt<T>, signal: AbortSignal = neverAborted): Promise<T> {
    if (typeof attempt !== 'function') {
      return Promise.reject(noFunction(this.name, 'execute', attempt));
    }
    return started(attempt, signal, this.#whole);
  }

  /** As `execute`, for a call with these arguments, which the key of a fallback may be made of. */
  executeWith<T>(
    args: readonly unknown[],
    attempt: Attempt<T>,
    signal: AbortSignal = neverAborted,
  ): Promise<T> {
    const [outermost] = this.policies as readonly Partial<Fallback>[];
    if (outermost?.executeWith === undefined) return this.execute(attempt, signal);
    return outermost.executeWith(args, attempt, signal, this.#within);
  }

  /**
   * The function under these policies. A synchronous one stays so under breakers and fallbacks alone,
   * and becomes asynchronous where another is among them. Where its last argument is an
   * `AbortSignal`, that of the policies takes its place.
   */
  wrap<This, A extends unknown[], R>(
    fn: (this: This, ...args: A) => R,
  ): (this: This, ...args: A) => Returned<P, R> {
    type Wrapping = (this: This, ...args: A) => Returned<P, R>;
    checkWrapped(this.name, fn);
    const policies: readonly Policy[] = this.policies;
    if (policies.every(isSynchronous)) {
      return policies.reduceRight((inner, outer) => outer.wrap(inner), fn) as Wrapping;
    }
    return asynchronous<This, A, unknown>(fn, (args, attempt, signal) =>
      this.executeWith(args, attempt, signal),
    ) as Wrapping;
  }
}

function isSynchronous(policy: Policy): policy is SynchronousPolicy {
  const kind = kindOf(policy);
  return kind === 'circuitBreaker' || kind === 'fallback';
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

/** What policies are made of. */
type Parts<P extends Policy> = P extends Wrapped<infer Q> ? Q : P;

/**
 * One policy made of several, the first outermost: `wrap(breaker, retry())` counts a call and its
 * retries as one, `wrap(retry(), breaker)` counts each attempt.
 */
export function wrap<P extends readonly Policy[]>(...policies: P): Wrapped<Parts<P[number]>> {
  for (const policy of policies as readonly unknown[]) {
    if (!isPolicy(policy)) throw notWrapped(`${describe(policy)}, which is no policy`);
  }
  if (policies.length === 0) throw notWrapped('no policy');
  return new Wrapped('wrap', policies);
}

function notWrapped(given: string): PipelineError {
  return new PipelineError({
    code: 'ERR_CONFIG_INVALID',
    place: 'wrap',
    fact: `was given ${given}`,
    remedy: 'give what `retry()`, `circuitBreaker()` and the others make, the outermost first',
  });
}
