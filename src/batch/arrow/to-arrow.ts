import { Buffer } from 'node:buffer';

import { PipelineError } from '../../errors.ts';
import type { Batch } from '../batch.ts';
import { type Bitmap, bitmapBytes, countBits, createBitmap, setBit } from '../bitmap.ts';
import type { CategoryColumn, Column, FixedColumn } from '../column.ts';
import type { Dictionary } from '../dictionary.ts';
import type { Field, Fields } from '../schema.ts';
import { type ArrowModule, type ArrowTable, jsonExtension } from './structure.ts';

/**
 * An Arrow table of the rows that count, which sees the batch's own buffers: float64, int32, int64,
 * text, json, bytes, category codes and null bitmaps. Bool is copied into bits, timestamp into
 * microseconds of UTC (`ERR_BATCH_VALUE` beyond their range). The batch counts as held for good, so
 * its buffers are not used again; the origin is left behind. Loads `apache-arrow` unless it is
 * given (`ERR_PEER_MISSING`).
 */
export async function toArrow<T = ArrowTable>(
  batch: Batch<Fields>,
  arrow?: ArrowModule<T>,
): Promise<T> {
  // A new hold, whether the rows were copied together or not.
  const held = batch.compact();
  const module = (arrow ?? (await loadArrow())) as BuildingBlocks<T>;
  const columns = held.columns.map((column, at) =>
    toData(module, column, held.schema.fields[at]!, held.length),
  );
  const fields = held.schema.fields.map(({ name, nullable, kind }, at) => {
    const metadata = kind === 'json' ? new Map([[jsonExtension.name, jsonExtension.value]]) : null;
    return new module.Field(name, columns[at]!.type, nullable, metadata);
  });
  const struct = {
    type: new module.Struct(fields),
    length: held.length,
    nullCount: 0,
    children: columns,
  };
  const schema = new module.Schema(fields);
  return new module.Table(schema, [new module.RecordBatch(schema, module.makeData(struct))]);
}

/** The module as it is used here: nothing of it is looked into but the type of a column. */
export interface BuildingBlocks<T> {
  readonly Table: new (schema: unknown, batches: unknown[]) => T;
  readonly RecordBatch: new (schema: unknown, data: unknown) => unknown;
  readonly Schema: new (fields: unknown[]) => unknown;
  readonly Field: new (
    name: string,
    type: unknown,
    nullable: boolean,
    metadata: unknown,
  ) => unknown;
  readonly Vector: new (chunks: unknown[]) => unknown;
  readonly Struct: new (fields: unknown[]) => unknown;
  readonly Dictionary: new (values: unknown, indices: unknown, id: number) => unknown;
  readonly Float64: new () => unknown;
  readonly Int32: new () => unknown;
  readonly Int64: new () => unknown;
  readonly Bool: new () => unknown;
  readonly Utf8: new () => unknown;
  readonly Binary: new () => unknown;
  readonly TimestampMicrosecond: new (timezone: string) => unknown;
  readonly makeData: (properties: object) => { readonly type: unknown };
}

/** The package. Throws `ERR_PEER_MISSING`. */
export async function loadArrow(): Promise<unknown> {
  try {
    const module = (await import('apache-arrow')) as { makeData?: unknown; default?: unknown };
    // A bundler may give the CommonJS build, whose exports are then on `default`.
    return module.makeData === undefined ? module.default : module;
  } catch (cause) {
    throw new PipelineError({
      code: 'ERR_PEER_MISSING',
      place: 'arrow',
      fact: 'cannot load `apache-arrow`',
      remedy: 'npm i apache-arrow@^21',
      cause,
    });
  }
}

/** The buffers of a column as Arrow has them, which are the column's own where the layouts agree. */
export function toData<T>(
  arrow: BuildingBlocks<T>,
  column: Column,
  field: Field,
  rows: number,
): { type: unknown } {
  const { validity } = column;
  const nulls =
    validity === null
      ? { nullCount: 0 }
      : {
          nullCount: rows - countBits(validity, rows),
          nullBitmap: validity.subarray(0, bitmapBytes(rows)),
        };
  const make = (type: unknown, buffers: object): { type: unknown } =>
    arrow.makeData({ type, length: rows, ...nulls, ...buffers });
  switch (column.kind) {
    case 'category': {
      const dictionary = toDictionary(arrow, column);
      return make(dictionary.type, {
        data: column.codes.subarray(0, rows),
        dictionary: dictionary.values,
      });
    }
    case 'text':
    case 'json':
    case 'bytes': {
      const { offsets, data } = column;
      const bytes = new Uint8Array(data.buffer, data.byteOffset, offsets[rows]!);
      const type = column.kind === 'bytes' ? new arrow.Binary() : new arrow.Utf8();
      return make(type, { valueOffsets: offsets.subarray(0, rows + 1), data: bytes });
    }
    case 'bool':
      return make(new arrow.Bool(), { data: toBits(column.values as Uint8Array, rows) });
    case 'timestamp':
      return make(new arrow.TimestampMicrosecond('UTC'), {
        data: toMicroseconds(column, field, rows),
      });
    default: {
      const type = { float64: arrow.Float64, int32: arrow.Int32, int64: arrow.Int64 }[column.kind];
      return make(new type(), { data: column.values.subarray(0, rows) });
    }
  }
}

interface ArrowDictionary {
  readonly size: number;
  readonly type: unknown;
  readonly values: unknown;
}

// Kept per module, and as long as the dictionary does not grow: batches share it.
const dictionaries = new WeakMap<object, WeakMap<Dictionary, ArrowDictionary>>();

function toDictionary<T>(
  arrow: BuildingBlocks<T>,
  { dictionary }: CategoryColumn,
): ArrowDictionary {
  let known = dictionaries.get(arrow);
  if (known === undefined) dictionaries.set(arrow, (known = new WeakMap()));
  const made = known.get(dictionary);
  if (made?.size === dictionary.size) return made;
  const utf8 = new arrow.Utf8();
  const encoded = dictionary.values.map((value) => Buffer.from(value));
  const valueOffsets = new Int32Array(encoded.length + 1);
  for (const [at, { length }] of encoded.entries())
    valueOffsets[at + 1] = valueOffsets[at]! + length;
  const data = new Uint8Array(Buffer.concat(encoded));
  const values = arrow.makeData({
    type: utf8,
    length: encoded.length,
    nullCount: 0,
    valueOffsets,
    data,
  });
  const result = {
    size: dictionary.size,
    type: new arrow.Dictionary(utf8, new arrow.Int32(), dictionary.id),
    values: new arrow.Vector([values]),
  };
  known.set(dictionary, result);
  return result;
}

function toBits(values: Uint8Array, rows: number): Bitmap {
  const bits = createBitmap(rows, false);
  for (let row = 0; row < rows; row++) if (values[row] === 1) setBit(bits, row);
  return bits;
}

function toMicroseconds(column: FixedColumn, field: Field, rows: number): BigInt64Array {
  const milliseconds = column.values as Float64Array;
  const microseconds = new BigInt64Array(rows);
  for (let row = 0; row < rows; row++) {
    if (column.isNull(row)) continue;
    const value = Math.round(milliseconds[row]! * 1000);
    if (!(Math.abs(value) < 2 ** 63)) {
      throw new PipelineError({
        code: 'ERR_BATCH_VALUE',
        place: field.name,
        fact: `row ${row} has a time that does not fit a microsecond timestamp`,
        remedy: 'drop the row, or cast the field to float64',
      });
    }
    microseconds[row] = BigInt(value);
  }
  return microseconds;
}
