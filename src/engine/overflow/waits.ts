import type { Batch } from '../../batch/index.ts';
import { type Flow, isCut } from '../../core/index.ts';
import type { Observed } from '../observed.ts';

/** How long batches wait for a sink that nobody waits for. What was on disk meanwhile is not measured. */
export class Waits {
  readonly #observed: Pick<Observed, 'meter' | 'now'>;
  readonly #since = new WeakMap<Batch, number>();

  constructor(observed: Pick<Observed, 'meter' | 'now'>) {
    this.#observed = observed;
  }

  began(batch: Batch): void {
    this.#since.set(batch, this.#observed.now());
  }

  ended(flow: Flow | undefined): void {
    const sinceMs = flow === undefined || isCut(flow) ? undefined : this.#since.get(flow);
    if (sinceMs === undefined) return;
    this.#observed.meter.wait.record((this.#observed.now() - sinceMs) / 1000);
  }
}
