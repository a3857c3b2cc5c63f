import type { Batch, Fields, RecordOf } from '../../batch/index.ts';
import type { PipelineBatches } from './batches.ts';

/** The records of one run, plain and frozen. A batch is consumed when what is behind it is asked for. */
export class PipelineRecords<F extends Fields = Fields>
  implements AsyncIterableIterator<RecordOf<F>, undefined>, AsyncDisposable
{
  readonly #batches: PipelineBatches<F>;
  readonly #records: AsyncGenerator<RecordOf<F>, undefined>;

  constructor(batches: PipelineBatches<F>) {
    this.#batches = batches;
    this.#records = recordsIn(batches);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next record. Rejects once where the run failed. */
  next(): Promise<IteratorResult<RecordOf<F>, undefined>> {
    return this.#records.next();
  }

  /** Ends the run at once and closes everything. */
  async return(): Promise<IteratorReturnResult<undefined>> {
    try {
      // First, as a generator would wait for the `next` that it is at.
      return await this.#batches.return();
    } finally {
      await this.#records.return(undefined);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}

async function* recordsIn<F extends Fields>(
  batches: PipelineBatches<F>,
): AsyncGenerator<RecordOf<F>, undefined> {
  for await (const batch of batches) for (const record of recordsOf(batch)) yield record;
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
