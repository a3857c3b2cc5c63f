import { Batch, BatchBuilder, type Origin, type RecordOf, type Schema } from '../batch/index.ts';

/** Makes a batch of records, each made of a row of another batch and traced to it. */
export class RecordCollector {
  readonly #builder: BatchBuilder;
  #parents: Uint32Array = new Uint32Array(1024);
  #ordinals: Int32Array = new Int32Array(1024);
  #count = 0;

  constructor(schema: Schema) {
    this.#builder = new BatchBuilder(schema);
  }

  /** Records so far. */
  get count(): number {
    return this.#count;
  }

  /**
   * Adds a record made of a stored row, the `ordinal`-th of that row. Throws `MisfitError` where it
   * does not fit, and then nothing of it is left behind.
   */
  add(record: unknown, parent: number, ordinal = 0): void {
    this.#builder.append(record as RecordOf<never>);
    if (this.#count === this.#parents.length) this.#grow();
    this.#parents[this.#count] = parent;
    this.#ordinals[this.#count++] = ordinal;
  }

  /** The batch of records that took the place of their rows; the collector starts anew. */
  replace(origin: Origin): Batch {
    return this.#finish(origin.gather(this.#parents, this.#count));
  }

  /** The batch of records that their rows became; the collector starts anew. */
  expand(origin: Origin): Batch {
    return this.#finish(origin.expand(this.#parents, this.#ordinals, this.#count));
  }

  #finish(origin: Origin): Batch {
    const built = this.#builder.finish();
    this.#count = 0;
    for (const column of built.columns) column.retain();
    const traced = new Batch(built.schema, built.columns, built.rowsStored, origin);
    built.release();
    origin.release();
    return traced;
  }

  #grow(): void {
    const [parents, ordinals] = [this.#parents, this.#ordinals];
    this.#parents = new Uint32Array(parents.length * 2);
    this.#ordinals = new Int32Array(ordinals.length * 2);
    this.#parents.set(parents);
    this.#ordinals.set(ordinals);
  }
}
