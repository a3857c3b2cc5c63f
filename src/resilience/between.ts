import { neverAborted } from './policy.ts';

/** What to do when a call ends: with its value, or with its error, which may become a value. */
export interface Ends {
  readonly succeed: <T>(value: T) => T;
  readonly fail: (error: unknown) => unknown;
}

const AsyncFunction = (async () => {}).constructor;

/**
 * The function with something done before each call and when it ends. A synchronous one stays so.
 * Where `begin` refuses the call, one that is known to return promises rejects, and another throws.
 */
export function between<This, A extends unknown[], R>(
  fn: (this: This, ...args: A) => R,
  begin: (args: A, signal: AbortSignal) => Ends,
): (this: This, ...args: A) => R {
  // A refused call does not show what the function returns; those before it did.
  let isAsync = fn instanceof AsyncFunction;
  return function (...args) {
    const last = args.at(-1);
    let ends: Ends;
    try {
      ends = begin(args, last instanceof AbortSignal ? last : neverAborted);
    } catch (refusal) {
      if (isAsync) return Promise.reject(refusal as Error) as R;
      throw refusal;
    }
    let result: R;
    try {
      result = fn.apply(this, args);
      isAsync = isPromise(result);
    } catch (error) {
      // What has returned promises before is to return one now, too.
      return (isAsync ? Promise.reject(error as Error).catch(ends.fail) : ends.fail(error)) as R;
    }
    if (!isAsync) return ends.succeed(result);
    return Promise.resolve(result).then(ends.succeed, ends.fail) as R;
  };
}

/** Whether a function that returned this is asynchronous. */
function isPromise(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return typeof (value as { then?: unknown }).then === 'function';
}
