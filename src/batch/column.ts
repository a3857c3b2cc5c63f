import { Buffer } from 'node:buffer';

import { type Bitmap, clearBit, createBitmap, getBit } from './bitmap.ts';
import {
  giveValues,
  type TakeValues,
  takeValues,
  type Values,
  type ValuesConstructor,
} from './buffers.ts';
import type { Dictionary } from './dictionary.ts';
import type { JsonValue, Kind } from './schema.ts';
import { Shared } from './shared.ts';

/** The kinds whose values sit in one typed array: bool as bytes 0 and 1, timestamp as float64. */
export type FixedKind = 'float64' | 'int32' | 'int64' | 'timestamp' | 'bool';
/** The kinds whose values are runs of bytes: text and json as UTF-8. */
export type BytesKind = 'text' | 'bytes' | 'json';

/** The values of one field, by stored row; `kind` tells which of the three it is. */
export type Column = FixedColumn | CategoryColumn | BytesColumn;

/** What a column gives for one row: null, or a value of its kind. */
export type CellValue = null | number | bigint | boolean | string | Uint8Array | JsonValue;

abstract class BaseColumn extends Shared {
  abstract readonly kind: Kind;
  /** Null when every row has a value. */
  abstract readonly validity: Bitmap | null;

  isNull(row: number): boolean {
    return this.validity !== null && !getBit(this.validity, row);
  }

  /** How many rows it has room for: as many as it holds, at least. */
  abstract get capacity(): number;

  /** The value of one row, as a JavaScript value. */
  abstract value(row: number): CellValue;
  /** About how many bytes `rows` rows take. */
  abstract byteLength(rows: number): number;
  /** A new column of the given rows, in that order. `take`: where its values are to be. */
  abstract gather(rows: Uint32Array, count: number, take?: TakeValues): Column;
}

/** Numbers, timestamps (milliseconds) and bools (0 and 1) in one typed array. */
export class FixedColumn<T extends Values = Values> extends BaseColumn {
  readonly kind: FixedKind;
  /** At least one element per row; elements of null rows are unspecified. */
  readonly values: T;
  readonly validity: Bitmap | null;

  constructor(kind: FixedKind, values: T, validity: Bitmap | null = null) {
    super();
    this.kind = kind;
    this.values = values;
    this.validity = validity;
  }

  get capacity(): number {
    return this.values.length;
  }

  value(row: number): CellValue {
    if (this.isNull(row)) return null;
    const value = this.values[row]!;
    return this.kind === 'bool' ? value === 1 : value;
  }

  byteLength(rows: number): number {
    return rows * this.values.BYTES_PER_ELEMENT;
  }

  gather(rows: Uint32Array, count: number, take: TakeValues = takeValues): FixedColumn<T> {
    const from = this.values;
    const to = take(valuesTypeOf(this.kind), count) as T;
    for (let at = 0; at < count; at++) to[at] = from[rows[at]!]!;
    return new FixedColumn(this.kind, to, gatherBitmap(this.validity, rows, count));
  }

  protected free(): void {
    giveValues(this.values);
  }
}

/** Few different texts: a code for each row, and what it stands for in a dictionary. */
export class CategoryColumn extends BaseColumn {
  readonly kind = 'category';
  /** At least one per row; those of null rows are unspecified. */
  readonly codes: Int32Array;
  readonly dictionary: Dictionary;
  readonly validity: Bitmap | null;

  constructor(codes: Int32Array, dictionary: Dictionary, validity: Bitmap | null = null) {
    super();
    this.codes = codes;
    this.dictionary = dictionary;
    this.validity = validity;
  }

  get capacity(): number {
    return this.codes.length;
  }

  value(row: number): string | null {
    return this.isNull(row) ? null : this.dictionary.values[this.codes[row]!]!;
  }

  byteLength(rows: number): number {
    return rows * 4;
  }

  gather(rows: Uint32Array, count: number, take: TakeValues = takeValues): CategoryColumn {
    const from = this.codes;
    const codes = take(Int32Array, count);
    for (let at = 0; at < count; at++) codes[at] = from[rows[at]!]!;
    return new CategoryColumn(codes, this.dictionary, gatherBitmap(this.validity, rows, count));
  }

  protected free(): void {
    giveValues(this.codes);
  }
}

/** Texts, JSON and bytes, one behind the other: text and JSON as UTF-8. */
export class BytesColumn extends BaseColumn {
  readonly kind: BytesKind;
  /** Row r is `data[offsets[r] … offsets[r + 1]]`; one offset more than rows. */
  readonly offsets: Int32Array;
  readonly data: Buffer;
  readonly validity: Bitmap | null;

  constructor(
    kind: BytesKind,
    offsets: Int32Array,
    data: Uint8Array,
    validity: Bitmap | null = null,
  ) {
    super();
    this.kind = kind;
    this.offsets = offsets;
    this.data = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    this.validity = validity;
  }

  get capacity(): number {
    return this.offsets.length - 1;
  }

  value(row: number): CellValue {
    if (this.isNull(row)) return null;
    const start = this.offsets[row]!;
    const end = this.offsets[row + 1]!;
    if (this.kind === 'bytes') return new Uint8Array(this.data.subarray(start, end));
    const text = this.data.toString('utf8', start, end);
    return this.kind === 'json' ? (JSON.parse(text) as JsonValue) : text;
  }

  byteLength(rows: number): number {
    return rows * 4 + this.offsets[rows]! - this.offsets[0]!;
  }

  gather(rows: Uint32Array, count: number, take: TakeValues = takeValues): BytesColumn {
    const offsets = take(Int32Array, count + 1);
    let size = 0;
    for (let at = 0; at < count; at++) {
      offsets[at] = size;
      size += this.offsets[rows[at]! + 1]! - this.offsets[rows[at]!]!;
    }
    offsets[count] = size;
    const data = take(Uint8Array, size);
    for (let at = 0; at < count; at++) {
      data.set(
        this.data.subarray(this.offsets[rows[at]!]!, this.offsets[rows[at]! + 1]!),
        offsets[at]!,
      );
    }
    return new BytesColumn(this.kind, offsets, data, gatherBitmap(this.validity, rows, count));
  }

  protected free(): void {
    giveValues(this.offsets);
    const { buffer, byteOffset, byteLength } = this.data;
    // Empty also once its buffer has moved to another thread.
    if (byteLength > 0) giveValues(new Uint8Array(buffer, byteOffset, byteLength));
  }
}

/** The typed array that holds a fixed kind. */
export function valuesTypeOf(kind: FixedKind): ValuesConstructor<Values> {
  switch (kind) {
    case 'float64':
    case 'timestamp':
      return Float64Array;
    case 'int32':
      return Int32Array;
    case 'int64':
      return BigInt64Array;
    case 'bool':
      return Uint8Array;
  }
}

function gatherBitmap(from: Bitmap | null, rows: Uint32Array, count: number): Bitmap | null {
  if (from === null) return null;
  const to = createBitmap(count, true);
  for (let at = 0; at < count; at++) if (!getBit(from, rows[at]!)) clearBit(to, at);
  return to;
}
