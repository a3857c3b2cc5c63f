import { PipelineError } from '../errors.ts';
import type { TakeValues } from './buffers.ts';
import type { CellValue, Column } from './column.ts';
import {
  type ColumnWriter,
  createColumnWriter,
  describeValue,
  MisfitError,
} from './column-writer.ts';
import { Origin } from './origin.ts';
import { bindRow, createRow, moveRow, readRow, toObject } from './row.ts';
import type { Field, Fields, RecordOf, Schema } from './schema.ts';
import { allRows, Selection } from './selection.ts';
import { Shared } from './shared.ts';

/**
 * Some rows of one schema, stored by column, with their origin. Immutable once emitted. Kernels
 * loop over `batch.rows[0 … batch.length)`, which index the columns:
 *
 *     for (let at = 0; at < batch.length; at++) sum += values[batch.rows[at]!]!
 *
 * Whoever is given a batch may read it until it returns; `retain()` keeps it for longer.
 */
export class Batch<F extends Fields = Fields> extends Shared {
  readonly schema: Schema<F>;
  /** One for each field, in the order of the schema, indexed by stored row. */
  readonly columns: readonly Column[];
  /** Rows in the columns, selected or not. */
  readonly rowsStored: number;
  /** Null when every stored row counts. */
  readonly selection: Selection | null;
  /** Where its rows came from. */
  readonly origin: Origin;
  #bytes = -1;

  /** Takes over one hold on each column and on the selection, and holds the origin itself. */
  constructor(
    schema: Schema<F>,
    columns: readonly Column[],
    rowsStored: number,
    origin: Origin,
    selection: Selection | null = null,
  ) {
    super();
    if (columns.length !== schema.fields.length) {
      throw misfit(`${columns.length} columns for the ${schema.fields.length} fields of ${schema}`);
    }
    for (let index = 0; index < columns.length; index++) {
      assertFits(schema.fields[index]!, columns[index]!, rowsStored);
    }
    const last = selection?.rows[selection.length - 1];
    if (last !== undefined && selection!.length > 0 && last >= rowsStored) {
      throw misfit(`row ${last} is selected of ${rowsStored} rows`);
    }
    this.schema = schema;
    this.columns = columns;
    this.rowsStored = rowsStored;
    this.origin = origin.retain();
    this.selection = selection;
  }

  /** Builds a batch from plain records. Throws `ERR_BATCH_VALUE` where a record does not fit. */
  static from<F extends Fields>(
    records: Iterable<RecordOf<F>>,
    schema: Schema<F>,
    source: { source?: string; partition?: string; position?: number } = {},
  ): Batch<F> {
    const builder = new BatchBuilder(schema, source);
    for (const record of records) builder.append(record);
    return builder.finish();
  }

  /** How many rows count. */
  get length(): number {
    return this.selection === null ? this.rowsStored : this.selection.length;
  }

  /** The stored indexes of the rows that count: the first `length` elements. */
  get rows(): Uint32Array {
    this.assertHeld();
    return this.selection === null ? allRows(this.rowsStored) : this.selection.rows;
  }

  /** About how many bytes the columns take. */
  get bytes(): number {
    if (this.#bytes < 0) {
      this.#bytes = 0;
      for (const column of this.columns) this.#bytes += column.byteLength(this.rowsStored);
    }
    return this.#bytes;
  }

  /** The column of a field. Throws `ERR_BATCH_FIELD` where there is none. */
  column(name: string): Column {
    this.assertHeld();
    const column = this.columns[this.schema.indexOf(name)];
    if (column === undefined) this.schema.field(name);
    return column!;
  }

  /** The same columns with other rows counting. Takes over the caller's hold on the selection. */
  select(selection: Selection): Batch<F> {
    this.assertHeld();
    if (!(selection instanceof Selection)) throw noSelection();
    for (const column of this.columns) column.retain();
    return new Batch(this.schema, this.columns, this.rowsStored, this.origin, selection);
  }

  /** The same rows under another schema: `columns` are this batch's, or new ones of equal length. */
  withColumns<G extends Fields>(schema: Schema<G>, columns: readonly Column[]): Batch<G> {
    this.assertHeld();
    for (const column of columns) if (this.columns.includes(column)) column.retain();
    return new Batch(
      schema,
      columns,
      this.rowsStored,
      this.origin,
      this.selection?.retain() ?? null,
    );
  }

  /** A copy of only the rows that count, in arrays of `take`; this batch itself when all do. */
  compact(take?: TakeValues): Batch<F> {
    this.assertHeld();
    const { selection } = this;
    if (selection === null) return this.retain();
    const { rows, length } = selection;
    const columns = this.columns.map((column) => column.gather(rows, length, take));
    const origin = this.origin.gather(rows, length, take);
    const batch = new Batch(this.schema, columns, length, origin);
    origin.release();
    return batch;
  }

