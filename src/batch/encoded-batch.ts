import { Batch } from './batch.ts';
import { Origin } from './origin.ts';
import { Schema } from './schema.ts';

const noFields = new Schema([]);

/**
 * Rows as the sink that they are for writes them, encoded on another thread. It has their number and
 * none of their columns; `sample` has some of them whole, for whoever looks on.
 */
export class EncodedBatch extends Batch {
  readonly encoded: Uint8Array;
  readonly sample: Batch | null;
  readonly #freed: () => void;

  /**
   * Takes over the caller's hold on the sample. `freed`: called when nobody holds it any more, and its
   * bytes may be used again.
   */
  constructor(rows: number, encoded: Uint8Array, sample: Batch | null, freed: () => void) {
    super(noFields, [], rows, new Origin('', '', 0));
    this.encoded = encoded;
    this.sample = sample;
    this.#freed = freed;
  }

  override get bytes(): number {
    return this.encoded.length;
  }

  protected override free(): void {
    super.free();
    this.sample?.release();
    this.#freed();
  }
}
