import {
  type BulkheadFullError,
  type CircuitOpenError,
  isBulkheadFullError,
  isCircuitOpenError,
  isRateLimitedError,
  isRetryExhaustedError,
  type RateLimitedError,
} from './errors.ts';
import { functionAsync, functionFailed } from './given-function.ts';
import { badOption, shownFunction } from './options.ts';

/** A class of errors, as `TypeError`. */
export type ErrorClass = abstract new (...args: never[]) => unknown;

/** Which errors a policy is about: those of some classes, or those that a function says yes to. */
export type ErrorMatch = readonly ErrorClass[] | ((error: unknown) => boolean);

const allowed = 'a list of classes, as `[TypeError]`, or a function of the error';

/**
 * The test that an option stands for; throws `ERR_CONFIG_INVALID` where it stands for none. The test
 * throws `ERR_POLICY_FUNCTION` where the function of the option throws, or answers with a promise.
 */
export function errorTest(
  policy: string,
  option: string,
  match: ErrorMatch,
): (error: unknown) => boolean {
  if (typeof match === 'function') {
    // A class is a function, too, and would answer yes to everything or throw.
    const { prototype } = match as { prototype?: unknown };
    if (prototype === Error.prototype || prototype instanceof Error) {
      throw badOption(policy, option, match, allowed);
    }
    return answered(`${policy}.${option}`, match);
  }
  if (!Array.isArray(match) || !match.every((one) => typeof one === 'function')) {
    throw badOption(policy, option, match, allowed);
  }
  const classes = [...match];
  return answered(`${policy}.${option}`, (error) => classes.some((one) => error instanceof one));
}

/** Which errors are meant, by the names of the classes or of the function. */
export function shownMatch(match: ErrorMatch | undefined): string | string[] | undefined {
  if (match === undefined) return undefined;
  return typeof match === 'function' ? shownFunction(match) : match.map(shownFunction);
}

function answered(place: string, test: (error: unknown) => boolean): (error: unknown) => boolean {
  return (error) => {
    let answer: unknown;
    try {
      answer = test(error);
    } catch (thrown) {
      throw functionFailed(place, thrown, error);
    }
    if (!(answer instanceof Promise)) return answer as boolean;
    // What it rejects with is nobody's to hear.
    answer.catch(() => {});
    throw functionAsync(place, error);
  };
}

/** A policy let nothing through: no failure of what is called, which was not called. */
export function isRefusal(error: unknown): boolean {
  return refusalIn(error) !== undefined;
}

/** The refusal that an error is, or that a retry ended with. */
export function refusalIn(
  error: unknown,
): CircuitOpenError | BulkheadFullError | RateLimitedError | undefined {
  if (isRetryExhaustedError(error)) return refusalIn(error.cause);
  const isOne =
    isCircuitOpenError(error) || isBulkheadFullError(error) || isRateLimitedError(error);
  return isOne ? error : undefined;
}
