import { type Clock, type Policy, type Random, systemClock, systemRandom } from '../core/index.ts';
import { tell } from '../core/listeners.ts';
import { reasonOf } from '../errors.ts';
import { AsyncPolicy } from './async-policy.ts';
import { type Jitter, jitters } from './backoff.ts';
import { type ErrorMatch, errorTest, isRefusal, shownMatch } from './error-match.ts';
import { RetryExhaustedError } from './errors.ts';
import type { PolicyListener, RetryStop } from './events.ts';
import { noFunction } from './given-function.ts';
import { badOption, checkNames, checkNumber, checkWord, shownOptions } from './options.ts';
import { type Attempt, neverAborted, type PolicyOptions, started } from './policy.ts';
import { retryAfterOf } from './retry-after.ts';
import type { RetryBudget } from './retry-budget.ts';
import { decideRetry, type RetryRule } from './retry-decision.ts';
import { RetryStats } from './retry-stats.ts';

/** How often, when and for which errors a call is made again; times in milliseconds. */
export interface RetryOptions extends PolicyOptions {
  /** The first included; 3 unless given. */
  readonly maxAttempts?: number | undefined;
  /** The first wait, which doubles from then on; 100 unless given. */
  readonly baseDelayMs?: number | undefined;
  /** The longest wait; 30,000 unless given. A `Retry-After` beyond it ends the call. */
  readonly delayMsMax?: number | undefined;
  /** How chance spreads the waits; `none` unless given. */
  readonly jitter?: Jitter | undefined;
  /** No retry begins later than this after the call did; no limit unless given. */
  readonly totalMsMax?: number | undefined;
  /** The errors that are retried; all but refusals of other policies unless given. */
  readonly retryOn?: ErrorMatch | undefined;
  /** A `RetryExhaustedError` around the last error, or that error itself; `wrap` unless given. */
  readonly exhausted?: 'wrap' | 'rethrow' | undefined;
  /** Shared by all that call the same dependency; no limit unless given. */
  readonly budget?: RetryBudget | undefined;
  /** What is counted into, as `retryRegistry.get(name)`; of the policy's own unless given. */
  readonly stats?: RetryStats | undefined;
}

const optionNames: readonly (keyof RetryOptions)[] = [
  'name',
  'maxAttempts',
  'baseDelayMs',
  'delayMsMax',
  'jitter',
  'totalMsMax',
  'retryOn',
  'exhausted',
  'budget',
  'stats',
  'onEvent',
  'clock',
  'random',
];

/** A call that has failed at least once. */
interface FailedCall {
  /** By the monotonic clock. */
  readonly startedMs: number;
  attempts: number;
  lastWaitMs: number;
  totalDelayMs: number;
  error: unknown;
}

/** Calls again what failed, after a wait that doubles. */
export class Retry extends AsyncPolicy {
  readonly kind = 'retry';
  readonly name: string;
  readonly stats: RetryStats;
  readonly #rule: RetryRule;
  readonly #retryOn: ErrorMatch | undefined;
  readonly #isRetryable: (error: unknown) => boolean;
  readonly #rethrows: boolean;
  readonly #budget: RetryBudget | undefined;
  readonly #onEvent: PolicyListener | undefined;
  readonly #clock: Clock;
  readonly #random: Random;

