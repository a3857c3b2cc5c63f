import type { Policy } from '../core/index.ts';
import { checkWrapped } from './given-function.ts';
import type { Attempt, PolicyKind } from './policy.ts';

/** A policy that makes every function asynchronous. */
export abstract class AsyncPolicy implements Policy {
  abstract readonly kind: PolicyKind;
  abstract readonly name: string;
  /** What it was made with, the defaults too: plain data, to be shown. */
  abstract get options(): object;

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
    checkWrapped(this.name, fn);
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
