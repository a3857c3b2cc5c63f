import { type Clock, type Policy, Undelivered } from '../core/index.ts';
import { reasonOf } from '../errors.ts';
import type { PolicyReport } from '../observe/index.ts';
import type { CircuitBreaker } from '../resilience/index.ts';
import { isCounted } from '../resilience/counted.ts';
import { isRefusal } from '../resilience/error-match.ts';
import {
  isCircuitOpenError,
  isRateLimitedError,
  isRetryExhaustedError,
} from '../resilience/errors.ts';
import { dropReasonOf } from '../resilience/undelivered.ts';
import {
  breakersOf,
  fallbackOf,
  reportPolicy,
  type Runner,
  runnerOf,
  strategyOf,
} from './policies.ts';

/** How long a call waits before it is made again, where neither a retry nor a refusal says. */
const pauseMs = 100;

/** A breaker that others share, or a hand holds, may close before its time: how often that is looked for. */
const lookMs = 1000;

export interface CallsParts {
  /** Of the component. */
  readonly id: string;
  readonly policy: Policy | undefined;
  readonly clock: Clock;
  /** Says that the run goes on but not as it should; undefined when all is well again. */
  readonly degraded: (id: string, reason: string | undefined) => void;
  /** Told of each result that a fallback gave, by its strategy. */
  readonly substituted?: (strategy: string) => void;
  /** How often a call that a breaker counts as failed is made again while the breaker lets it in. */
  readonly offersMax?: number;
}

/**
 * Makes a component's calls under its policy. What a policy lets not through, or its breaker counts
 * as a failure, is no failure of the run: the same call waits, and is made again when it may.
 */
export class Calls {
  readonly #parts: CallsParts;
  /** Why it waits, by what for. */
  readonly #reasons = new Map<string, string>();
  readonly #waiting: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #run: Runner | undefined;
  readonly #counts = { calls: 0, attempts: 0, substituted: 0 };

  constructor(parts: CallsParts) {
    this.#parts = parts;
    this.#run = parts.policy && runnerOf(parts.policy);
  }

  /** Resolves when a call of it has to wait, for the first time. */
  get waiting(): Promise<void> {
    return this.#waiting.promise;
  }

