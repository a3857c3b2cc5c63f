import type { Policy } from '../../core/index.ts';
import type { Emitter } from '../../observe/emitter.ts';
import { breakerChanged, breakerChangeOf } from '../../observe/events.ts';
import type { CircuitBreaker } from '../../resilience/index.ts';
import { breakersOf } from '../policies.ts';

/** Says every change of every breaker of a run, one that several components share once. */
export class BreakerChanges implements Disposable {
  readonly #emitter: Emitter;
  /** The components behind each. */
  readonly #behind = new Map<CircuitBreaker, string[]>();
  readonly #ends: (() => void)[] = [];
  #hasEnded = false;

  constructor(emitter: Emitter) {
    this.#emitter = emitter;
  }

  add(component: string, policy: Policy): void {
    if (this.#hasEnded) return;
    for (const breaker of breakersOf(policy)) {
      const known = this.#behind.get(breaker);
      if (known === undefined) this.#listen(breaker, [component]);
      else if (!known.includes(component)) known.push(component);
    }
  }

  [Symbol.dispose](): void {
    this.#hasEnded = true;
    for (const end of this.#ends.splice(0)) end();
  }

  #listen(breaker: CircuitBreaker, components: string[]): void {
    this.#behind.set(breaker, components);
    const end = breaker.listen((event) => {
      // Whoever holds one in the state that it has changes nothing.
      if (event.type !== 'breaker.changed' || event.from === event.to) return;
      this.#emitter.emit(breakerChanged, breakerChangeOf(event, [...components]));
    });
    this.#ends.push(end);
  }
}
