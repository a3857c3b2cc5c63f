import { Buffer } from 'node:buffer';

import { Batch } from '../batch.ts';
import { type Bitmap, clearBit, createBitmap, setBit } from '../bitmap.ts';
import { takeValues, type Values, type ValuesConstructor } from '../buffers.ts';
import {
  type BytesKind,
  BytesColumn,
  CategoryColumn,
  type Column,
  FixedColumn,
  valuesTypeOf,
} from '../column.ts';
import { Dictionary } from '../dictionary.ts';
import { Origin } from '../origin.ts';
import type { Field, Fields, Schema } from '../schema.ts';
import { CodeCache } from './code-cache.ts';

/** Where a batch closes and where its rows come from. */
export interface RowColumnsOptions {
  readonly source: string;
  readonly partition: string;
  readonly rowsMax: number;
  readonly bytesMax: number;
}

const none = {
  floats: new Float64Array(0),
  ints: new Int32Array(0),
  longs: new BigInt64Array(0),
  bytes: new Uint8Array(0),
} as const;
const dataBytesAtFirst = 1024;

/**
 * The columns of a batch in the making, one typed array per field, open to the parsers: they write
 * the cells of `row`, then `commit` it, or `rollback` what they wrote. Each list has an element for
 * every field, an empty array where the field is of another kind.
 */
export class RowColumns<F extends Fields = Fields> {
  readonly fields: readonly Field[];
  /** The row that is written next, and how many are committed. */
  row = 0;
  /** True when the batch must be taken before the next row. */
  full = false;
  /** float64 and timestamp. */
  readonly floats: Float64Array[];
  /** int32, and the codes of category. */
  readonly ints: Int32Array[];
  readonly longs: BigInt64Array[];
  readonly bools: Uint8Array[];
  /** text, bytes and json: cell r is `data[offsets[r] … offsets[r + 1])`. */
  readonly offsets: Int32Array[];
  readonly data: Uint8Array[];
  /** The part of the source that the rows to come are of. */
  partition: string;
  readonly #schema: Schema<F>;
  readonly #options: RowColumnsOptions;
  readonly #validity: (Bitmap | null)[];
  readonly #codes: (CodeCache | null)[];
  /** Indexes of the fields whose cells differ in size. */
  readonly #variable: number[];
  readonly #nullable: number[];
  /** Bytes of a row without its texts. */
  readonly rowBytes: number;
  readonly #capacity: number;
  readonly #bytesMax: number;
  #positions = none.floats;
  #variableBytes = 0;
  /** Whether a dictionary is full: it takes more only to the end of the row that filled it. */
  #closing = false;

