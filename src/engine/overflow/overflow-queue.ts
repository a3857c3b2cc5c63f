import type { Batch } from '../../batch/index.ts';
import { type Flow, isCut } from '../../core/index.ts';
import type { QueueLimits } from '../description.ts';
import type { FlowQueue } from '../queue.ts';
import { Backlog } from './backlog.ts';
import type { Waits } from './waits.ts';

/** Why rows are dropped: there was no room, or the sink has not taken them by the end. */
export type DropReason = 'overflow' | 'unsent';

export type Dropped = (rows: number, reason: DropReason) => void;

/** A queue before a sink that nobody waits for: whoever pushes never waits. */
export interface OptionalQueue extends FlowQueue {
  /** The sink takes no more, and the run goes on. */
  abandon(): void;
  /**
   * The run is over. Takes over the hold on what the sink had in hand. Gives the rows that it was
   * never given and that are kept for the next run.
   */
  finish(inHand: Batch | undefined): Promise<number>;
}

export interface OverflowQueueParts {
  readonly limits: QueueLimits;
  readonly overflow: 'dropOldest' | 'dropNewest';
  readonly waits: Waits;
  readonly dropped: Dropped;
}

/** Drops what there is no room for, the newest or the oldest. It always takes at least one batch. */
export class OverflowQueue implements OptionalQueue {
  readonly #backlog: Backlog;
  readonly #waits: Waits;
  readonly #overflow: 'dropOldest' | 'dropNewest';
  readonly #dropped: Dropped;
  #closed = false;
  #isOver = false;
  #wakeConsumer: (() => void) | undefined;

  constructor({ limits, overflow, waits, dropped }: OverflowQueueParts) {
    this.#backlog = new Backlog(limits);
    this.#overflow = overflow;
    this.#waits = waits;
    this.#dropped = dropped;
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

  push(flow: Flow): undefined {
    this.#waits.began(flow);
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
    this.#waits.ended(flow);
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
    this.#dropped(batch.length, reason);
    batch.release();
  }

  #wake(): void {
    const wake = this.#wakeConsumer;
    this.#wakeConsumer = undefined;
    wake?.();
  }
}
