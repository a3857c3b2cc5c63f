import type { BreakerState } from '../core/index.ts';
import type { Emitter } from './emitter.ts';
import { breakerChanged, breakerChangeOf } from './events.ts';
import type { ObservedBreaker } from './health-dashboard.ts';

/** What a breaker tells its listeners of. */
interface BreakerEvent {
  readonly type: string;
  readonly from?: BreakerState;
  readonly to?: BreakerState;
  readonly reason?: string;
}

type Listen = (listener: (event: BreakerEvent) => void) => () => void;

/**
 * Tells of each change of some breakers. One that can be listened to tells of all of them, as they
 * happen; of any other only what differs from look to look is known.
 */
export class BreakerWatch implements Disposable {
  readonly #emitter: Emitter;
  readonly #states = new Map<ObservedBreaker, BreakerState>();
  readonly #stops: (() => void)[] = [];

  constructor(breakers: readonly ObservedBreaker[], emitter: Emitter) {
    this.#emitter = emitter;
    for (const breaker of breakers) this.#watch(breaker);
  }

  /** Makes the changes that time alone has brought, and finds those that nobody has told of. */
  look(): void {
    for (const [breaker, previous] of this.#states) {
      const { state } = breaker;
      if (state !== previous && this.#states.get(breaker) === previous) {
        this.#changed(breaker, previous, state);
      }
    }
  }

  [Symbol.dispose](): void {
    for (const stop of this.#stops.splice(0)) stop();
    this.#states.clear();
  }

  #watch(breaker: ObservedBreaker): void {
    this.#states.set(breaker, breaker.state);
    const { listen } = breaker as { readonly listen?: Listen };
    if (typeof listen !== 'function') return;
    const stop = listen.call(breaker, ({ type, from, to, reason }) => {
      if (type !== 'breaker.changed' || from === undefined || to === undefined) return;
      // Held or released, it may be in that state already.
      if (from !== to) this.#changed(breaker, from, to, reason);
    });
    this.#stops.push(stop);
  }

  #changed(breaker: ObservedBreaker, from: BreakerState, to: BreakerState, reason?: string): void {
    this.#states.set(breaker, to);
    const { name } = breaker;
    this.#emitter.emit(breakerChanged, breakerChangeOf({ name, from, to, reason }));
  }
}
