import type { Batch, Schema } from '../../batch/index.ts';
import type { FileHandle, Files } from '../../core/index.ts';
import { FrameReader, FrameWriter } from './spill-frame.ts';

/** Segments are numbered in such steps, so that there is room between two of them. */
const numberStep = 2 ** 20;
const segmentBytesMax = 8_388_608;
/** So many segments that could not be read are kept, for whoever wants to look at them. */
const quarantinedMax = 8;

/** A file of batches. */
interface Segment {
  readonly number: number;
  readonly path: string;
  /** Of whole frames. */
  bytes: number;
  /** Rows of this run that have not been read; undefined for a segment of an earlier run. */
  rowsLeft: number | undefined;
}

interface Writing {
  readonly segment: Segment;
  readonly handle: FileHandle;
  readonly frames: FrameWriter;
}

interface Reading {
  readonly segment: Segment;
  readonly handle: FileHandle;
  readonly frames: FrameReader;
}

export interface SpillEvents {
  /** Rows that made way for newer ones; `isEarlier`: those of an earlier run. */
  dropped(rows: number, isEarlier: boolean): void;
  /** A segment that could not be read to its end, with the rows of this run that it had. */
  damaged(rows: number): void;
  /** Rows of an earlier run that are read now. */
  replayed(rows: number): void;
}

export interface SpillOptions {
  readonly files: Files;
  readonly directory: string;
  /** Of all segments together. */
  readonly bytesMax: number;
  readonly schema: Schema;
  readonly events: SpillEvents;
}

/**
 * Batches in files, the oldest first. One call at a time. What was read stays on disk until it is
 * forgotten, and the next run reads it again.
 */
export class SpillSegments {
  readonly #options: SpillOptions;
  /** The oldest first; the last may be the one that is written. */
  #segments: Segment[] = [];
  #writing: Writing | undefined;
  #reading: Reading | undefined;
  /** Read to their ends, and not forgotten. */
  #read: Segment[] = [];
  #nextNumber = numberStep;

  constructor(options: SpillOptions) {
    this.#options = options;
  }

  /** Whether there is nothing left to read. */
  get isEmpty(): boolean {
    return this.#segments.length === 0;
  }

