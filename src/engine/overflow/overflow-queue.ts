import type { Batch } from '../../batch/index.ts';
import { type Flow, isCut } from '../../core/index.ts';
import type { QueueLimits } from '../description.ts';
import type { FlowQueue } from '../queue.ts';
import { Backlog } from './backlog.ts';

/** Why rows are dropped: there was no room, or the sink has not taken them by the end. */
export type DropReason = 'overflow' | 'unsent';

/** Told of what becomes of rows up to the sink. */
export interface QueueEvents {
  /** They are the sink's from here on, as far as the ledger goes. */
  arrived(batch: Batch): void;
  given(flow: Flow | undefined): void;
  dropped(rows: number, reason: DropReason): void;
}

/** A queue before a sink that nobody waits for: whoever pushes never waits. */
export interface OptionalQueue extends FlowQueue {
  /** Takes up what an earlier run left. Resolves when that is known, or cannot be for now. */
  start(): Promise<void>;
  /** The sink has committed all that it was given. */
  committed(): Promise<void>;
  /** The sink takes no more, and the run goes on. */
  abandon(): void;
  /**
   * The run is over. Takes over the hold on what the sink had in hand. Gives the rows that are kept
   * for the next run.
   */
  finish(inHand: Batch | undefined): Promise<number>;
}

/** Drops what there is no room for, the newest or the oldest. It always takes at least one batch. */
export class OverflowQueue implements OptionalQueue {
  readonly #backlog: Backlog;
  readonly #overflow: 'dropOldest' | 'dropNewest';
  readonly #events: QueueEvents;
  #closed = false;
  #isOver = false;
  #wakeConsumer: (() => void) | undefined;

  constructor(limits: QueueLimits, overflow: 'dropOldest' | 'dropNewest', events: QueueEvents) {
    this.#backlog = new Backlog(limits);
    this.#overflow = overflow;
    this.#events = events;
  }

  get depth(): number {
    return this.#backlog.batches;
  }

  get rows(): number {
    return this.#backlog.rows;
  }

  get bytes(): number {
    return this.#backlog.bytes;
  }

  get fill(): number {
    return this.#backlog.fill;
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  push(flow: Flow): undefined {
    if (!isCut(flow)) this.#events.arrived(flow);
    if (isCut(flow)) this.#backlog.add(flow);
    else if (this.#isOver) this.#drop(flow, 'unsent');
    else {
      if (this.#overflow === 'dropOldest') {
        while (!this.#backlog.hasRoom(flow)) this.#drop(this.#backlog.takeBatch()!);
      }
      if (this.#backlog.hasRoom(flow)) this.#backlog.add(flow);
      else this.#drop(flow);
    }
    this.#wake();
  }

  pop(): Flow | Promise<Flow | undefined> | undefined {
    const flow = this.#backlog.take();
    this.#events.given(flow);
    return flow === undefined && !this.#closed ? this.#popLater() : flow;
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  discard(): void {
    this.#isOver = true;
    for (const batch of this.#backlog.takeBatches()) this.#drop(batch, 'unsent');
    this.close();
  }

  committed(): Promise<void> {
    return Promise.resolve();
  }

  abandon(): void {
    this.discard();
  }

  finish(inHand: Batch | undefined): Promise<number> {
    this.discard();
    inHand?.release();
    return Promise.resolve(0);
  }

  async #popLater(): Promise<Flow | undefined> {
    await new Promise<void>((resolve) => (this.#wakeConsumer = resolve));
    return this.pop();
  }

  #drop(batch: Batch, reason: DropReason = 'overflow'): void {
    this.#events.dropped(batch.length, reason);
    batch.release();
  }

  #wake(): void {
    const wake = this.#wakeConsumer;
    this.#wakeConsumer = undefined;
    wake?.();
  }
}
