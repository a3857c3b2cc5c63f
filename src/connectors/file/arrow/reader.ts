import { isUtf8 } from 'node:buffer';

import type { AsyncRecordBatchStreamReader, RecordBatch } from 'apache-arrow';

import { columnOf, type Dictionaries } from '../../../batch/arrow/from-arrow.ts';
import type { ArrowRecordBatch } from '../../../batch/arrow/structure.ts';
import {
  Batch,
  BytesColumn,
  CategoryColumn,
  type Column,
  type Field,
  FixedColumn,
  Origin,
} from '../../../batch/index.ts';
import { createColumnWriter } from '../../../batch/column-writer.ts';
import { readFully } from '../../../core/record-file.ts';
import { isPipelineError, PipelineError, reasonOf } from '../../../errors.ts';
import type { FileReader, FileToRead } from '../file-format.ts';
import { type Misfit, withoutMisfits } from '../misfits.ts';
import type { FilePosition } from '../partitions.ts';
import { unreadable } from '../unreadable.ts';
import { type ArrowMessage, endOfStream, messageAt, noMessage } from './messages.ts';
import { type ArrowPackage, readLz4 } from './peer.ts';
import { readTable } from './table.ts';

export interface ArrowReaderParts {
  readonly to: FileToRead;
  readonly arrow: ArrowPackage;
  readonly dictionaries: Dictionaries;
  /** The columns that the file has. */
  readonly names: ReadonlySet<string>;
  /** Whether there is a table at its end. */
  readonly isFile: boolean;
  /** Where the first message behind the schema is. */
  readonly start: number;
}

/** Reads the record batches of an Arrow file one by one, in parts that fit a batch of ours. */
export class ArrowReader implements FileReader {
  readonly #parts: ArrowReaderParts;
  /** Messages on their way into Arrow's reader. */
  readonly #queue: Uint8Array[] = [];
  #reader: AsyncRecordBatchStreamReader | undefined;
  #offset: number;
  /** Rows before those that were not given yet, and before the record batch in hand. */
  #row: number;
  #batchStart = 0;
  /** Record batches up to here. */
  #batches = 0;
  #recordBatch: RecordBatch | undefined;
  /** Whether each message begins with a mark, as since 2019. */
  #isMarked = true;
  #isFinished = false;

  constructor(parts: ArrowReaderParts) {
    this.#parts = parts;
    this.#offset = parts.start;
    this.#row = parts.to.from?.offset ?? 0;
  }

  get position(): FilePosition {
    const { sizeBytes: _, ...identity } = this.#parts.to.identity;
    return { ...identity, offset: this.#row };
  }

  get bytesLeft(): number {
    return this.#isFinished ? 0 : Math.max(0, this.#parts.to.identity.sizeBytes - this.#offset);
  }

  get isFinished(): boolean {
    return this.#isFinished;
  }

  /** `schema`: the message that the file begins with. */
  async begin(schema: Uint8Array): Promise<void> {
    this.#queue.push(schema);
    this.#isMarked = schema[0] === endOfStream[0];
    const { RecordBatchReader } = this.#parts.arrow;
    this.#reader = (await RecordBatchReader.from(
      feed(this.#queue),
    )) as unknown as AsyncRecordBatchStreamReader;
    await this.#reader.open({ autoDestroy: false });
  }

