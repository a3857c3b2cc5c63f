import { componentDegraded, componentRecovered } from '../../observe/events.ts';
import type { Emitter } from '../../observe/emitter.ts';

/** Why a run goes on but not as it should, by component; each change is told. */
export class Degradation {
  readonly #emitter: Emitter;
  readonly #reasons = new Map<string, string>();

  constructor(emitter: Emitter) {
    this.#emitter = emitter;
  }

  get reasons(): ReadonlyMap<string, string> {
    return this.#reasons;
  }

  /** Undefined where all is well again. */
  set(id: string, reason: string | undefined): void {
    if (reason === undefined) {
      if (!this.#reasons.delete(id)) return;
      this.#emitter.emit(componentRecovered, { id }, { log: this.#emitter.logOf(id) });
    } else if (this.#reasons.get(id) !== reason) {
      this.#reasons.set(id, reason);
      this.#emitter.emit(componentDegraded, { id, reason }, { log: this.#emitter.logOf(id) });
    }
  }
}
