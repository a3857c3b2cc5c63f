export {
  BulkheadFullError,
  CircuitOpenError,
  isBulkheadFullError,
  isCircuitOpenError,
  isRateLimitedError,
  isRetryExhaustedError,
  isTimeoutError,
  RateLimitedError,
  RetryExhaustedError,
  TimeoutError,
} from './errors.ts';
export type { BreakerState, PolicyEvent, PolicyListener, RetryStop } from './events.ts';
export type { Attempt, PolicyOptions } from './policy.ts';
