import type { Batch, Schema } from '../../batch/index.ts';
import { isPipelineError } from '../../errors.ts';
import {
  type AsideReason,
  asPattern,
  putAside,
  schemaDifference,
  type SegmentAside,
  type SpillPlace,
} from './spill-aside.ts';
import { FrameReader } from './spill-frame.ts';
import { readPosition, spillStart } from './spill-position.ts';
import {
  bytesOf,
  keptOf,
  sealBytes,
  type Segment,
  SegmentReader,
  SegmentWriter,
  waitingOf,
} from './spill-segment.ts';

/** Segments are numbered in such steps, so that there is room between two of them. */
const numberStep = 2 ** 20;
const segmentBytesMax = 8_388_608;

export interface SpillEvents {
  /** Rows that an earlier run left. */
  found(rows: number): void;
  /** Rows that made way for newer ones. */
  dropped(rows: number): void;
  setAside(segment: SegmentAside): void;
  /** What could not be done with a file, and is done later or not at all. */
  failed(error: unknown): void;
}

export interface SpillOptions extends SpillPlace {
  readonly schema: Schema;
  readonly events: SpillEvents;
}

/**
 * Batches in files, the oldest first. One call at a time. What was read stays on disk until it is
 * committed; what is not, the next run reads again.
 */
export class SpillSegments {
  readonly #options: SpillOptions;
  /** The oldest first; the last may be the one that is written. */
  #segments: Segment[] = [];
  #writing: SegmentWriter | undefined;
  /** Of the oldest. */
  #reading: SegmentReader | undefined;
  /** Read to their ends, and not removed. */
  #read: Segment[] = [];
  /** That of the batch that was given last. */
  #last: Segment | undefined;
  #nextNumber = numberStep;

  constructor(options: SpillOptions) {
    this.#options = options;
  }

  /** Whether there is nothing left to read. */
  get isEmpty(): boolean {
    return this.#segments.length === 0;
  }

