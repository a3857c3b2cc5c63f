import { Buffer } from 'node:buffer';

import { PipelineError } from '../../errors.ts';
import type { Batch } from '../batch.ts';
import type { BytesColumn, CategoryColumn, Column, FixedColumn } from '../column.ts';
import { canGenerate } from '../generate.ts';
import type { Kind, Schema } from '../schema.ts';
import type { EncodeOptions, Encoder } from './contract.ts';
import { EncodedValues } from './encoded-values.ts';
import { type CellStyle, type KernelWriter, kernelWriter } from './kernel-writer.ts';
import { type CodecPath, loadKernels } from './kernels.ts';
import { createRowWriter, type RowFrame, type RowWriter } from './row-writer.ts';
import { formatTimestamp } from './timestamp.ts';
import {
  numberBytesMax,
  writeAscii,
  writeFloat,
  writeInt64,
  writeInteger,
  writeRounded,
} from './write-number.ts';

const noBytes = new Uint8Array(0);
/** Room is made for so many rows at once, however long: longer category values go the slow way. */
const fastRowsMax = 4096;
const fastValueBytesMax = 256;
/** A word, which values are copied by. */
const spareBytes = 4;

/** Writes batches row by row into one buffer that is used again for each batch. */
export abstract class RowEncoder implements Encoder {
  protected readonly schema: Schema;
  protected readonly options: EncodeOptions;
  readonly #kinds: readonly Kind[];
  /** Of each field how many decimals it has at most; -1: as many as it takes. */
  readonly #decimals: readonly number[];
  readonly #encoded: EncodedValues[];
  /** Room that a row takes at most, its text and bytes cells left out. */
  readonly #rowBytesMax: number;
  readonly #frame: RowFrame;
  readonly #kernel: KernelWriter | null;
  readonly #writeRows: RowWriter | null;
  #out: Uint8Array = noBytes;
  #view: DataView = new DataView(noBytes.buffer);
  readonly #refused: { nonFinite: number } = { nonFinite: 0 };

