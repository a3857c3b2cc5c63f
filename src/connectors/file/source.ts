import { createDecoder, type DecodeFormat, type Decoder } from '../../batch/codec.ts';
import { Batch } from '../../batch/index.ts';
import {
  type Decoding,
  endOfInput,
  type FileHandle,
  type Lag,
  type Position,
  type SourceConnector,
  type SourceContext,
} from '../../core/index.ts';
import { RefusedRecords } from '../../core/refused-records.ts';
import { PipelineError } from '../../errors.ts';
import { ofFile } from './format.ts';
import {
  changeSince,
  type FilePosition,
  findFiles,
  identify,
  parsePositions,
} from './partitions.ts';

const chunkBytes = 1_048_576;
// A chunk goes to the decoder in parts, so that dead letters never pile up by the chunk.
const partBytes = 131_072;

/** What the two ends of a file share out between them. */
export interface FileReading {
  readonly paths: readonly string[];
  readonly formatOf: (path: string) => DecodeFormat;
  readonly decode: Decoding;
  /** Whether the schema was not given but found in the files. */
  readonly isInferred: boolean;
}

/** Reads files one after the other, each a partition. */
export class FileSource implements SourceConnector {
  readonly #reading: FileReading;
  readonly #context: SourceContext;
  readonly #refused: RefusedRecords;
  // One is read into while the other is decoded.
  readonly #buffers: [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)];
  #paths: readonly string[] = [];
  /** Which of the paths comes next. */
  #next = 0;
  /** Where an earlier run left off, by path. */
  readonly #saved = new Map<string, FilePosition>();
  // Positions share it: it is only ever added to.
  readonly #finished: FilePosition[] = [];
  readonly #bytes = new Map<string, number>();
  #bytesWaiting = 0;
  #file: OpenFile | undefined;

  constructor(reading: FileReading, context: SourceContext) {
    this.#reading = reading;
    this.#context = context;
    this.#refused = new RefusedRecords(context.report, context.batchLimits);
  }

