import type { RetryStop } from './events.ts';
import { checkName, requireNumber, requireWord } from './options.ts';

/** What became of an attempt: another follows, or the call ended with it. */
export type AttemptOutcome = 'succeeded' | 'failed' | RetryStop;

const outcomes: readonly AttemptOutcome[] = [
  'succeeded',
  'failed',
  'exhausted',
  'propagated',
  'suppressed',
  'out-of-time',
];

/** The figures of one name. A call is counted when it ends; a rate is null where nothing divides it. */
export interface RetrySummary {
  readonly name: string;
  /** `successfulCalls + permanentFailures + propagated`. */
  readonly calls: number;
  readonly successfulCalls: number;
  /** Calls that were tried more than once. */
  readonly callsRetried: number;
  readonly attempts: number;
  /** Attempts but the first of each call. */
  readonly retries: number;
  /** Calls that succeeded after a retry. */
  readonly successfulRetries: number;
  /** Calls that ended with an error that is retried: no attempt, time or budget was left. */
  readonly permanentFailures: number;
  /** Calls that ended with an error that is never retried, or were given up by their caller. */
  readonly propagated: number;
  /** Permanent failures for want of budget. */
  readonly suppressed: number;
  readonly totalDelaySeconds: number;
  /** Of the total, what permanent failures waited for nothing. */
  readonly failureDelaySeconds: number;
  /** `successfulCalls / calls` */
  readonly successRate: number | null;
  /** `successfulRetries / (successfulRetries + permanentFailures)` */
  readonly recoveryRate: number | null;
  /** `callsRetried / calls` */
  readonly retryRate: number | null;
  /** `failureDelaySeconds / permanentFailures` */
  readonly averageFailureDelaySeconds: number | null;
}

/** Counts what retries of one name do; plain numbers, so that counting costs nothing. */
export class RetryStats {
  readonly name: string;
  #attempts = 0;
  #retries = 0;
  #successfulCalls = 0;
  #callsRetried = 0;
  #successfulRetries = 0;
  #permanentFailures = 0;
  #propagated = 0;
  #suppressed = 0;
  #totalDelayMs = 0;
  #failureDelayMs = 0;

  constructor(name: string) {
    checkName('retry-stats', name);
    this.name = name;
  }

  /**
   * Counts an attempt that is over. `attempt`: its number in its call, from 1; `outcome`: `failed`
   * where another follows; `callDelayMs`: what the call has waited before its attempts so far. Throws
   * `ERR_CONFIG_INVALID`, and counts nothing, where that cannot be.
   */
  recordAttempt(attempt: number, outcome: AttemptOutcome, callDelayMs = 0): void {
    requireNumber(this.name, 'attempt', attempt, 'positive integer');
    requireNumber(this.name, 'callDelayMs', callDelayMs, 'not negative');
    requireWord(this.name, 'outcome', outcome, outcomes);
    this.#attempts++;
    if (attempt > 1) this.#retries++;
    if (outcome !== 'failed') this.#recordEnd(attempt, outcome, callDelayMs);
  }

  /** Counts a call that its caller gave up before an attempt, as during a wait. */
  recordAbort(attempts: number, callDelayMs: number): void {
    requireNumber(this.name, 'attempts', attempts, 'positive integer');
    requireNumber(this.name, 'callDelayMs', callDelayMs, 'not negative');
    this.#recordEnd(attempts, 'propagated', callDelayMs);
  }

  summary(): RetrySummary {
    const [successfulCalls, callsRetried] = [this.#successfulCalls, this.#callsRetried];
    const [successfulRetries, permanentFailures] = [
      this.#successfulRetries,
      this.#permanentFailures,
    ];
    const calls = successfulCalls + permanentFailures + this.#propagated;
    const failureDelaySeconds = this.#failureDelayMs / 1000;
    return {
      name: this.name,
      calls,
      successfulCalls,
      callsRetried,
      attempts: this.#attempts,
      retries: this.#retries,
      successfulRetries,
      permanentFailures,
      propagated: this.#propagated,
      suppressed: this.#suppressed,
      totalDelaySeconds: this.#totalDelayMs / 1000,
      failureDelaySeconds,
      successRate: share(successfulCalls, calls),
      recoveryRate: share(successfulRetries, successfulRetries + permanentFailures),
      retryRate: share(callsRetried, calls),
      averageFailureDelaySeconds: share(failureDelaySeconds, permanentFailures),
    };
  }

  #recordEnd(attempts: number, outcome: Exclude<AttemptOutcome, 'failed'>, delayMs: number): void {
    if (attempts > 1) this.#callsRetried++;
    this.#totalDelayMs += delayMs;
    if (outcome === 'succeeded') {
      this.#successfulCalls++;
      if (attempts > 1) this.#successfulRetries++;
    } else if (outcome === 'propagated') {
      this.#propagated++;
    } else {
      this.#permanentFailures++;
      this.#failureDelayMs += delayMs;
      if (outcome === 'suppressed') this.#suppressed++;
    }
  }
}

function share(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