  constructor(schema: Schema<F>, options: RowColumnsOptions) {
    this.#schema = schema;
    this.#options = options;
    this.partition = options.partition;
    this.fields = schema.fields;
    this.floats = this.fields.map(() => none.floats);
    this.ints = this.fields.map(() => none.ints);
    this.longs = this.fields.map(() => none.longs);
    this.bools = this.fields.map(() => none.bytes);
    this.offsets = this.fields.map(() => none.ints);
    this.data = this.fields.map(() => none.bytes);
    this.#validity = this.fields.map(() => null);
    this.#codes = this.fields.map(({ kind }) =>
      kind === 'category' ? new CodeCache(new Dictionary()) : null,
    );
    const indexes = [...this.fields.keys()];
    this.#variable = indexes.filter((index) => isVariable(this.fields[index]!));
    this.#nullable = indexes.filter((index) => this.fields[index]!.nullable);
    this.#bytesMax = options.bytesMax;
    this.rowBytes = 8;
    for (const field of this.fields) this.rowBytes += cellBytes(field);
    const rowsThatFit = Math.ceil(options.bytesMax / this.rowBytes) + 1;
    this.#capacity = Math.min(options.rowsMax, Math.max(16, rowsThatFit));
  }

  /** Makes room for a batch; to be called before its first row is written. */
  begin(): void {
    if (this.#positions !== none.floats) return;
    this.#positions = this.#room(Float64Array);
    for (const [index, { kind }] of this.fields.entries()) {
      switch (kind) {
        case 'category':
          this.ints[index] = this.#room(Int32Array);
          break;
        case 'text':
        case 'bytes':
        case 'json':
          this.offsets[index] = this.#room(Int32Array, 1);
          this.offsets[index]![0] = 0;
          break;
        case 'float64':
        case 'timestamp':
          this.floats[index] = this.#room(Float64Array);
          break;
        case 'int32':
          this.ints[index] = this.#room(Int32Array);
          break;
        case 'int64':
          this.longs[index] = this.#room(BigInt64Array);
          break;
        case 'bool':
          this.bools[index] = this.#room(Uint8Array);
          break;
      }
    }
  }

  /** Writes null to a nullable field. */
  setNull(index: number): void {
    let validity = this.#validity[index]!;
    if (validity === null) this.#validity[index] = validity = createBitmap(this.#capacity, true);
    clearBit(validity, this.row);
    const offsets = this.offsets[index]!;
    if (offsets.length > 0) offsets[this.row + 1] = offsets[this.row]!;
    else if (this.ints[index]!.length > 0) this.ints[index]![this.row] = 0;
  }

  /** Writes a category value given as valid UTF-8. */
  setCategory(index: number, bytes: Uint8Array, view: DataView, start: number, end: number): void {
    const codes = this.#codes[index]!;
    this.ints[index]![this.row] = codes.codeOf(bytes, view, start, end);
    if (codes.dictionary.isFull) this.#closing = true;
  }

  /** Writes a category value. */
  setCategoryText(index: number, text: string): void {
    const { dictionary } = this.#codes[index]!;
    this.ints[index]![this.row] = dictionary.code(text);
    if (dictionary.isFull) this.#closing = true;
  }

  /** Writes a text, bytes or json cell: `bytes[start … end)` as it is. */
  setData(index: number, bytes: Uint8Array, start: number, end: number): void {
    const offsets = this.offsets[index]!;
    const from = offsets[this.row]!;
    const to = from + end - start;
    let data = this.data[index]!;
    if (to > data.length) data = this.#growData(index, from, to);
    if (end - start < 32) {
      for (let at = start, put = from; at < end; at++, put++) data[put] = bytes[at]!;
    } else {
      data.set(bytes.subarray(start, end), from);
    }
    offsets[this.row + 1] = to;
  }

  /** Whether so many rows with so many bytes of text in all cannot fill a dictionary. */
  canAddValues(rows: number, bytes: number): boolean {
    return this.#codes.every((codes) => codes === null || codes.dictionary.hasRoom(rows, bytes));
  }

  dictionaryOf(index: number): Dictionary {
    return this.#codes[index]!.dictionary;
  }

  /** How many rows, and bytes of columns, the batch still takes. */
  get rowsLeft(): number {
    return this.#capacity - this.row;
  }

  get bytesLeft(): number {
    return this.#bytesMax - this.row * this.rowBytes - this.#variableBytes;
  }

  /** Adds text cells of the next rows: their bytes, and where they end in those of the column. */
  addData(index: number, ends: Int32Array, bytes: Uint8Array): void {
    const offsets = this.offsets[index]!;
    const from = offsets[this.row]!;
    const to = from + bytes.length;
    let data = this.data[index]!;
    if (to > data.length) data = this.#growData(index, from, to);
    data.set(bytes, from);
    offsets.set(ends, this.row + 1);
  }

  /** Takes over which of the next rows are null: `bits` begin with the byte of `row`. */
  addNulls(index: number, bits: Uint8Array): void {
    const validity = (this.#validity[index] ??= createBitmap(this.#capacity, true));
    const at = this.row >>> 3;
    for (let byte = 0; byte < bits.length; byte++) validity[at + byte]! &= bits[byte]!;
  }

  /** Counts rows as written whose cells were added by column. */
  commitRows(positions: Float64Array): void {
    this.#positions.set(positions, this.row);
    const from = this.row;
    this.row += positions.length;
    for (const index of this.#variable) {
      const offsets = this.offsets[index]!;
      this.#variableBytes += offsets[this.row]! - offsets[from]!;
    }
    if (this.rowsLeft === 0 || this.bytesLeft <= 0) this.full = true;
  }

  /** Writes a text or json cell. */
  setText(index: number, text: string): void {
    const encoded = Buffer.from(text);
    this.setData(index, encoded, 0, encoded.length);
  }

  /** Counts the row as written; `position` is its offset in the stream. */
  commit(position: number): void {
    const row = this.row;
    this.#positions[row] = position;
    this.row = row + 1;
    for (const index of this.#variable) {
      const offsets = this.offsets[index]!;
      this.#variableBytes += offsets[row + 1]! - offsets[row]!;
    }
    if (this.rowsLeft === 0 || this.bytesLeft <= 0 || this.#closing) this.full = true;
  }

  /** Forgets the cells of a row that is not committed. */
  rollback(): void {
    for (const index of this.#nullable) {
      const validity = this.#validity[index]!;
      if (validity !== null) setBit(validity, this.row);
    }
  }

  /** The committed rows as a batch. */
  take(): Batch<F> {
    const rows = this.row;
    const { source } = this.#options;
    const origin = new Origin(source, this.partition, this.#positions);
    const columns = this.fields.map((field, index) => this.#column(field, index));
    this.row = 0;
    this.full = false;
    this.#closing = false;
    this.#variableBytes = 0;
    this.#positions = none.floats;
    const batch = new Batch(this.#schema, columns, rows, origin);
    origin.release();
    return batch;
  }

  #column({ kind }: Field, index: number): Column {
    const validity = this.#validity[index]!;
    this.#validity[index] = null;
    switch (kind) {
      case 'category': {
        const { dictionary } = this.#codes[index]!;
        const successor = dictionary.successor();
        if (successor !== dictionary) this.#codes[index] = new CodeCache(successor);
        return new CategoryColumn(this.ints[index]!, dictionary, validity);
      }
      case 'text':
      case 'bytes':
      case 'json':
        return this.#bytesColumn(kind, index, validity);
      case 'int64':
        return new FixedColumn(kind, this.longs[index]!, validity);
      case 'int32':
        return new FixedColumn(kind, this.ints[index]!, validity);
      case 'bool':
        return new FixedColumn(kind, this.bools[index]!, validity);
      default:
        return new FixedColumn(kind, this.floats[index]!, validity);
    }
  }

  #bytesColumn(kind: BytesKind, index: number, validity: Bitmap | null): Column {
    const column = new BytesColumn(kind, this.offsets[index]!, this.data[index]!, validity);
    this.data[index] = none.bytes;
    return column;
  }

  #growData(index: number, used: number, needed: number): Uint8Array {
    const grown = takeValues(Uint8Array, Math.max(dataBytesAtFirst, 2 * needed));
    grown.set(this.data[index]!.subarray(0, used));
    this.data[index] = grown;
    return grown;
  }

  /** Pooled arrays have a least size that thousands of columns of few rows cannot afford. */
  #room<T extends Values>(type: ValuesConstructor<T>, more = 0): T {
    const length = this.#capacity + more;
    return length < 1024 ? new type(length) : takeValues(type, length);
  }
}

function isVariable({ kind }: Field): boolean {
  return kind === 'text' || kind === 'bytes' || kind === 'json';
}

function cellBytes(field: Field): number {
  if (isVariable(field) || field.kind === 'category') return 4;
  return valuesTypeOf(field.kind as 'float64').BYTES_PER_ELEMENT;
}
