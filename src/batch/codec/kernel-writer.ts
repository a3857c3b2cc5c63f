import type { Batch } from '../batch.ts';
import type { BytesColumn, CategoryColumn, Column, FixedColumn } from '../column.ts';
import type { Field, Schema } from '../schema.ts';
import type { EncodedValues } from './encoded-values.ts';
import type { Kernels } from './kernels.ts';
import type { RowFrame } from './row-writer.ts';

/** How cells are written, beside what stands around them. */
export interface CellStyle {
  readonly format: 'json' | 'csv';
  readonly timestamps: 'ms' | 'iso';
  /** CSV: the byte between cells. */
  readonly delimiter: number;
  readonly excelSafe: boolean;
}

interface WriterStyle extends CellStyle {
  /** Of each field how many decimals it has at most; -1: as many as it takes. */
  readonly decimals: readonly number[];
}

/** How a field is written, as `Cell` of `kernels/write-rows.ts` numbers it. */
const cells = {
  float64: 0,
  isoTime: 1,
  quotedIsoTime: 2,
  int32: 3,
  int64: 4,
  bool: 5,
  category: 6,
  jsonText: 7,
  csvText: 8,
  raw: 9,
} as const;

/** Bits of validity lie before the values. */
const validityBytes = 0x400;
/** Copies read so many bytes beyond an end. */
const paddingBytes = 16;

/** Writes rows by the kernels for one encoder; null where a field is not for them. */
export function kernelWriter(
  kernels: Kernels,
  schema: Schema,
  frame: RowFrame,
  style: WriterStyle,
  rowBytesMax: number,
): KernelWriter | null {
  const kinds = schema.fields.map((field) => cellOf(field, style));
  if (kinds.includes(null) || kinds.length > kernels.exports.CELLS_MAX.value) return null;
  const constants = [...frame.before, frame.after, frame.nothing];
  const bytes = constants.reduce((sum, { length }) => sum + length + paddingBytes, 0);
  if (bytes > kernels.exports.CONSTANTS_SIZE.value) return null;
  return new KernelWriter(kernels, frame, style, kinds as number[], rowBytesMax);
}

function cellOf({ kind }: Field, { format, timestamps, delimiter }: CellStyle): number | null {
  switch (kind) {
    case 'timestamp':
      if (timestamps === 'ms') return cells.float64;
      if (format === 'json') return cells.quotedIsoTime;
      // Another delimiter may be one that stands in a time.
      return delimiter === 44 || delimiter === 59 || delimiter === 9 ? cells.isoTime : null;
    case 'text':
      return format === 'json' ? cells.jsonText : cells.csvText;
    case 'json':
      return format === 'json' ? cells.raw : cells.csvText;
    case 'bytes':
      return null;
    default:
      return cells[kind];
  }
}

/**
 * `begin` each batch, `load` as many of its rows as the memory of the kernels takes, and `write`
 * until all of them are written. What it stops at is for the slow path.
 */
export class KernelWriter {
  readonly #kernels: Kernels;
  readonly #frame: RowFrame;
  readonly #style: WriterStyle;
  readonly #cells: readonly number[];
  readonly #rowBytesMax: number;
  readonly #memory: Uint8Array;
  readonly #written: Uint32Array;
  readonly #selected: Uint32Array;
  readonly #out: number;
  readonly #dataSize: number;
  #frameEnd = 0;
  /** Which category values the memory has, and whether it has room for them. */
  #version = -1;
  #fits = true;

  constructor(
    kernels: Kernels,
    frame: RowFrame,
    style: WriterStyle,
    kinds: readonly number[],
    rowBytesMax: number,
  ) {
    const { memory, DATA_SIZE, OUT, SELECTED, SPAN_MAX, WRITTEN } = kernels.exports;
    this.#kernels = kernels;
    this.#frame = frame;
    this.#style = style;
    this.#cells = kinds;
    this.#rowBytesMax = rowBytesMax;
    this.#memory = new Uint8Array(memory.buffer);
    this.#out = OUT.value;
    this.#dataSize = DATA_SIZE.value;
    this.#written = new Uint32Array(memory.buffer, WRITTEN.value, 2);
    this.#selected = new Uint32Array(memory.buffer, SELECTED.value, SPAN_MAX.value);
  }

