import { copyBytes } from '../copy-bytes.ts';
import type { Fields, Kind, Schema } from '../schema.ts';
import type { Kernels } from './kernels.ts';
import type { RowColumns } from './row-columns.ts';

/** Kinds as `kernels/fields.ts` numbers them. */
const kinds: Readonly<Record<Kind, number>> = {
  float64: 0,
  timestamp: 1,
  int32: 2,
  int64: 3,
  bool: 4,
  category: 5,
  text: 6,
  bytes: 7,
  json: 7,
};
/** Bytes that a cell takes in the memory of the kernels, by the number of its kind. */
const cellBytes = [8, 8, 4, 8, 1, 4, 8, 1];
/** With fewer rows to a call the calls would cost more than they save. */
const rowsMin = 64;

/**
 * The rows of one schema in the memory of the kernels: bytes are copied in, blocks of whole records
 * at a time, and what a parser made of them is copied out into the columns of a batch.
 */
export class KernelRows<F extends Fields = Fields> {
  /** Whether the record at which the last call stopped is one for the slow path. */
  isOdd = false;
  blankLines = 0;
  extraFields = 0;
  /** How many rows fit at a time; 0 where the schema does not fit. */
  readonly rowsMax: number;
  readonly #kernels: Kernels;
  readonly #schema: Schema<F>;
  readonly #rows: RowColumns<F>;
  readonly #configure: () => void;
  readonly #kinds: readonly number[];
  readonly #input: Uint8Array;
  readonly #result: Int32Array;
  readonly #misses: Int32Array;
  readonly #offsets: Int32Array;
  readonly #texts: Uint8Array;
  #positions: Float64Array = new Float64Array(0);
  #values: (Float64Array | Int32Array | BigInt64Array | Uint8Array)[] = [];
  #validity: Uint8Array[] = [];
  readonly #dictionaries: Int32Array;
  /** The bytes of which a part is in the input, known by the view of them, and which part. */
  #bytes: Uint8Array | null = null;
  #from = 0;
  #to = 0;

  /** `configure` tells the kernels the format and the schema. */
  constructor(kernels: Kernels, schema: Schema<F>, rows: RowColumns<F>, configure: () => void) {
    const { memory, INPUT, INPUT_SIZE, RESULT, MISSES, OFFSETS, TEXTS, ...more } = kernels.exports;
    const rowsMost = more.ROWS_MAX.value;
    this.#kernels = kernels;
    this.#schema = schema;
    this.#rows = rows;
    this.#configure = configure;
    this.#kinds = schema.fields.map(({ kind }) => kinds[kind]);
    this.#dictionaries = new Int32Array(schema.fields.length);
    this.#input = new Uint8Array(memory.buffer, INPUT.value, INPUT_SIZE.value);
    this.#result = new Int32Array(memory.buffer, RESULT.value, 5);
    this.#misses = new Int32Array(memory.buffer, MISSES.value, rowsMost * 4);
    this.#offsets = new Int32Array(memory.buffer, OFFSETS.value, rowsMost);
    this.#texts = new Uint8Array(memory.buffer, TEXTS.value, INPUT_SIZE.value);
    // A bit for each null, and a position for each row. Of 64 rows each kind takes whole words.
    const rowBytes = this.#kinds.reduce((sum, kind) => sum + cellBytes[kind]! + 0.125, 8);
    const fit = Math.min(rowsMost, Math.floor(more.COLUMNS_SIZE.value / rowBytes)) & ~63;
    this.rowsMax = fit < rowsMin || schema.fields.length > more.FIELDS_MAX.value ? 0 : fit;
  }

  /** Numbers of the kinds of the fields. */
  get kinds(): readonly number[] {
    return this.#kinds;
  }

  /** Where `configure` puts the names of fields. */
  get input(): Uint8Array {
    return this.#input;
  }

