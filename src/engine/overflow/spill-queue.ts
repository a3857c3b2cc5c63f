import type { Batch } from '../../batch/index.ts';
import { type Clock, Cut, type Flow, isCut } from '../../core/index.ts';
import type { QueueLimits } from '../description.ts';
import { Backlog } from './backlog.ts';
import type { Dropped, DropReason, OptionalQueue } from './overflow-queue.ts';
import type { SpillSegments } from './spill-segments.ts';
import type { Waits } from './waits.ts';

/** How long a disk that could not be written is left alone. */
const restMs = 1000;

export interface SpillQueueParts {
  readonly limits: QueueLimits;
  readonly waits: Waits;
  readonly segments: SpillSegments;
  readonly clock: Clock;
  /** Told of rows for which there was room neither in memory nor on disk. */
  readonly dropped: Dropped;
  /** Told that the disk could not be written or read. */
  readonly failed: (error: unknown) => void;
  /** Aborts when the run is stopped at once. */
  readonly signal: AbortSignal;
}

/**
 * The queue before a sink that nobody waits for, that goes on on disk when memory is full. In order:
 * what waits in memory for the sink, what is on disk, what waits for the disk. Each part in memory
 * takes half of the limits; where the disk cannot keep up, the oldest that wait for it are dropped.
 */
export class SpillQueue implements OptionalQueue {
  readonly #parts: SpillQueueParts;
  readonly #front: Backlog;
  readonly #back: Backlog;
  /** The last cut whose batches went to disk. */
  #cut: Cut | undefined;
  /** The last cut that was given. */
  #given: Cut = new Cut(0);
  /** Whether what an earlier run left is known; it comes first. */
  #isOpen = false;
  #isOver = false;
  #closed = false;
  /** The batch on its way to disk. */
  #writing = false;
  /** Whether the sink has what a cut, that was given, ends. */
  #mayForget = false;
  /** Whether what was given last is on disk, too. */
  #isFromDisk = false;
  #turn: Promise<unknown> = Promise.resolve();
  #wakeConsumer: (() => void) | undefined;

  constructor(parts: SpillQueueParts) {
    const { rowsMax, bytesMax } = parts.limits;
    const half = { rowsMax: rowsMax / 2, bytesMax: bytesMax / 2 };
    this.#parts = parts;
    this.#front = new Backlog(half);
    this.#back = new Backlog(half);
    void this.#open();
  }

  get depth(): number {
    return this.#front.batches + this.#back.batches;
  }

  get rows(): number {
    return this.#front.rows + this.#back.rows;
  }

  get bytes(): number {
    return this.#front.bytes + this.#back.bytes;
  }

