import type { BreakerState } from '../core/index.ts';
import type { Emitter } from './emitter.ts';
import { breakerChanged, breakerChangeOf } from './events.ts';
import type { ObservedBreaker } from './health-dashboard.ts';

interface Watched {
  readonly breaker: ObservedBreaker;
  state: BreakerState;
  /** Those that have it, as far as that is known. */
  readonly components: string[];
}

/**
 * Tells of each change of some breakers, of one that several components share once. One that can be
 * listened to tells of all of them, as they happen; of any other only what differs from look to look
 * is known.
 */
export class BreakerWatch implements Disposable {
  readonly #emitter: Emitter;
  readonly #watched = new Map<ObservedBreaker, Watched>();
  readonly #stops: (() => void)[] = [];
  #hasEnded = false;

  constructor(emitter: Emitter) {
    this.#emitter = emitter;
  }

  /** Watches some from now on. `component`: what has them. */
  add(breakers: readonly ObservedBreaker[], component?: string): void {
    if (this.#hasEnded) return;
    for (const breaker of breakers) {
      const { components } = this.#watched.get(breaker) ?? this.#watch(breaker);
      if (component !== undefined && !components.includes(component)) components.push(component);
    }
  }

  /** Makes the changes that time alone has brought, and finds those that nobody has told of. */
  look(): void {
    for (const watched of this.#watched.values()) {
      const { breaker, state: previous } = watched;
      const { state } = breaker;
      // Asked for its state, it may have told of it.
      if (state !== previous && watched.state === previous) {
        this.#changed(watched, previous, state);
      }
    }
  }

  [Symbol.dispose](): void {
    this.#hasEnded = true;
    for (const stop of this.#stops.splice(0)) stop();
    this.#watched.clear();
  }

  #watch(breaker: ObservedBreaker): Watched {
    const watched: Watched = { breaker, state: breaker.state, components: [] };
    this.#watched.set(breaker, watched);
    const stop = breaker.listen?.(({ type, from, to, reason }) => {
      if (type !== 'breaker.changed' || from === undefined || to === undefined) return;
      // Held or released, it may be in that state already.
      if (from !== to) this.#changed(watched, from, to, reason);
    });
    if (stop !== undefined) this.#stops.push(stop);
    return watched;
  }

  #changed(watched: Watched, from: BreakerState, to: BreakerState, reason?: string): void {
    watched.state = to;
    const { name } = watched.breaker;
    const components = watched.components.length === 0 ? undefined : [...watched.components];
    this.#emitter.emit(breakerChanged, breakerChangeOf({ name, from, to, reason }, components));
  }
}
