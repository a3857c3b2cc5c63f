import { type Clock, type Policy, systemClock, type Timer } from '../core/index.ts';
import { tell } from '../core/listeners.ts';
import { AsyncPolicy } from './async-policy.ts';
import { TimeoutError } from './errors.ts';
import type { PolicyListener } from './events.ts';
import { noFunction } from './given-function.ts';
import { checkNames, requireNumber } from './options.ts';
import { type Attempt, neverAborted, type PolicyOptions, started } from './policy.ts';

/** How long a call may take. */
export interface TimeoutOptions extends Omit<PolicyOptions, 'random'> {
  /** How long a call may take, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Gives a call up after `timeoutMs`: it rejects with `TimeoutError` at once, and the signal that the
 * attempt was given aborts with the same error.
 */
export function timeout(options: TimeoutOptions): Timeout {
  return new Timeout(options);
}

/** How many calls that are over are kept to be used again. */
const freeMax = 256;

/** Made by `timeout(options)`. */
export class Timeout extends AsyncPolicy {
  readonly kind = 'timeout';
  readonly name: string;
  readonly timeoutMs: number;
  readonly #clock: Clock;
  readonly #onEvent: PolicyListener | undefined;
  readonly #timer: Timer;
  // Calls that wait for their attempt. All have the same time, so who began first is due first.
  #first: Call | undefined;
  #last: Call | undefined;
  readonly #free: Call[] = [];
  #opening: Call | undefined;
  readonly #open = (resolve: (value: never) => void, reject: (error: unknown) => void): void => {
    this.#opening!.resolve = resolve as (value: unknown) => void;
    this.#opening!.reject = reject;
  };

  constructor(options: TimeoutOptions) {
    super();
    checkNames('timeout', options, ['name', 'timeoutMs', 'onEvent', 'clock']);
    const { name = 'timeout', timeoutMs, onEvent, clock = systemClock } = options;
    requireNumber(name, 'timeoutMs', timeoutMs, 'positive');
    this.name = name;
    this.timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#onEvent = onEvent;
    this.#timer = clock.timer(() => this.#expire());
  }

  override get options(): object {
    return { timeoutMs: this.timeoutMs };
  }

  /** What its times pass by. */
  get clock(): Clock {
    return this.#clock;
  }

  execute<T>(attempt: Attempt<T>, signal: AbortSignal = neverAborted, inner?: Policy): Promise<T> {
    if (typeof attempt !== 'function') {
      return Promise.reject(noFunction(this.name, 'execute', attempt));
    }
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const call = this.#free.pop() ?? this.#createCall();
    this.#opening = call;
    const result = new Promise<T>(this.#open);
    const controller = (call.controller = new AbortController());
    if (signal !== neverAborted) call.listenTo(signal);
    this.#add(call);
    started(attempt, controller.signal, inner).then(call.fulfilled, call.rejected);
    return result;
  }

  #createCall(): Call {
    return new Call({
      decided: (call) => this.#remove(call),
      ended: (call) => {
        if (this.#free.length < freeMax) this.#free.push(call);
      },
    });
  }

  #add(call: Call): void {
    call.dueMs = this.#clock.monotonic() + this.timeoutMs;
    call.previous = this.#last;
    if (this.#last === undefined) {
      this.#first = call;
      this.#timer.set(call.dueMs);
    } else this.#last.next = call;
    this.#last = call;
  }

  #remove(call: Call): void {
    const { previous, next } = call;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    call.previous = call.next = undefined;
    if (this.#first === undefined) this.#timer.stop();
  }

  #expire(): void {
    const nowMs = this.#clock.monotonic();
    while (this.#first !== undefined && this.#first.dueMs <= nowMs) {
      const fact = `did not finish within ${this.timeoutMs} ms`;
      const remedy = 'raise `timeoutMs`, or see why it is slow';
      const error = new TimeoutError({ place: this.name, fact, remedy }, this.timeoutMs);
      this.#first.giveUp(error);
      if (this.#onEvent !== undefined) {
        const { name, timeoutMs } = this;
        tell(this.#onEvent, { type: 'timeout.expired', name, timeoutMs });
      }
    }
    if (this.#first !== undefined) this.#timer.set(this.#first.dueMs);
  }
}

interface CallEvents {
  /** Its result stands, though the attempt may still be under way. */
  decided(call: Call): void;
  /** The attempt has ended, too: the call can be used again. */
  ended(call: Call): void;
}

/** A call under way: a node of a list. Its functions are made once, for every call that it is used for. */
class Call {
  dueMs = 0;
  previous: Call | undefined;
  next: Call | undefined;
  resolve: ((value: unknown) => void) | undefined;
  reject: ((error: unknown) => void) | undefined;
  controller: AbortController | undefined;
  #signal: AbortSignal | undefined;
  readonly #events: CallEvents;

  constructor(events: CallEvents) {
    this.#events = events;
  }

  readonly fulfilled = (value: unknown): void => {
    const { resolve } = this;
    this.#decide();
    this.#events.ended(this);
    resolve?.(value);
  };

  readonly rejected = (error: unknown): void => {
    const { reject } = this;
    this.#decide();
    this.#events.ended(this);
    reject?.(error);
  };

  listenTo(signal: AbortSignal): void {
    this.#signal = signal;
    signal.addEventListener('abort', this);
  }

  /** The caller's signal has aborted. */
  handleEvent(): void {
    this.giveUp(this.#signal!.reason);
  }

  giveUp(error: unknown): void {
    const { reject, controller } = this;
    this.#decide();
    reject?.(error);
    controller?.abort(error);
  }

  #decide(): void {
    if (this.resolve === undefined) return;
    this.resolve = this.reject = undefined;
    this.controller = undefined;
    this.#signal?.removeEventListener('abort', this);
    this.#signal = undefined;
    this.#events.decided(this);
  }
}