  /**
   * A column that the caller may write to and then give to `withColumns`: this batch's own when
   * nobody else holds it, otherwise a copy.
   */
  own(name: string): Column {
    const column = this.column(name);
    if (this.holders === 1 && column.holders === 1) return column;
    return column.gather(allRows(this.rowsStored), this.rowsStored);
  }

  /** The rows as plain records. */
  toRows(): RecordOf<F>[] {
    this.assertHeld();
    const cursor = createRow(this.schema);
    bindRow(cursor, this.columns);
    const { rows, length } = this;
    const records = new Array<Record<string, CellValue>>(length);
    for (let at = 0; at < length; at++) {
      moveRow(cursor, rows[at]!);
      records[at] = readRow(cursor);
    }
    return records as RecordOf<F>[];
  }

  /** One stored row as a plain record. */
  rowAt(row: number): RecordOf<F> {
    this.assertHeld();
    const cursor = createRow(this.schema);
    bindRow(cursor, this.columns);
    moveRow(cursor, row);
    return readRow(cursor) as RecordOf<F>;
  }

  protected free(): void {
    for (const column of this.columns) column.release();
    this.selection?.release();
    this.origin.release();
  }
}

/** Makes batches row by row. A record that does not fit is refused whole and leaves nothing behind. */
export class BatchBuilder<F extends Fields = Fields> {
  readonly schema: Schema<F>;
  readonly #source: string;
  readonly #partition: string;
  readonly #writers: ColumnWriter[];
  readonly #names: string[];
  #position: number;
  #positions: number[] | null = null;
  #rows = 0;

  constructor(
    schema: Schema<F>,
    origin: { source?: string; partition?: string; position?: number } = {},
  ) {
    this.schema = schema;
    this.#source = origin.source ?? 'memory';
    this.#partition = origin.partition ?? '';
    this.#position = origin.position ?? 0;
    this.#names = schema.names;
    this.#writers = schema.fields.map((field) => createColumnWriter(field));
  }

  /** Rows appended since the last batch. */
  get length(): number {
    return this.#rows;
  }

  /** About how many bytes they take. */
  get bytes(): number {
    let bytes = 0;
    for (const writer of this.#writers) bytes += writer.bytes(this.#rows);
    return bytes;
  }

  /**
   * Adds a record, or what a row shows, its position the next in sequence unless given. Fields
   * outside the schema are ignored. Throws `MisfitError` where a value does not fit.
   */
  append(record: RecordOf<F>, position?: number): void {
    if (typeof record !== 'object' || record === null) {
      throw new MisfitError(
        'field.type',
        'record',
        `expected an object, not ${describeValue(record)}`,
      );
    }
    const row = this.#rows;
    const values = toObject(record) as Record<string, unknown>;
    for (let index = 0; index < this.#writers.length; index++) {
      const name = this.#names[index]!;
      // Fields of the prototype (`constructor`, `__proto__`) are not data.
      const value = Object.hasOwn(values, name) ? values[name] : undefined;
      this.#writers[index]!.write(row, value);
    }
    if (position !== undefined && this.#positions === null && position !== this.#position + row) {
      this.#positions = Array.from({ length: row }, (_, at) => this.#position + at);
    }
    this.#positions?.push(position ?? (this.#positions.at(-1) ?? this.#position - 1) + 1);
    this.#rows = row + 1;
  }

  /** The batch of the rows appended so far; the builder starts anew behind them. */
  finish(): Batch<F> {
    const rows = this.#rows;
    const columns = this.#writers.map((writer) => writer.finish(rows));
    const positions =
      this.#positions === null ? this.#position : Float64Array.from(this.#positions);
    const origin = new Origin(this.#source, this.#partition, positions);
    this.#position = rows === 0 ? this.#position : origin.position(rows - 1) + 1;
    this.#positions = null;
    this.#rows = 0;
    return new Batch(this.schema, columns, rows, origin);
  }
}

function assertFits(field: Field, column: Column, rowsStored: number): void {
  if (column.capacity < rowsStored) {
    throw misfit(`a column of ${column.capacity} rows for ${rowsStored} rows of \`${field.name}\``);
  }
  if (column.kind !== field.kind) {
    throw misfit(`a ${column.kind} column for the ${field.kind} field \`${field.name}\``);
  }
  if (column.validity !== null && !field.nullable) {
    throw misfit(`a column with nulls for the field \`${field.name}\`, which is not nullable`);
  }
}

function noSelection(): PipelineError {
  return new PipelineError({
    code: 'ERR_BATCH_VALUE',
    place: 'batch.select',
    fact: 'takes a `Selection`, and was given something else',
    remedy: 'give `new Selection(Uint32Array.of(1, 3), 2)`: rows that ascend, and how many',
  });
}

function misfit(fact: string): PipelineError {
  return new PipelineError({
    code: 'ERR_BATCH_SCHEMA',
    place: 'batch',
    fact,
    remedy: 'give one column of the right kind per field, in the order of the schema',
  });
}
