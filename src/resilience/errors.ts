import { type ErrorCode, type ErrorFacts, isPipelineError, PipelineError } from '../errors.ts';

/** What the error of a policy says beside its own figures. */
type Facts = Omit<ErrorFacts, 'code'>;

/** Every attempt failed; the last failure is the cause. */
export class RetryExhaustedError extends PipelineError {
  readonly attempts: number;
  /** Milliseconds waited between the attempts. */
  readonly totalDelayMs: number;

  constructor(facts: Facts, attempts: number, totalDelayMs: number) {
    super({ ...facts, code: 'ERR_RETRY_EXHAUSTED' });
    this.attempts = attempts;
    this.totalDelayMs = totalDelayMs;
  }
}

/** A circuit breaker is open and let nothing through. */
export class CircuitOpenError extends PipelineError {
  /** The breaker's name. */
  readonly breaker: string;
  /** Milliseconds until it may be tried again; Infinity where it is held open by hand. */
  readonly retryAfterMs: number;

  constructor(facts: Facts, retryAfterMs: number) {
    super({ retryable: true, ...facts, code: 'ERR_CIRCUIT_OPEN' });
    this.breaker = facts.place;
    this.retryAfterMs = retryAfterMs;
  }
}

/** A call did not finish in the time it was given. */
export class TimeoutError extends PipelineError {
  readonly timeoutMs: number;

  constructor(facts: Facts, timeoutMs: number) {
    super({ retryable: true, ...facts, code: 'ERR_TIMEOUT' });
    this.timeoutMs = timeoutMs;
  }
}

/** As many calls as may run at a time, and wait for their turn, do so already. */
export class BulkheadFullError extends PipelineError {
  constructor(facts: Facts) {
    super({ retryable: true, ...facts, code: 'ERR_BULKHEAD_FULL' });
  }
}

/** As many calls as the rate allows have been made. */
export class RateLimitedError extends PipelineError {
  /** Milliseconds until the rate allows another. */
  readonly retryAfterMs: number;

  constructor(facts: Facts, retryAfterMs: number) {
    super({ retryable: true, ...facts, code: 'ERR_RATE_LIMITED' });
    this.retryAfterMs = retryAfterMs;
  }
}

// By code and never by class: another installed copy has classes of its own.

/** True for a `RetryExhaustedError` of any installed copy of Millrace. */
export function isRetryExhaustedError(value: unknown): value is RetryExhaustedError {
  return hasCode(value, 'ERR_RETRY_EXHAUSTED');
}

/** True for a `CircuitOpenError` of any installed copy of Millrace. */
export function isCircuitOpenError(value: unknown): value is CircuitOpenError {
  return hasCode(value, 'ERR_CIRCUIT_OPEN');
}

/** True for a `TimeoutError`, or another error that says a time was up, of any installed copy. */
export function isTimeoutError(value: unknown): value is TimeoutError {
  return hasCode(value, 'ERR_TIMEOUT');
}

/** True for a `BulkheadFullError` of any installed copy of Millrace. */
export function isBulkheadFullError(value: unknown): value is BulkheadFullError {
  return hasCode(value, 'ERR_BULKHEAD_FULL');
}

/** True for a `RateLimitedError` of any installed copy of Millrace. */
export function isRateLimitedError(value: unknown): value is RateLimitedError {
  return hasCode(value, 'ERR_RATE_LIMITED');
}

function hasCode(value: unknown, code: ErrorCode): boolean {
  try {
    return isPipelineError(value) && value.code === code;
  } catch {
    // A proxy that shows nothing.
    return false;
  }
}
