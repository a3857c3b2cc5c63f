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
  abstract readonly name: string;

  /** Whether `execute` takes, third, the policy that stands between it and the call. */
  get takesInner(): boolean {
    return true;
  }

  /** Runs a call; `inner` is the policy that `wrap` puts within this one. */
  abstract execute<T>(attempt: Attempt<T>, signal?: AbortSignal, inner?: Policy): Promise<T>;

  /** As `execute`, for a call with these arguments, which the key of a fallback may be made of. */
  executeWith<T>(_args: readonly unknown[], attempt: Attempt<T>, signal?: AbortSignal): Promise<T> {
    return this.execute(attempt, signal);
  }

  /**
   * The function under this policy. Where its last argument is an `AbortSignal`, that of the policy
   * takes its place, so that the call hears when it is given up.
   */
  wrap<This, A extends unknown[], R>(
    fn: (this: This, ...args: A) => R | Promise<R>,
  ): (this: This, ...args: A) => Promise<R> {
    const execute = (args: A, attempt: Attempt<R>, signal?: AbortSignal): Promise<R> =>
      this.executeWith(args, attempt, signal);
    // What it throws at once `started` makes a rejection; an asynchronous frame would cost most here.
    return function (...args) {
      const last = args.at(-1);
      if (!(last instanceof AbortSignal))
        return execute(args, () => promised(fn.apply(this, args)));
      return execute(args, (signal) => promised(fn.apply(this, args.with(-1, signal) as A)), last);
    };
  }
}

function promised<R>(result: R | Promise<R>): Promise<R> {
  return Promise.resolve(result);
}