  async read(signal: AbortSignal): Promise<Batch | undefined> {
    for (;;) {
      signal.throwIfAborted();
      const current = this.#recordBatch;
      if (current === undefined) {
        if (!(await this.#nextRecordBatch())) return undefined;
        continue;
      }
      const from = this.#row - this.#batchStart;
      const rows = this.#fit(current, from);
      const batch = this.#makeBatch(current, from, rows);
      this.#row += rows;
      if (from + rows === current.numRows) this.#leave(current);
      if (batch.length > 0) return batch;
      batch.release();
      if (this.#parts.to.refused.areMany) return undefined;
    }
  }

  async close(): Promise<void> {
    await this.#parts.to.handle.close();
  }

  #leave({ numRows }: RecordBatch): void {
    this.#batchStart += numRows;
    this.#recordBatch = undefined;
  }

  /** Takes the next record batch with rows that were not given yet; false at the end. */
  async #nextRecordBatch(): Promise<boolean> {
    const { arrow, to, isFile } = this.#parts;
    for (;;) {
      const message = await messageAt(arrow, to.path, to.handle, this.#offset);
      // A stream may end without a mark; a file with a table at its end may not.
      if (message === 'end' || (message === 'eof' && !isFile)) {
        if (message === 'end' && (await this.#goesOn())) continue;
        this.#end();
        return false;
      }
      if (typeof message === 'string') throw this.#cut();
      if (message.kind === 'schema') throw unreadable(to.path, 'has a second schema');
      const isPast = this.#batchStart + message.rows <= this.#row;
      if (message.kind === 'rows') this.#batches++;
      if (message.kind === 'rows' && isPast) {
        this.#batchStart += message.rows;
        this.#offset = message.end;
        continue;
      }
      await this.#take(message);
      this.#offset = message.end;
      if (message.kind === 'dictionary') continue;
      this.#recordBatch = await this.#decode(message);
      return true;
    }
  }

  /**
   * Whether its writer has put more where the end was. Throws where bytes that mean the end are not
   * it, by damage or because one stream follows another: what is behind them would be lost unseen.
   */
  async #goesOn(): Promise<boolean> {
    const { arrow, to, isFile } = this.#parts;
    const mark = new Uint8Array(1);
    await readFully(to.handle, mark, this.#offset);
    // Four zeros are the end of streams from before 2019 only.
    if (this.#isMarked && mark[0] === 0) throw noMessage(to.path, this.#offset);
    const behind = await (isFile ? this.#batchesBehind() : this.#bytesBehind());
    if (behind === undefined) return false;
    // Asked again: a file that is written meanwhile has other bytes there by now.
    if ((await messageAt(arrow, to.path, to.handle, this.#offset)) !== 'end') return true;
    const fact = `goes on behind the end of its stream at byte ${this.#offset}: ${behind}`;
    const remedy = 'all rows before that were read; give each stream a file, or write it anew';
    throw unreadable(to.path, fact, { remedy });
  }

  async #batchesBehind(): Promise<string | undefined> {
    const table = await readTable(this.#parts.to.path, this.#parts.to.handle);
    const count = table?.numRecordBatches ?? this.#batches;
    if (count === this.#batches) return undefined;
    return `its table names ${count} record batches, and ${this.#batches} are before that`;
  }

  async #bytesBehind(): Promise<string | undefined> {
    const { handle } = this.#parts.to;
    const { sizeBytes } = await handle.facts();
    const behind = sizeBytes - this.#offset - (this.#isMarked ? endOfStream.length : 4);
    return behind > 0 ? `${behind} bytes are there` : undefined;
  }

  /** Hands a message to Arrow's reader. */
  async #take({ start, bodyStart, end, head, isLz4 }: ArrowMessage): Promise<void> {
    const { handle, context, identity } = this.#parts.to;
    if (isLz4) await context.clock.hold(readLz4(this.#parts.arrow));
    // A file that grows meanwhile may hold more than it did.
    if (end > identity.sizeBytes && end > (await handle.facts()).sizeBytes) throw this.#cut();
    const bytes = new Uint8Array(end - start);
    bytes.set(head);
    const read = await readFully(handle, bytes.subarray(head.length), bodyStart);
    if (head.length + read < bytes.length) throw this.#cut();
    context.report.bytesRead(bytes.length);
    this.#queue.push(bytes);
  }

  async #decode({ start }: ArrowMessage): Promise<RecordBatch> {
    try {
      const { value } = (await this.#reader!.next()) as { readonly value?: RecordBatch };
      if (value === undefined) throw new Error('there are no rows in it');
      return value;
    } catch (cause) {
      throw this.#damaged(`the record batch at byte ${start} cannot be read`, cause);
    }
  }

  /** How many rows from one on a batch has room for: one at least. */
  #fit({ numRows, data }: RecordBatch, from: number): number {
    const { rowsMax, bytesMax } = this.#parts.to.context.batchLimits;
    const bytesPerRow = Math.max(1, data.byteLength / Math.max(1, numRows));
    return Math.min(rowsMax, Math.max(1, Math.floor(bytesMax / bytesPerRow)), numRows - from);
  }

  #makeBatch(recordBatch: RecordBatch, from: number, rows: number): Batch {
    const { to, dictionaries, names } = this.#parts;
    const { context, path } = to;
    const slice = recordBatch.slice(from, from + rows) as unknown as ArrowRecordBatch;
    const misfits = new Map<number, Misfit>();
    const refuse = (row: number, misfit: Misfit): void => void misfits.set(row, misfit);
    try {
      const columns = context.output.fields.map((field) => {
        if (!names.has(field.name)) return nulls(field, rows);
        const column = columnOf(slice, { ...field, nullable: true }, dictionaries);
        return sound(column, field, rows, refuse);
      });
      const origin = new Origin(context.id, path, this.#row);
      return withoutMisfits(new Batch(context.output, columns, rows, origin), misfits, to);
    } catch (cause) {
      throw this.#damaged(`rows from ${this.#row} on cannot be read`, cause);
    }
  }

  #end(): void {
    this.#isFinished = true;
    if (this.#row <= this.#batchStart) return;
    throw new PipelineError({
      code: 'ERR_CONNECTOR_FILE',
      place: this.#parts.to.path,
      fact: `has ${this.#batchStart} rows, fewer than the ${this.#row} to begin behind`,
      remedy: 'correct `start`, or give a file that changes another name',
    });
  }

  #cut(): PipelineError {
    const fact = `is cut short: it ends in the record batch behind row ${this.#batchStart}`;
    const remedy = 'all rows before that were read; let its writer finish, or write it anew';
    return unreadable(this.#parts.to.path, fact, { remedy });
  }

  #damaged(what: string, cause: unknown): PipelineError {
    const fact = isPipelineError(cause) ? cause.fact : reasonOf(cause);
    return unreadable(this.#parts.to.path, `${what}: ${fact}`, { cause });
  }
}

const nothing = new Uint8Array(0);

/** Gives Arrow's reader what is in a queue, which is all of a message before that is asked for. */
async function* feed(queue: Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (let asked = 0; ;) {
    const bytes = queue.shift();
    // It asks once ahead.
    if (bytes === undefined && ++asked > 2) throw new Error('it is longer than it says');
    if (bytes !== undefined) asked = 0;
    yield bytes ?? nothing;
  }
}

function nulls(field: Field, rows: number): Column {
  const writer = createColumnWriter(field);
  for (let row = 0; row < rows; row++) writer.write(row, null);
  return writer.finish(rows);
}

/** A column without what its field has no place for: nulls, and text that is none. */
function sound(
  column: Column,
  field: Field,
  rows: number,
  refuse: (row: number, misfit: Misfit) => void,
): Column {
  const { name } = field;
  if (column instanceof BytesColumn && column.kind !== 'bytes' && !isText(column, 0, rows)) {
    const misfit = { reason: 'text.encoding', message: `field \`${name}\` is not UTF-8` };
    for (let row = 0; row < rows; row++) if (!isText(column, row, row + 1)) refuse(row, misfit);
  }
  if (field.nullable || column.validity === null) return column;
  const misfit = { reason: 'field.missing', message: `field \`${name}\` is null` };
  for (let row = 0; row < rows; row++) if (column.isNull(row)) refuse(row, misfit);
  return withoutNulls(column);
}

function isText({ data, offsets }: BytesColumn, from: number, to: number): boolean {
  return isUtf8(data.subarray(offsets[from], offsets[to]));
}

/** The same values; the buffers stay Arrow's, so that they are never used again. */
function withoutNulls(column: Column): Column {
  if (column instanceof FixedColumn) return new FixedColumn(column.kind, column.values).retain();
  if (column instanceof CategoryColumn) {
    return new CategoryColumn(column.codes, column.dictionary).retain();
  }
  return new BytesColumn(column.kind, column.offsets, column.data).retain();
}
