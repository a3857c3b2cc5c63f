import { Buffer } from 'node:buffer';

import { PipelineError } from '../../errors.ts';
import { Batch } from '../batch.ts';
import { BytesColumn } from '../column.ts';
import { copyBytes } from '../copy-bytes.ts';
import { Origin } from '../origin.ts';
import { type Fields, type FieldsOf, schema, type Schema } from '../schema.ts';
import type { DecodeFormat, DecodeOptions, Decoder, DecodeReport } from './contract.ts';
import { CsvDecoder } from './csv-decoder.ts';
import { delimiterByte, RecordScanner } from './csv-record.ts';

/**
 * Records that are not decoded yet, many in a row: their bytes, cut behind the end of a record, and,
 * of a CSV with a header, the names in it. The position of the row is that of its first byte.
 */
export const chunkSchema: Schema<ChunkFields> = schema({ bytes: 'bytes', columns: 'json' });

/** The fields of `chunkSchema`. */
export type ChunkFields = FieldsOf<{ readonly bytes: 'bytes'; readonly columns: 'json' }>;

/** A chunk is cut at the end of the last record in so many bytes. */
const chunkBytes = 2_097_152;
/** With room for a record that begins in them and ends behind. */
const bufferBytes = chunkBytes + 65_536;
/** A record that is longer still is not looked for the end of. */
const recordBytesMax = 67_108_864;
/** So many buffers wait to be used again. */
const spareMax = 32;
const nothing = new Uint8Array(0);
const lineFeed = 10;
const quote = 34;
/** What is wrong with records is told where they are decoded. */
const unheard: DecodeReport = { failed: () => {}, counted: () => {} };

/** Tells up to where bytes hold whole records, over any number of calls. */
interface RecordEnds {
  /** Behind the last record that ends in `bytes[from … to)`, or −1. The next call goes on at `to`. */
  last(bytes: Uint8Array, from: number, to: number): number;
}

const lineEnds: RecordEnds = {
  last(bytes, from, to) {
    const at = bytes.subarray(from, to).lastIndexOf(lineFeed);
    return at < 0 ? -1 : from + at + 1;
  },
};

/** The ends of CSV records: a line feed within quotes is none. */
class QuotedEnds implements RecordEnds {
  readonly #scanner: RecordScanner;
  #isWithin = false;

  constructor(delimiter: string) {
    this.#scanner = new RecordScanner(delimiterByte(delimiter));
  }

  last(bytes: Uint8Array, from: number, to: number): number {
    const part = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from);
    // Where there is no quote, and none is open, lines are records.
    if (!this.#isWithin && part.indexOf(quote) < 0) {
      const end = lineEnds.last(bytes, from, to);
      if (end >= 0) this.#scanner.begin();
      if (end !== to) this.#scanner.end(bytes, Math.max(from, end), to);
      return end;
    }
    let last = -1;
    for (let at = from; at < to;) {
      const end = this.#scanner.end(bytes, at, to);
      if (end < 0) break;
      at = last = end + 1;
      this.#scanner.begin();
    }
    this.#isWithin = last !== to;
    return last;
  }
}

/** Where a chunk is in its stream. */
export interface ChunkPlace {
  readonly source: string;
  readonly partition: string;
  readonly position: number;
}

/** A row of `chunkSchema`. */
export class Chunk extends Batch<ChunkFields> {
  readonly #freed: () => void;

  /** `freed`: called when nobody holds it any more, and its bytes may be used again. */
  constructor(
    { source, partition, position }: ChunkPlace,
    bytes: Uint8Array,
    columns: readonly string[] | null,
    freed: () => void,
  ) {
    const text = Buffer.from(JSON.stringify(columns));
    const cells = [
      new BytesColumn('bytes', Int32Array.of(0, bytes.length), bytes),
      new BytesColumn('json', Int32Array.of(0, text.length), text),
    ];
    super(chunkSchema, cells, 1, new Origin(source, partition, position));
    this.#freed = freed;
  }

  get data(): Uint8Array {
    return (this.columns[0] as BytesColumn).data;
  }

  get names(): readonly string[] | null {
    return this.columns[1]!.value(0) as readonly string[] | null;
  }

  protected override free(): void {
    super.free();
    this.#freed();
  }
}

/** Memory for chunks, of the size that most have, which threads share: what nobody holds any more is used again. */
export class ChunkBuffers {
  readonly #spare: Uint8Array[] = [];

  take(): Uint8Array {
    return this.#spare.pop() ?? sharedBytes(bufferBytes);
  }

  give(bytes: Uint8Array): void {
    // One that grew with a long record is not kept.
    const isUsual = bytes.length === bufferBytes;
    if (isUsual && this.#spare.length < spareMax) this.#spare.push(bytes);
  }
}

/** Cuts the bytes of one stream into chunks, in place of decoding them. */
export class ChunkCutter implements Decoder<ChunkFields> {
  readonly #source: string;
  #partition: string;
  readonly #ends: RecordEnds;
  /** Reads the header of a CSV; undefined once that is done, and where there is none. */
  #header: CsvDecoder<Fields> | undefined;
  #columns: readonly string[] | null;
  readonly #buffers: ChunkBuffers;
  /** In memory that other threads see, so that nothing is copied for them. */
  #bytes: Uint8Array = nothing;
  #length = 0;
  /** Up to here what was gathered is whole records. */
  #whole = 0;
  /** Offset in the stream of the first byte that was gathered. */
  #base: number;
  #ended = false;

