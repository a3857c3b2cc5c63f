import type { PipelineError } from '../../errors.ts';
import { listNames } from '../list-names.ts';
import type { Field, Fields, Schema } from '../schema.ts';
import type { DecodeOptions, NumberPolicy, TextEncoding } from './contract.ts';
import { writeCsvCell } from './csv-cell.ts';
import { csvKernel } from './csv-kernel.ts';
import { delimiterByte, RecordScanner, refusedFormat, splitCells } from './csv-record.ts';
import { FramedDecoder } from './framing.ts';
import { writeMissing } from './json-cell.ts';
import type { KernelRows } from './kernel-rows.ts';
import { type CodecPath, loadKernels } from './kernels.ts';
import { readFloat, readInt32, readInt64, viewOf } from './read-number.ts';
import { readTimestamp } from './timestamp.ts';
import { UndecodableError } from './undecodable.ts';
import { decodeText, sequenceEnd } from './utf8.ts';

const lineFeed = 10;
const carriageReturn = 13;
const quote = 34;

/**
 * CSV after RFC 4180, with LF or CR LF. The fast path takes records of plain cells; any other record
 * goes whole to the slow path, which splits it as text.
 */
export class CsvDecoder<F extends Fields> extends FramedDecoder<F> {
  readonly #schema: Schema<F>;
  readonly #delimiter: string;
  readonly #delimiterByte: number;
  readonly #encoding: TextEncoding;
  readonly #number: NumberPolicy;
  readonly #refuseExtra: boolean;
  readonly #path: CodecPath;
  readonly #scanner: RecordScanner;
  /** For each byte of a cell: 1 stands for itself, 2 begins a sequence, 0 is unexpected. */
  readonly #inCell: Uint8Array;
  readonly #inQuotes: Uint8Array;
  #columns: readonly string[] | null = null;
  /** For each column, the index of its field in the schema, or −1. */
  #fieldOf: Int32Array = new Int32Array(0);
  #missing: readonly number[] = [];
  #kernel: KernelRows<F> | null = null;
  /** The bytes that are being parsed. */
  #view: DataView = viewOf(new Uint8Array(0));

