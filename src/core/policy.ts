/** Runs a call under a rule: a retry, a breaker, a timeout. Policies nest. */
export interface Policy {
  /** Runs `attempt`, perhaps often, perhaps never; rejects with `signal.reason` once aborted. */
  execute<T>(attempt: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
}

/** Of a circuit breaker: lets calls through, refuses them, or lets a few through to see. */
export type BreakerState = 'closed' | 'open' | 'half-open';
