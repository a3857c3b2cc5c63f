import { Buffer } from 'node:buffer';

import { PipelineError } from '../errors.ts';
import { type Bitmap, clearBit, createBitmap, setBit } from './bitmap.ts';
import { takeValues, type Values } from './buffers.ts';
import {
  type BytesKind,
  BytesColumn,
  CategoryColumn,
  type Column,
  FixedColumn,
  type FixedKind,
  valuesTypeOf,
} from './column.ts';
import { Dictionary } from './dictionary.ts';
import type { Field } from './schema.ts';

/** Why a value was refused: the reason of the dead letter it becomes. */
export type MisfitReason = 'field.missing' | 'field.type' | 'number.range';

/** A record that does not fit its schema. */
export class MisfitError extends PipelineError {
  readonly reason: MisfitReason;
  readonly field: string;

  constructor(reason: MisfitReason, field: string, fact: string) {
    super({ code: 'ERR_BATCH_VALUE', place: field, fact });
    this.reason = reason;
    this.field = field;
  }
}

/** Writes the values of one field into a growing column. Rows are written in ascending order. */
export interface ColumnWriter {
  /** Throws `MisfitError` where the value does not fit; the row may then be written again. */
  write(row: number, value: unknown): void;
  bytes(rows: number): number;
  /** The column of the first `rows` rows; the writer starts anew. */
  finish(rows: number): Column;
}

export function createColumnWriter(field: Field): ColumnWriter {
  switch (field.kind) {
    case 'category':
      return new CategoryWriter(field);
    case 'text':
    case 'bytes':
    case 'json':
      return new BytesWriter(field, field.kind);
    default:
      return new FixedWriter(field, field.kind);
  }
}

const rowsAtFirst = 1024;

abstract class BaseWriter implements ColumnWriter {
  protected readonly field: Field;
  protected capacity = 0;
  #validity: Bitmap | null = null;

  constructor(field: Field) {
    this.field = field;
  }

