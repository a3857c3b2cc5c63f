import { type Flow, isCut } from '../core/index.ts';
import type { QueueLimits } from './description.ts';
import type { Observed } from './observed.ts';

/** What stands between one producer and one consumer. */
export interface FlowQueue {
  /** Batches waiting now, their rows and their bytes. */
  readonly depth: number;
  readonly rows: number;
  readonly bytes: number;
  /** How full it is, from 0 to 1. */
  readonly fill: number;
  /** What waits on disk beside, where it spills. */
  readonly disk?: { readonly rows: number; readonly bytes: number };
  /**
   * Takes over the caller's hold. Resolves once there was room; undefined when there is at once.
   * `sinceMs`: when it was ready, in monotonic milliseconds; now unless given.
   */
  push(flow: Flow, sinceMs?: number): Promise<void> | undefined;
  /** The next flow; undefined at the end. */
  pop(): Flow | Promise<Flow | undefined> | undefined;
  /** No more will be pushed; what is in it can still be taken. */
  close(): void;
  /** Throws away what is in it, for a run that is stopped at once. */
  discard(): void;
}

/** What a queue tells of whoever takes from it. */
type Reader = Pick<Observed, 'meter' | 'loopMs' | 'offeredRows'>;

/**
 * A bounded queue between one producer and one consumer. It blocks the producer: a batch is let in
 * while both limits would hold with it, and always when the queue has none. Cuts weigh nothing.
 */
export class Queue implements FlowQueue {
  readonly #limits: QueueLimits;
  readonly #observed: Reader;
  readonly #flows: Flow[] = [];
  /** When each came. */
  readonly #since: number[] = [];
  #rows = 0;
  #bytes = 0;
  #batches = 0;
  #closed = false;
  #discarded = false;
  #wakeProducer: (() => void) | undefined;
  #wakeConsumer: (() => void) | undefined;

  /** `observed`: whoever takes from it, whose waits are measured. */
  constructor(limits: QueueLimits, observed: Reader) {
    this.#limits = limits;
    this.#observed = observed;
  }

  get depth(): number {
    return this.#batches;
  }

  get rows(): number {
    return this.#rows;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get fill(): number {
    return Math.min(
      1,
      Math.max(this.#rows / this.#limits.rowsMax, this.#bytes / this.#limits.bytesMax),
    );
  }

  push(flow: Flow, sinceMs?: number): Promise<void> | undefined {
    const { offeredRows = 0 } = this.#observed;
    if (!isCut(flow)) this.#observed.offeredRows = offeredRows + flow.length;
    if (isCut(flow) || this.#hasRoom(flow.length, flow.bytes)) {
      this.#add(flow, sinceMs);
      return undefined;
    }
    return this.#pushLater(flow);
  }

  pop(): Flow | Promise<Flow | undefined> | undefined {
    if (this.#flows.length === 0 && !this.#closed) return this.#popLater();
    return this.#take();
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  discard(): void {
    this.#discarded = true;
    this.close();
    this.#since.length = 0;
    for (const flow of this.#flows.splice(0)) if (!isCut(flow)) flow.release();
    this.#rows = this.#bytes = this.#batches = 0;
    this.#wake();
  }

  #hasRoom(rows: number, bytes: number): boolean {
    if (this.#batches === 0) return true;
    const { rowsMax, bytesMax } = this.#limits;
    return this.#rows + rows <= rowsMax && this.#bytes + bytes <= bytesMax;
  }

  async #pushLater(flow: Exclude<Flow, undefined>): Promise<void> {
    while (!isCut(flow) && !this.#closed && !this.#hasRoom(flow.length, flow.bytes)) {
      await new Promise<void>((resolve) => (this.#wakeProducer = resolve));
    }
    this.#add(flow);
  }

  async #popLater(): Promise<Flow | undefined> {
    while (this.#flows.length === 0 && !this.#closed) {
      await new Promise<void>((resolve) => (this.#wakeConsumer = resolve));
    }
    return this.#take();
  }

  #add(flow: Flow, sinceMs?: number): void {
    if (this.#discarded) {
      if (!isCut(flow)) flow.release();
      return;
    }
    this.#flows.push(flow);
    this.#since.push(sinceMs ?? this.#observed.loopMs);
    if (!isCut(flow)) {
      this.#rows += flow.length;
      this.#bytes += flow.bytes;
      this.#batches++;
    }
    this.#wake();
  }

  #take(): Flow | undefined {
    const flow = this.#flows.shift();
    const sinceMs = this.#since.shift();
    if (flow !== undefined && !isCut(flow)) {
      this.#observed.meter.wait.record((this.#observed.loopMs - sinceMs!) / 1000);
      this.#rows -= flow.length;
      this.#bytes -= flow.bytes;
      this.#batches--;
    }
    this.#wake();
    return flow;
  }

  #wake(): void {
    const [producer, consumer] = [this.#wakeProducer, this.#wakeConsumer];
    this.#wakeProducer = this.#wakeConsumer = undefined;
    producer?.();
    consumer?.();
  }
}