  /** `path` keeps to the twin of the kernels, or to the slow path: for tests that compare them. */
  constructor(schema: Schema<F>, options: DecodeOptions, path: CodecPath = 'kernels') {
    super(schema, options);
    this.#schema = schema;
    this.#delimiter = options.delimiter ?? ',';
    this.#delimiterByte = delimiterByte(this.#delimiter);
    this.#encoding = options.encoding ?? 'utf-8';
    this.#number = options.number ?? 'error';
    this.#refuseExtra = options.extraFields === 'error';
    this.#path = path;
    this.#scanner = new RecordScanner(this.#delimiterByte);
    const beyondAscii = this.#encoding === 'latin1' ? 0 : 2;
    this.#inCell = Uint8Array.from({ length: 256 }, (_, byte) => (byte < 128 ? 1 : beyondAscii));
    this.#inQuotes = Uint8Array.from(this.#inCell);
    this.#inQuotes[quote] = 0;
    for (const end of [this.#delimiterByte, lineFeed, carriageReturn]) this.#inCell[end] = 0;
    // A quoted cell with a line feed is rare, and the last line feed of the chunk must stop a scan.
    this.#inQuotes[lineFeed] = 0;
    const header = options.header ?? true;
    if (options.columns !== undefined) this.#setColumns(options.columns);
    else if (!header) this.#setColumns(schema.names);
    else if ((options.position ?? 0) > 0) {
      throw refusedFormat(
        'a CSV with a header cannot be read from the middle without its columns',
        'give `columns`, or read from the beginning',
      );
    }
  }

  get columns(): readonly string[] | null {
    return this.#columns;
  }

  protected beginRecord(): void {
    this.#scanner.begin();
  }

  protected recordEnd(bytes: Uint8Array, from: number, to: number): number {
    return this.#scanner.end(bytes, from, to);
  }

  protected refuseUnfinished(bytes: Uint8Array, length: number, position: number): void {
    const fact = 'a quoted cell without its end quote';
    this.refuse(bytes, 0, length, position, 'csv.quote', fact);
  }

  protected override beforeRefusal(message: string): void {
    if (this.#columns !== null) return;
    throw refusedFormat(`the header cannot be read: ${message}`, 'correct the header');
  }

  protected parse(bytes: Uint8Array, at: number, limit: number, base: number): number {
    // Up to here every plain record has its LF, at which each loop of the fast path stops.
    const end = bytes.lastIndexOf(lineFeed, limit - 1) + 1;
    this.#view = viewOf(bytes);
    while (at < end && !this.rows.full) {
      const behind = this.#kernel === null ? -1 : this.#parseByKernel(bytes, at, end, base);
      if (behind >= 0) at = behind;
      if (at === end || this.rows.full) break;
      if (behind >= 0 && !this.#kernel!.isOdd) continue;
      const blank = lineEndAt(bytes, at);
      if (blank > 0) {
        this.blankLines++;
        at = blank;
        continue;
      }
      const isPlain = behind < 0 && this.#path !== 'slow' && this.#columns !== null;
      const next = isPlain ? this.#parseRecord(bytes, at) : -1;
      if (next > 0) {
        this.rows.commit(base + at);
        this.extraFields += this.#extraFields;
        at = next;
        continue;
      }
      this.rows.rollback();
      this.#scanner.begin();
      const recordEnd = this.#scanner.end(bytes, at, Math.min(end, at + this.recordBytesMax + 2));
      if (recordEnd < 0) return at;
      this.#parseSlowly(bytes, at, recordEnd, base);
      at = recordEnd + 1;
    }
    return at;
  }

  get #extraFields(): number {
    return this.#fieldOf.length + this.#missing.length - this.#schema.fields.length;
  }

  #parseByKernel(bytes: Uint8Array, at: number, end: number, base: number): number {
    const kernel = this.#kernel!;
    const { row } = this.rows;
    const behind = kernel.parse(bytes, at, end, base);
    this.blankLines += kernel.blankLines;
    this.extraFields += (this.rows.row - row) * this.#extraFields;
    kernel.blankLines = 0;
    return behind;
  }

  #setColumns(columns: readonly string[]): void {
    const fieldOf = Int32Array.from(columns, (name) => this.#schema.indexOf(name));
    const seen = new Set<string>();
    for (const [index, name] of columns.entries()) {
      if (fieldOf[index]! >= 0 && seen.has(name)) {
        throw refusedFormat(`two columns are named \`${name}\``, 'give each column its own name');
      }
      if (fieldOf[index]! < 0 && this.#refuseExtra) {
        throw refusedFormat(`column \`${name}\` is not in the schema`, 'add it, or ignore it');
      }
      seen.add(name);
    }
    const missing = this.#schema.fields.filter((field) => !seen.has(field.name));
    const required = missing.find((field) => !field.nullable);
    if (required !== undefined) throw missingColumn(required, columns);
    this.#columns = [...columns];
    this.#fieldOf = fieldOf;
    this.#missing = missing.map((field) => this.#schema.indexOf(field.name));
    const kernels = this.#path === 'kernels' ? loadKernels() : null;
    this.#kernel =
      kernels &&
      csvKernel(kernels, this.#schema, this.rows, {
        recordBytesMax: this.recordBytesMax,
        ascii: this.#encoding === 'latin1',
        delimiter: this.#delimiter,
        fieldOf,
        missing: this.#missing,
      });
  }

  #readHeader(text: string): void {
    this.#setColumns(splitCells(text, this.#delimiter).map((cell) => cell.text));
  }

