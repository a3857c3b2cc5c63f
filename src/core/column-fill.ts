import {
  type ColumnWriter,
  createColumnWriter,
  describeValue,
  fixedValue,
} from '../batch/column-writer.ts';
import { valuesTypeOf } from '../batch/column.ts';
import {
  type Bitmap,
  type BytesKind,
  CategoryColumn,
  clearBit,
  type Column,
  createBitmap,
  Dictionary,
  type Field,
  FixedColumn,
  type FixedKind,
  MisfitError,
  takeValues,
  type Values,
} from '../batch/index.ts';

/**
 * Fills a new column beside the columns of a batch: values are put by stored row, ascending, and
 * rows left out are unspecified. One column at a time; `begin` starts the next.
 */
export interface ColumnFill {
  begin(rowsStored: number): void;
  /** False where the value does not fit the field. Null and undefined are null. */
  put(row: number, value: unknown): boolean;
  finish(): Column;
}

export function createColumnFill(field: Field): ColumnFill {
  switch (field.kind) {
    case 'category':
      return new CategoryFill(field);
    case 'text':
    case 'bytes':
    case 'json':
      return new BytesFill(field, field.kind);
    default:
      return new FixedFill(field, field.kind);
  }
}

/** What to tell of a value that does not fit a field. */
export function misfitOf({ name, kind, nullable }: Field, value: unknown): MisfitError {
  const isBeyond = Number.isInteger(value) && (kind === 'int32' || kind === 'int64');
  const given = isBeyond ? 'an integer beyond it' : describeValue(value);
  const fact = `field \`${name}\` takes ${kind}${nullable ? ' or null' : ''}, not ${given}`;
  return new MisfitError('field.type', name, fact);
}

/** The bits of the rows that were put as null; made with the first. */
class Nulls {
  readonly #allowed: boolean;
  #rowsStored = 0;
  #validity: Bitmap | null = null;

  constructor(allowed: boolean) {
    this.#allowed = allowed;
  }

  begin(rowsStored: number): void {
    this.#rowsStored = rowsStored;
    this.#validity = null;
  }

  get validity(): Bitmap | null {
    return this.#validity;
  }

  put(row: number): boolean {
    if (!this.#allowed) return false;
    this.#validity ??= createBitmap(this.#rowsStored, true);
    clearBit(this.#validity, row);
    return true;
  }
}

class FixedFill implements ColumnFill {
  readonly #kind: FixedKind;
  readonly #nulls: Nulls;
  #values: Values = new Uint8Array(0);

  constructor(field: Field, kind: FixedKind) {
    this.#kind = kind;
    this.#nulls = new Nulls(field.nullable);
  }

  begin(rowsStored: number): void {
    this.#values = takeValues(valuesTypeOf(this.#kind), rowsStored);
    this.#nulls.begin(rowsStored);
  }

  put(row: number, value: unknown): boolean {
    if (value === null || value === undefined) return this.#nulls.put(row);
    const fits = fixedValue(this.#kind, value);
    if (fits === undefined) return false;
    this.#values[row] = fits as never;
    return true;
  }

  finish(): Column {
    return new FixedColumn(this.#kind, this.#values, this.#nulls.validity);
  }
}

class CategoryFill implements ColumnFill {
  readonly #nulls: Nulls;
  #dictionary = new Dictionary();
  #codes: Int32Array = new Int32Array(0);

  constructor(field: Field) {
    this.#nulls = new Nulls(field.nullable);
  }

  begin(rowsStored: number): void {
    this.#dictionary = this.#dictionary.successor();
    this.#codes = takeValues(Int32Array, rowsStored);
    this.#nulls.begin(rowsStored);
  }

  put(row: number, value: unknown): boolean {
    if (value === null || value === undefined) return this.#nulls.put(row);
    if (typeof value !== 'string' || !value.isWellFormed()) return false;
    this.#codes[row] = this.#dictionary.code(value);
    return true;
  }

  finish(): Column {
    return new CategoryColumn(this.#codes, this.#dictionary, this.#nulls.validity);
  }
}

/** A writer of bytes needs every row, so the rows between are filled with nothing. */
class BytesFill implements ColumnFill {
  readonly #writer: ColumnWriter;
  readonly #filling: string | Uint8Array;
  #rowsStored = 0;
  #next = 0;

  constructor(field: Field, kind: BytesKind) {
    this.#writer = createColumnWriter(field);
    this.#filling = kind === 'bytes' ? new Uint8Array(0) : '';
  }

  begin(rowsStored: number): void {
    this.#rowsStored = rowsStored;
    this.#next = 0;
  }

  put(row: number, value: unknown): boolean {
    this.#fillTo(row);
    try {
      this.#writer.write(row, value);
    } catch (error) {
      if (error instanceof MisfitError) return false;
      throw error;
    }
    this.#next = row + 1;
    return true;
  }

  finish(): Column {
    this.#fillTo(this.#rowsStored);
    return this.#writer.finish(this.#rowsStored);
  }

  #fillTo(row: number): void {
    for (; this.#next < row; this.#next++) this.#writer.write(this.#next, this.#filling);
  }
}