  constructor(
    schema: Schema,
    options: EncodeOptions,
    frame: RowFrame,
    style: CellStyle,
    path: CodecPath,
  ) {
    this.schema = schema;
    this.options = options;
    this.#frame = frame;
    const { decimals = {} } = options;
    this.#decimals = schema.names.map((name) =>
      Object.hasOwn(decimals, name) ? decimals[name]! : -1,
    );
    this.#kinds = schema.fields.map((field) => field.kind);
    this.#encoded = schema.fields.map(() => new EncodedValues((text) => this.textBytes(text)));
    let bytes = frame.after.length;
    for (const before of frame.before) bytes += before.length + numberBytesMax;
    this.#rowBytesMax = bytes;
    const kernels = path === 'kernels' ? loadKernels() : null;
    this.#kernel =
      kernels === null
        ? null
        : kernelWriter(kernels, schema, frame, { ...style, decimals: this.#decimals }, bytes);
    this.#writeRows =
      path !== 'slow' && canGenerate()
        ? createRowWriter(schema.fields, frame, options.timestamps ?? 'ms', this.#decimals)
        : null;
  }

  abstract begin(): Uint8Array;
  abstract end(): Uint8Array;
  /** A text value as it stands in the output. */
  protected abstract textBytes(text: string): Uint8Array;
  /** The cell of a column of text, bytes or json, written at `at` of a buffer with room for it. */
  protected abstract writeData(
    out: Uint8Array,
    at: number,
    column: BytesColumn,
    row: number,
  ): number;
  /** How many bytes `writeData` takes for so many in the column, at most. */
  protected abstract dataBytesMax(bytes: number): number;

  encode(batch: Batch): Uint8Array {
    if (!batch.schema.equals(this.schema)) {
      throw new PipelineError({
        code: 'ERR_BATCH_SCHEMA',
        place: 'encoder',
        fact: `a batch of ${batch.schema} for an encoder of ${this.schema}`,
      });
    }
    this.#takeDictionaries(batch);
    const end = this.#writeByKernel(batch) ?? this.#writeFast(batch) ?? this.#writeSlowly(batch);
    if (this.#refused.nonFinite > 0) {
      this.options.report?.counted('nonFinite', this.#refused.nonFinite);
    }
    this.#refused.nonFinite = 0;
    return this.#out.subarray(0, end);
  }

  #takeDictionaries({ columns }: Batch): void {
    for (let field = 0; field < columns.length; field++) {
      const column = columns[field]!;
      if (column.kind === 'category') {
        this.#encoded[field]!.take((column as CategoryColumn).dictionary);
      }
    }
  }

  /** Undefined where the kernels cannot write it. */
  #writeByKernel(batch: Batch): number | undefined {
    const kernel = this.#kernel;
    if (kernel === null || !kernel.begin(this.#encoded)) return undefined;
    let at = 0;
    for (let from = 0; from < batch.length;) {
      const loaded = kernel.load(batch, from);
      for (let done = 0; done < loaded;) {
        const next = kernel.write(done, loaded);
        const { bytes } = kernel;
        this.#refused.nonFinite += kernel.infinite;
        this.#reserve(at, bytes.length);
        this.#out.set(bytes, at);
        at += bytes.length;
        if (next === done) at = this.#writeRow(at, batch, from + done++);
        else done = next;
      }
      if (loaded === 0) at = this.#writeRow(at, batch, from);
      from += Math.max(1, loaded);
    }
    return at;
  }

  /** Undefined where the rows must be written one cell at a time. */
  #writeFast({ rows, length, columns }: Batch): number | undefined {
    if (this.#writeRows === null) return undefined;
    let rowBytesMax = this.#rowBytesMax;
    for (const {
      texts: { lengthMax },
    } of this.#encoded) {
      if (lengthMax > fastValueBytesMax) return undefined;
      rowBytesMax += lengthMax;
    }
    let at = 0;
    for (let from = 0; from < length; from += fastRowsMax) {
      const count = Math.min(fastRowsMax, length - from);
      this.#reserve(at, count * rowBytesMax + spareBytes);
      const [out, view] = [this.#out, this.#view];
      const some = rows.subarray(from, from + count);
      at = this.#writeRows(out, view, at, columns, this.#encoded, some, count, this.#refused);
    }
    return at;
  }

  #writeSlowly(batch: Batch): number {
    let at = 0;
    for (let index = 0; index < batch.length; index++) at = this.#writeRow(at, batch, index);
    return at;
  }

  #writeRow(at: number, { rows, columns }: Batch, index: number): number {
    const { before, after, nothing } = this.#frame;
    const row = rows[index]!;
    at = this.#reserve(at, this.#rowBytesMax);
    for (let field = 0; field < columns.length; field++) {
      const column = columns[field]!;
      at = writeBytes(this.#out, at, before[field]!);
      if (column.isNull(row)) at = writeBytes(this.#out, at, nothing);
      else at = this.#writeCell(at, column, field, row);
    }
    return writeBytes(this.#out, at, after);
  }

  #writeCell(at: number, column: Column, field: number, row: number): number {
    const out = this.#out;
    switch (this.#kinds[field]!) {
      case 'float64': {
        const value = (column as FixedColumn<Float64Array>).values[row]!;
        const decimals = this.#decimals[field]!;
        if (value - value === 0) {
          return decimals < 0 ? writeFloat(out, at, value) : writeRounded(out, at, value, decimals);
        }
        this.#refused.nonFinite++;
        return writeBytes(out, at, this.#frame.nothing);
      }
      case 'timestamp':
        return this.#writeTimestamp(at, (column as FixedColumn<Float64Array>).values[row]!);
      case 'int32':
        return writeInteger(out, at, (column as FixedColumn<Int32Array>).values[row]!);
      case 'int64':
        return writeInt64(out, at, (column as FixedColumn<BigInt64Array>).values[row]!);
      case 'bool':
        return writeAscii(out, at, (column as FixedColumn).values[row] === 1 ? 'true' : 'false');
      case 'category': {
        const bytes = this.#encoded[field]!.texts.bytesOf((column as CategoryColumn).codes[row]!);
        at = this.#reserve(at, bytes.length + this.#rowBytesMax);
        return writeBytes(this.#out, at, bytes);
      }
      default: {
        const { offsets } = column as BytesColumn;
        const bytes = offsets[row + 1]! - offsets[row]!;
        at = this.#reserve(at, this.dataBytesMax(bytes) + this.#rowBytesMax);
        return this.writeData(this.#out, at, column as BytesColumn, row);
      }
    }
  }

  #writeTimestamp(at: number, value: number): number {
    if (value - value !== 0) {
      this.#refused.nonFinite++;
      return writeBytes(this.#out, at, this.#frame.nothing);
    }
    const text = this.options.timestamps === 'iso' ? formatTimestamp(value) : null;
    // Beyond the years of RFC 3339 milliseconds lose nothing, and decoders read both.
    if (text === null) return writeFloat(this.#out, at, value);
    return writeBytes(this.#out, at, this.textBytes(text));
  }

  #reserve(at: number, more: number): number {
    if (at + more > this.#out.length) {
      const grown = new Uint8Array(Math.max(65_536, 2 * (at + more)));
      grown.set(this.#out.subarray(0, at));
      this.#out = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
}

export function writeBytes(out: Uint8Array, at: number, bytes: Uint8Array): number {
  const { length } = bytes;
  if (length > 64) {
    out.set(bytes, at);
    return at + length;
  }
  for (let index = 0; index < length; index++) out[at + index] = bytes[index]!;
  return at + length;
}

export function utf8(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text));
}
