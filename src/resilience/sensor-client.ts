import type { Clock, Random } from '../core/index.ts';
import { type CircuitBreaker, circuitBreaker } from './circuit-breaker.ts';
import type { CircuitBreakerOptions } from './circuit-breaker/options.ts';
import { checkStrategy } from './degradation/chain.ts';
import type { DegradationStrategy, Quality, Substitute } from './degradation/strategy.ts';
import { lastKnownGood } from './degradation.ts';
import { isCircuitOpenError } from './errors.ts';
import type { PolicyListener } from './events.ts';
import { tellSubstitute } from './fallback.ts';
import { functionFailed } from './given-function.ts';
import { badOption, checkName, checkNames } from './options.ts';
import { type Attempt, neverAborted } from './policy.ts';
import { type Retry, retry, type RetryOptions } from './retry.ts';

type Shared = 'name' | 'onEvent' | 'clock' | 'random';

/** How a sensor is read, and what stands in where it cannot be. */
export interface ResilientSensorClientOptions<R extends object> {
  /** The sensor: the key of its readings, and the name of its policies. */
  readonly name: string;
  /** Asks the sensor once; rejects where it gives no reading. */
  readonly read: Attempt<R>;
  /** Within the breaker; 3 attempts, 100 ms and 200 ms apart, unless given. */
  readonly retry?: Omit<RetryOptions, Shared> | undefined;
  /** Around the retries: opens at 5 reads in a row that failed for good, unless given. */
  readonly breaker?: Omit<CircuitBreakerOptions, Shared> | undefined;
  /** Many clients may share one; the last known good reading of each unless given. */
  readonly strategy?: DegradationStrategy<R> | undefined;
  /** Told of what retry, breaker and strategy do, at once; what it throws is ignored. */
  readonly onEvent?: PolicyListener | undefined;
  /** The system's unless given. */
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/**
 * What a read came to. `fast-fail`: the sensor was not asked, its breaker is open; there may be a
 * substitute all the same. `missing`: it failed, and nothing stands in for it.
 */
export type SensorRead<R extends object> =
  | { readonly status: 'live'; readonly reading: R }
  | { readonly status: Quality; readonly reading: Substitute<R>; readonly error: unknown }
  | {
      readonly status: 'fast-fail';
      readonly reading: Substitute<R> | undefined;
      readonly error: unknown;
    }
  | { readonly status: 'missing'; readonly reading: undefined; readonly error: unknown };

/** Reads so far; each is counted once: `reads` is the sum of all but `retries`. */
export interface SensorClientSummary {
  readonly name: string;
  readonly reads: number;
  readonly live: number;
  readonly stale: number;
  readonly interpolated: number;
  readonly constant: number;
  readonly fastFail: number;
  readonly missing: number;
  /** Times that the sensor was asked again. */
  readonly retries: number;
}

const optionNames: readonly (keyof ResilientSensorClientOptions<object>)[] = [
  'name',
  'read',
  'retry',
  'breaker',
  'strategy',
  'onEvent',
  'clock',
  'random',
];

/** Reads one sensor: retries inside a breaker, and a strategy behind for when that is not enough. */
export class ResilientSensorClient<R extends object> {
  readonly name: string;
  readonly breaker: CircuitBreaker;
  readonly retry: Retry;
  readonly strategy: DegradationStrategy<R>;
  readonly #attempt: Attempt<R>;
  readonly #onEvent: PolicyListener | undefined;
  readonly #counts: Record<SensorRead<R>['status'], number> = {
    live: 0,
    stale: 0,
    interpolated: 0,
    constant: 0,
    'fast-fail': 0,
    missing: 0,
  };

  constructor(options: ResilientSensorClientOptions<R>) {
    checkNames('sensor', options, optionNames);
    const { name, read } = options;
    checkName('sensor', name ?? null);
    if (typeof read !== 'function') throw badOption(name, 'read', read, 'a function');
    const { clock, random, onEvent, strategy = lastKnownGood<R>({ clock }) } = options;
    checkStrategy(name, strategy);
    const shared = { name, clock, random, onEvent };
    this.name = name;
    this.retry = retry({ ...options.retry, ...shared });
    this.breaker = circuitBreaker({ ...options.breaker, ...shared });
    this.strategy = strategy;
    this.#attempt = (signal) => this.retry.execute(read, signal);
    this.#onEvent = onEvent;
  }

  /**
   * Never rejects because of the sensor or the strategy; once the signal has aborted, with its reason.
   */
  async read(signal: AbortSignal = neverAborted): Promise<SensorRead<R>> {
    let reading: R;
    try {
      reading = await this.breaker.execute(this.#attempt, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      return this.#failed(error);
    }
    try {
      this.strategy.recordSuccess(this.name, reading);
    } catch (thrown) {
      return this.#missing(functionFailed(`${this.name}.strategy`, thrown));
    }
    this.#counts.live++;
    return { status: 'live', reading };
  }

  summary(): SensorClientSummary {
    const { live, stale, interpolated, constant, 'fast-fail': fastFail, missing } = this.#counts;
    return {
      name: this.name,
      reads: live + stale + interpolated + constant + fastFail + missing,
      live,
      stale,
      interpolated,
      constant,
      fastFail,
      missing,
      retries: this.retry.stats.summary().retries,
    };
  }

  #failed(error: unknown): SensorRead<R> {
    let reading: Substitute<R> | undefined;
    try {
      reading = this.strategy.handleFailure(this.name, error);
    } catch (thrown) {
      return this.#missing(functionFailed(`${this.name}.strategy`, thrown, error));
    }
    if (this.#onEvent !== undefined) {
      const { name, strategy } = this;
      const facts = { name, key: name, strategy, error, substitute: reading };
      tellSubstitute(this.#onEvent, facts);
    }
    const result = resultOf(reading, error);
    this.#counts[result.status]++;
    return result;
  }

  #missing(error: unknown): SensorRead<R> {
    this.#counts.missing++;
    return { status: 'missing', reading: undefined, error };
  }
}

function resultOf<R extends object>(
  reading: Substitute<R> | undefined,
  error: unknown,
): SensorRead<R> {
  if (isCircuitOpenError(error)) return { status: 'fast-fail', reading, error };
  if (reading === undefined) return { status: 'missing', reading, error };
  const { quality } = reading as { quality?: Quality };
  return { status: quality ?? 'constant', reading, error };
}