  async open(from: Position | undefined): Promise<void> {
    const { files, log, id, output } = this.#context;
    if (this.#reading.isInferred) log.info('schema.inferred', { schema: output.toJSON() });
    const saved = from === undefined ? [] : parsePositions(from, id);
    const byIdentity = firstBy(saved, identityOf);
    const byPath = firstBy(saved, ({ path }) => path);
    this.#paths = await findFiles(files, this.#reading.paths, (refusal) => {
      throw refusal;
    });
    for (const path of this.#paths) {
      const facts = await files.facts(path);
      if (facts === undefined) continue;
      this.#bytes.set(path, facts.sizeBytes);
      this.#bytesWaiting += facts.sizeBytes;
      const position = byIdentity.get(identityOf(facts)) ?? byPath.get(path);
      if (position !== undefined) this.#saved.set(path, { ...position, path });
    }
    this.#buffers[0] = new Uint8Array(chunkBytes);
    this.#buffers[1] = new Uint8Array(chunkBytes);
  }

  async read(signal: AbortSignal): Promise<Batch | typeof endOfInput> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#file === undefined && this.#next === this.#paths.length) return endOfInput;
      this.#file ??= await this.#openNext();
      const batch = await this.#file.read(signal, this.#refused);
      if (this.#file.isFinished) await this.#finish();
      if (batch === undefined && !this.#refused.areMany) continue;
      this.#refused.clear();
      return batch ?? Batch.from([], this.#context.output, { source: this.#context.id });
    }
  }

  /** Asked for at each read and seldom looked at: the list of files is made when it is. */
  position(): Position {
    const current = this.#file === undefined ? [] : [this.#file.position];
    const [paths, next, saved] = [this.#paths, this.#next, this.#saved];
    const [finished, count] = [this.#finished, this.#finished.length];
    const position = {
      get files(): FilePosition[] {
        const later = paths.slice(next).flatMap((path) => saved.get(path) ?? []);
        return [...finished.slice(0, count), ...current, ...later];
      },
    };
    return position as unknown as Position;
  }

  /** Bytes that are left to read. */
  lag(): Lag {
    return { value: (this.#file?.bytesLeft ?? 0) + this.#bytesWaiting, unit: 'bytes' };
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  async #openNext(): Promise<OpenFile> {
    const path = this.#paths[this.#next]!;
    const { files, log } = this.#context;
    const handle = await files.open(path, 'read');
    try {
      let from = this.#saved.get(path);
      const change = from === undefined ? undefined : await changeSince(from, handle);
      if (change !== undefined) {
        log.warning('file.replaced', { path, reason: change, offset: from!.offset });
        from = undefined;
      }
      const identity = await identify(path, handle);
      const format = this.#reading.formatOf(path);
      // Without the columns of its header a CSV has been read up to that header at most.
      const needsHeader = format === 'csv' && this.#reading.decode.header;
      if (needsHeader && from?.columns === undefined) from = undefined;
      const decoder = ofFile(path, () => this.#createDecoder(path, format, from));
      const start = { ...identity, offset: from?.offset ?? 0 };
      const file = new OpenFile(handle, start, decoder, this.#buffers, this.#context.report);
      this.#next++;
      this.#bytesWaiting -= this.#bytes.get(path) ?? 0;
      return file;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  #createDecoder(path: string, format: DecodeFormat, from: FilePosition | undefined): Decoder {
    const { id, output, batchLimits } = this.#context;
    return createDecoder(format, output, {
      ...this.#reading.decode,
      ...batchLimits,
      source: id,
      partition: path,
      position: from?.offset,
      columns: from?.columns,
      report: this.#refused,
    });
  }

  async #finish(): Promise<void> {
    const file = this.#file!;
    this.#file = undefined;
    this.#finished.push(file.position);
    await file.close();
  }
}

function identityOf({ device, inode }: Pick<FilePosition, 'device' | 'inode'>): string {
  return `${device} ${inode}`;
}

function firstBy(
  positions: readonly FilePosition[],
  keyOf: (position: FilePosition) => string,
): Map<string, FilePosition> {
  return new Map(positions.toReversed().map((position) => [keyOf(position), position]));
}

/** One file while it is read. */
class OpenFile {
  readonly #handle: FileHandle;
  readonly #start: FilePosition & { readonly sizeBytes: number };
  readonly #decoder: Decoder;
  readonly #buffers: [Uint8Array, Uint8Array];
  readonly #report: SourceContext['report'];
  /** What was read and not yet given to the decoder. */
  #chunk: Uint8Array = new Uint8Array(0);
  /** The read of the next chunk, while it goes on. */
  #ahead: Promise<number> | undefined;
  #readTo: number;
  #atEnd = false;
  #isFinished = false;

  constructor(
    handle: FileHandle,
    start: FilePosition & { readonly sizeBytes: number },
    decoder: Decoder,
    buffers: [Uint8Array, Uint8Array],
    report: SourceContext['report'],
  ) {
    this.#handle = handle;
    this.#start = start;
    this.#decoder = decoder;
    this.#buffers = buffers;
    this.#report = report;
    this.#readTo = start.offset;
  }

  get position(): FilePosition {
    const { sizeBytes: _, ...start } = this.#start;
    const { columns, position } = this.#decoder;
    return { ...start, offset: position, ...(columns === null ? {} : { columns }) };
  }

  get bytesLeft(): number {
    return Math.max(0, this.#start.sizeBytes - this.#decoder.position);
  }

  /** True once every record of it was given. */
  get isFinished(): boolean {
    return this.#isFinished;
  }

  /** The next batch; none at the end, and none where many are refused before a batch is full. */
  async read(signal: AbortSignal, refused: RefusedRecords): Promise<Batch | undefined> {
    for (;;) {
      const batch = ofFile(this.#start.path, () => this.#decoder.next());
      if (batch !== null) return batch;
      if (this.#atEnd) this.#isFinished = true;
      if (this.#isFinished || refused.areMany) return undefined;
      if (this.#chunk.length === 0) {
        signal.throwIfAborted();
        await this.#fill();
      }
      if (this.#atEnd) continue;
      const part = this.#chunk.subarray(0, partBytes);
      this.#chunk = this.#chunk.subarray(part.length);
      this.#decoder.push(part);
    }
  }

  async close(): Promise<void> {
    await this.#ahead?.catch(() => 0);
    await this.#handle.close();
  }

  async #fill(): Promise<void> {
    const [spare, used] = this.#buffers;
    const reading = this.#ahead ?? this.#handle.read(spare, this.#readTo);
    this.#ahead = undefined;
    const read = await reading;
    if (read === 0) {
      await this.#assertWhole();
      this.#decoder.end();
      this.#atEnd = true;
      return;
    }
    this.#report.bytesRead(read);
    this.#readTo += read;
    this.#chunk = spare.subarray(0, read);
    this.#buffers[0] = used;
    this.#buffers[1] = spare;
    this.#ahead = this.#handle.read(used, this.#readTo);
    // Met when it is awaited.
    this.#ahead.catch(() => {});
  }

  async #assertWhole(): Promise<void> {
    const { sizeBytes } = await this.#handle.facts();
    if (sizeBytes >= this.#readTo) return;
    throw new PipelineError({
      code: 'ERR_CONNECTOR_FILE',
      place: this.#start.path,
      fact: `was cut from ${this.#readTo} to ${sizeBytes} bytes while it was read`,
      remedy: 'let its writer finish, or rename it instead of cutting it, then run again',
    });
  }
}
