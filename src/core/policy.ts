/** Runs a call under a rule: a retry, a breaker, a timeout. Policies nest. */
export interface Policy {
  /** Runs `attempt`, perhaps often, perhaps never; rejects with `signal.reason` once aborted. */
  execute<T>(attempt: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
}

/** A component whose own calls are under policies. */
export interface PolicyHolder {
  /** Those policies, for the figures and alerts of a run; asked once, when the component is made. */
  policies?(): readonly Policy[];
}

/** Of a circuit breaker: lets calls through, refuses them, or lets a few through to see. */
export type BreakerState = 'closed' | 'open' | 'half-open';
