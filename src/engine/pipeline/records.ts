import type { Batch, Fields, RecordOf } from '../../batch/index.ts';
import type { PipelineBatches } from './batches.ts';

/** The records of one run, plain and frozen. A batch is consumed when what is behind it is asked for. */
export class PipelineRecords<F extends Fields = Fields>
  implements AsyncIterableIterator<RecordOf<F>, undefined>, AsyncDisposable
{
  readonly #batches: PipelineBatches<F>;
  #records: readonly RecordOf<F>[] = [];
  #at = 0;
  /** Calls of `next` have their turn one by one. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(batches: PipelineBatches<F>) {
    this.#batches = batches;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next record. Rejects once where the run failed. */
  next(): Promise<IteratorResult<RecordOf<F>, undefined>> {
    const next = this.#turn.then(() => this.#next());
    this.#turn = next.catch(() => {});
    return next;
  }

  /** Ends the run at once and closes everything. */
  return(): Promise<IteratorReturnResult<undefined>> {
    this.#records = [];
    return this.#batches.return();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async #next(): Promise<IteratorResult<RecordOf<F>, undefined>> {
    while (this.#at >= this.#records.length) {
      const next = await this.#batches.next();
      if (next.done === true) return next;
      this.#records = recordsOf(next.value);
      this.#at = 0;
    }
    return { done: false, value: this.#records[this.#at++]! };
  }
}

/** The rows of a batch, frozen with what is in them; bytes are copies. Releases the batch. */
function recordsOf<F extends Fields>(batch: Batch<F>): RecordOf<F>[] {
  const records = batch.toRows();
  const nested = batch.schema.fields.filter(({ kind }) => kind === 'json');
  for (const record of records) {
    for (const { name } of nested) freeze((record as Readonly<Record<string, unknown>>)[name]);
    Object.freeze(record);
  }
  batch.release();
  return records;
}

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const inner of Object.values(value)) freeze(inner);
  Object.freeze(value);
}
