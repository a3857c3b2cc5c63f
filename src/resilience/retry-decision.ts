import { type Backoff, backoffMs, type BackoffState } from './backoff.ts';
import type { RetryStop } from './events.ts';

/** When to go on, and after how long: what a retry is told once. */
export interface RetryRule extends Backoff {
  readonly maxAttempts: number;
  /** From the start of the call; Infinity where it has no limit. */
  readonly totalMsMax: number;
}

/** A call whose last attempt has just failed. */
export interface RetryState extends BackoffState {
  /** Whether the error is one of those that are retried. */
  readonly isRetryable: boolean;
  /** Since the call began. */
  readonly elapsedMs: number;
  /** What the error asks for; 0 where it asks for nothing. */
  readonly retryAfterMs: number;
  /** Whether the budget has a retry left. */
  readonly isInBudget: boolean;
}

/** Stop, or wait this long. */
export type RetryDecision = { readonly stop: RetryStop } | { readonly waitMs: number };

/** What to do about a failed attempt. Nothing but its arguments decides, and it changes nothing. */
export function decideRetry(rule: RetryRule, state: RetryState): RetryDecision {
  if (!state.isRetryable) return { stop: 'propagated' };
  if (state.attempts >= rule.maxAttempts) return { stop: 'exhausted' };
  // Sooner than it was asked to is of no use, and longer than its limit no caller wants to wait.
  if (state.retryAfterMs > rule.delayMsMax) return { stop: 'out-of-time' };
  const waitMs = Math.max(backoffMs(rule, state), state.retryAfterMs);
  if (state.elapsedMs + waitMs > rule.totalMsMax) return { stop: 'out-of-time' };
  return state.isInBudget ? { waitMs } : { stop: 'suppressed' };
}