  /** `buffers`: those of all that are cut one after the other. */
  constructor(
    format: DecodeFormat,
    rows: Schema,
    options: DecodeOptions,
    buffers: ChunkBuffers = new ChunkBuffers(),
  ) {
    const { source = 'memory', partition = '', position = 0 } = options;
    this.#buffers = buffers;
    this.#source = source;
    this.#partition = partition;
    this.#base = position;
    this.#columns = options.columns ?? null;
    const isCsv = format === 'csv';
    this.#ends = isCsv ? new QuotedEnds(options.delimiter ?? ',') : lineEnds;
    const needsHeader = isCsv && (options.header ?? true) && this.#columns === null;
    this.#header = needsHeader
      ? new CsvDecoder(rows, { ...options, rowsMax: 1, report: unheard })
      : undefined;
  }

  get columns(): readonly string[] | null {
    return this.#columns;
  }

  get position(): number {
    return this.#base;
  }

  get rowsPending(): number {
    return 0;
  }

  moveTo(partition: string, position: number): void {
    this.#partition = partition;
    this.#base = position;
    this.#length = this.#whole = 0;
    this.#ended = false;
  }

  room(): Uint8Array {
    this.#reserve(this.#length + 1);
    return this.#bytes.subarray(this.#length);
  }

  push(bytes: Uint8Array): void {
    const from = this.#length;
    if (bytes.buffer === this.#bytes.buffer) this.#length += bytes.length;
    else this.#gather(bytes);
    const end = this.#ends.last(this.#bytes, from, this.#length);
    if (end >= 0) this.#whole = end;
    else if (this.#length - this.#whole > recordBytesMax) throw endless(this.#partition);
  }

  end(): void {
    this.#ended = true;
    // What stands behind the last end is a record too.
    this.#whole = this.#length;
    if (this.#length === 0) this.#replace(nothing);
  }

  next(): Batch<ChunkFields> | null {
    const isDue = this.#whole >= chunkBytes || (this.#ended && this.#whole > 0);
    return isDue ? this.flush() : null;
  }

  flush(): Batch<ChunkFields> | null {
    if (this.#whole === 0) return null;
    const bytes = this.#bytes;
    const length = this.#whole;
    this.#bytes = nothing;
    const rest = this.#length - length;
    this.#length = this.#whole = 0;
    this.#gather(bytes.subarray(length, length + rest));
    const position = this.#base;
    this.#base += length;
    // A chunk with the header in it is read from its beginning, which tells the columns.
    const columns = this.#columns;
    const whole = bytes.subarray(0, length);
    if (this.#header !== undefined) this.#readHeader(this.#header, whole);
    const place = { source: this.#source, partition: this.#partition, position };
    return new Chunk(place, whole, columns, () => this.#buffers.give(bytes));
  }

  #gather(bytes: Uint8Array): void {
    const needed = this.#length + bytes.length;
    this.#reserve(needed);
    copyBytes(bytes, this.#bytes, this.#length);
    this.#length = needed;
  }

  #reserve(needed: number): void {
    if (needed <= this.#bytes.length) return;
    const grown = needed <= bufferBytes ? this.#buffers.take() : sharedBytes(2 * needed);
    copyBytes(this.#bytes.subarray(0, this.#length), grown, 0);
    this.#replace(grown);
  }

  #replace(bytes: Uint8Array): void {
    this.#buffers.give(this.#bytes);
    this.#bytes = bytes;
  }

  /** Decodes as little of a file's beginning as tells its columns. */
  #readHeader(header: CsvDecoder<Fields>, bytes: Uint8Array): void {
    header.push(bytes);
    header.next()?.release();
    this.#columns = header.columns;
    if (this.#columns !== null) this.#header = undefined;
  }
}

function sharedBytes(length: number): Uint8Array<SharedArrayBuffer> {
  return new Uint8Array(new SharedArrayBuffer(length));
}

function endless(partition: string): PipelineError {
  return new PipelineError({
    code: 'ERR_CODEC_FORMAT',
    place: partition,
    fact: `holds a record of more than ${recordBytesMax} bytes, which lanes cannot share out`,
    remedy: 'run it with one lane',
  });
}

/** Decodes chunks of one source, in any order. */
export class ChunkDecoder {
  readonly #create: (options: Partial<DecodeOptions>) => Decoder;
  /** Goes from chunk to chunk where that is no CSV, of which each file has its own columns. */
  #decoder: Decoder | undefined;

  /** `create`: makes a decoder, with these options over its own. */
  constructor(create: (options: Partial<DecodeOptions>) => Decoder) {
    this.#create = create;
  }

  /** The batches of one chunk, each for whoever takes it to release. */
  *decode(chunk: Batch): Generator<Batch> {
    const [bytes, columns] = chunk.columns as [BytesColumn, BytesColumn];
    const { partition } = chunk.origin;
    const decoder = this.#at(partition, chunk.origin.position(0), columns.value(0));
    const { buffer, byteOffset } = bytes.data;
    decoder.push(new Uint8Array(buffer, byteOffset + bytes.offsets[0]!, bytes.offsets[1]));
    decoder.end();
    for (let batch = decoder.next(); batch !== null; batch = decoder.next()) {
      batch.origin.readMs = chunk.origin.readMs;
      yield batch;
    }
  }

  #at(partition: string, position: number, columns: unknown): Decoder {
    if (columns !== null) {
      return this.#create({ partition, position, columns: columns as readonly string[] });
    }
    this.#decoder ??= this.#create({ partition, position });
    if (this.#decoder.columns !== null) return this.#create({ partition, position });
    this.#decoder.moveTo(partition, position);
    return this.#decoder;
  }
}
