import { copyBytes } from '../../batch/copy-bytes.ts';
import type { Clock, FileFacts, FileHandle } from '../../core/index.ts';
import type { Compressed, FileContents } from './contents.ts';
import { createDecompressor } from './decompress.ts';
import type { Decompressor } from './decompress/streams.ts';
import type { Compression } from './format.ts';

const partBytes = 65_536;

/** What a compressed file holds. Offsets are those of what comes out: whoever goes back, or ahead, decompresses up to there. */
export class CompressedContents implements FileContents {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #compression: Exclude<Compression, 'none'>;
  readonly #clock: Clock;
  readonly #part = new Uint8Array(partBytes);
  #decompressor: Decompressor;
  #fileBytes = 0;
  /** Decompressed and not yet given, and its offset. */
  #left: Uint8Array = new Uint8Array(0);
  #offset = 0;

  constructor(
    path: string,
    handle: FileHandle,
    compression: Exclude<Compression, 'none'>,
    clock: Clock,
  ) {
    this.#path = path;
    this.#handle = handle;
    this.#compression = compression;
    this.#clock = clock;
    this.#decompressor = createDecompressor(compression, path);
  }

  get compressed(): Compressed {
    const { isWhole, garbageBytes } = this.#decompressor;
    return { fileBytes: this.#fileBytes, isWhole, garbageBytes };
  }

  async read(into: Uint8Array, offset: number): Promise<number> {
    if (offset < this.#offset) this.#restart();
    while (this.#offset < offset) {
      if (this.#left.length === 0 && !(await this.#fill())) return 0;
      this.#take(Math.min(this.#left.length, offset - this.#offset));
    }
    let filled = 0;
    while (filled < into.length) {
      if (this.#left.length === 0 && !(await this.#fill())) break;
      const count = Math.min(this.#left.length, into.length - filled);
      copyBytes(this.#left.subarray(0, count), into, filled);
      this.#take(count);
      filled += count;
    }
    return filled;
  }

  facts(): Promise<FileFacts> {
    return this.#handle.facts();
  }

  close(): Promise<void> {
    this.#decompressor.close();
    return this.#handle.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #take(bytes: number): void {
    this.#left = this.#left.subarray(bytes);
    this.#offset += bytes;
  }

  #restart(): void {
    this.#decompressor.close();
    this.#decompressor = createDecompressor(this.#compression, this.#path);
    this.#left = new Uint8Array(0);
    this.#fileBytes = this.#offset = 0;
  }

  /** Decompresses some more; false at the end. */
  async #fill(): Promise<boolean> {
    for (;;) {
      // It works on a thread of its own, which virtual time does not see.
      const bytes = await this.#clock.hold(this.#decompressor.read());
      if (bytes !== undefined) {
        this.#left = bytes;
        return true;
      }
      const read = await this.#handle.read(this.#part, this.#fileBytes);
      if (read === 0) return false;
      this.#fileBytes += read;
      this.#decompressor.write(this.#part.subarray(0, read));
    }
  }
}
