export type { Jitter } from './backoff.ts';
export { type CircuitBreaker, circuitBreaker } from './circuit-breaker.ts';
export {
  anyOf,
  consecutiveFailures,
  failureRate,
  type FailureRateOptions,
  type OpeningRule,
  type RuleMemory,
  slowCallRate,
  type SlowCallRateOptions,
} from './circuit-breaker/opening-rules.ts';
export type { CircuitBreakerOptions } from './circuit-breaker/options.ts';
export type {
  CircuitBreakerMetrics,
  CircuitBreakerSnapshot,
  CircuitBreakerStatus,
} from './circuit-breaker/snapshot.ts';
export type { WindowSize } from './circuit-breaker/windows.ts';
export {
  chain,
  constant,
  dropStrategy,
  type HistoryOptions,
  interpolated,
  type InterpolatedOptions,
  lastKnownGood,
  type LastKnownGoodOptions,
} from './degradation.ts';
export type {
  BuiltInStrategy,
  DegradationStrategy,
  DegradationSummary,
  DropReason,
  Quality,
  Substitute,
  SubstituteMarks,
} from './degradation/strategy.ts';
export type { ErrorClass, ErrorMatch } from './error-match.ts';
export { isPipelineError, PipelineError } from '../errors.ts';
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
export type { BreakerState } from '../core/index.ts';
export type { BreakerReason, PolicyEvent, PolicyListener, RetryStop } from './events.ts';
export { type Fallback, fallback, type FallbackOptions } from './fallback.ts';
export type { Attempt, PolicyKind, PolicyOptions } from './policy.ts';
export { type Retry, retry, type RetryOptions } from './retry.ts';
export { type RetryBudget, retryBudget, type RetryBudgetOptions } from './retry-budget.ts';
export { RetryRegistry, retryRegistry, type RetryRegistryOptions } from './retry-registry.ts';
export { printRetryReport, type RetryReportOptions } from './retry-report.ts';
export { type AttemptOutcome, RetryStats, type RetrySummary } from './retry-stats.ts';
export { type Bulkhead, bulkhead, type BulkheadOptions } from './bulkhead.ts';
export { type Hedge, hedge, type HedgeOptions } from './hedge.ts';
export { type RateLimit, rateLimit, type RateLimitOptions } from './rate-limit.ts';
export { type Timeout, timeout, type TimeoutOptions } from './timeout.ts';
export { wrap, type Wrapped } from './wrap.ts';
export { resilient, type ResilientOptions } from './resilient.ts';
export {
  ResilientSensorClient,
  type ResilientSensorClientOptions,
  type SensorClientSummary,
  type SensorRead,
} from './sensor-client.ts';
