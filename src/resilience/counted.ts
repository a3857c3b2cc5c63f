import { isRetryExhaustedError } from './errors.ts';

const counted = new WeakSet<object>();

/** Notes that a breaker has counted this error as a failure of what it stands before. */
export function markCounted(error: unknown): void {
  if (typeof error === 'object' && error !== null) counted.add(error);
}

/** Whether a breaker has counted it, or the error that a retry outside of the breaker ended with. */
export function isCounted(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  return counted.has(error) || (isRetryExhaustedError(error) && isCounted(error.cause));
}
