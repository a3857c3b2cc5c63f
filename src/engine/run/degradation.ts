import type { Logger } from '../../core/index.ts';

/** Why a run goes on but not as it should, by component; each change is logged. */
export class Degradation {
  readonly #log: Logger;
  readonly #reasons = new Map<string, string>();

  constructor(log: Logger) {
    this.#log = log;
  }

  get reasons(): ReadonlyMap<string, string> {
    return this.#reasons;
  }

  /** Undefined where all is well again. */
  set(id: string, reason: string | undefined): void {
    if (reason === undefined) {
      if (this.#reasons.delete(id)) this.#log.info('component.recovered', { id });
    } else if (this.#reasons.get(id) !== reason) {
      this.#reasons.set(id, reason);
      this.#log.warning('component.degraded', { id, reason });
    }
  }
}
