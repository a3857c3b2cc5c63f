import type { BreakerState } from '../core/index.ts';

/** Why a retry was not made. */
export type RetryStop = 'exhausted' | 'propagated' | 'suppressed' | 'out-of-time';

/** Why a breaker changed its state. Where it is held or released, it may be in it already. */
export type BreakerReason =
  | 'rule'
  | 'time-passed'
  | 'probe-failed'
  | 'probe-expired'
  | 'probes-succeeded'
  | 'held'
  | 'released'
  | 'restored';

/** What a policy does, declared once: each has the policy's name. */
export type PolicyEvent =
  | {
      readonly type: 'retry.scheduled';
      readonly name: string;
      /** The attempt that failed, from 1. */
      readonly attempt: number;
      readonly delayMs: number;
      readonly error: unknown;
    }
  | {
      readonly type: 'retry.stopped';
      readonly name: string;
      readonly attempts: number;
      readonly reason: RetryStop;
      readonly error: unknown;
    }
  | {
      readonly type: 'breaker.changed';
      readonly name: string;
      readonly from: BreakerState;
      readonly to: BreakerState;
      readonly reason: BreakerReason;
    }
  | { readonly type: 'breaker.refused'; readonly name: string; readonly retryAfterMs: number }
  | { readonly type: 'timeout.expired'; readonly name: string; readonly timeoutMs: number }
  | { readonly type: 'bulkhead.refused'; readonly name: string }
  | { readonly type: 'rate.refused'; readonly name: string; readonly retryAfterMs: number }
  | { readonly type: 'hedge.started'; readonly name: string; readonly attempt: number }
  | {
      readonly type: 'fallback.substituted';
      readonly name: string;
      readonly key: string;
      readonly strategy: string;
      readonly error: unknown;
    }
  | {
      readonly type: 'fallback.dropped';
      readonly name: string;
      readonly key: string;
      readonly strategy: string;
      /** A `DropReason`, or what a strategy of one's own says. */
      readonly reason: string;
      readonly error: unknown;
    };

/** Is told of what a policy does, at once and in order. */
export type PolicyListener = (event: PolicyEvent) => void;
