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
  // One buffer is written while the other fills.
  #filling: Part = { bytes: Buffer.allocUnsafe(bufferBytesMin), length: 0, tail: nothing };
  #writing: Part = { bytes: Buffer.alloc(0), length: 0, tail: nothing };
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
    const part = this.#filling;
    reserve(part, bytes.length);
    copyBytes(bytes, part.bytes, part.length);
    part.length += bytes.length;
  }

  /** What ends the file behind the records that were added. */
  endWith(tail: Uint8Array): void {
    this.#filling.tail = tail.length === 0 ? nothing : new Uint8Array(tail);
  }

  /** Forgets what is buffered, and what was to end the file behind it. */
  discard(): void {
    this.#writing.length = 0;
    this.#filling.length = 0;
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
    await this.#handle.close();
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
    reserve(part, part.tail.length);
    part.bytes.set(part.tail, part.length);
    try {
      await this.#cutTo(this.#recordBytes);
      this.#fileBytes = -1;
      await this.#handle.append(part.bytes.subarray(0, part.length + part.tail.length));
    } catch (error) {
      await this.#mend();
      throw error;
    }
    this.#recordBytes += part.length;
    this.#fileBytes = this.#recordBytes + part.tail.length;
    this.#tail = part.tail;
    part.length = 0;
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
interface Part {
  bytes: Buffer;
  length: number;
  tail: Uint8Array;
}

function reserve(part: Part, bytes: number): void {
  const needed = part.length + bytes;
  if (needed <= part.bytes.length) return;
  const grown = Buffer.allocUnsafe(Math.max(needed, 2 * part.bytes.length));
  grown.set(part.bytes.subarray(0, part.length));
  part.bytes = grown;
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