  /** Of all files, also of what was read and is not removed. */
  get bytes(): number {
    return bytesOf(this.#segments) + bytesOf(this.#read);
  }

  /** Rows that were not read. */
  get rowsWaiting(): number {
    return waitingOf(this.#segments);
  }

  /** Rows that the next run would read. */
  get rowsKept(): number {
    return keptOf(this.#segments) + keptOf(this.#read);
  }

  /** Whether anything was read and is not committed. */
  get hasUncommitted(): boolean {
    const [oldest] = this.#segments;
    return this.#read.length > 0 || oldest?.read !== oldest?.committed;
  }

  /** Whether the batch that was given last is still on disk. */
  get hasLast(): boolean {
    return [...this.#read, ...this.#segments].some((segment) => segment === this.#last);
  }

  /** Finds what an earlier run left. Where it fails, it may be called again. */
  async open(): Promise<void> {
    const { files, directory, events } = this.#options;
    await files.makeDirectory(directory, 'private');
    const found: Segment[] = [];
    for (const path of await files.match(`${asPattern(directory)}/*.spill`)) {
      const number = Number(/(\d+)\.spill$/.exec(path)?.[1]);
      const facts = await files.facts(path);
      if (!Number.isSafeInteger(number) || facts === undefined) continue;
      if (facts.sizeBytes === 0) await files.remove(path);
      else found.push(await this.#find(number, facts.sizeBytes));
    }
    this.#segments = found.sort((a, b) => a.number - b.number);
    this.#nextNumber = (found.at(-1)?.number ?? 0) + numberStep;
    events.found(this.rowsWaiting);
  }

  /** Writes a batch behind all others; it stays with the caller. Makes room by dropping the oldest. */
  async append(batch: Batch): Promise<void> {
    const { bytesMax, events } = this.#options;
    const writing = (this.#writing ??= await this.#createLast());
    let isWritten = false;
    try {
      const frame = writing.encode(batch);
      while (!this.#hasRoom(frame) && (await this.#dropOldest()));
      if (this.#hasRoom(frame)) {
        await writing.write(frame, batch.length);
        isWritten = true;
      } else events.dropped(batch.length);
    } finally {
      // What a frame told of dictionaries is not there for those behind it.
      const isFull = writing.segment.bytes >= Math.min(segmentBytesMax, bytesMax / 8);
      if (isFull || !isWritten) await this.#seal();
    }
  }

  /**
   * Writes batches before all others: those that a sink had in hand. They stay with the caller. What
   * there is no room for is left out, the newest first. Gives how many of them are kept.
   */
  async prepend(batches: readonly Batch[]): Promise<number> {
    if (batches.length === 0) return 0;
    await this.#seal();
    // Behind what was read, which is older and comes again if it is never committed.
    const before = this.#read.at(-1)?.number ?? 0;
    const number = Math.floor((before + (this.#segments[0]?.number ?? this.#nextNumber)) / 2);
    let kept = 0;
    try {
      const writing = (this.#writing = await this.#create(number, 'first'));
      for (const batch of batches) {
        const frame = writing.encode(batch);
        if (!this.#hasRoom(frame)) break;
        await writing.write(frame, batch.length);
        kept++;
      }
    } catch (error) {
      this.#options.events.failed(error);
    }
    await this.#seal();
    return kept;
  }

  /** Makes what was written durable. */
  async sync(): Promise<void> {
    await this.#writing?.sync();
  }

  /**
   * The next batch of the oldest segment; undefined where that has come to its end. Where it throws,
   * it may be called again.
   */
  async next(): Promise<Batch | undefined> {
    const reading = (this.#reading ??= await this.#openOldest());
    if (reading === undefined) return undefined;
    const { segment } = reading;
    const { schema, events } = this.#options;
    const batch = await reading.next();
    if (batch === 'end') {
      await this.#endReading();
      this.#leave(segment);
      this.#read.push(segment);
    } else if (batch === 'damaged') {
      await this.#setAside(segment, batch, 'it is torn, or its bytes are not what was written');
    } else if (batch.schema.equals(schema)) {
      // More than could be counted when it was found.
      const more = -waitingOf([segment]);
      if (more > 0) events.found(more);
      if (more > 0) segment.rows += more;
      this.#last = segment;
      return batch;
    } else {
      segment.read = { ...segment.read, rows: segment.read.rows - batch.length };
      const message = `its rows are of another schema: ${schemaDifference(batch.schema, schema)}`;
      batch.release();
      await this.#setAside(segment, 'schema', message);
    }
    return undefined;
  }

  /** What was read so far does not come again. */
  async committed(): Promise<void> {
    await this.#reading?.commit();
    while (this.#read.length > 0) await this.#remove(this.#read[0]!);
  }

  /** What was not committed is still there, for the next run. */
  async close(): Promise<void> {
    await this.#endReading();
    await this.#seal();
  }

  #hasRoom({ length }: Uint8Array): boolean {
    return this.bytes + length + sealBytes <= this.#options.bytesMax;
  }

  async #find(number: number, bytes: number): Promise<Segment> {
    const { files, events } = this.#options;
    const segment = this.#segmentOf(number, bytes);
    try {
      await using handle = await files.open(segment.path, 'read');
      segment.rows = await new FrameReader(handle, bytes).countRows();
      segment.committed = segment.read = await readPosition(files, segment.positionsPath);
    } catch (error) {
      // Too many open files, say: that passes, and a position not known would give rows again.
      if (isPipelineError(error) && error.retryable) throw error;
      events.failed(error);
    }
    return segment;
  }

  #segmentOf(number: number, bytes: number): Segment {
    const path = `${this.#options.directory}/${number}`;
    const [read, committed] = [spillStart, spillStart];
    const paths = { path: `${path}.spill`, positionsPath: `${path}.read` };
    return { number, ...paths, bytes, rows: 0, read, committed };
  }

  #createLast(): Promise<SegmentWriter> {
    const number = this.#nextNumber;
    this.#nextNumber += numberStep;
    return this.#create(number, 'last');
  }

  async #create(number: number, place: 'first' | 'last'): Promise<SegmentWriter> {
    const { files } = this.#options;
    const segment = this.#segmentOf(number, 0);
    // Numbers come again, and what was written of the file before may still be there.
    await files.remove(segment.positionsPath);
    const handle = await files.open(segment.path, 'private');
    if (place === 'first') this.#segments.unshift(segment);
    else this.#segments.push(segment);
    return new SegmentWriter(segment, handle);
  }

  /** Ends the segment that is written, durably. Its batches are written: what fails is told. */
  async #seal(): Promise<void> {
    const writing = this.#writing;
    if (writing === undefined) return;
    this.#writing = undefined;
    const { segment } = writing;
    const isEmpty = segment.bytes === 0;
    if (isEmpty) this.#leave(segment);
    try {
      await writing.seal();
      if (isEmpty) await this.#options.files.remove(segment.path);
    } catch (error) {
      this.#options.events.failed(error);
    }
  }

  /** Undefined where there is none that can be read. */
  async #openOldest(): Promise<SegmentReader | undefined> {
    const { files } = this.#options;
    const [segment] = this.#segments;
    if (segment === undefined) return undefined;
    if (segment === this.#writing?.segment) await this.#seal();
    if (this.#segments[0] !== segment) return undefined;
    if ((await files.facts(segment.path)) === undefined) {
      await this.#setAside(segment, 'damaged', 'it is not there any more');
      return undefined;
    }
    return SegmentReader.open(files, segment);
  }

  async #endReading(): Promise<void> {
    const reading = this.#reading;
    this.#reading = undefined;
    await reading?.close();
  }

  #leave(segment: Segment): void {
    this.#segments = this.#segments.filter((other) => other !== segment);
  }

  /** Drops the oldest segment, with what is left of it; false where there is none but the newest. */
  async #dropOldest(): Promise<boolean> {
    const oldest = this.#read[0] ?? this.#segments[0];
    if (oldest === undefined || oldest === this.#writing?.segment) return false;
    if (oldest === this.#reading?.segment) await this.#endReading();
    await this.#remove(oldest);
    this.#options.events.dropped(waitingOf([oldest]));
    return true;
  }

  async #remove(segment: Segment): Promise<void> {
    const { files, events } = this.#options;
    await files.remove(segment.path);
    this.#leave(segment);
    this.#read = this.#read.filter((other) => other !== segment);
    await files.remove(segment.positionsPath).catch((error: unknown) => events.failed(error));
  }

  /** It is as it was where it cannot be renamed, and the next run meets it again. */
  async #setAside(segment: Segment, reason: AsideReason, message: string): Promise<void> {
    const { files, events } = this.#options;
    await this.#endReading();
    this.#leave(segment);
    let { path } = segment;
    try {
      path = await putAside(this.#options, path, reason);
      await files.remove(segment.positionsPath);
    } catch (error) {
      events.failed(error);
    }
    events.setAside({ path, reason, rows: waitingOf([segment]), message });
  }
}
