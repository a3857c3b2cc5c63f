import { type Clock, type Policy, systemClock } from '../core/index.ts';
import { tell } from '../core/listeners.ts';
import { AsyncPolicy } from './async-policy.ts';
import type { PolicyListener } from './events.ts';
import { noFunction } from './given-function.ts';
import { checkNames, checkNumber, requireNumber } from './options.ts';
import { type Attempt, neverAborted, type PolicyOptions, started } from './policy.ts';

/** When another attempt is begun beside one that is slow. */
export interface HedgeOptions extends Omit<PolicyOptions, 'random'> {
  /** How long an attempt has for itself before another is begun beside it. */
  readonly afterMs: number;
  /** Attempts at a time at most, the first among them; 2 unless given. */
  readonly attemptsMax?: number | undefined;
}

/**
 * Begins another attempt beside one that is slow, and takes what first succeeds; the others' signals
 * abort. Rejects with the last failure where all have failed. For calls that may be made twice.
 */
export function hedge(options: HedgeOptions): Hedge {
  return new Hedge(options);
}

/** Made by `hedge(options)`. */
export class Hedge extends AsyncPolicy {
  readonly kind = 'hedge';
  readonly name: string;
  readonly #afterMs: number;
  readonly #attemptsMax: number;
  readonly #clock: Clock;
  readonly #onEvent: PolicyListener | undefined;

  constructor(options: HedgeOptions) {
    super();
    checkNames('hedge', options, ['name', 'afterMs', 'attemptsMax', 'onEvent', 'clock']);
    const { name = 'hedge', afterMs, attemptsMax = 2, onEvent, clock = systemClock } = options;
    requireNumber(name, 'afterMs', afterMs, 'not negative');
    checkNumber(name, 'attemptsMax', attemptsMax, 'positive integer');
    this.name = name;
    this.#afterMs = afterMs;
    this.#attemptsMax = attemptsMax;
    this.#clock = clock;
    this.#onEvent = onEvent;
  }

  override get options(): object {
    return { afterMs: this.#afterMs, attemptsMax: this.#attemptsMax };
  }

  /** What its times pass by. */
  get clock(): Clock {
    return this.#clock;
  }

  async execute<T>(
    attempt: Attempt<T>,
    signal: AbortSignal = neverAborted,
    inner?: Policy,
  ): Promise<T> {
    if (typeof attempt !== 'function') throw noFunction(this.name, 'execute', attempt);
    signal.throwIfAborted();
    const over = new AbortController();
    const giveUp = (): void => over.abort(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      return await this.#race(attempt, over.signal, inner);
    } finally {
      signal.removeEventListener('abort', giveUp);
      over.abort(new Decided());
    }
  }

  /** The first success; the last failure where all that were begun have failed. */
  #race<T>(attempt: Attempt<T>, over: AbortSignal, inner: Policy | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      let running = 0;
      over.addEventListener('abort', () => reject(over.reason as Error), { once: true });
      const begin = async (number: number): Promise<void> => {
        running++;
        started(attempt, over, inner).then(resolve, (error: unknown) => {
          if (--running === 0) reject(error as Error);
        });
        if (number === this.#attemptsMax) return;
        await this.#clock.sleep(this.#afterMs, { signal: over });
        if (this.#onEvent !== undefined) {
          tell(this.#onEvent, { type: 'hedge.started', name: this.name, attempt: number + 1 });
        }
        await begin(number + 1);
      };
      begin(1).catch(() => {
        // It was decided while it slept.
      });
    });
  }
}

/** Tells the attempts that are still under way that another one has decided. */
class Decided extends Error {
  constructor() {
    super('another attempt was first');
  }
}
