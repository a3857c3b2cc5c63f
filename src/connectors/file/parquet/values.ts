import type { SchemaElement } from 'hyparquet';
import type { ColumnSource } from 'hyparquet-writer';

import type {
  Batch,
  BytesColumn,
  Column,
  Field,
  FixedColumn,
  Schema,
} from '../../../batch/index.ts';
import type { FailedRow } from '../../../core/index.ts';
import { timesBeyond } from '../times.ts';

/** How a field is stored. Times are microseconds of UTC, json is text that says so. */
function elementOf({ name, kind, nullable }: Field): SchemaElement {
  const repetition_type = nullable ? 'OPTIONAL' : 'REQUIRED';
  const common = { name, repetition_type } as const;
  switch (kind) {
    case 'float64':
      return { ...common, type: 'DOUBLE' };
    case 'int32':
      return { ...common, type: 'INT32' };
    case 'int64':
      return { ...common, type: 'INT64' };
    case 'bool':
      return { ...common, type: 'BOOLEAN' };
    case 'timestamp': {
      const logical_type = { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' } as const;
      return { ...common, type: 'INT64', converted_type: 'TIMESTAMP_MICROS', logical_type };
    }
    case 'category':
    case 'text': {
      const logical_type = { type: 'STRING' } as const;
      return { ...common, type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type };
    }
    case 'json':
      return {
        ...common,
        type: 'BYTE_ARRAY',
        converted_type: 'JSON',
        logical_type: { type: 'JSON' },
      };
    case 'bytes':
      return { ...common, type: 'BYTE_ARRAY' };
  }
}

/** The schema of a file, as its footer says it. */
export function elementsOf({ fields }: Schema): SchemaElement[] {
  return [{ name: 'root', num_children: fields.length }, ...fields.map(elementOf)];
}

/** The same, for a writer that is given values as they are stored: it would make JSON of JSON. */
export function storedElementsOf(schema: Schema): SchemaElement[] {
  return elementsOf(schema).map((element) => {
    const { converted_type, ...stored } = element;
    return converted_type === 'JSON' ? stored : element;
  });
}

/** Rows on their way into a row group, column by column. */
export class GroupValues {
  readonly #fields: readonly Field[];
  #columns: unknown[][];
  #rows = 0;
  #bytes = 0;

  constructor({ fields }: Schema) {
    this.#fields = fields;
    this.#columns = fields.map(() => []);
  }

  get rows(): number {
    return this.#rows;
  }

  /** About how many bytes they take as columns of ours. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Copies the rows that count, but for those that cannot be stored, which it gives back. */
  add(batch: Batch): FailedRow[] {
    const failed = timesBeyond(batch);
    const rows = rowsWithout(batch, failed);
    for (const [at, column] of batch.columns.entries()) copy(column, rows, this.#columns[at]!);
    this.#rows += rows.length;
    this.#bytes += batch.rowsStored === 0 ? 0 : (batch.bytes * rows.length) / batch.rowsStored;
    return failed;
  }

  /** The columns as they are written, and none left. */
  take(): ColumnSource[] {
    const taken = this.#columns;
    this.#columns = this.#fields.map(() => []);
    this.#rows = this.#bytes = 0;
    return this.#fields.map(({ name, kind }, at) => ({
      name,
      data: taken[at]!,
      ...(kind === 'category' && { encoding: 'RLE_DICTIONARY' as const }),
      // The bounds of JSON are good for nothing, and would be kept whole.
      ...(kind === 'json' && { statistics: false }),
    }));
  }
}

function rowsWithout(batch: Batch, failed: readonly FailedRow[]): Uint32Array {
  const rows = batch.rows.subarray(0, batch.length);
  if (failed.length === 0) return rows;
  const out = new Set(failed.map(({ row }) => row));
  return rows.filter((row) => !out.has(row));
}

function copy(column: Column, rows: Uint32Array, into: unknown[]): void {
  switch (column.kind) {
    case 'category': {
      const { codes, dictionary } = column;
      for (const row of rows) {
        into.push(column.isNull(row) ? null : dictionary.values[codes[row]!]!);
      }
      return;
    }
    case 'text':
    case 'json':
    case 'bytes':
      return copyBytes(column, rows, into);
    default:
      return copyFixed(column, rows, into);
  }
}

function copyFixed(column: FixedColumn, rows: Uint32Array, into: unknown[]): void {
  const { kind, values } = column;
  for (const row of rows) {
    const value = values[row]!;
    if (column.isNull(row)) into.push(null);
    else if (kind === 'bool') into.push(value === 1);
    else if (kind === 'timestamp') into.push(BigInt(Math.round((value as number) * 1000)));
    else into.push(value);
  }
}

function copyBytes(column: BytesColumn, rows: Uint32Array, into: unknown[]): void {
  const { offsets, data } = column;
  let bytes = 0;
  for (const row of rows) bytes += offsets[row + 1]! - offsets[row]!;
  const copied = new Uint8Array(bytes);
  let used = 0;
  for (const row of rows) {
    const value = data.subarray(offsets[row], offsets[row + 1]);
    if (column.isNull(row)) {
      into.push(null);
      continue;
    }
    copied.set(value, used);
    into.push(copied.subarray(used, (used += value.length)));
  }
}
