import {
  createDecoder,
  type DecodeFormat,
  type DecodeOptions,
  type Decoder,
  inferSchema,
} from '../../batch/codec.ts';
import type { Batch, Schema } from '../../batch/index.ts';
import type { Decoding, SourceContext } from '../../core/index.ts';
import type { RefusedRecords } from '../../core/refused-records.ts';
import { PipelineError } from '../../errors.ts';
import type { FileContents } from './contents.ts';
import type { FileFormat, FileReader, FileToRead, FollowingReader } from './file-format.ts';
import { ofFile } from './format.ts';
import type { FilePosition } from './partitions.ts';
import { isBlank, sample, whyNoSchema } from './sample.ts';
import type { Start, StartPosition } from './start.ts';

const chunkBytes = 1_048_576;
// A chunk goes to the decoder in parts, so that dead letters never pile up by the chunk.
const partBytes = 131_072;

/** Makes a decoder of one file, or what cuts it for decoders elsewhere. */
export type CreateDecoder = (
  format: DecodeFormat,
  schema: Schema,
  options: DecodeOptions,
) => Decoder;

/** The formats that are one record behind the other. */
export class RecordFormat implements FileFormat {
  readonly unit = 'bytes';
  readonly #format: DecodeFormat;
  readonly #decode: Decoding;
  readonly #create: CreateDecoder;
  // One is read into while the other is decoded; files are read one after the other.
  readonly #buffers: [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)];
  /** Goes from file to file where that is no CSV, of which each has its own columns. */
  #decoder: Decoder | undefined;

  constructor(format: DecodeFormat, decode: Decoding, create: CreateDecoder = createDecoder) {
    this.#format = format;
    this.#decode = decode;
    this.#create = create;
  }

