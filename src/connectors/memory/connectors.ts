import { Buffer } from 'node:buffer';
import { inspect } from 'node:util';

import {
  Batch,
  BatchBuilder,
  type CellValue,
  type Fields,
  MisfitError,
  Origin,
  type RecordOf,
  type Schema,
  Selection,
} from '../../batch/index.ts';
import { parseTimestamp } from '../../batch/codec/timestamp.ts';
import { countedPosition } from '../../core/counted-position.ts';
import {
  endOfInput,
  type Position,
  type SourceConnector,
  type SourceContext,
} from '../../core/index.ts';

/** Positions are the places of records in the iterable, from 0. */
export class RowsConnector implements SourceConnector {
  readonly #rows: Iterable<RecordOf<Fields>>;
  readonly #context: SourceContext;
  readonly #builder: BatchBuilder;
  readonly #timestamps: readonly string[];
  #iterator: Iterator<RecordOf<Fields>> | undefined;
  #taken = 0;

  constructor(rows: Iterable<RecordOf<Fields>>, context: SourceContext) {
    this.#rows = rows;
    this.#context = context;
    this.#builder = new BatchBuilder(context.output, { source: context.id });
    this.#timestamps = timestampsOf(context.output);
  }

  open(from: Position | undefined): Promise<void> {
    const skipped = countedPosition(from, this.#context.id, 'rows');
    const iterator = this.#rows[Symbol.iterator]();
    for (this.#taken = 0; this.#taken < skipped; this.#taken++) if (iterator.next().done) break;
    this.#iterator = iterator;
    return Promise.resolve();
  }

  read(): Promise<Batch | typeof endOfInput> {
    const { rowsMax, bytesMax } = this.#context.batchLimits;
    const first = this.#taken;
    // Refused records count too, so that their dead letters are taken away in good time.
    while (this.#taken - first < rowsMax && this.#builder.bytes < bytesMax) {
      const next = this.#iterator!.next();
      if (next.done === true) break;
      this.#append(next.value, this.#taken++);
    }
    return Promise.resolve(this.#taken === first ? endOfInput : this.#builder.finish());
  }

  position(): Position {
    return this.#taken;
  }

  close(): Promise<void> {
    this.#iterator?.return?.();
    return Promise.resolve();
  }

  #append(record: RecordOf<Fields>, position: number): void {
    try {
      this.#builder.append(withTimes(record, this.#timestamps), position);
    } catch (thrown) {
      if (!(thrown instanceof MisfitError)) throw thrown;
      const text = Buffer.from(recordText(record));
      this.#context.report.failed({
        position,
        partition: '',
        reason: thrown.reason,
        message: thrown.fact,
        quotesRecord: false,
        record: text,
        recordBytes: text.length,
      });
    }
  }
}

/** Positions count stored rows, selected or not, from 0. */
export class BatchesConnector implements SourceConnector {
  readonly #batches: readonly Batch[];
  readonly #context: SourceContext;
  #next = 0;
  #taken = 0;
  #from = 0;

  constructor(batches: readonly Batch[], context: SourceContext) {
    this.#batches = batches;
    this.#context = context;
  }

  open(from: Position | undefined): Promise<void> {
    this.#from = countedPosition(from, this.#context.id, 'rows');
    this.#next = 0;
    this.#taken = 0;
    while (this.#next < this.#batches.length) {
      const { rowsStored } = this.#batches[this.#next]!;
      if (this.#taken + rowsStored > this.#from) break;
      this.#taken += rowsStored;
      this.#next++;
    }
    return Promise.resolve();
  }

  read(): Promise<Batch | typeof endOfInput> {
    const batch = this.#batches[this.#next++];
    if (batch === undefined) return Promise.resolve(endOfInput);
    const first = this.#taken;
    this.#taken += batch.rowsStored;
    return Promise.resolve(this.#placed(batch, first));
  }

  position(): Position {
    return Math.max(this.#taken, this.#from);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** The batch with positions of this source, without rows that an earlier run has given. */
  #placed(batch: Batch, first: number): Batch {
    batch.assertHeld();
    for (const column of batch.columns) column.retain();
    const origin = new Origin(this.#context.id, '', first);
    let selection = batch.selection?.retain() ?? null;
    if (this.#from > first) {
      const left = batch.rows.slice(0, batch.length).filter((row) => first + row >= this.#from);
      selection?.release();
      selection = new Selection(left, left.length);
    }
    return new Batch(batch.schema, batch.columns, batch.rowsStored, origin, selection);
  }
}

function timestampsOf({ fields }: Schema): string[] {
  return fields.filter(({ kind }) => kind === 'timestamp').map(({ name }) => name);
}

/** A record with milliseconds for times that are written as RFC 3339, as files have them too. */
function withTimes(record: RecordOf<Fields>, names: readonly string[]): RecordOf<Fields> {
  let read = record;
  for (const name of names) {
    const text: unknown = record?.[name];
    const time = typeof text === 'string' ? parseTimestamp(text) : Number.NaN;
    if (!Number.isNaN(time)) read = { ...read, [name]: time };
  }
  return read;
}

/** A record that does not fit, as JSON where that can be made of it. */
function recordText(record: unknown): string {
  try {
    const text = JSON.stringify(record, (_, value: CellValue) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    return text ?? String(record);
  } catch {
    return inspect(record);
  }
}
