import { Buffer } from 'node:buffer';

import { PipelineError } from '../errors.ts';
import type { FileHandle } from './files.ts';

const bufferBytesMin = 262_144;
const nothing = new Uint8Array(0);

/**
 * A file that is added to in whole records, buffered. After each flush, also one that failed, it
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
  #buffer: Buffer = Buffer.allocUnsafe(bufferBytesMin);
  #buffered = 0;
  // The tail behind the records in the file, and behind those in the buffer.
  #tail: Uint8Array = nothing;
  #tailNext: Uint8Array = nothing;
  #broken: PipelineError | undefined;

  /**
   * Takes over an open file. `recordBytes`: how much of it is whole records; the first flush cuts
   * off the rest. `isCuttable`: false for devices and pipes.
   */
  constructor(path: string, handle: FileHandle, recordBytes: number, isCuttable: boolean) {
    this.#path = path;
    this.#handle = handle;
    this.#isCuttable = isCuttable;
    this.#recordBytes = recordBytes;
    this.#fileBytes = isCuttable ? -1 : recordBytes;
  }

  /** The length of the records in the file and in the buffer. */
  get sizeBytes(): number {
    return this.#recordBytes + this.#buffered;
  }

  /** True when the buffer should be flushed before more is added. */
  get isFull(): boolean {
    return this.#buffered >= bufferBytesMin;
  }

  /** Adds whole records. */
  add(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#buffered);
    this.#buffered += bytes.length;
  }

  /** Forgets what is buffered. */
  discard(): void {
    this.#buffered = 0;
  }

  /** What ends the file behind the records that were added. */
  endWith(tail: Uint8Array): void {
    this.#tailNext = tail.length === 0 ? nothing : tail.slice();
  }

  /** Writes what is buffered. Where that fails, the file is cut back to whole records. */
  async flush(): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    if (this.#buffered === 0 && this.#fileBytes === this.#recordBytes + this.#tail.length) return;
    const tail = this.#tailNext;
    this.#reserve(tail.length);
    this.#buffer.set(tail, this.#buffered);
    try {
      await this.#cutTo(this.#recordBytes);
      this.#fileBytes = -1;
      await this.#handle.append(this.#buffer.subarray(0, this.#buffered + tail.length));
    } catch (error) {
      await this.#mend();
      throw error;
    }
    this.#recordBytes += this.#buffered;
    this.#fileBytes = this.#recordBytes + tail.length;
    this.#tail = tail;
    this.#buffered = 0;
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

  close(): Promise<void> {
    return this.#handle.close();
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

  #reserve(bytes: number): void {
    const needed = this.#buffered + bytes;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#buffer.length));
    grown.set(this.#buffer.subarray(0, this.#buffered));
    this.#buffer = grown;
  }
}

const blockBytes = 262_144;

/** Where the last whole line of a file ends: the offset behind its LF, 0 where there is none. */
export async function endOfLastLine(handle: FileHandle, sizeBytes: number): Promise<number> {
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
  handle: FileHandle,
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