  /**
   * Parses the records of `bytes[at … end)`, all of them whole, and gives the offset of the first one
   * that is not a row: `isOdd` where it is for the slow path. −1 where nothing can be parsed now.
   */
  parse(bytes: Uint8Array, at: number, end: number, base: number): number {
    const rows = this.#rows;
    if (!rows.canAddValues(this.rowsMax, this.#input.length)) return -1;
    if (this.#kernels.owner !== this) this.#own();
    this.#tellDictionaries();
    const isLoaded = bytes === this.#bytes && at >= this.#from && at < this.#to;
    if (!isLoaded && !this.#load(bytes, at, end)) return -1;
    // Rows begin within a byte of the bits for nulls, as in the batch.
    const row = rows.row & 7;
    const rowEnd = Math.min(this.rowsMax, row + rows.rowsLeft);
    const from = at - this.#from;
    const stop = Math.min(end, this.#to) - this.#from;
    const { exports } = this.#kernels;
    const stopped = exports.parseRecords(
      from,
      stop,
      base + this.#from,
      row,
      rowEnd,
      rows.rowBytes,
      rows.bytesLeft,
    );
    const [behind, odd, blankLines, extraFields, misses] = this.#result;
    this.isOdd = odd === 1;
    this.blankLines += blankLines!;
    this.extraFields += extraFields!;
    if (misses! > 0) this.#resolve(misses!, row, behind!);
    if (behind! > row) this.#copyOut(row, behind!);
    return this.#from + stopped;
  }

  #own(): void {
    const { exports } = this.#kernels;
    this.#configure();
    exports.clearNulls();
    this.#kernels.owner = this;
    this.#bytes = null;
    this.#dictionaries.fill(0);
    if (this.#values.length > 0) return;
    const { buffer } = exports.memory;
    this.#positions = new Float64Array(buffer, exports.positions(), this.rowsMax);
    for (const [field, { kind }] of this.#schema.fields.entries()) {
      const at = exports.values(field);
      const bits = new Uint8Array(buffer, exports.validity(field), this.rowsMax >>> 3);
      this.#values.push(viewOf(kind, buffer, at, this.rowsMax));
      this.#validity.push(bits);
    }
  }

  #load(bytes: Uint8Array, at: number, end: number): boolean {
    let to = Math.min(end, at + this.#input.length);
    if (to < end) to = bytes.lastIndexOf(10, to - 1) + 1;
    if (to <= at) return false;
    copyBytes(bytes.subarray(at, to), this.#input, 0);
    this.#bytes = bytes;
    this.#from = at;
    this.#to = to;
    return true;
  }

  #tellDictionaries(): void {
    for (let field = 0; field < this.#kinds.length; field++) {
      if (this.#kinds[field] !== kinds.category) continue;
      const { id } = this.#rows.dictionaryOf(field);
      if (this.#dictionaries[field] === id) continue;
      this.#kernels.exports.setDictionary(field, id);
      this.#dictionaries[field] = id;
    }
  }

  /** Looks up the category values that the kernels have not seen: field, start and length of each. */
  #resolve(misses: number, row: number, end: number): void {
    const { exports } = this.#kernels;
    const inputAt = this.#input.byteOffset;
    for (let index = 0; index < misses; index++) {
      const [field, start, length] = this.#misses.subarray(4 * index, 4 * index + 3);
      const from = start! - inputAt;
      const dictionary = this.#rows.dictionaryOf(field!);
      exports.resolveMiss(index, dictionary.codeOfBytes(this.#input, from, from + length!));
    }
    exports.patchCategories(row, end);
  }

  /** Rows `row` to `end` become the next ones of the batch. */
  #copyOut(row: number, end: number): void {
    const rows = this.#rows;
    const { exports } = this.#kernels;
    const count = end - row;
    for (let field = 0; field < this.#kinds.length; field++) {
      const values = this.#values[field]!;
      switch (rows.fields[field]!.kind) {
        case 'float64':
        case 'timestamp':
          rows.floats[field]!.set((values as Float64Array).subarray(row, end), rows.row);
          break;
        case 'int32':
        case 'category':
          rows.ints[field]!.set((values as Int32Array).subarray(row, end), rows.row);
          break;
        case 'int64':
          rows.longs[field]!.set((values as BigInt64Array).subarray(row, end), rows.row);
          break;
        case 'bool':
          rows.bools[field]!.set((values as Uint8Array).subarray(row, end), rows.row);
          break;
        case 'text': {
          const size = exports.gatherText(field, row, end, rows.offsets[field]![rows.row]!);
          rows.addData(field, this.#offsets.subarray(0, count), this.#texts.subarray(0, size));
          break;
        }
        default:
          // Only nulls of these are read here.
          this.#offsets.fill(rows.offsets[field]![rows.row]!, 0, count);
          rows.addData(field, this.#offsets.subarray(0, count), this.#texts.subarray(0, 0));
      }
      if (exports.hadNulls(field) === 0) continue;
      rows.addNulls(field, this.#validity[field]!.subarray(0, (end + 7) >>> 3));
    }
    rows.commitRows(this.#positions.subarray(row, end));
  }
}

function viewOf(
  kind: Kind,
  buffer: ArrayBuffer,
  at: number,
  rows: number,
): Float64Array | Int32Array | BigInt64Array | Uint8Array {
  switch (kind) {
    case 'float64':
    case 'timestamp':
      return new Float64Array(buffer, at, rows);
    case 'int32':
    case 'category':
      return new Int32Array(buffer, at, rows);
    case 'int64':
      return new BigInt64Array(buffer, at, rows);
    default:
      return new Uint8Array(buffer, at, rows);
  }
}
