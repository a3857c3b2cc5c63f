import { type Clock, type Policy, systemClock } from '../core/index.ts';
import { tell } from '../core/listeners.ts';
import { AsyncPolicy } from './async-policy.ts';
import { RateLimitedError } from './errors.ts';
import type { PolicyListener } from './events.ts';
import { noFunction } from './given-function.ts';
import { badOption, checkNames, checkNumber, requireNumber } from './options.ts';
import { type Attempt, neverAborted, type PolicyOptions, started } from './policy.ts';

/** How many calls may begin in how many milliseconds. */
export interface RateLimitOptions extends Omit<PolicyOptions, 'random'> {
  /** Calls that may begin within any `perMs`; at most a million. */
  readonly callsMax: number;
  readonly perMs: number;
  /** How long a call may wait for its turn; one that would wait longer is refused. 0 unless given. */
  readonly waitMsMax?: number | undefined;
}

const callsMaxMax = 1_000_000;

/**
 * Lets at most `callsMax` calls begin within any `perMs`. One more waits for its turn, where that
 * comes within `waitMsMax`, and is else refused with `RateLimitedError`.
 */
export function rateLimit(options: RateLimitOptions): RateLimit {
  return new RateLimit(options);
}

/** Made by `rateLimit(options)`. */
export class RateLimit extends AsyncPolicy {
  readonly kind = 'rateLimit';
  readonly name: string;
  readonly #perMs: number;
  readonly #waitMsMax: number;
  readonly #clock: Clock;
  readonly #onEvent: PolicyListener | undefined;
  /** When each of the last `callsMax` calls began or will begin, from `#oldest` around. */
  readonly #begins: Float64Array;
  #oldest = 0;

  constructor(options: RateLimitOptions) {
    super();
    checkNames('rateLimit', options, [
      'name',
      'callsMax',
      'perMs',
      'waitMsMax',
      'onEvent',
      'clock',
    ]);
    const { name = 'rateLimit', callsMax, perMs, waitMsMax = 0, onEvent } = options;
    requireNumber(name, 'callsMax', callsMax, 'positive integer');
    if (callsMax > callsMaxMax)
      throw badOption(name, 'callsMax', callsMax, `a whole number from 1 to ${callsMaxMax}`);
    requireNumber(name, 'perMs', perMs, 'positive');
    checkNumber(name, 'waitMsMax', waitMsMax, 'not negative');
    this.name = name;
    this.#perMs = perMs;
    this.#waitMsMax = waitMsMax;
    this.#clock = options.clock ?? systemClock;
    this.#onEvent = onEvent;
    this.#begins = new Float64Array(callsMax).fill(-Infinity);
  }

  override get options(): object {
    return { callsMax: this.#begins.length, perMs: this.#perMs, waitMsMax: this.#waitMsMax };
  }

  /** What its times pass by. */
  get clock(): Clock {
    return this.#clock;
  }

  /** A call that is given up while it waits has used its turn all the same. */
  execute<T>(attempt: Attempt<T>, signal: AbortSignal = neverAborted, inner?: Policy): Promise<T> {
    if (typeof attempt !== 'function') {
      return Promise.reject(noFunction(this.name, 'execute', attempt));
    }
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const nowMs = this.#clock.monotonic();
    const beginMs = Math.max(nowMs, this.#begins[this.#oldest]! + this.#perMs);
    const waitMs = beginMs - nowMs;
    if (waitMs > this.#waitMsMax) return Promise.reject(this.#refuse(waitMs));
    this.#begins[this.#oldest] = beginMs;
    this.#oldest = (this.#oldest + 1) % this.#begins.length;
    if (waitMs === 0) return started(attempt, signal, inner);
    return this.#clock.sleep(waitMs, { signal }).then(() => started(attempt, signal, inner));
  }

  #refuse(retryAfterMs: number): RateLimitedError {
    const { name } = this;
    if (this.#onEvent !== undefined) {
      tell(this.#onEvent, { type: 'rate.refused', name, retryAfterMs });
    }
    const fact = `${this.#begins.length} calls began within ${this.#perMs} ms`;
    const remedy = `try again in ${Math.ceil(retryAfterMs)} ms, or let calls wait: \`waitMsMax\``;
    return new RateLimitedError({ place: name, fact, remedy }, retryAfterMs);
  }
}
