import { Buffer, isUtf8 } from 'node:buffer';

import type { DecodedArray } from 'hyparquet';

import {
  type Bitmap,
  BytesColumn,
  CategoryColumn,
  clearBit,
  type Column,
  createBitmap,
  Dictionary,
  type Field,
  FixedColumn,
  takeValues,
  type Values,
} from '../../../batch/index.ts';
import { fixedValue } from '../../../batch/column-writer.ts';
import { parseJson } from '../../../batch/codec/json-record.ts';
import { UndecodableError } from '../../../batch/codec/undecodable.ts';
import type { BytesKind, FixedKind } from '../../../batch/column.ts';
import { valuesTypeOf } from '../../../batch/column.ts';
import type { Misfit } from '../misfits.ts';
import type { Leaf } from './leaf.ts';
import type { ColumnPages } from './pages.ts';

/** Told of rows that a column cannot hold: the first row of the batch is 0. */
export type Refuse = (row: number, misfit: Misfit) => void;

/** Some rows of a column, and what is told of them. */
interface Rows {
  /** Undefined where the file has no such column. */
  readonly pages: ColumnPages | undefined;
  readonly row: number;
  readonly end: number;
  readonly nulls: Nulls;
  readonly refuse: Refuse;
}

/** Makes the columns of one field, batch after batch. */
export class FieldColumns {
  readonly #field: Field;
  readonly #leaf: Leaf | undefined;
  #dictionary: Dictionary = new Dictionary();

  /** `leaf`: undefined where the file has no such column. */
  constructor(field: Field, leaf: Leaf | undefined) {
    this.#field = field;
    this.#leaf = leaf;
  }

  /** Adds the bytes of each value from `row` on to `sizes`. */
  measure(pages: ColumnPages | undefined, row: number, sizes: Float64Array): void {
    const { kind } = this.#field;
    const width = { bool: 1, int32: 4, category: 4, text: 4, json: 4, bytes: 4 };
    const bytes = width[kind as keyof typeof width] ?? 8;
    for (let at = 0; at < sizes.length; at++) sizes[at]! += bytes;
    if (kind !== 'text' && kind !== 'json' && kind !== 'bytes') return;
    let at = 0;
    pages?.forEach(row, row + sizes.length, (values, from, to) => {
      for (let index = from; index < to; index++, at++) {
        sizes[at]! += ((values[index] as Uint8Array | null | undefined) ?? nothing).length;
      }
    });
  }

  /** The column of the rows from `row` to `end`. */
  fill(pages: ColumnPages | undefined, row: number, end: number, refuse: Refuse): Column {
    const rows = { pages, row, end, nulls: new Nulls(this.#field, end - row, refuse), refuse };
    switch (this.#field.kind) {
      case 'category':
        return this.#fillCategory(rows);
      case 'text':
      case 'json':
      case 'bytes':
        return this.#fillBytes(this.#field.kind, rows);
      default:
        return this.#fillFixed(this.#field.kind, rows);
    }
  }

  #fillFixed(kind: FixedKind, { pages, row, end, nulls, refuse }: Rows): Column {
    const filled = takeValues(valuesTypeOf(kind), end - row);
    const convert = this.#leaf?.convert ?? widening(this.#leaf?.kind, kind);
    let at = 0;
    const take = (values: DecodedArray, from: number, to: number): void => {
      if (convert === undefined && values.constructor === filled.constructor) {
        (filled as Float64Array).set((values as Float64Array).subarray(from, to), at);
        at += to - from;
        return;
      }
      for (let index = from; index < to; index++, at++) {
        const value = values[index] as number | bigint | null | undefined;
        if (value === null || value === undefined) {
          filled[at] = (kind === 'int64' ? 0n : 0) as never;
          nulls.mark(at);
          continue;
        }
        const made = convert === undefined ? value : convert(value as never);
        filled[at] = this.#fits(kind, made, at, refuse) as never;
      }
    };
    if (pages === undefined) fillNulls(filled, kind, nulls, end - row);
    else pages.forEach(row, end, take);
    return new FixedColumn(kind, filled, nulls.validity);
  }

  #fits(kind: FixedKind, value: unknown, at: number, refuse: Refuse): number | bigint {
    // Most are float64, which takes every number.
    if (kind === 'float64' || kind === 'bool') return value as number;
    const fits = fixedValue(kind, value);
    if (fits !== undefined) return fits;
    const message = `field \`${this.#field.name}\` takes ${kind}, and the number is beyond it`;
    refuse(at, { reason: 'number.range', message });
    return kind === 'int64' ? 0n : 0;
  }

