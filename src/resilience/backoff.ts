/** How chance spreads the waits of callers that failed together. */
export type Jitter = 'none' | 'full' | 'equal' | 'decorrelated';

export const jitters: readonly Jitter[] = ['none', 'full', 'equal', 'decorrelated'];

/** How long to wait after each failure. */
export interface Backoff {
  readonly baseDelayMs: number;
  readonly delayMsMax: number;
  readonly jitter: Jitter;
}

/** What a wait depends on. */
export interface BackoffState {
  /** Failures so far, from 1. */
  readonly attempts: number;
  /** The wait before this one; 0 before the first. */
  readonly previousDelayMs: number;
  /** Uniform in [0, 1). */
  readonly chance: number;
}

/**
 * Milliseconds to wait before the next attempt: base, 2·base, 4·base … up to the limit, then spread
 * by the jitter (Brooker, "Exponential backoff and jitter", AWS 2015).
 */
export function backoffMs(
  { baseDelayMs, delayMsMax, jitter }: Backoff,
  { attempts, previousDelayMs, chance }: BackoffState,
): number {
  // Beyond 2^1000 any base is at its limit, and 0 times Infinity would be no number.
  const fullMs = Math.min(delayMsMax, baseDelayMs * 2 ** Math.min(attempts - 1, 1000));
  switch (jitter) {
    case 'none':
      return fullMs;
    case 'full':
      return chance * fullMs;
    case 'equal':
      return fullMs / 2 + (chance * fullMs) / 2;
    case 'decorrelated': {
      const upTo = 3 * Math.max(baseDelayMs, previousDelayMs);
      return Math.min(delayMsMax, baseDelayMs + chance * (upTo - baseDelayMs));
    }
  }
}
