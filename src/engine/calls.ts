import { type CallFor, type Clock, type Policy, Undelivered } from '../core/index.ts';
import { BoundedCounts } from '../observe/bounded-counts.ts';
import type { PolicyReport } from '../observe/snapshot.ts';
import { isCounted } from '../resilience/counted.ts';
import { refusalIn } from '../resilience/error-match.ts';
import { isRateLimitedError, isRetryExhaustedError } from '../resilience/errors.ts';
import { dropReasonOf } from '../resilience/undelivered.ts';
import { Call } from './calls/call.ts';
import { Line } from './calls/line.ts';
import { type OpenBreaker, openBreaker, timeText, untilText } from './calls/open-breaker.ts';
import { passedUndone, PolicyFigures, type Runner, runnerOf, strategyOf } from './policies.ts';
import { fallbackOf } from './policy-parts.ts';

/** How long a call waits before it is made again, where neither a retry nor a refusal says. */
const pauseMs = 100;

/** A breaker that others share, or a hand holds, may close before its time: how often that is looked for. */
const lookMs = 1000;

/**
 * Where no call can come any more whose success would show that a row fails by itself, it is given up
 * no sooner than this after it first failed: most restarts and failovers are over by then.
 */
const aloneMsMin = 5 * 60_000;

export interface CallsParts {
  /** Of the component. */
  readonly id: string;
  readonly policy: Policy | undefined;
  readonly clock: Clock;
  /** Says that the run goes on but not as it should; undefined when all is well again. */
  readonly degraded: (id: string, reason: string | undefined) => void;
  /** Told of what each attempt failed with. */
  readonly erred?: (error: unknown) => void;
  /** Told of each result that no attempt gave, by its strategy; without it there may be none. */
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
  #figures: PolicyFigures | undefined;
  readonly #counts = { calls: 0, attempts: 0, substituted: 0, substitutedBy: new BoundedCounts() };
  /** Of calls that a breaker has sent away. */
  readonly #line = new Line();
  /** Wakes the first of them. */
  #nap: AbortController | undefined;
  #successes = 0;
  /** Tries that have failed since a call last succeeded. */
  #failuresInRow = 0;
  #hasInputEnded = false;
  /** What failed last; undefined when a call has succeeded since. */
  #lastFailure: string | undefined;

  constructor(parts: CallsParts) {
    this.#parts = parts;
    this.#run = parts.policy && runnerOf(parts.policy);
    this.#figures = parts.policy && new PolicyFigures(parts.policy, []);
  }

  /** Resolves when a call of it has to wait, for the first time. */
  get waiting(): Promise<void> {
    return this.#waiting.promise;
  }

  /** Policies that its component has inside count from now on. */
  addInside(policies: readonly Policy[]): void {
    this.#figures = new PolicyFigures(this.#parts.policy, policies);
  }

  /** What its policy did, and those that its component has inside; undefined where there are none. */
  report(): PolicyReport | undefined {
    return this.#figures?.report(this.#counts);
  }

