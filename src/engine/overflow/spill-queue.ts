import type { Batch } from '../../batch/index.ts';
import { type Clock, Cut, type Flow, isCut } from '../../core/index.ts';
import type { QueueLimits } from '../description.ts';
import { Backlog } from './backlog.ts';
import type { DropReason, OptionalQueue, QueueEvents } from './overflow-queue.ts';
import type { SpillSegments } from './spill-segments.ts';

/** How long a disk that could not be written or read is left alone. */
const restMs = 1000;

export interface SpillQueueParts {
  readonly limits: QueueLimits;
  /** How often what comes from disk is committed, at least. */
  readonly commitEveryMs: number;
  readonly segments: SpillSegments;
  readonly clock: Clock;
  readonly events: QueueEvents;
  /** Told that the disk could not be written or read, and that it can again. */
  readonly failed: (error: unknown) => void;
  readonly recovered: () => void;
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
  /** When the sink last committed. */
  #committedMs: number;
  /** Whether what an earlier run left is known; it comes first. */
  #isOpen = false;
  /** Aborts when nothing more is given: what is left is for the next run. */
  readonly #over = new AbortController();
  #isFinished = false;
  #closed = false;
  /** The batch on its way to disk. */
  #writing = false;
  /** Whether anything came from disk since the sink has committed, and whether that ended a file. */
  #isUncommitted = false;
  #isAtFileEnd = false;
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
    this.#committedMs = parts.clock.monotonic();
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

  get disk(): { readonly rows: number; readonly bytes: number } {
    const { rowsWaiting, bytes } = this.#parts.segments;
    return { rows: rowsWaiting, bytes };
  }