  /** What its policy did; undefined where it has none. */
  report(): PolicyReport | undefined {
    const { policy } = this.#parts;
    return policy && reportPolicy(policy, this.#counts);
  }

  /**
   * Rejects with what the policy gives up with, or with the signal's reason. `args`: of what is
   * called, for the key of a fallback.
   */
  async make<T>(
    what: string,
    attempt: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
    args: readonly unknown[] = [],
  ): Promise<T> {
    const { offersMax = Infinity } = this.#parts;
    const run = this.#run;
    if (run === undefined) return attempt(signal);
    const call = new Call(attempt, this.#counts, (reason) => {
      // What it waits for already says more.
      if (!this.#reasons.has(what)) this.degrade(what, `could not ${what}: ${reason}`);
    });
    for (let offers = 1; ; offers++) {
      this.#counts.calls++;
      try {
        const value = await run(call.attempt, signal, args);
        this.#end(what, call, value);
        return value;
      } catch (error) {
        if (signal.aborted) throw error;
        if (fallbackOf(this.#parts.policy!) !== undefined) throw this.#undelivered(what, error);
        const open = openBreaker(this.#parts.policy!, error);
        if (isRefusal(error) || (isCounted(error) && open !== undefined)) offers = 0;
        else if (!isCounted(error) || offers >= offersMax) {
          this.recovered(what);
          throw error;
        }
        await this.#wait(what, error, open, call.lastReason, signal);
      }
    }
  }

  degrade(what: string, reason: string): void {
    this.#reasons.set(what, reason);
    this.#waiting.resolve();
    this.#tell();
  }

  recovered(what: string): void {
    if (this.#reasons.delete(what)) this.#tell();
  }

  #tell(): void {
    const [reason] = this.#reasons.values();
    this.#parts.degraded(this.#parts.id, reason);
  }

  /** A result that no attempt gave is a substitute. */
  #end(what: string, { hasSucceeded, lastReason }: Call<unknown>, value: unknown): void {
    if (hasSucceeded) return this.recovered(what);
    const { policy, substituted } = this.#parts;
    this.#counts.substituted++;
    substituted?.(strategyOf(policy!, value));
    this.degrade(what, `substitutes${lastReason === undefined ? '' : `: ${lastReason}`}`);
  }

  /** With a fallback nothing waits: what that has nothing for is dropped, all else has failed. */
  #undelivered(what: string, error: unknown): unknown {
    const reason = dropReasonOf(error);
    if (reason === undefined) return error;
    this.degrade(what, `nothing to deliver (${reason}): ${reasonOf(error)}`);
    return new Undelivered(reason, error);
  }

  async #wait(
    what: string,
    error: unknown,
    open: OpenBreaker | undefined,
    lastReason: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock } = this.#parts;
    if (open === undefined) {
      this.degrade(what, `could not ${what}: ${reasonOf(error)}`);
      await clock.sleep(pauseOf(error), { signal });
      return;
    }
    const because = lastReason === undefined ? '' : `; could not ${what}: ${lastReason}`;
    let leftMs = open.retryAfterMs;
    do {
      const when =
        leftMs === Infinity
          ? 'held by hand'
          : `tried again at ${new Date(clock.now() + leftMs).toISOString()}`;
      this.degrade(what, `breaker \`${open.name}\` is open, ${when}${because}`);
      // Whole milliseconds, so that what rounding leaves of one is not waited for in vain.
      await clock.sleep(Math.ceil(Math.min(leftMs, lookMs)), { signal });
      leftMs = open.breaker?.retryAfterMs ?? 0;
    } while (leftMs > 0);
  }
}

interface OpenBreaker {
  readonly name: string;
  readonly retryAfterMs: number;
  /** Undefined for one that only its refusal tells of. */
  readonly breaker: CircuitBreaker | undefined;
}

/** The breaker that refused a call, or that its failure has opened. */
function openBreaker(policy: Policy, error: unknown): OpenBreaker | undefined {
  const breakers = breakersOf(policy);
  if (isCircuitOpenError(error)) {
    const { breaker: name, retryAfterMs } = error;
    return { name, retryAfterMs, breaker: breakers.find((one) => one.name === name) };
  }
  const breaker = breakers.find(({ retryAfterMs }) => retryAfterMs > 0);
  return breaker && { name: breaker.name, retryAfterMs: breaker.retryAfterMs, breaker };
}

function pauseOf(error: unknown): number {
  if (isRateLimitedError(error)) return Math.ceil(error.retryAfterMs);
  const hasWaited = isRetryExhaustedError(error) && error.totalDelayMs > 0;
  return hasWaited ? 0 : pauseMs;
}

/** One call, however often it is attempted. */
class Call<T> {
  hasSucceeded = false;
  lastReason: string | undefined;
  #failures = 0;
  readonly #attempt: (signal: AbortSignal) => Promise<T>;
  readonly #counts: { attempts: number };
  readonly #failing: (reason: string) => void;

  /** `failing`: told from the second failure on, and so not of each failure that is soon mended. */
  constructor(
    attempt: (signal: AbortSignal) => Promise<T>,
    counts: { attempts: number },
    failing: (reason: string) => void,
  ) {
    this.#attempt = attempt;
    this.#counts = counts;
    this.#failing = failing;
  }

  readonly attempt = async (signal: AbortSignal): Promise<T> => {
    this.#counts.attempts++;
    try {
      const value = await this.#attempt(signal);
      this.hasSucceeded = true;
      return value;
    } catch (error) {
      if (!signal.aborted) {
        this.lastReason = reasonOf(error);
        if (++this.#failures > 1) this.#failing(this.lastReason);
      }
      throw error;
    }
  };
}