  /** Every row that is ever to be called is under way, or over. */
  inputEnded(): void {
    this.#hasInputEnded = true;
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
    { name, stalls }: CallFor = {},
  ): Promise<T> {
    if (this.#run === undefined) return attempt(signal);
    const call = this.#callOf(what, attempt, name);
    let isFirst = false;
    for (;;) {
      try {
        const value = await this.#begin(call, isFirst, signal, args);
        this.#end(what, call, value);
        return value;
      } catch (error) {
        if (signal.aborted) throw error;
        if (fallbackOf(this.#parts.policy!) !== undefined) {
          throw this.#undelivered(what, call, error);
        }
        const refusal = refusalIn(error);
        const open = openBreaker(this.#parts.policy!, refusal);
        if (refusal === undefined && this.#isOver(call, error, open !== undefined)) {
          this.recovered(what);
          throw error;
        }
        isFirst = false;
        if (open === undefined) await this.#pause(what, call, refusal ?? error, signal);
        else isFirst = await this.#waitInLine(what, open, call, signal, stalls);
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

  #callOf<T>(
    what: string,
    attempt: (signal: AbortSignal) => Promise<T>,
    name: CallFor['name'],
  ): Call<T> {
    const failed = (reason: string, failures: number): void => {
      this.#lastFailure = `could not ${what}: ${reason}`;
      // What it waits for already says more; and a failure that is soon mended says nothing.
      if (failures > 1 && !this.#reasons.has(what)) this.degrade(what, this.#lastFailure);
    };
    const { erred = () => {} } = this.#parts;
    return new Call({ attempt, counts: this.#counts, name, failed, erred }, this.#successes);
  }

  /** Whether what failed is not made again. */
  #isOver(call: Call<unknown>, error: unknown, isOpen: boolean): boolean {
    if (!isCounted(error)) return true;
    const { triesMax = Infinity, clock } = this.#parts;
    const nowMs = clock.monotonic();
    this.#failuresInRow++;
    if (call.tried(isOpen, this.#successes, nowMs) >= triesMax) return true;
    // No other will come that could show whether it fails by itself, or all would.
    const isHopeless = this.#hasInputEnded && this.#failuresInRow >= triesMax;
    return isHopeless && nowMs - call.failedSinceMs! >= aloneMsMin;
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

  /** A result that no attempt gave is a substitute, where one can be. */
  #end(what: string, { hasSucceeded, lastReason }: Call<unknown>, value: unknown): void {
    if (hasSucceeded) {
      this.#successes++;
      this.#failuresInRow = 0;
      this.#lastFailure = undefined;
      this.#nap?.abort();
      return this.recovered(what);
    }
    const { id, policy, substituted } = this.#parts;
    if (substituted === undefined) throw passedUndone(id, what, policy!);
    const strategy = strategyOf(policy!, value);
    this.#counts.substituted++;
    this.#counts.substitutedBy.add(strategy);
    substituted(strategy);
    this.degrade(what, `substitutes${lastReason === undefined ? '' : `: ${lastReason}`}`);
  }

  /** With a fallback nothing waits: what that has nothing for is dropped, all else has failed. */
  #undelivered(what: string, call: Call<unknown>, error: unknown): unknown {
    const reason = dropReasonOf(error);
    if (reason === undefined) return error;
    this.degrade(what, `nothing to deliver (${reason}): ${call.reasonOf(error)}`);
    return new Undelivered(reason, error);
  }

  async #pause(
    what: string,
    call: Call<unknown>,
    error: unknown,
    signal: AbortSignal,
  ): Promise<void> {
    this.degrade(what, `could not ${what}: ${call.reasonOf(error)}`);
    await this.#parts.clock.sleep(pauseOf(error), { signal });
  }

  /** Resolves when the breaker may be tried: with whether it is the first in line still. */
  async #waitInLine(
    what: string,
    open: OpenBreaker,
    call: Call<unknown>,
    signal: AbortSignal,
    stalls: CallFor['stalls'],
  ): Promise<boolean> {
    const hasFailed = call.lastReason !== undefined;
    this.#waiting.resolve();
    if (hasFailed) void stalls?.(true);
    let { retryAfterMs } = open;
    for (;;) {
      const hasWaited = await this.#line.stepUp(hasFailed, signal);
      if (hasWaited) retryAfterMs = open.breaker?.retryAfterMs ?? retryAfterMs;
      let mayGo = false;
      try {
        mayGo = await this.#watch(what, { ...open, retryAfterMs }, call, signal);
      } finally {
        if (!mayGo) this.#line.stepDown();
      }
      if (!mayGo) continue;
      const room = hasFailed ? stalls?.(false) : undefined;
      if (room === undefined) return true;
      // Who takes up the room may stand in line.
      this.#line.stepDown();
      await room;
      return false;
    }
  }

  /** Whether the first in line may be tried, or has to let others go before it. */
  async #watch(
    what: string,
    { name, retryAfterMs: firstMs, breaker }: OpenBreaker,
    call: Call<unknown>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { clock } = this.#parts;
    const failure =
      call.lastReason === undefined ? this.#lastFailure : `could not ${what}: ${call.lastReason}`;
    const because = failure === undefined ? '' : `; ${failure}`;
    let leftMs = firstMs;
    let successes = -1;
    for (;;) {
      if (call.lastReason !== undefined && this.#line.hasFresh) return false;
      if (leftMs > 0) {
        const until = untilText(breaker, leftMs, clock);
        this.degrade(what, `breaker \`${name}\` is ${until}${because}`);
        await this.#look(leftMs, signal);
      } else if (this.#isSuspect(call, breaker) && successes !== this.#successes) {
        // Others may close the breaker, which it would only open again.
        successes = this.#successes;
        await this.#look(pauseMs, signal);
      } else break;
      leftMs = breaker?.retryAfterMs ?? 0;
    }
    // It may take long, and what it waited for is over.
    if (this.#reasons.has(what)) {
      const since = timeText(clock.now());
      this.degrade(what, `tried since ${since}, breaker \`${name}\` was open${because}`);
    }
    return true;
  }

  #isSuspect(call: Call<unknown>, breaker: OpenBreaker['breaker']): boolean {
    return breaker?.state === 'half-open' && call.hasFailedAlone(this.#successes);
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

function pauseOf(error: unknown): number {
  if (isRateLimitedError(error)) return Math.ceil(error.retryAfterMs);
  const hasWaited = isRetryExhaustedError(error) && error.totalDelayMs > 0;
  return hasWaited ? 0 : pauseMs;
}
