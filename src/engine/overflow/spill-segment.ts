import type { Batch } from '../../batch/index.ts';
import type { FileHandle, Files } from '../../core/index.ts';
import { footerBytes, footerOf, FrameReader, FrameWriter } from './spill-frame.ts';
import { addPosition, openPositions, type SpillPosition } from './spill-position.ts';

/** A segment whose bytes cannot be read so often is damaged. */
const readTriesMax = 3;

/** A file of batches. */
export interface Segment {
  readonly number: number;
  readonly path: string;
  /** Where it is written how far the file has been committed. */
  readonly positionsPath: string;
  /** Of what is whole in it. */
  bytes: number;
  /** All rows in it, as far as that is known. */
  rows: number;
  /** Up to where it was read, and committed; one object where they are the same. */
  read: SpillPosition;
  committed: SpillPosition;
}

/** Bytes of all of them. */
export function bytesOf(segments: readonly Segment[]): number {
  return segments.reduce((total, { bytes }) => total + bytes, 0);
}

/** Rows that were not read. */
export function waitingOf(segments: readonly Segment[]): number {
  return segments.reduce((total, { rows, read }) => total + rows - read.rows, 0);
}

/** Rows that were not committed. */
export function keptOf(segments: readonly Segment[]): number {
  return segments.reduce((total, { rows, committed }) => total + rows - committed.rows, 0);
}

/** Writes one segment, which is always whole up to its `bytes`. */
export class SegmentWriter {
  readonly segment: Segment;
  readonly #handle: FileHandle;
  readonly #frames = new FrameWriter();

  constructor(segment: Segment, handle: FileHandle) {
    this.segment = segment;
    this.#handle = handle;
  }

  /** What is encoded must be written, or nothing more. */
  encode(batch: Batch): Uint8Array {
    return this.#frames.encode(batch);
  }

  async write(frame: Uint8Array, rows: number): Promise<void> {
    await this.#append(frame);
    this.segment.rows += rows;
  }

  sync(): Promise<void> {
    return this.#handle.sync();
  }

  /** Ends the segment, durably. */
  async seal(): Promise<void> {
    try {
      // A full disk may have no room for it: then the rows are counted.
      await this.#append(footerOf(this.segment.rows)).catch(() => {});
      await this.#handle.sync();
    } finally {
      await this.#handle.close();
    }
  }

  async #append(bytes: Uint8Array): Promise<void> {
    try {
      await this.#handle.append(bytes);
    } catch (error) {
      await this.#handle.truncate(this.segment.bytes).catch(() => {});
      throw error;
    }
    this.segment.bytes += bytes.length;
  }
}

/** The bytes that sealing a segment takes. */
export const sealBytes: number = footerBytes;

/** Reads one segment, from where its `read` is. */
export class SegmentReader {
  readonly segment: Segment;
  readonly #files: Files;
  readonly #handle: FileHandle;
  readonly #frames: FrameReader;
  #positions: FileHandle | undefined;
  #failures = 0;

  private constructor(files: Files, segment: Segment, handle: FileHandle) {
    this.segment = segment;
    this.#files = files;
    this.#handle = handle;
    this.#frames = new FrameReader(handle, segment.bytes);
  }

  static async open(files: Files, segment: Segment): Promise<SegmentReader> {
    return new SegmentReader(files, segment, await files.open(segment.path, 'read'));
  }

  /** Where a read fails, it may be called again; after a few of these, that is damage, too. */
  async next(): Promise<Batch | 'end' | 'damaged'> {
    const { segment } = this;
    try {
      const batch = await this.#frames.next(segment.read.offset);
      this.#failures = 0;
      if (typeof batch === 'string') return batch;
      segment.read = { offset: this.#frames.offset, rows: segment.read.rows + batch.length };
      return batch;
    } catch (error) {
      if (++this.#failures < readTriesMax) throw error;
      return 'damaged';
    }
  }

  /** What was read does not come again, whatever happens now. */
  async commit(): Promise<void> {
    const { segment } = this;
    if (segment.committed === segment.read) return;
    this.#positions ??= await openPositions(this.#files, segment.positionsPath);
    await addPosition(this.#positions, segment.read);
    segment.committed = segment.read;
  }

  async close(): Promise<void> {
    await this.#handle.close();
    await this.#positions?.close();
  }
}
