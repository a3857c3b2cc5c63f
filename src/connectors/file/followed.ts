import type { Batch } from '../../batch/index.ts';
import type { FileFacts } from '../../core/index.ts';
import type { FileContents } from './contents.ts';
import type { FollowingReader } from './file-format.ts';
import { type FilePosition, identify } from './partitions.ts';

/** One file that is followed: by its identity, whatever its name. */
export class Followed {
  /** Where it was last found. */
  path: string;
  /** Its length when it was last looked at. */
  sizeBytes = 0;
  /** Whether no path or pattern finds it. */
  isGone = false;
  /** Since when it is gone and nothing was added to it; on the monotonic clock. */
  goneSinceMs: number | undefined;
  #modifiedMs = -1;
  /** How much of it there was when it was last read to its end. */
  #readToBytes: number;
  #position: FilePosition;
  #beganAt = 0;
  #open: { readonly handle: FileContents; readonly reader: FollowingReader } | undefined;
  #isEnding = false;
  #isReplaced = false;

  constructor(path: string, position: FilePosition, readToBytes: number) {
    this.path = path;
    this.#position = position;
    this.#readToBytes = readToBytes;
  }

  get position(): FilePosition {
    return this.#position;
  }

  /** Whether something of it was given, by this run or one before. */
  get hasGiven(): boolean {
    return this.#position.offset > this.#beganAt;
  }

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** Whether what was read of it is all that is to come. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Whether another file is in its place. */
  get isReplaced(): boolean {
    return this.#isReplaced;
  }

  get isFinished(): boolean {
    return this.#isEnding && (this.#open?.reader.isFinished ?? true);
  }

  get isAtEnd(): boolean {
    return this.#open?.reader.isAtEnd ?? false;
  }

  /** Whether there is something to read, as far as is known. */
  get hasMore(): boolean {
    if (this.#isEnding) return !this.isFinished;
    // Of what was read, some may wait in the reader.
    return this.bytesLeft > 0 || this.#open?.reader.isAtEnd === false;
  }

  get bytesLeft(): number {
    const read = Math.max(this.#readToBytes, this.#open?.reader.fileBytes ?? 0);
    return this.#isEnding ? 0 : Math.max(0, this.sizeBytes - read);
  }

  /** How much of it was read, where that is known of the file as it is. */
  get fileBytes(): number {
    return this.#open?.reader.fileBytes ?? this.#readToBytes;
  }

  /** Begins it elsewhere than at its beginning. */
  begin({ offset, columns, headBytes, headSha256 }: FilePosition, readToBytes: number): void {
    const named = columns === undefined ? {} : { columns };
    this.#position = { ...this.#position, offset, headBytes, headSha256, ...named };
    this.#beganAt = offset;
    this.#readToBytes = readToBytes;
  }

  /** Takes over an open file and its reader. */
  opened(handle: FileContents, reader: FollowingReader, identity: FilePosition): void {
    this.#open = { handle, reader };
    const { headBytes, headSha256, device, inode } = identity;
    this.#position = { ...this.#position, headBytes, headSha256, device, inode };
  }

  async read(signal: AbortSignal): Promise<Batch | undefined> {
    const { reader } = this.#open!;
    const batch = await reader.read(signal);
    const { offset, columns } = reader.position;
    this.#position = {
      ...this.#position,
      path: this.path,
      offset,
      ...(columns === undefined ? {} : { columns }),
    };
    if (reader.isAtEnd) this.#readToBytes = reader.fileBytes;
    return batch;
  }

  /**
   * Takes note of where and what it is now. Tells why it is another file by now; undefined where it
   * is not.
   */
  async look(path: string, facts: FileFacts): Promise<string | undefined> {
    this.path = path;
    const { sizeBytes, modifiedMs } = facts;
    if (sizeBytes === this.sizeBytes && modifiedMs === this.#modifiedMs) return undefined;
    this.goneSinceMs = undefined;
    this.sizeBytes = sizeBytes;
    this.#modifiedMs = modifiedMs;
    if (sizeBytes < this.fileBytes) return 'it is shorter than what was read of it';
    return this.#lookAtHead();
  }

  /** The same by its open handle, where it is gone. */
  async lookGone(): Promise<string | undefined> {
    return this.look(this.path, await this.#open!.handle.facts());
  }

  /** Reads no more of it: what was read is given, its last line too where it has no line end. */
  end(): void {
    this.#isEnding = true;
    this.#open?.reader.end();
  }

  /** The same, where another file is in its place. */
  replace(): void {
    this.#isReplaced = true;
    this.end();
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.reader.close();
  }

  /** Compares the head, and takes more of it to know the file by as it grows. */
  async #lookAtHead(): Promise<string | undefined> {
    const open = this.#open;
    // Reading the head of a compressed file would mean to decompress it anew.
    if (open === undefined || open.handle.compressed !== undefined) return undefined;
    const { headBytes, headSha256 } = this.#position;
    const same = await identify(this.path, open.handle, headBytes);
    if (same.headSha256 !== headSha256) return 'its beginning has changed';
    const more = await identify(this.path, open.handle);
    const { headBytes: bytes, headSha256: sha256 } = more;
    this.#position = { ...this.#position, headBytes: bytes, headSha256: sha256 };
    return undefined;
  }
}