  async start(): Promise<void> {
    if (await this.#tryOpen()) return;
    // Meanwhile what comes waits in memory, as far as there is room.
    void this.#openLater();
  }

  push(flow: Flow): undefined {
    if (!isCut(flow)) this.#parts.events.arrived(flow);
    if (this.#isFinished) {
      if (!isCut(flow)) this.#drop(flow, 'unsent');
      return;
    }
    const isBehind = !this.#isOpen || !this.#back.isEmpty || this.#isOnDisk;
    if (!isBehind && (isCut(flow) || this.#front.hasRoom(flow))) this.#front.add(flow);
    else {
      while (!isCut(flow) && !this.#back.hasRoom(flow)) this.#drop(this.#back.takeBatch()!);
      this.#back.add(flow);
      void this.#spill();
    }
    this.#wake();
  }

  async pop(): Promise<Flow | undefined> {
    this.#isFromDisk = false;
    for (;;) {
      if (this.#isOver) return undefined;
      const flow = this.#dueCut() ?? this.#front.take() ?? (await this.#popBehind());
      if (flow !== undefined && isCut(flow)) this.#given = flow;
      this.#parts.events.given(flow);
      if (flow !== undefined || (this.#closed && this.#isAtEnd)) return flow;
      if (this.#front.isEmpty && !this.#isReadable && !this.#isOver) {
        await new Promise<void>((resolve) => (this.#wakeConsumer = resolve));
      }
    }
  }

  async committed(): Promise<void> {
    this.#isUncommitted = this.#isAtFileEnd = false;
    this.#committedMs = this.#parts.clock.monotonic();
    const { segments, failed, recovered } = this.#parts;
    if (!segments.hasUncommitted) return;
    try {
      await this.#inTurn(() => segments.committed());
      recovered();
    } catch (error) {
      // It is tried again with the next commit; what is not done by the end comes again.
      failed(error);
    }
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  /** The run is stopped at once: what is in memory goes to disk when it is closed. */
  discard(): void {
    this.#over.abort();
    this.close();
  }

  /** What comes goes to disk, for the next run. */
  abandon(): void {}

  /** Writes what is in memory, and what the sink had in hand, to disk for the next run. */
  async finish(inHand: Batch | undefined): Promise<number> {
    this.#isFinished = true;
    this.discard();
    // What came from disk is still there, unless it has made way for newer rows.
    const isKept = this.#isFromDisk && this.#parts.segments.hasLast;
    if (isKept) inHand?.release();
    const isNew = inHand !== undefined && !isKept;
    await this.#inTurn(() => this.#keep(isNew ? inHand : undefined)).catch(this.#parts.failed);
    return this.#parts.segments.rowsKept;
  }

  async #keep(inHand: Batch | undefined): Promise<void> {
    const { segments, events, failed } = this.#parts;
    const front = [...(inHand === undefined ? [] : [inHand]), ...this.#front.takeBatches()];
    const back = this.#back.takeBatches();
    let [first, last] = [0, 0];
    try {
      // What is written where files are not known could come among them.
      if (!this.#isOpen && front.length + back.length > 0) await segments.open();
      first = await segments.prepend(front);
      for (; last < back.length; last++) await segments.append(back[last]!);
    } catch (error) {
      failed(error);
    }
    for (const { length } of [...front.slice(first), ...back.slice(last)]) {
      events.dropped(length, 'unsent');
    }
    for (const batch of [...front, ...back]) batch.release();
    await segments.close();
  }

  get #isOver(): boolean {
    return this.#over.signal.aborted;
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

  /** A commit now keeps what came from disk from coming again. */
  #dueCut(): Cut | undefined {
    if (!this.#isUncommitted) return undefined;
    const { segments, clock, commitEveryMs } = this.#parts;
    const isDue = clock.monotonic() - this.#committedMs >= commitEveryMs;
    if (!isDue && !this.#isAtFileEnd) return undefined;
    return (segments.isEmpty ? this.#takeCut() : undefined) ?? this.#given;
  }

  /** From disk; behind that the cut that was on its way with it; behind that what never got there. */
  async #popBehind(): Promise<Flow | undefined> {
    const { segments, failed, recovered } = this.#parts;
    if (!this.#isOpen) return undefined;
    if (segments.isEmpty) return this.#takeCut() ?? (this.#hasBack ? this.#back.take() : undefined);
    try {
      const batch = await this.#inTurn(() => segments.next());
      recovered();
      this.#isUncommitted = true;
      this.#isFromDisk = batch !== undefined;
      this.#isAtFileEnd = batch === undefined;
      return batch;
    } catch (error) {
      failed(error);
      await this.#rest();
      return undefined;
    }
  }

  #takeCut(): Cut | undefined {
    if (this.#writing) return undefined;
    const cut = this.#cut;
    this.#cut = undefined;
    return cut;
  }

  async #tryOpen(): Promise<boolean> {
    const { segments, failed, recovered } = this.#parts;
    try {
      await this.#inTurn(() => segments.open());
    } catch (error) {
      failed(error);
      return false;
    }
    this.#isOpen = true;
    recovered();
    this.#wake();
    return true;
  }

  async #openLater(): Promise<void> {
    do {
      await this.#rest();
      if (this.#isOver) return;
    } while (!(await this.#tryOpen()));
    await this.#spill();
  }

  /** Takes to disk what waits for it, while the front is full or older batches are there already. */
  async #spill(): Promise<void> {
    if (this.#writing || !this.#isOpen) return;
    const { segments, failed, recovered } = this.#parts;
    while (!this.#back.isEmpty && !this.#isOver) {
      if (segments.isEmpty && this.#refill()) continue;
      const flow = this.#back.take()!;
      this.#writing = true;
      try {
        if (isCut(flow)) {
          this.#cut = flow;
          await this.#inTurn(() => segments.sync());
        } else {
          await this.#inTurn(() => segments.append(flow));
          flow.release();
        }
        recovered();
      } catch (error) {
        failed(error);
        if (!isCut(flow)) this.#back.putBack(flow);
        await this.#rest();
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

  #rest(): Promise<void> {
    const { signal } = this.#over;
    return this.#parts.clock.sleep(restMs, { signal }).catch(() => {});
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  #drop(batch: Batch, reason: DropReason = 'overflow'): void {
    this.#parts.events.dropped(batch.length, reason);
    batch.release();
  }

  #wake(): void {
    const wake = this.#wakeConsumer;
    this.#wakeConsumer = undefined;
    wake?.();
  }
}
