import { type Clock, systemClock } from '../core/index.ts';
import { checkNames, checkNumber } from './options.ts';

/** How many retries a dependency is asked to bear. */
export interface RetryBudgetOptions {
  /** Retries that each call pays for; 0.1 unless given: one for ten calls. */
  readonly ratio?: number | undefined;
  /** Retries paid for by time alone, so that a rarely called dependency has some; 1 unless given. */
  readonly minPerSecond?: number | undefined;
  /** Retries that can be saved up, all there at the start; 10 unless given. */
  readonly retriesMax?: number | undefined;
  /** The system's unless given. */
  readonly clock?: Clock | undefined;
}

const optionNames: readonly (keyof RetryBudgetOptions)[] = [
  'ratio',
  'minPerSecond',
  'retriesMax',
  'clock',
];

/**
 * What all callers of one dependency may spend on retries, so that they do not multiply its load
 * while it is down: at most `retriesMax + ratio · calls + minPerSecond · seconds`.
 */
export class RetryBudget {
  readonly #ratio: number;
  readonly #minPerSecond: number;
  readonly #retriesMax: number;
  readonly #clock: Clock;
  #retries: number;
  #countedMs: number;

  /** Use `retryBudget(options)`. */
  constructor(options: RetryBudgetOptions) {
    checkNames('retry-budget', options, optionNames);
    const { ratio = 0.1, minPerSecond = 1, retriesMax = 10, clock = systemClock } = options;
    checkNumber('retry-budget', 'ratio', ratio, 'not negative');
    checkNumber('retry-budget', 'minPerSecond', minPerSecond, 'not negative');
    checkNumber('retry-budget', 'retriesMax', retriesMax, 'positive integer');
    this.#ratio = ratio;
    this.#minPerSecond = minPerSecond;
    this.#retriesMax = retriesMax;
    this.#clock = clock;
    this.#retries = retriesMax;
    this.#countedMs = clock.monotonic();
  }

  /** What it was made with, the defaults too. */
  get options(): object {
    return {
      ratio: this.#ratio,
      minPerSecond: this.#minPerSecond,
      retriesMax: this.#retriesMax,
    };
  }

  /** Retries left; a fraction is one that is not yet paid for. */
  get retriesLeft(): number {
    const nowMs = this.#clock.monotonic();
    this.#add(((nowMs - this.#countedMs) / 1000) * this.#minPerSecond);
    this.#countedMs = nowMs;
    return this.#retries;
  }

  /** Whether a retry may begin now. */
  get allowsRetry(): boolean {
    // Ten tenths are a little less than one.
    return this.retriesLeft > 1 - 1e-9;
  }

  /** A call begins, and pays its share. */
  recordCall(): void {
    this.#add(this.#ratio);
  }

  /** A retry begins. */
  recordRetry(): void {
    this.#retries = Math.max(0, this.#retries - 1);
  }

  #add(retries: number): void {
    this.#retries = Math.min(this.#retriesMax, this.#retries + retries);
  }
}

/** A budget for the retries of one dependency: give it to each `retry` that calls it. */
export function retryBudget(options: RetryBudgetOptions = {}): RetryBudget {
  return new RetryBudget(options);
}