  get bytes(): number {
    return [...this.#segments, ...this.#read].reduce((total, { bytes }) => total + bytes, 0);
  }

  /** Rows of this run that are on disk and were not read. */
  get rowsLeft(): number {
    return this.#segments.reduce((total, { rowsLeft }) => total + (rowsLeft ?? 0), 0);
  }

  /** Finds what an earlier run left. */
  async open(): Promise<void> {
    const { files, directory } = this.#options;
    await files.makeDirectory(directory, 'private');
    for (const path of await files.match(`${asPattern(directory)}/*.spill`)) {
      const number = Number(/(\d+)\.spill$/.exec(path)?.[1]);
      const facts = await files.facts(path);
      if (!Number.isSafeInteger(number) || facts === undefined) continue;
      if (facts.sizeBytes === 0) await files.remove(path);
      else this.#segments.push({ number, path, bytes: facts.sizeBytes, rowsLeft: undefined });
    }
    this.#segments.sort((a, b) => a.number - b.number);
    this.#nextNumber = (this.#segments.at(-1)?.number ?? 0) + numberStep;
  }

  /** Writes a batch behind all others; it stays with the caller. Makes room by dropping the oldest. */
  async append(batch: Batch): Promise<void> {
    const { bytesMax } = this.#options;
    const writing = (this.#writing ??= await this.#createLast());
    const { segment, handle, frames } = writing;
    try {
      const frame = frames.encode(batch);
      while (this.bytes + frame.length > bytesMax && (await this.#dropOldest()));
      if (this.bytes + frame.length > bytesMax) {
        this.#options.events.dropped(batch.length, false);
        // What the frame told of dictionaries is not there for those behind it.
        await this.seal();
        return;
      }
      await handle.append(frame);
      segment.bytes += frame.length;
      segment.rowsLeft! += batch.length;
    } catch (error) {
      // Whatever went before it is whole; the reader stops there.
      await this.seal().catch(() => {});
      throw error;
    }
    if (segment.bytes >= Math.min(segmentBytesMax, bytesMax / 8)) await this.seal();
  }

  /**
   * Writes batches before all others: those that a sink had in hand. They stay with the caller. What
   * there is no room for is left out, the newest first.
   */
  async prepend(batches: readonly Batch[]): Promise<void> {
    if (batches.length === 0) return;
    await this.seal();
    // Behind what was read, which is older and comes again if it is never forgotten.
    const before = this.#read.at(-1)?.number ?? 0;
    const number = Math.floor((before + (this.#segments[0]?.number ?? this.#nextNumber)) / 2);
    const { segment, handle, frames } = await this.#create(number, 'first');
    try {
      for (const batch of batches) {
        const frame = frames.encode(batch);
        if (this.bytes + frame.length > this.#options.bytesMax) break;
        await handle.append(frame);
        segment.bytes += frame.length;
        segment.rowsLeft! += batch.length;
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  /** Makes what was written durable. */
  async sync(): Promise<void> {
    await this.#writing?.handle.sync();
  }

  /** Ends the segment that is written, durably. */
  async seal(): Promise<void> {
    const writing = this.#writing;
    if (writing === undefined) return;
    this.#writing = undefined;
    const { handle, segment } = writing;
    if (segment.bytes === 0) {
      this.#segments = this.#segments.filter((other) => other !== segment);
      await this.#options.files.remove(segment.path);
    }
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  /** The next batch of the oldest segment; undefined where that has come to its end. */
  async next(): Promise<Batch | undefined> {
    const reading = (this.#reading ??= await this.#openOldest());
    if (reading === undefined) return undefined;
    const { segment, frames } = reading;
    const { schema, events } = this.#options;
    const batch = await frames.next().catch(() => 'damaged' as const);
    if (typeof batch === 'object' && batch.schema.equals(schema)) {
      if (segment.rowsLeft === undefined) events.replayed(batch.length);
      else segment.rowsLeft -= batch.length;
      return batch;
    }
    if (typeof batch === 'object') batch.release();
    await this.#endReading();
    if (batch === 'end') this.#read.push(segment);
    else await this.#quarantine(segment);
    return undefined;
  }

  /** Removes what was read to its end. */
  async forget(): Promise<void> {
    for (const { path } of this.#read.splice(0)) await this.#options.files.remove(path);
  }

  /** What is left of the segment that was read is still there, for the next run. */
  async close(): Promise<void> {
    const reading = this.#reading;
    this.#reading = undefined;
    await reading?.handle.close();
    await this.seal();
  }

  #createLast(): Promise<Writing> {
    const number = this.#nextNumber;
    this.#nextNumber += numberStep;
    return this.#create(number, 'last');
  }

  async #create(number: number, place: 'first' | 'last'): Promise<Writing> {
    const { files, directory } = this.#options;
    const path = `${directory}/${number}.spill`;
    const handle = await files.open(path, 'private');
    const segment: Segment = { number, path, bytes: 0, rowsLeft: 0 };
    if (place === 'first') this.#segments.unshift(segment);
    else this.#segments.push(segment);
    return { segment, handle, frames: new FrameWriter() };
  }

  async #openOldest(): Promise<Reading | undefined> {
    const [segment] = this.#segments;
    if (segment === undefined) return undefined;
    if (segment === this.#writing?.segment) await this.seal();
    if (this.#segments[0] !== segment) return undefined;
    try {
      const handle = await this.#options.files.open(segment.path, 'read');
      return { segment, handle, frames: new FrameReader(handle, segment.bytes) };
    } catch {
      this.#segments.shift();
      this.#options.events.damaged(segment.rowsLeft ?? 0);
      return undefined;
    }
  }

  async #endReading(): Promise<void> {
    const reading = this.#reading;
    if (reading === undefined) return;
    this.#reading = undefined;
    this.#segments = this.#segments.filter((other) => other !== reading.segment);
    await reading.handle.close();
  }

  /** Drops the oldest segment, with what is left of it; false where there is none but the newest. */
  async #dropOldest(): Promise<boolean> {
    const { files, events } = this.#options;
    if (this.#read.length > 0) {
      await this.forget();
      return true;
    }
    const [segment] = this.#segments;
    if (segment === undefined || segment === this.#writing?.segment) return false;
    const isEarlier = segment.rowsLeft === undefined;
    const reading = (this.#reading ??= await this.#openOldest());
    if (reading === undefined) return true;
    const rows = segment.rowsLeft ?? (await reading.frames.rowsLeft());
    await this.#endReading();
    await files.remove(segment.path);
    events.dropped(rows, isEarlier);
    return true;
  }

  async #quarantine({ path, rowsLeft }: Segment): Promise<void> {
    const { files, directory, events } = this.#options;
    events.damaged(rowsLeft ?? 0);
    await files.rename(path, `${path}.damaged`).catch(() => {});
    const kept = await files.match(`${asPattern(directory)}/*.damaged`);
    for (const old of kept.slice(0, -quarantinedMax)) await files.remove(old);
  }
}

/** A path as a pattern that matches it alone. */
function asPattern(path: string): string {
  return path.replaceAll(/[*?[{(]/g, '[$&]');
}