  /** The slow path: decides what every record means. */
  #parseSlowly(bytes: Uint8Array, start: number, lineEnd: number, base: number): void {
    const end = bytes[lineEnd - 1] === carriageReturn ? lineEnd - 1 : lineEnd;
    const position = base + start;
    try {
      if (end - start > this.recordBytesMax) {
        throw new UndecodableError('record.size', this.tooLong(end - start));
      }
      const text = decodeText(bytes, start, end, this.#encoding, position);
      if (this.#columns === null) this.#readHeader(text);
      else this.#writeRecord(text, position);
    } catch (thrown) {
      if (!(thrown instanceof UndecodableError)) throw thrown;
      this.rows.rollback();
      this.refuse(bytes, start, end, position, thrown.reason, thrown.fact);
    }
  }

  #writeRecord(text: string, position: number): void {
    const cells = splitCells(text, this.#delimiter);
    const fieldOf = this.#fieldOf;
    if (cells.length !== fieldOf.length) {
      const fact = `${cells.length} cells, where the header has ${fieldOf.length}`;
      throw new UndecodableError('csv.ragged', fact);
    }
    let duplicateKeys = 0;
    for (let index = 0; index < fieldOf.length; index++) {
      if (fieldOf[index]! < 0) continue;
      duplicateKeys += writeCsvCell(this.rows, fieldOf[index]!, cells[index]!, this.#number);
    }
    for (const field of this.#missing) writeMissing(this.rows, field, false);
    this.rows.commit(position);
    this.extraFields += this.#extraFields;
    this.duplicateKeys += duplicateKeys;
  }

  /** Writes the cells of the record at `at` and gives the offset behind its LF, or −1. */
  #parseRecord(bytes: Uint8Array, at: number): number {
    const fieldOf = this.#fieldOf;
    const start = at;
    const last = fieldOf.length - 1;
    for (let index = 0; index <= last; index++) {
      at = this.#readCell(bytes, at, fieldOf[index]!);
      if (at < 0) return -1;
      if (index < last && bytes[at++] !== this.#delimiterByte) return -1;
    }
    at = lineEndAt(bytes, at);
    if (at < 0 || at - start > this.recordBytesMax) return -1;
    for (const field of this.#missing) this.rows.setNull(field);
    return at;
  }

  /** Behind the cell at `at`, or −1 where it is unexpected. */
  #readCell(bytes: Uint8Array, at: number, field: number): number {
    const byte = bytes[at]!;
    if (byte === quote) {
      const end = this.#textEnd(bytes, at + 1, this.#inQuotes);
      if (end < 0 || bytes[end] !== quote || bytes[end + 1] === quote) return -1;
      return this.#readContent(bytes, at + 1, end, field) ? end + 1 : -1;
    }
    const end = this.#textEnd(bytes, at, this.#inCell);
    if (end < 0) return -1;
    if (end > at) return this.#readContent(bytes, at, end, field) ? end : -1;
    if (field >= 0) {
      if (!this.rows.fields[field]!.nullable) return -1;
      this.rows.setNull(field);
    }
    return at;
  }

  /** Writes `bytes[start … end)` as the value of a field; false where it is no plain value of it. */
  #readContent(bytes: Uint8Array, start: number, end: number, field: number): boolean {
    if (field < 0) return true;
    const { rows } = this;
    const { row } = rows;
    switch (rows.fields[field]!.kind) {
      case 'float64':
        return readFloat(bytes, this.#view, start, rows.floats[field]!, row) === end;
      case 'timestamp': {
        const into = rows.floats[field]!;
        if (readFloat(bytes, this.#view, start, into, row) === end) return true;
        into[row] = readTimestamp(bytes, start, end);
        return !Number.isNaN(into[row]);
      }
      case 'int32':
        return readInt32(bytes, start, rows.ints[field]!, row) === end;
      case 'int64':
        return readInt64(bytes, start, rows.longs[field]!, row) === end;
      case 'category':
        rows.setCategory(field, bytes, this.#view, start, end);
        return true;
      case 'text':
        rows.setData(field, bytes, start, end);
        return true;
      default:
        return false;
    }
  }

  /** Where plain text that begins at `at` ends, or −1 where it has an invalid sequence. */
  #textEnd(bytes: Uint8Array, at: number, plain: Uint8Array): number {
    for (;;) {
      while (plain[bytes[at]!] === 1) at++;
      if (plain[bytes[at]!] === 0) return bytes[at]! >= 0x80 ? -1 : at;
      at = sequenceEnd(bytes, at);
      if (at < 0) return -1;
    }
  }
}

/** Behind the LF or CR LF at `at`, or −1 where there is none. */
function lineEndAt(bytes: Uint8Array, at: number): number {
  if (bytes[at] === lineFeed) return at + 1;
  return bytes[at] === carriageReturn && bytes[at + 1] === lineFeed ? at + 2 : -1;
}

function missingColumn(field: Field, columns: readonly string[]): PipelineError {
  return refusedFormat(
    `there is no column \`${field.name}\``,
    `columns: ${listNames(columns)}; or make the field nullable`,
  );
}