  /** Use `retry(options)`. */
  constructor(options: RetryOptions) {
    super();
    checkOptions(options);
    const { name = 'retry', retryOn } = options;
    this.name = name;
    this.stats = options.stats ?? new RetryStats(name);
    this.#rule = {
      maxAttempts: options.maxAttempts ?? 3,
      baseDelayMs: options.baseDelayMs ?? 100,
      delayMsMax: options.delayMsMax ?? 30_000,
      jitter: options.jitter ?? 'none',
      totalMsMax: options.totalMsMax ?? Infinity,
    };
    this.#retryOn = retryOn;
    this.#isRetryable =
      retryOn === undefined ? (error) => !isRefusal(error) : errorTest(name, 'retryOn', retryOn);
    this.#rethrows = options.exhausted === 'rethrow';
    this.#budget = options.budget;
    this.#onEvent = options.onEvent;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
  }

  override get options(): object {
    return shownOptions({
      ...this.#rule,
      retryOn: shownMatch(this.#retryOn),
      exhausted: this.#rethrows ? 'rethrow' : 'wrap',
      budget: this.#budget?.options,
    });
  }

  /** What its times pass by. */
  get clock(): Clock {
    return this.#clock;
  }

  /**
   * Resolves with what the first attempt to succeed gave. Rejects with an error that is not retried,
   * with `RetryExhaustedError` (or the last error) when no attempt is left, or with the signal's reason.
   */
  override execute<T>(
    attempt: Attempt<T>,
    signal: AbortSignal = neverAborted,
    inner?: Policy,
  ): Promise<T> {
    if (typeof attempt !== 'function') {
      return Promise.reject(noFunction(this.name, 'execute', attempt));
    }
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    this.#budget?.recordCall();
    // Whole milliseconds, rounded to the safe side: a fraction would be a number on the heap.
    const isLimited = this.#rule.totalMsMax !== Infinity;
    const startedMs = isLimited ? Math.floor(this.#clock.monotonic()) : 0;
    // Bound: a closure and its context take more memory, an asynchronous frame twice as much.
    const fail = this.#fail.bind(undefined, attempt, signal, inner, startedMs);
    return started(attempt, signal, inner).then(
      this.#succeed,
      fail as (error: unknown) => Promise<T>,
    );
  }

  readonly #succeed = <T>(value: T): T => {
    this.stats.recordAttempt(1, 'succeeded');
    return value;
  };

  readonly #fail = <T>(
    attempt: Attempt<T>,
    signal: AbortSignal,
    inner: Policy | undefined,
    startedMs: number,
    error: unknown,
  ): Promise<T> => {
    const call = { startedMs, attempts: 1, lastWaitMs: 0, totalDelayMs: 0, error };
    return this.#tryAgain(call, attempt, signal, inner);
  };

  async #tryAgain<T>(
    call: FailedCall,
    attempt: Attempt<T>,
    signal: AbortSignal,
    inner: Policy | undefined,
  ): Promise<T> {
    for (;;) {
      await this.#wait(call, this.#nextWaitMs(call, signal), signal);
      try {
        const value = await started(attempt, signal, inner);
        this.stats.recordAttempt(call.attempts + 1, 'succeeded', call.totalDelayMs);
        return value;
      } catch (error) {
        call.attempts++;
        call.error = error;
      }
    }
  }

  /** How long to wait after a failure; throws where the call ends with it. */
  #nextWaitMs(call: FailedCall, signal: AbortSignal): number {
    if (signal.aborted) throw this.#ended(call, 'propagated', signal.reason);
    const decision = decideRetry(this.#rule, {
      isRetryable: this.#judge(call),
      attempts: call.attempts,
      elapsedMs: this.#rule.totalMsMax === Infinity ? 0 : this.#clock.monotonic() - call.startedMs,
      previousDelayMs: call.lastWaitMs,
      chance: this.#rule.jitter === 'none' ? 0 : this.#random.next(),
      retryAfterMs: retryAfterOf(call.error, this.#clock.now()) ?? 0,
      isInBudget: this.#budget?.allowsRetry ?? true,
    });
    if ('stop' in decision) throw this.#ended(call, decision.stop, call.error);
    this.stats.recordAttempt(call.attempts, 'failed');
    this.#budget?.recordRetry();
    if (this.#onEvent !== undefined) {
      const { attempts, error } = call;
      const delayMs = decision.waitMs;
      tell(this.#onEvent, {
        type: 'retry.scheduled',
        name: this.name,
        attempt: attempts,
        delayMs,
        error,
      });
    }
    return decision.waitMs;
  }

  #judge(call: FailedCall): boolean {
    try {
      return this.#isRetryable(call.error);
    } catch (failed) {
      throw this.#ended(call, 'propagated', failed);
    }
  }

  async #wait(call: FailedCall, waitMs: number, signal: AbortSignal): Promise<void> {
    const startMs = this.#clock.monotonic();
    try {
      // The signal that never aborts would collect the listeners of every call that waits.
      await this.#clock.sleep(waitMs, signal === neverAborted ? {} : { signal });
      signal.throwIfAborted();
    } catch (error) {
      call.totalDelayMs += Math.min(waitMs, this.#clock.monotonic() - startMs);
      this.stats.recordAbort(call.attempts, call.totalDelayMs);
      this.#tellStop(call, 'propagated', error);
      throw error;
    }
    call.lastWaitMs = waitMs;
    call.totalDelayMs += waitMs;
  }

  /** Counts the end of a call, and gives what it rejects with. */
  #ended(call: FailedCall, stop: RetryStop, error: unknown): unknown {
    this.stats.recordAttempt(call.attempts, stop, call.totalDelayMs);
    this.#tellStop(call, stop, error);
    if (stop === 'propagated' || this.#rethrows) return error;
    const times = call.attempts === 1 ? 'once' : `${call.attempts} times`;
    const facts = {
      place: this.name,
      fact: `failed ${times}${endings[stop]}; the last time: ${reasonOf(error)}`,
      cause: error,
    };
    return new RetryExhaustedError(facts, call.attempts, call.totalDelayMs);
  }

  #tellStop({ attempts }: FailedCall, reason: RetryStop, error: unknown): void {
    if (this.#onEvent === undefined) return;
    tell(this.#onEvent, { type: 'retry.stopped', name: this.name, attempts, reason, error });
  }
}

const endings: Readonly<Record<Exclude<RetryStop, 'propagated'>, string>> = {
  exhausted: '',
  'out-of-time': ' and may not wait as long as the next attempt would need',
  suppressed: ' and has no retry left in its budget',
};

/** A policy that calls again what failed: 3 attempts, 100 ms and 200 ms apart, unless told otherwise. */
export function retry(options: RetryOptions = {}): Retry {
  return new Retry(options);
}

function checkOptions(options: RetryOptions): void {
  checkNames('retry', options, optionNames);
  const { name = 'retry', budget, stats } = options;
  checkNumber(name, 'maxAttempts', options.maxAttempts, 'positive integer');
  checkNumber(name, 'baseDelayMs', options.baseDelayMs, 'not negative');
  checkNumber(name, 'delayMsMax', options.delayMsMax, 'not negative');
  checkNumber(name, 'totalMsMax', options.totalMsMax, 'positive');
  checkWord(name, 'jitter', options.jitter, jitters);
  checkWord(name, 'exhausted', options.exhausted, ['wrap', 'rethrow']);
  if (budget !== undefined && typeof (budget as RetryBudget | null)?.recordRetry !== 'function') {
    throw badOption(name, 'budget', budget, 'what `retryBudget()` made');
  }
  if (stats !== undefined && typeof (stats as RetryStats | null)?.recordAttempt !== 'function') {
    throw badOption(name, 'stats', stats, 'a `RetryStats`, as `registry.get(name)` does');
  }
}
