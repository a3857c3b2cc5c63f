import { Buffer } from 'node:buffer';

import { copyBytes } from '../batch/copy-bytes.ts';
import { PipelineError } from '../errors.ts';
import type { FileHandle } from './files.ts';

const bufferBytesMin = 262_144;
/** So much is written at a time: with less, whoever fills a buffer waits for the system now and then. */
const writeBytesMin = 2_097_152;
const nothing = new Uint8Array(0);

/**
 * A file that is added to in whole records, buffered. After each write, also one that failed, it
 * holds whole records and the tail (the end of a JSON array); what could not be written stays
 * buffered for the next attempt.
 */
export class RecordFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #isCuttable: boolean;
  /** Of whole records in the file, and of the file; that is −1 while unknown. */
  #recordBytes: number;
  #fileBytes: number;
  // One is written while the other fills.
  #filling = new Part(bufferBytesMin);
  #writing = new Part(0);
  #write: Promise<void> | undefined;
  // The tail behind the records in the file.
  #tail: Uint8Array = nothing;
  #broken: PipelineError | undefined;

  /**
   * Takes over an open file. `recordBytes`: how much of it is whole records; the first flush cuts
   * off the rest. `isCuttable`: false for devices and pipes. `fileBytes`: its length; where that is
   * known and there is no rest, nothing is cut, so that what others add meanwhile stays.
   */
  constructor(
    path: string,
    handle: FileHandle,
    recordBytes: number,
    isCuttable: boolean,
    fileBytes = -1,
  ) {
    this.#path = path;
    this.#handle = handle;
    this.#isCuttable = isCuttable;
    this.#recordBytes = recordBytes;
    this.#fileBytes = isCuttable ? fileBytes : recordBytes;
  }

  /** The length of the records in the file and in the buffers. */
  get sizeBytes(): number {
    return this.#recordBytes + this.#writing.length + this.#filling.length;
  }

  /** Adds whole records. */
  add(bytes: Uint8Array): void {
    this.#filling.add(bytes);
  }

  /** As `add`, without a copy: the bytes stay as they are until `done`, which is called once. */
  lend(bytes: Uint8Array, done: () => void): void {
    this.#filling.lend(bytes, done);
  }

  /** What ends the file behind the records that were added. */
  endWith(tail: Uint8Array): void {
    this.#filling.tail = tail.length === 0 ? nothing : new Uint8Array(tail);
  }

  /** Forgets what is buffered, and what was to end the file behind it. */
  discard(): void {
    this.#writing.clear();
    this.#filling.clear();
    this.#filling.tail = this.#tail;
  }

  /**
   * Makes room for more where the buffer is full: writes it while the other fills. Throws what an
   * earlier write failed with; the next call tries that one again.
   */
  async makeRoom(): Promise<void> {
    if (this.#filling.length < writeBytesMin) return;
    await this.#finishWriting();
    this.#swap();
    this.#write = this.#writePart();
    // Met by the next call.
    this.#write.catch(() => {});
  }

  /** Writes what is buffered. Where that fails, the file is cut back to whole records. */
  async flush(): Promise<void> {
    await this.#finishWriting();
    const { length, tail } = this.#filling;
    const isInFile = this.#fileBytes === this.#recordBytes + this.#tail.length;
    if (length === 0 && isInFile && Buffer.compare(tail, this.#tail) === 0) return;
    this.#swap();
    await this.#writePart();
  }

  /** Writes what is buffered and makes the file durable. */
  async commit(): Promise<void> {
    await this.flush();
    try {
      await this.#handle.sync();
    } catch (error) {
      // The system may have dropped what it could not write, and would report success next time.
      this.#broken = new PipelineError({
        code: 'ERR_CONNECTOR_FILE',
        place: this.#path,
        fact: 'could not be made durable; what was written since the last commit may be lost',
        remedy: 'check the disk, then run again',
        cause: error,
      });
      throw this.#broken;
    }
  }

  /** Throws where the file was removed: what is written to one without a name is gone when it is closed. */
  async assertThere(): Promise<void> {
    if (!this.#isCuttable || (await this.#handle.facts()).links > 0) return;
    this.#broken = new PipelineError({
      code: 'ERR_CONNECTOR_FILE',
      place: this.#path,
      fact: 'was removed while it was written; what is in it is lost',
      remedy: 'rename it instead, or stop the run first',
    });
    throw this.#broken;
  }

  async close(): Promise<void> {
    await this.#write?.catch(() => {});
    try {
      // Waits for what is being written, which may be of bytes that were lent.
      await this.#handle.close();
    } finally {
      this.discard();
    }
  }

  async #finishWriting(): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    const write = this.#write;
    this.#write = undefined;
    await write;
    if (this.#writing.length > 0) await this.#writePart();
  }

  #swap(): void {
    const { tail } = this.#filling;
    [this.#filling, this.#writing] = [this.#writing, this.#filling];
    this.#filling.tail = tail;
  }

  async #writePart(): Promise<void> {
    const part = this.#writing;
    try {
      await this.#cutTo(this.#recordBytes);
      this.#fileBytes = -1;
      for (const bytes of part.blocks()) await this.#handle.append(bytes);
    } catch (error) {
      await this.#mend();
      throw error;
    }
    this.#recordBytes += part.length;
    this.#fileBytes = this.#recordBytes + part.tail.length;
    this.#tail = part.tail;
    part.clear();
  }

  async #cutTo(sizeBytes: number): Promise<void> {
    if (!this.#isCuttable || this.#fileBytes === sizeBytes) return;
    await this.#handle.truncate(sizeBytes);
    this.#fileBytes = sizeBytes;
  }

  // The tail fits: its room has just been freed. Where even this fails, the next flush cuts first.
  async #mend(): Promise<void> {
    try {
      await this.#cutTo(this.#recordBytes);
      if (this.#tail.length > 0) await this.#handle.append(this.#tail);
      this.#fileBytes = this.#recordBytes + this.#tail.length;
    } catch {
      this.#fileBytes = -1;
    }
  }
}

