import type { BreakerState } from '../core/index.ts';
import type { Emitter } from './emitter.ts';
import { BreakerIds } from './breaker-ids.ts';
import { breakerChanged } from './events.ts';
import type { ObservedBreaker } from './watched-policies.ts';

interface Watched {
  readonly breaker: ObservedBreaker;
  state: BreakerState;
  /** Those that have it, as far as that is known, and its id in each. */
  readonly ids: Map<string, string>;
}

/**
 * Tells of each change of some breakers, of one that several components share once. One that can be
 * listened to tells of all of them, as they happen; of any other only what differs from look to look
 * is known.
 */
export class BreakerWatch implements Disposable {
  readonly #emitter: Emitter;
  readonly #watched = new Map<ObservedBreaker, Watched>();
  /** Of each component. */
  readonly #ids = new Map<string, BreakerIds>();
  readonly #stops: (() => void)[] = [];
  #hasEnded = false;

  constructor(emitter: Emitter) {
    this.#emitter = emitter;
  }

  /** Watches some from now on. `component`: what has them, in the order of its figures. */
  add(breakers: readonly ObservedBreaker[], component?: string): void {
    if (this.#hasEnded) return;
    const known = component === undefined ? undefined : this.#ids.get(component);
    const own = known ?? new BreakerIds();
    if (component !== undefined) this.#ids.set(component, own);
    for (const breaker of breakers) {
      const { ids } = this.#watched.get(breaker) ?? this.#watch(breaker);
      if (component !== undefined) ids.set(component, own.of(breaker));
    }
  }

  /** Makes the changes that time alone has brought, and finds those that nobody has told of. */
  look(): void {
    for (const watched of this.#watched.values()) {
      const { breaker, state: previous } = watched;
      const state = stateOf(breaker) ?? previous;
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
    const watched: Watched = { breaker, state: breaker.state, ids: new Map() };
    this.#watched.set(breaker, watched);
    const stop = breaker.listen?.(({ type, from, to, reason }) => {
      if (type !== 'breaker.changed' || from === undefined || to === undefined) return;
      // Held or released, it may be in that state already.
      if (from !== to) this.#changed(watched, from, to, reason);
    });
    if (stop !== undefined) this.#stops.push(stop);
    return watched;
  }

  #changed(
    watched: Watched,
    previous: BreakerState,
    state: BreakerState,
    reason: string | null = null,
  ): void {
    watched.state = state;
    const { breaker, ids } = watched;
    const isOfSome = ids.size > 0;
    const components = [...ids.keys()];
    const fields = {
      breaker: breaker.name,
      state,
      previous,
      reason,
      components: isOfSome ? components : undefined,
      ids: isOfSome ? [...ids.values()] : undefined,
    };
    const log = ids.size === 1 ? this.#emitter.logOf(components[0]!) : this.#emitter.log;
    this.#emitter.emit(breakerChanged, fields, { log });
  }
}

/** Undefined where it throws. */
function stateOf(breaker: ObservedBreaker): BreakerState | undefined {
  try {
    return breaker.state;
  } catch {
    return undefined;
  }
}
