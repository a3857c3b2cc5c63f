/** Runs a call under a rule: a retry, a breaker, a timeout. Policies nest. */
export interface Policy {
  /** Runs `attempt`, perhaps often, perhaps never; rejects with `signal.reason` once aborted. */
  execute<T>(attempt: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
}