  write(row: number, value: unknown): void {
    if (row >= this.capacity) this.#growTo(Math.max(rowsAtFirst, this.capacity * 2));
    if (value === null || value === undefined) {
      if (!this.field.nullable) {
        const fact = `field \`${this.field.name}\` is ${value === null ? 'null' : 'missing'}`;
        throw new MisfitError('field.missing', this.field.name, fact);
      }
      this.#markNull(row);
      this.writeNull(row);
      return;
    }
    // The row may have been null in a record that was refused.
    if (this.#validity !== null) setBit(this.#validity, row);
    this.writeValue(row, value);
  }

  finish(rows: number): Column {
    const validity = this.#validity;
    const column = this.take(rows, validity);
    this.#validity = null;
    this.capacity = 0;
    return column;
  }

  abstract bytes(rows: number): number;
  protected abstract grow(capacity: number): void;
  protected abstract writeNull(row: number): void;
  protected abstract writeValue(row: number, value: unknown): void;
  protected abstract take(rows: number, validity: Bitmap | null): Column;

  protected refuse(value: unknown): never {
    const { name, kind } = this.field;
    const fact = `field \`${name}\` takes ${kind}, not ${describeValue(value)}`;
    throw new MisfitError('field.type', name, fact);
  }

  #growTo(capacity: number): void {
    this.grow(capacity);
    if (this.#validity === null) return;
    const grown = createBitmap(capacity, true);
    grown.set(this.#validity);
    this.#validity = grown;
  }

  #markNull(row: number): void {
    this.#validity ??= createBitmap(this.capacity, true);
    clearBit(this.#validity, row);
  }
}

class FixedWriter extends BaseWriter {
  readonly #kind: FixedKind;
  #values: Values = new Uint8Array(0);

  constructor(field: Field, kind: FixedKind) {
    super(field);
    this.#kind = kind;
  }

  bytes(rows: number): number {
    return rows * this.#values.BYTES_PER_ELEMENT;
  }

  protected grow(capacity: number): void {
    const grown = takeValues(valuesTypeOf(this.#kind), capacity);
    if (this.capacity > 0) (grown as Float64Array).set(this.#values as Float64Array);
    this.#values = grown;
    this.capacity = capacity;
  }

  protected writeNull(row: number): void {
    this.#values[row] = this.#kind === 'int64' ? 0n : (0 as never);
  }

  protected writeValue(row: number, value: unknown): void {
    const fits = fixedValue(this.#kind, value);
    if (fits === undefined) this.#refuseFixed(value);
    this.#values[row] = fits as never;
  }

  protected take(_rows: number, validity: Bitmap | null): Column {
    if (this.capacity === 0) this.grow(rowsAtFirst);
    return new FixedColumn(this.#kind, this.#values, validity);
  }

  #refuseFixed(value: unknown): never {
    const { name, kind } = this.field;
    const isWhole = Number.isInteger(value) || (kind === 'int64' && typeof value === 'bigint');
    if (!isWhole || (kind !== 'int32' && kind !== 'int64')) this.refuse(value);
    throw new MisfitError(
      'number.range',
      name,
      `field \`${name}\` takes ${kind}, and the number is beyond it`,
    );
  }
}

class CategoryWriter extends BaseWriter {
  #dictionary = new Dictionary();
  #codes: Int32Array = new Int32Array(0);

  bytes(rows: number): number {
    return rows * 4;
  }

  protected grow(capacity: number): void {
    const grown = takeValues(Int32Array, capacity);
    if (this.capacity > 0) grown.set(this.#codes.subarray(0, this.capacity));
    this.#codes = grown;
    this.capacity = capacity;
  }

  protected writeNull(row: number): void {
    this.#codes[row] = 0;
  }

  protected writeValue(row: number, value: unknown): void {
    if (typeof value !== 'string' || !value.isWellFormed()) this.refuse(value);
    this.#codes[row] = this.#dictionary.code(value);
  }

  protected take(_rows: number, validity: Bitmap | null): Column {
    if (this.capacity === 0) this.grow(rowsAtFirst);
    const column = new CategoryColumn(this.#codes, this.#dictionary, validity);
    this.#dictionary = this.#dictionary.successor();
    return column;
  }
}

class BytesWriter extends BaseWriter {
  readonly #kind: BytesKind;
  #offsets: Int32Array = new Int32Array(1);
  #data: Buffer = Buffer.alloc(0);

  constructor(field: Field, kind: BytesKind) {
    super(field);
    this.#kind = kind;
  }

  bytes(rows: number): number {
    return rows * 4 + this.#offsets[rows]!;
  }

  protected grow(capacity: number): void {
    const grown = takeValues(Int32Array, capacity + 1);
    grown[0] = 0;
    grown.set(this.#offsets.subarray(0, this.capacity + 1));
    this.#offsets = grown;
    this.capacity = capacity;
  }

  protected writeNull(row: number): void {
    this.#offsets[row + 1] = this.#offsets[row]!;
  }

  protected writeValue(row: number, value: unknown): void {
    const start = this.#offsets[row]!;
    if (this.#kind === 'bytes') {
      if (!(value instanceof Uint8Array)) this.refuse(value);
      this.#reserve(start, value.length);
      this.#data.set(value, start);
      this.#offsets[row + 1] = start + value.length;
      return;
    }
    const text = this.#kind === 'json' ? jsonTextOf(value) : value;
    if (typeof text !== 'string' || !text.isWellFormed()) this.refuse(value);
    this.#reserve(start, text.length * 3);
    this.#offsets[row + 1] = start + this.#data.write(text, start);
  }

  protected take(_rows: number, validity: Bitmap | null): Column {
    if (this.capacity === 0) this.grow(rowsAtFirst);
    const column = new BytesColumn(this.#kind, this.#offsets, this.#data, validity);
    this.#offsets = new Int32Array(1);
    this.#data = Buffer.alloc(0);
    return column;
  }

  #reserve(used: number, more: number): void {
    if (used + more <= this.#data.length) return;
    const grown = takeValues(Uint8Array, Math.max(16_384, 2 * (used + more)));
    grown.set(this.#data.subarray(0, used));
    this.#data = Buffer.from(grown.buffer, grown.byteOffset, grown.length);
  }
}

/** The value as its typed array stores it; undefined where it does not fit. Never coerced. */
export function fixedValue(kind: FixedKind, value: unknown): number | bigint | undefined {
  switch (kind) {
    case 'float64':
      return typeof value === 'number' ? value : undefined;
    case 'timestamp':
      return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
    case 'int32':
      return typeof value === 'number' && (value | 0) === value ? value : undefined;
    case 'int64': {
      if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value ? value : undefined;
      return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : undefined;
    }
    case 'bool':
      return typeof value === 'boolean' ? Number(value) : undefined;
  }
}

function jsonTextOf(value: unknown): string | undefined {
  try {
    const text = JSON.stringify(value) as string | undefined;
    // Not null itself, so a value that JSON turns into null: NaN or an infinity.
    return text === 'null' ? undefined : text;
  } catch {
    return undefined;
  }
}

/** What a value is, for messages, which are logged: never the value itself. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string')
    return value.isWellFormed() ? 'text' : 'text with a lone surrogate';
  if (typeof value === 'number') return numberKindOf(value);
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value;
}

function numberKindOf(value: number): string {
  if (!Number.isFinite(value)) return `the number ${value}`;
  return Number.isInteger(value) ? 'an integer' : 'a number with a fraction';
}