  get fill(): number {
    return (this.#front.fill + this.#back.fill) / 2;
  }

  push(flow: Flow): undefined {
    this.#parts.waits.began(flow);
    const isBehind = !this.#isOpen || !this.#back.isEmpty || this.#isOnDisk;
    if (this.#isOver) {
      if (!isCut(flow)) this.#drop(flow, 'unsent');
    } else if (!isBehind && (isCut(flow) || this.#front.hasRoom(flow))) this.#front.add(flow);
    else {
      while (!isCut(flow) && !this.#back.hasRoom(flow)) this.#drop(this.#back.takeBatch()!);
      this.#back.add(flow);
      void this.#spill();
    }
    this.#wake();
  }

  async pop(): Promise<Flow | undefined> {
    if (this.#mayForget) await this.#inTurn((segments) => segments.forget());
    this.#mayForget = false;
    this.#isFromDisk = false;
    for (;;) {
      const flow = this.#front.take() ?? (await this.#popBehind());
      if (flow !== undefined && isCut(flow)) this.#given = flow;
      this.#parts.waits.ended(flow);
      if (flow !== undefined || (this.#closed && this.#isAtEnd)) return flow;
      if (this.#front.isEmpty && !this.#isReadable) {
        await new Promise<void>((resolve) => (this.#wakeConsumer = resolve));
      }
    }
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  /** The run is stopped at once: what is in memory goes to disk when it is closed. */
  discard(): void {
    this.close();
  }

  /** What comes goes to disk, for the next run. */
  abandon(): void {}

  /** Writes what is in memory, and what the sink had in hand, to disk for the next run. */
  async finish(inHand: Batch | undefined): Promise<number> {
    this.#isOver = true;
    this.close();
    const isNew = inHand !== undefined && !this.#isFromDisk;
    // What came from disk is still there.
    if (!isNew) inHand?.release();
    const rowsInHand = isNew ? inHand.length : 0;
    await this.#inTurn((segments) => this.#keep(segments, isNew ? inHand : undefined)).catch(
      (error: unknown) => this.#parts.failed(error),
    );
    return Math.max(0, this.#parts.segments.rowsLeft - rowsInHand);
  }

  async #keep(segments: SpillSegments, inHand: Batch | undefined): Promise<void> {
    const front = [...(inHand === undefined ? [] : [inHand]), ...this.#front.takeBatches()];
    const back = this.#back.takeBatches();
    const all = [...front, ...back];
    const rows = all.reduce((total, { length }) => total + length, 0);
    const before = segments.rowsLeft;
    try {
      await segments.prepend(front);
      for (const batch of back) await segments.append(batch);
    } finally {
      const lost = rows - (segments.rowsLeft - before);
      if (lost > 0) this.#parts.dropped(lost, 'unsent');
      for (const batch of all) batch.release();
      await segments.close();
    }
  }

  get #isOnDisk(): boolean {
    return this.#writing || !this.#parts.segments.isEmpty;
  }

  /** Whether there is something behind the front that can be given. */
  get #isReadable(): boolean {
    if (!this.#isOpen) return false;
    const hasCut = this.#cut !== undefined && !this.#writing;
    return !this.#parts.segments.isEmpty || hasCut || this.#hasBack;
  }

  get #hasBack(): boolean {
    return !this.#writing && !this.#back.isEmpty;
  }

  get #isAtEnd(): boolean {
    return this.#front.isEmpty && this.#isOpen && !this.#isReadable && !this.#writing;
  }

  /** From disk; behind that the cut that was on its way with it; behind that what never got there. */
  async #popBehind(): Promise<Flow | undefined> {
    if (!this.#isOpen) return undefined;
    if (!this.#parts.segments.isEmpty) {
      const batch = await this.#inTurn((segments) => segments.next()).catch((error: unknown) => {
        this.#parts.failed(error);
        return undefined;
      });
      this.#isFromDisk = batch !== undefined;
      if (batch !== undefined) return batch;
      // A segment has come to its end: when the sink has committed, it is removed.
      this.#mayForget = true;
      const cut = this.#parts.segments.isEmpty ? this.#cut : undefined;
      if (cut !== undefined) this.#cut = undefined;
      return cut ?? this.#given;
    }
    if (this.#cut !== undefined && !this.#writing) {
      const cut = this.#cut;
      this.#cut = undefined;
      return cut;
    }
    return this.#hasBack ? this.#back.take() : undefined;
  }

  async #open(): Promise<void> {
    await this.#inTurn((segments) => segments.open()).catch((error: unknown) =>
      this.#parts.failed(error),
    );
    this.#isOpen = true;
    this.#wake();
    await this.#spill();
  }

  /** Takes to disk what waits for it, while the front is full or older batches are there already. */
  async #spill(): Promise<void> {
    if (this.#writing || !this.#isOpen) return;
    const { clock, signal, failed } = this.#parts;
    while (!this.#back.isEmpty && !this.#isOver) {
      if (this.#parts.segments.isEmpty && this.#refill()) continue;
      const flow = this.#back.take()!;
      this.#writing = true;
      try {
        if (isCut(flow)) {
          this.#cut = flow;
          await this.#inTurn((segments) => segments.sync());
        } else {
          await this.#inTurn((segments) => segments.append(flow));
          flow.release();
        }
      } catch (error) {
        failed(error);
        if (!isCut(flow)) this.#back.putBack(flow);
        await clock.sleep(restMs, { signal }).catch(() => {});
        if (signal.aborted) this.#isOver = true;
      } finally {
        this.#writing = false;
      }
      this.#wake();
    }
  }

  /** Moves the oldest that waits for the disk to the front, where there is room and nothing between. */
  #refill(): boolean {
    const flow = this.#back.take()!;
    if (this.#cut === undefined && (isCut(flow) || this.#front.hasRoom(flow))) {
      this.#front.add(flow);
      this.#wake();
      return true;
    }
    if (isCut(flow)) this.#cut = flow;
    else this.#back.putBack(flow);
    return isCut(flow);
  }

  #inTurn<T>(work: (segments: SpillSegments) => Promise<T>): Promise<T> {
    const done = this.#turn.then(() => work(this.#parts.segments));
    this.#turn = done.catch(() => {});
    return done;
  }

  #drop(batch: Batch, reason: DropReason = 'overflow'): void {
    this.#parts.dropped(batch.length, reason);
    batch.release();
  }

  #wake(): void {
    const wake = this.#wakeConsumer;
    this.#wakeConsumer = undefined;
    wake?.();
  }
}