/** Records on their way to the file, and what ends it behind them. */
class Part {
  tail: Uint8Array = nothing;
  #bytes: Buffer;
  #gathered = 0;
  /** What stands behind the bytes that were gathered, where it was when it was lent. */
  #lent: { readonly bytes: Uint8Array; readonly done: () => void }[] = [];
  #lentBytes = 0;

  constructor(room: number) {
    this.#bytes = Buffer.allocUnsafe(room);
  }

  /** Of its records. */
  get length(): number {
    return this.#gathered + this.#lentBytes;
  }

  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#lent.length > 0) {
      this.lend(new Uint8Array(bytes), () => {});
      return;
    }
    this.#reserve(bytes.length);
    copyBytes(bytes, this.#bytes, this.#gathered);
    this.#gathered += bytes.length;
  }

  lend(bytes: Uint8Array, done: () => void): void {
    this.#lent.push({ bytes, done });
    this.#lentBytes += bytes.length;
  }

  /** What is written, one behind the other. */
  *blocks(): Generator<Uint8Array> {
    const { tail } = this;
    if (this.#lent.length === 0) {
      this.#reserve(tail.length);
      this.#bytes.set(tail, this.#gathered);
      yield this.#bytes.subarray(0, this.#gathered + tail.length);
      return;
    }
    if (this.#gathered > 0) yield this.#bytes.subarray(0, this.#gathered);
    for (const { bytes } of this.#lent) yield bytes;
    if (tail.length > 0) yield tail;
  }

  clear(): void {
    const lent = this.#lent;
    this.#lent = [];
    this.#gathered = this.#lentBytes = 0;
    for (const { done } of lent) done();
  }

  #reserve(bytes: number): void {
    const needed = this.#gathered + bytes;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#gathered));
    this.#bytes = grown;
  }
}

const blockBytes = 262_144;

/** Where the last whole line of a file ends: the offset behind its LF, 0 where there is none. */
export async function endOfLastLine(
  handle: Pick<FileHandle, 'read'>,
  sizeBytes: number,
): Promise<number> {
  const block = Buffer.alloc(Math.min(blockBytes, sizeBytes));
  for (let end = sizeBytes; end > 0;) {
    const start = Math.max(0, end - block.length);
    const part = block.subarray(0, end - start);
    await readFully(handle, part, start);
    const lineEnd = part.lastIndexOf(10);
    if (lineEnd >= 0) return start + lineEnd + 1;
    end = start;
  }
  return 0;
}

/** Fills `into` from an offset, as far as the file goes; resolves to how many bytes there were. */
export async function readFully(
  handle: Pick<FileHandle, 'read'>,
  into: Uint8Array,
  offset: number,
): Promise<number> {
  let filled = 0;
  while (filled < into.length) {
    const read = await handle.read(into.subarray(filled), offset + filled);
    if (read === 0) break;
    filled += read;
  }
  return filled;
}
