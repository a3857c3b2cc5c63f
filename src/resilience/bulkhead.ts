import type { Policy } from '../core/index.ts';
import { tell } from '../core/listeners.ts';
import { AsyncPolicy } from './async-policy.ts';
import { BulkheadFullError } from './errors.ts';
import type { PolicyListener } from './events.ts';
import { noFunction } from './given-function.ts';
import { checkNames, checkNumber, requireNumber } from './options.ts';
import { type Attempt, neverAborted, type PolicyOptions, started } from './policy.ts';

/** How many calls may run and wait at a time. */
export interface BulkheadOptions extends Pick<PolicyOptions, 'name' | 'onEvent' | 'execute'> {
  /** Calls that may run at a time. */
  readonly concurrentMax: number;
  /** Calls that may wait for their turn, in order; none unless given. */
  readonly queueMax?: number | undefined;
}

/** Lets so many calls run at a time; one more than may wait is refused with `BulkheadFullError`. */
export function bulkhead(options: BulkheadOptions): Bulkhead {
  return new Bulkhead(options);
}

/** Made by `bulkhead(options)`. */
export class Bulkhead extends AsyncPolicy {
  readonly kind = 'bulkhead';
  readonly name: string;
  readonly concurrentMax: number;
  readonly queueMax: number;
  readonly #onEvent: PolicyListener | undefined;
  readonly #waiting = new Set<() => void>();
  #running = 0;

  constructor(options: BulkheadOptions) {
    super();
    checkNames('bulkhead', options, ['name', 'concurrentMax', 'queueMax', 'onEvent']);
    const { name = 'bulkhead', concurrentMax, queueMax = 0, onEvent } = options;
    requireNumber(name, 'concurrentMax', concurrentMax, 'positive integer');
    checkNumber(name, 'queueMax', queueMax, 'whole');
    this.name = name;
    this.concurrentMax = concurrentMax;
    this.queueMax = queueMax;
    this.#onEvent = onEvent;
  }

  override get options(): object {
    return { concurrentMax: this.concurrentMax, queueMax: this.queueMax };
  }

  /** Calls that run now. */
  get running(): number {
    return this.#running;
  }

  /** Calls that wait for their turn now. */
  get waiting(): number {
    return this.#waiting.size;
  }

  execute<T>(attempt: Attempt<T>, signal: AbortSignal = neverAborted, inner?: Policy): Promise<T> {
    if (typeof attempt !== 'function') {
      return Promise.reject(noFunction(this.name, 'execute', attempt));
    }
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    if (this.#running < this.concurrentMax) {
      this.#running++;
      return this.#run(attempt, signal, inner);
    }
    if (this.#waiting.size < this.queueMax) {
      return this.#turn(signal).then(() => {
        // Given up in the moment in which its turn came.
        if (signal.aborted) this.#leave();
        signal.throwIfAborted();
        return this.#run(attempt, signal, inner);
      });
    }
    if (this.#onEvent !== undefined) {
      tell(this.#onEvent, { type: 'bulkhead.refused', name: this.name });
    }
    const waiting = this.queueMax === 0 ? '' : ` and ${this.queueMax} wait`;
    const fact = `${this.concurrentMax} calls run already${waiting}`;
    const remedy = 'raise `concurrentMax` or `queueMax`, or call less often';
    return Promise.reject(new BulkheadFullError({ place: this.name, fact, remedy }));
  }

  #run<T>(attempt: Attempt<T>, signal: AbortSignal, inner: Policy | undefined): Promise<T> {
    return started(attempt, signal, inner).then(this.#fulfilled, this.#rejected) as Promise<T>;
  }

  // Shared by all calls: a closure for each would cost more than everything else here.
  readonly #fulfilled = (value: unknown): unknown => {
    this.#leave();
    return value;
  };

  readonly #rejected = (error: unknown): never => {
    this.#leave();
    throw error;
  };

  /** Whoever leaves gives its place to whoever has waited longest. */
  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#running--;
    else next();
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#waiting.delete(enter);
        signal.removeEventListener('abort', giveUp);
      };
      const enter = (): void => {
        settle();
        resolve();
      };
      const giveUp = (): void => {
        settle();
        reject(signal.reason as Error);
      };
      this.#waiting.add(enter);
      signal.addEventListener('abort', giveUp);
    });
  }
}