  #fillCategory({ pages, row, end, nulls, refuse }: Rows): Column {
    const dictionary = (this.#dictionary = this.#dictionary.successor());
    const codes = takeValues(Int32Array, end - row);
    let at = 0;
    let [last, lastCode]: [Uint8Array, number] = [nothing, 0];
    pages?.forEach(row, end, (values, from, to) => {
      for (let index = from; index < to; index++, at++) {
        const value = values[index] as Uint8Array | null | undefined;
        codes[at] = 0;
        if (value === null || value === undefined) nulls.mark(at);
        else if (value === last) codes[at] = lastCode;
        else if (isUtf8(value)) {
          codes[at] = dictionary.codeOfBytes(value, 0, value.length);
          [last, lastCode] = [value, codes[at]!];
        } else refuse(at, this.#notUtf8());
      }
    });
    if (pages === undefined) for (; at < end - row; at++) nulls.mark(at);
    return new CategoryColumn(codes, dictionary, nulls.validity);
  }

  #fillBytes(kind: BytesKind, { pages, row, end, nulls, refuse }: Rows): Column {
    const offsets = takeValues(Int32Array, end - row + 1);
    let size = 0;
    pages?.forEach(row, end, (values, from, to) => {
      for (let index = from; index < to; index++) {
        size += ((values[index] as Uint8Array | null | undefined) ?? nothing).length;
      }
    });
    const data = takeValues(Uint8Array, size);
    let at = 0;
    let used = (offsets[0] = 0);
    pages?.forEach(row, end, (values, from, to) => {
      for (let index = from; index < to; index++, at++) {
        const value = values[index] as Uint8Array | null | undefined;
        if (value === null || value === undefined || (kind === 'json' && isNullText(value)))
          nulls.mark(at);
        else if (this.#isSound(kind, value, at, refuse)) {
          data.set(value, used);
          used += value.length;
        }
        offsets[at + 1] = used;
      }
    });
    for (; at < end - row; at++) {
      offsets[at + 1] = 0;
      nulls.mark(at);
    }
    return new BytesColumn(kind, offsets, data, nulls.validity);
  }

  #isSound(kind: BytesKind, value: Uint8Array, at: number, refuse: Refuse): boolean {
    if (kind === 'bytes') return true;
    if (!isUtf8(value)) {
      refuse(at, this.#notUtf8());
      return false;
    }
    if (kind === 'text' || this.#leaf!.isNested) return true;
    try {
      parseJson(Buffer.from(value.buffer, value.byteOffset, value.length).toString());
      return true;
    } catch (thrown) {
      if (!(thrown instanceof UndecodableError)) throw thrown;
      refuse(at, {
        reason: thrown.reason,
        message: `field \`${this.#field.name}\`: ${thrown.fact}`,
      });
      return false;
    }
  }

  #notUtf8(): Misfit {
    return { reason: 'text.encoding', message: `field \`${this.#field.name}\` is not UTF-8` };
  }
}

const nothing = new Uint8Array(0);

/** The null of JSON is the null of its field. */
function isNullText(value: Uint8Array): boolean {
  return value.length === 4 && Buffer.from(value.buffer, value.byteOffset, 4).equals(nullText);
}

const nullText = Buffer.from('null');

/** The rows of a column that are null. */
class Nulls {
  readonly #field: Field;
  readonly #rows: number;
  readonly #refuse: Refuse;
  validity: Bitmap | null = null;

  constructor(field: Field, rows: number, refuse: Refuse) {
    this.#field = field;
    this.#rows = rows;
    this.#refuse = refuse;
  }

  mark(row: number): void {
    if (this.#field.nullable) {
      this.validity ??= createBitmap(this.#rows, true);
      clearBit(this.validity, row);
    } else {
      const message = `field \`${this.#field.name}\` is null`;
      this.#refuse(row, { reason: 'field.missing', message });
    }
  }
}

function fillNulls(filled: Values, kind: FixedKind, nulls: Nulls, rows: number): void {
  for (let row = 0; row < rows; row++) {
    filled[row] = (kind === 'int64' ? 0n : 0) as never;
    nulls.mark(row);
  }
}

/** How a stored integer becomes one of a wider kind. */
function widening(
  from: string | undefined,
  to: FixedKind,
): ((value: number) => bigint) | undefined {
  return from === 'int32' && to === 'int64' ? BigInt : undefined;
}
