import type { Clock, Policy, Random } from '../core/index.ts';
import type { PolicyListener } from './events.ts';

/** A call under a policy; the signal aborts when its caller gives it up. */
export type Attempt<T> = (signal: AbortSignal) => Promise<T>;

/** What every policy is told. */
export interface PolicyOptions {
  /** For events, statistics and errors. */
  readonly name?: string | undefined;
  /** Told of what the policy does, at once; what it throws is ignored. */
  readonly onEvent?: PolicyListener | undefined;
  /** The system's unless given. */
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  /** A policy is no options. */
  readonly execute?: never;
}

/** The function that makes a policy. */
export type PolicyKind =
  'retry' | 'circuitBreaker' | 'timeout' | 'bulkhead' | 'rateLimit' | 'hedge' | 'fallback';

export function isPolicy(value: unknown): value is Policy {
  return typeof (value as Partial<Policy> | null | undefined)?.execute === 'function';
}

/** What made a policy; undefined where that is none of ours, or it is made of several. */
export function kindOf(policy: Policy): PolicyKind | undefined {
  return (policy as Partial<AsyncPolicy>).kind;
}

/** The signal of a call that nobody can give up. */
export const neverAborted: AbortSignal = new AbortController().signal;

/**
 * Starts an attempt, under the policy within, if any; where it throws at once, or is not
 * asynchronous, it is a promise all the same.
 */
export function started<T>(attempt: Attempt<T>, signal: AbortSignal, inner?: Policy): Promise<T> {
  try {
    return Promise.resolve(inner === undefined ? attempt(signal) : inner.execute(attempt, signal));
  } catch (error) {
    return Promise.reject(error as Error);
  }
}

/** A policy that makes every function asynchronous. */
export abstract class AsyncPolicy implements Policy {
  abstract readonly kind: PolicyKind;
  abstract readonly name: string;

  /** Whether `execute` takes, third, the policy that stands between it and the call. */
  get takesInner(): boolean {
    return true;
  }

  /** Runs a call; `inner` is the policy that `wrap` puts within this one. */
  abstract execute<T>(attempt: Attempt<T>, signal?: AbortSignal, inner?: Policy): Promise<T>;

  /**
   * The function under this policy. Where its last argument is an `AbortSignal`, that of the policy
   * takes its place, so that the call hears when it is given up.
   */
  wrap<This, A extends unknown[], R>(
    fn: (this: This, ...args: A) => R | Promise<R>,
  ): (this: This, ...args: A) => Promise<R> {
    return asynchronous(fn, (_args, attempt, signal) => this.execute(attempt, signal));
  }
}

/**
 * The function, asynchronous: each call is run by `execute`. Where its last argument is an
 * `AbortSignal`, the one that `execute` gives takes its place.
 */
export function asynchronous<This, A extends unknown[], R>(
  fn: (this: This, ...args: A) => R | Promise<R>,
  execute: (args: A, attempt: Attempt<R>, signal?: AbortSignal) => Promise<R>,
): (this: This, ...args: A) => Promise<R> {
  // What it throws at once `started` makes a rejection; an asynchronous frame would cost most here.
  return function (...args) {
    const last = args.at(-1);
    if (!(last instanceof AbortSignal)) return execute(args, () => promised(fn.apply(this, args)));
    return execute(args, (signal) => promised(fn.apply(this, args.with(-1, signal) as A)), last);
  };
}

function promised<R>(result: R | Promise<R>): Promise<R> {
  return Promise.resolve(result);
}