  /** Makes the memory ready for a batch with such category values; false where they do not fit. */
  begin(encoded: readonly EncodedValues[]): boolean {
    if (this.#kernels.writer !== this) this.#own();
    const version = encoded.reduce((sum, { version }) => sum + version, 0);
    if (version !== this.#version) {
      this.#version = version;
      this.#fits = this.#takeTexts(encoded);
    }
    return this.#fits;
  }

  /** Copies rows of the batch from `from` on, and gives how many: none where their text is too long. */
  load({ rows, length, columns }: Batch, from: number): number {
    // From a whole byte of validity on.
    const first = rows[from]! & ~7;
    let count = selectRows(rows, from, length - from, first, this.#selected);
    const texts = columns.filter((_, field) => this.#cells[field]! >= cells.jsonText);
    const bytesOf = (end: number): number =>
      (texts as BytesColumn[]).reduce(
        (sum, { offsets }) => sum + offsets[end]! - offsets[first]! + paddingBytes,
        0,
      );
    const behind = (): number => rows[from + count - 1]! + 1;
    while (count > 0 && bytesOf(behind()) > this.#dataSize) count >>>= 1;
    if (count > 0) this.#copyColumns(columns, first, behind());
    return count;
  }

  /** Writes loaded rows from `from` on, and gives the first that it did not. */
  write(from: number, end: number): number {
    return this.#kernels.exports.writeRows(from, end);
  }

  /** What the last call wrote, until the next. */
  get bytes(): Uint8Array {
    return this.#memory.subarray(this.#out, this.#out + this.#written[1]!);
  }

  /** How many numbers of what the last call wrote are not finite. */
  get infinite(): number {
    return this.#written[0]!;
  }

  #own(): void {
    const { exports } = this.#kernels;
    const { before, after, nothing } = this.#frame;
    this.#kernels.writer = this;
    this.#version = -1;
    this.#frameEnd = exports.CONSTANTS.value;
    const place = (bytes: Uint8Array): number => {
      const at = this.#frameEnd;
      this.#memory.set(bytes, at);
      this.#frameEnd += bytes.length + paddingBytes;
      return at;
    };
    exports.beginRows(place(after), after.length, place(nothing), nothing.length);
    exports.setCsv(this.#style.delimiter, Number(this.#style.excelSafe));
    for (const [field, bytes] of before.entries()) {
      const decimals = this.#style.decimals[field]!;
      exports.addCell(this.#cells[field]!, place(bytes), bytes.length, decimals);
    }
  }

  #takeTexts(encoded: readonly EncodedValues[]): boolean {
    const { exports } = this.#kernels;
    const end = exports.CONSTANTS.value + exports.CONSTANTS_SIZE.value - paddingBytes;
    let at = (this.#frameEnd + 3) & ~3;
    let rowBytes = this.#rowBytesMax;
    const place = (words: Int32Array, count: number): number => {
      const start = at;
      at += count * 4;
      if (at <= end)
        new Int32Array(this.#memory.buffer, start, count).set(words.subarray(0, count));
      return start;
    };
    for (const [field, { texts }] of encoded.entries()) {
      if (this.#cells[field] !== cells.category) continue;
      const { words, wordsUsed, starts, lengths, size, lengthMax } = texts;
      rowBytes += lengthMax;
      const text = place(words, wordsUsed);
      exports.setCategories(field, text, place(starts, size), place(lengths, size));
    }
    exports.setRowBytes(rowBytes);
    return at <= end;
  }

  /** Copies the stored rows from `first` up to `end`. */
  #copyColumns(columns: readonly Column[], first: number, end: number): void {
    const { exports } = this.#kernels;
    let data = exports.DATA.value;
    for (const [field, column] of columns.entries()) {
      const at = exports.STORED.value + field * exports.STORED_SIZE.value;
      const { validity } = column;
      exports.setNullable(field, Number(validity !== null));
      if (validity !== null) {
        this.#memory.set(validity.subarray(first >>> 3, (end + 7) >>> 3), at);
      }
      const values = at + validityBytes;
      if (this.#cells[field]! < cells.jsonText) {
        this.#copyValues(valuesOf(column), first, end, values);
        continue;
      }
      const { offsets, data: text } = column as BytesColumn;
      this.#copyValues(offsets, first, end + 1, values);
      const [from, to] = [offsets[first]!, offsets[end]!];
      this.#memory.set(text.subarray(from, to), data);
      exports.setText(field, data - from);
      data += to - from + paddingBytes;
    }
  }

  #copyValues(values: Stored, first: number, end: number, at: number): void {
    const { buffer, byteOffset, BYTES_PER_ELEMENT: size } = values;
    this.#memory.set(new Uint8Array(buffer, byteOffset + first * size, (end - first) * size), at);
  }
}

/** Puts rows into `to`, less `first`, for as long as they are within its length, and gives how many. */
function selectRows(
  rows: Uint32Array,
  from: number,
  length: number,
  first: number,
  to: Uint32Array,
): number {
  const countMax = Math.min(length, to.length);
  let count = 0;
  for (; count < countMax; count++) {
    const stored = rows[from + count]! - first;
    if (stored >= to.length) break;
    to[count] = stored;
  }
  return count;
}

/** What a column keeps for each row. */
type Stored = FixedColumn['values'] | Int32Array | Uint32Array;

function valuesOf(column: Column): Stored {
  return column.kind === 'category'
    ? (column as CategoryColumn).codes
    : (column as FixedColumn).values;
}
