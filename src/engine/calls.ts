import { type Clock, type Policy, Undelivered } from '../core/index.ts';
import { reasonOf } from '../errors.ts';
import type { PolicyReport } from '../observe/index.ts';
import type { CircuitBreaker } from '../resilience/index.ts';
import { isCounted } from '../resilience/counted.ts';
import { refusalIn } from '../resilience/error-match.ts';
import {
  isCircuitOpenError,
  isRateLimitedError,
  isRetryExhaustedError,
} from '../resilience/errors.ts';
import { dropReasonOf } from '../resilience/undelivered.ts';
import { Call } from './calls/call.ts';
import { Line } from './calls/line.ts';
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
  /** Told of what each attempt failed with. */
  readonly erred?: (error: unknown) => void;
  /** Told of each result that a fallback gave, by its strategy. */
  readonly substituted?: (strategy: string) => void;
  /** How many failures of its own end a call that its breaker counts. */
  readonly triesMax?: number;
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
  /** Of calls that a breaker has sent away. */
  readonly #line = new Line();
  /** Wakes the first of them. */
  #nap: AbortController | undefined;
  #successes = 0;
  /** What failed last; undefined when a call has succeeded since. */
  #lastFailure: string | undefined;

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
   * called, for the key of a fallback. `stalls`: told when it has failed and waits for a breaker,
   * and when it goes on.
   */
  async make<T>(
    what: string,
    attempt: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
    args: readonly unknown[] = [],
    stalls: (isStalled: boolean) => void = () => {},
  ): Promise<T> {
    if (this.#run === undefined) return attempt(signal);
    const call = this.#callOf(what, attempt);
    let isFirst = false;
    for (;;) {
      try {
        const value = await this.#begin(call, isFirst, signal, args);
        this.#end(what, call, value);
        return value;
      } catch (error) {
        if (signal.aborted) throw error;
        if (fallbackOf(this.#parts.policy!) !== undefined) throw this.#undelivered(what, error);
        const refusal = refusalIn(error);
        const open = openBreaker(this.#parts.policy!, refusal);
        if (refusal === undefined && this.#isOver(call, error, open !== undefined)) {
          this.recovered(what);
          throw error;
        }
        isFirst = open !== undefined;
        if (open === undefined) await this.#pause(what, refusal ?? error, signal);
        else {
          const { lastReason } = call;
          stalls(lastReason !== undefined);
          const wasRefused = refusal !== undefined;
          await this.#waitInLine(what, open, { lastReason, wasRefused }, signal);
          stalls(false);
        }
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

  #callOf<T>(what: string, attempt: (signal: AbortSignal) => Promise<T>): Call<T> {
    const failed = (reason: string, failures: number): void => {
      this.#lastFailure = `could not ${what}: ${reason}`;
      // What it waits for already says more; and a failure that is soon mended says nothing.
      if (failures > 1 && !this.#reasons.has(what)) this.degrade(what, this.#lastFailure);
    };
    const { erred = () => {} } = this.#parts;
    return new Call({ attempt, counts: this.#counts, failed, erred }, this.#successes);
  }

  /** Whether what failed is not made again. */
  #isOver(call: Call<unknown>, error: unknown, isOpen: boolean): boolean {
    const { triesMax = Infinity } = this.#parts;
    return !isCounted(error) || call.tried(isOpen, this.#successes) >= triesMax;
  }

  /** The next in line looks when this call is on its way: only then does the breaker know of it. */
  #begin<T>(
    call: Call<T>,
    isFirst: boolean,
    signal: AbortSignal,
    args: readonly unknown[],
  ): Promise<T> {
    this.#counts.calls++;
    try {
      return this.#run!(call.attempt, signal, args);
    } finally {
      if (isFirst) this.#line.stepDown();
    }
  }

  /** A result that no attempt gave is a substitute. */
  #end(what: string, { hasSucceeded, lastReason }: Call<unknown>, value: unknown): void {
    if (hasSucceeded) {
      this.#successes++;
      this.#lastFailure = undefined;
      this.#nap?.abort();
      return this.recovered(what);
    }
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

  async #pause(what: string, error: unknown, signal: AbortSignal): Promise<void> {
    this.degrade(what, `could not ${what}: ${reasonOf(error)}`);
    await this.#parts.clock.sleep(pauseOf(error), { signal });
  }

  /** Resolves when it is the first in line and the breaker may be tried. */
  async #waitInLine(
    what: string,
    { name, retryAfterMs, breaker }: OpenBreaker,
    { lastReason, wasRefused }: { lastReason: string | undefined; wasRefused: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const { clock } = this.#parts;
    this.#waiting.resolve();
    const hasWaited = await this.#line.stepUp(wasRefused, signal);
    const failure =
      lastReason === undefined ? this.#lastFailure : `could not ${what}: ${lastReason}`;
    const because = failure === undefined ? '' : `; ${failure}`;
    let leftMs = hasWaited && breaker !== undefined ? breaker.retryAfterMs : retryAfterMs;
    try {
      while (leftMs > 0) {
        const until = untilText(breaker, leftMs, clock);
        this.degrade(what, `breaker \`${name}\` is ${until}${because}`);
        await this.#look(leftMs, signal);
        leftMs = breaker?.retryAfterMs ?? 0;
      }
    } catch (error) {
      this.#line.stepDown();
      throw error;
    }
    // It may take long, and what it waited for is over.
    if (!this.#reasons.has(what)) return;
    this.degrade(
      what,
      `tried since ${timeText(clock.now())}, breaker \`${name}\` was open${because}`,
    );
  }

  /** Sleeps until the breaker may let a call in: another that has succeeded may have closed it. */
  async #look(leftMs: number, signal: AbortSignal): Promise<void> {
    const nap = (this.#nap = new AbortController());
    // Whole milliseconds, so that what rounding leaves of one is not waited for in vain.
    const sleepMs = Math.ceil(Math.min(leftMs, lookMs));
    const either = AbortSignal.any([signal, nap.signal]);
    await this.#parts.clock.sleep(sleepMs, { signal: either }).catch(() => {});
    signal.throwIfAborted();
  }
}

interface OpenBreaker {
  readonly name: string;
  readonly retryAfterMs: number;
  /** Undefined for one that only its refusal tells of. */
  readonly breaker: CircuitBreaker | undefined;
}

/** The breaker that refused a call, or that its failure has opened. */
function openBreaker(policy: Policy, refusal: unknown): OpenBreaker | undefined {
  const breakers = breakersOf(policy);
  if (isCircuitOpenError(refusal)) {
    const { breaker: name, retryAfterMs } = refusal;
    return { name, retryAfterMs, breaker: breakers.find((one) => one.name === name) };
  }
  const breaker = breakers.find(({ retryAfterMs }) => retryAfterMs > 0);
  return breaker && { name: breaker.name, retryAfterMs: breaker.retryAfterMs, breaker };
}

function untilText(breaker: CircuitBreaker | undefined, leftMs: number, clock: Clock): string {
  if (leftMs === Infinity) return 'open, held by hand';
  const time = timeText(clock.now() + leftMs);
  const isProbed = breaker?.state === 'half-open';
  return isProbed ? `half-open, its probe has until ${time}` : `open, tried again at ${time}`;
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}

function pauseOf(error: unknown): number {
  if (isRateLimitedError(error)) return Math.ceil(error.retryAfterMs);
  const hasWaited = isRetryExhaustedError(error) && error.totalDelayMs > 0;
  return hasWaited ? 0 : pauseMs;
}