  async findSchema(path: string, handle: FileContents): Promise<Schema | undefined> {
    const { bytes, isWhole } = await sample(handle);
    if (isBlank(bytes)) return undefined;
    const { encoding, delimiter, header } = this.#decode;
    let first: string | undefined;
    const refused = (offset: number, message: string): void => {
      first ??= `at byte ${offset}: ${message}`;
    };
    const options = { complete: isWhole, encoding, delimiter, header, refused };
    const found = ofFile(path, () => inferSchema(this.#format, bytes, options));
    if (found.fields.length > 0) return found;
    throw new PipelineError({
      code: 'ERR_CODEC_FORMAT',
      place: path,
      ...whyNoSchema(bytes, isWhole, first),
    });
  }

  /** Of a CSV, its header: what another record holds is seen when it is read. */
  async check(path: string, handle: FileContents, schema: Schema): Promise<void> {
    if (this.#format !== 'csv') return;
    const report = { failed: () => {}, counted: () => {} };
    const options = { ...this.#decode, report, rowsMax: 1 };
    const { bytes, isWhole } = await sample(handle);
    ofFile(path, () => {
      const decoder = createDecoder('csv', schema, options);
      decoder.push(bytes);
      decoder.next()?.release();
      if (decoder.columns !== null || !isWhole) return;
      decoder.end();
      decoder.next()?.release();
    });
  }

  async startIn(
    path: string,
    handle: FileContents,
    start: Start,
    schema: Schema,
  ): Promise<StartPosition> {
    const { startIn } = await import('./start.ts');
    return startIn(path, handle, start, this.#format, schema, this.#decode);
  }

  async open(file: FileToRead): Promise<FileReader> {
    return this.#open(file, false);
  }

  async follow(file: FileToRead): Promise<FollowingReader> {
    return this.#open(file, true);
  }

  #open(file: FileToRead, follows: boolean): RecordReader {
    // Without the columns of its header a CSV has been read up to that header at most.
    const needsHeader = this.#format === 'csv' && this.#decode.header;
    const from = needsHeader && file.from?.columns === undefined ? undefined : file.from;
    const begun = { ...file, from };
    // Files that are followed are read in turns.
    const decoder = ofFile(file.path, () =>
      follows ? this.#createDecoder(begun) : this.#decoderOf(begun),
    );
    if (decoder.room === undefined && this.#buffers[0].length === 0) {
      this.#buffers[0] = new Uint8Array(chunkBytes);
      this.#buffers[1] = new Uint8Array(chunkBytes);
    }
    return new RecordReader(begun, decoder, this.#buffers, follows);
  }

  #decoderOf(file: FileToRead): Decoder {
    if (this.#format === 'csv') return this.#createDecoder(file);
    const { path, partition = path, from } = file;
    this.#decoder?.moveTo(partition, from?.offset ?? 0);
    return (this.#decoder ??= this.#createDecoder(file));
  }

  #createDecoder({ path, partition, from, context, refused }: FileToRead): Decoder {
    const { id, output, batchLimits } = context;
    return this.#create(this.#format, output, {
      ...this.#decode,
      ...batchLimits,
      source: id,
      partition: partition ?? path,
      position: from?.offset,
      columns: from?.columns,
      report: refused,
    });
  }
}

/** Reads a file from its beginning to its end, or on and on where it follows it. */
class RecordReader implements FollowingReader {
  readonly #handle: FileContents;
  readonly #start: FilePosition & { readonly sizeBytes: number };
  readonly #decoder: Decoder;
  readonly #buffers: [Uint8Array, Uint8Array];
  readonly #follows: boolean;
  readonly #context: SourceContext;
  readonly #refused: RefusedRecords;
  /** What was read and not yet given to the decoder. */
  #chunk: Uint8Array = new Uint8Array(0);
  /** The read of the next chunk, while it goes on. */
  #ahead: Promise<number> | undefined;
  #readTo: number;
  readonly #partBytes: number;
  /** Whether a chunk was read since it last gave way to others, which read into the same buffers. */
  #hasRead = false;
  /** Whether there was nothing more. */
  #isAtEnd = false;
  /** Whether no more is read. */
  #isEnding = false;
  /** Whether the decoder was told that there is nothing more. */
  #hasEnded = false;
  #isFinished = false;

  constructor(
    { handle, identity, from, context, refused }: FileToRead,
    decoder: Decoder,
    buffers: [Uint8Array, Uint8Array],
    follows: boolean,
  ) {
    this.#handle = handle;
    this.#start = { ...identity, offset: from?.offset ?? 0 };
    this.#decoder = decoder;
    this.#buffers = buffers;
    this.#follows = follows;
    this.#context = context;
    this.#refused = refused;
    this.#readTo = this.#start.offset;
    // What is read into the room of the decoder is in its place already.
    this.#partBytes = decoder.room === undefined ? partBytes : Infinity;
  }

  get position(): FilePosition {
    const { sizeBytes: _, ...start } = this.#start;
    const { columns, position } = this.#decoder;
    return { ...start, offset: position, ...(columns === null ? {} : { columns }) };
  }

  get bytesLeft(): number {
    const read = this.#handle.compressed?.fileBytes ?? this.#decoder.position;
    return Math.max(0, this.#start.sizeBytes - read);
  }

  get isFinished(): boolean {
    return this.#isFinished;
  }

  get fileBytes(): number {
    return this.#handle.compressed?.fileBytes ?? this.#readTo;
  }

  get isAtEnd(): boolean {
    return this.#isAtEnd;
  }

  end(): void {
    this.#isEnding = true;
  }

  async read(signal: AbortSignal): Promise<Batch | undefined> {
    for (;;) {
      const batch = this.#nextBatch();
      if (batch !== null) return batch;
      if (this.#hasEnded) this.#isFinished = true;
      if (this.#isFinished || this.#refused.areMany) return undefined;
      if (this.#chunk.length === 0) {
        // What was refused among these rows is told: they go on, so that it is told once.
        const pending = signal.aborted ? this.#pending() : undefined;
        if (pending !== undefined) return pending;
        signal.throwIfAborted();
        if (this.#givesWay()) return undefined;
        await this.#fill();
        if (this.#follows && this.#isAtEnd && !this.#hasEnded) return this.#pending();
      }
      if (this.#hasEnded) continue;
      const part = this.#chunk.subarray(0, this.#partBytes);
      this.#chunk = this.#chunk.subarray(part.length);
      this.#decoder.push(part);
    }
  }

  async close(): Promise<void> {
    await this.#ahead?.catch(() => 0);
    await this.#handle.close();
  }

  get #isCutShort(): boolean {
    return this.#handle.compressed?.isWhole === false;
  }

  #givesWay(): boolean {
    const gives = this.#follows && this.#hasRead;
    this.#hasRead = false;
    return gives;
  }

  /** The rows before what is the end for now. */
  #pending(): Batch | undefined {
    return this.#decoder.flush() ?? undefined;
  }

  #nextBatch(): Batch | null {
    const batch = ofFile(this.#start.path, () => this.#decoder.next());
    // What is cut short ends in the middle of a record, as likely as not.
    return batch ?? (this.#hasEnded && this.#isCutShort ? this.#decoder.flush() : null);
  }

  async #fill(): Promise<void> {
    const room = this.#decoder.room?.();
    const read = this.#isEnding ? 0 : await this.#readNext(room ?? this.#buffers[0]);
    this.#hasRead = read > 0;
    this.#isAtEnd = read === 0;
    if (read > 0) {
      this.#context.report.bytesRead(read);
      this.#readTo += read;
      this.#chunk = room?.subarray(0, read) ?? this.#takeBuffer(read);
    } else if (!this.#follows || this.#isEnding) {
      if (!this.#follows) await this.#assertWhole();
      this.#tellEnd();
      if (!this.#isCutShort) this.#decoder.end();
      this.#hasEnded = true;
    }
  }

  #readNext(into: Uint8Array): Promise<number> {
    const reading = this.#ahead ?? this.#handle.read(into, this.#readTo);
    this.#ahead = undefined;
    return reading;
  }

  /** What was read into the first buffer; the other is read into meanwhile. */
  #takeBuffer(read: number): Uint8Array {
    const [chunk, other] = this.#buffers;
    this.#buffers[0] = other;
    this.#buffers[1] = chunk;
    if (!this.#follows) this.#readAhead(other);
    return chunk.subarray(0, read);
  }

  #readAhead(into: Uint8Array): void {
    this.#ahead = this.#handle.read(into, this.#readTo);
    // Met when it is awaited.
    this.#ahead.catch(() => {});
  }

  #tellEnd(): void {
    const { log } = this.#context;
    const { path } = this.#start;
    const { fileBytes = 0, garbageBytes = 0 } = this.#handle.compressed ?? {};
    if (this.#isCutShort) log.warning('source.truncated', { path, sizeBytes: fileBytes });
    if (garbageBytes > 0) log.warning('source.garbage', { path, garbageBytes });
  }

  async #assertWhole(): Promise<void> {
    const { sizeBytes } = await this.#handle.facts();
    const readTo = this.fileBytes;
    if (sizeBytes >= readTo) return;
    throw new PipelineError({
      code: 'ERR_CONNECTOR_FILE',
      place: this.#start.path,
      fact: `was cut from ${readTo} to ${sizeBytes} bytes while it was read`,
      remedy: 'let its writer finish, or rename it instead of cutting it, then run again',
    });
  }
}
