import { PipelineError } from '../errors.ts';

/**
 * Something with counted holders. The creator is the first holder; `release` by the last one gives
 * the buffers back. Holders that never release cost nothing but the reuse: the collector takes over.
 */
export abstract class Shared {
  #holders = 1;

  /** How many hold this now; 0 once it was given back. */
  get holders(): number {
    return this.#holders;
  }

  retain(): this {
    this.assertHeld();
    this.#holders++;
    return this;
  }

  release(): void {
    this.assertHeld();
    if (--this.#holders === 0) this.free();
  }

  /** Throws `ERR_BATCH_RELEASED` once the last holder has released this. */
  assertHeld(): void {
    if (this.#holders > 0) return;
    throw new PipelineError({
      code: 'ERR_BATCH_RELEASED',
      place: this.constructor.name,
      fact: 'used after its last holder released it',
      remedy: 'keep rows with toObject(row) and batches with batch.retain()',
    });
  }

  /** Gives buffers back; called once. */
  protected abstract free(): void;
}
