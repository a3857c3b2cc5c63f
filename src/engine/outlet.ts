import type { Batch } from '../batch/index.ts';
import type { Cut } from '../core/index.ts';
import type { Observed } from './observed.ts';
import type { FlowQueue } from './queue.ts';

/** The output side of a node: for each output, the queues that read from it. */
export class Outlet {
  readonly #queues: ReadonlyMap<string, readonly FlowQueue[]>;
  readonly #observed: Observed;

  constructor(queues: ReadonlyMap<string, readonly FlowQueue[]>, observed: Observed) {
    this.#queues = queues;
    this.#observed = observed;
  }

  /** Hands a batch to every reader of an output, waiting for room. Takes over the caller's hold. */
  async send(output: string, batch: Batch): Promise<void> {
    if (batch.length === 0) {
      batch.release();
      return;
    }
    this.#observed.meter.sent(batch.length);
    const queues = this.#queues.get(output) ?? [];
    for (let more = 1; more < queues.length; more++) batch.retain();
    if (queues.length === 0) batch.release();
    for (const queue of queues) {
      const { lastMs } = this.#observed;
      const room = queue.push(batch, lastMs);
      if (room === undefined) continue;
      this.#observed.waits('blockedMs', lastMs);
      await room;
      this.#observed.waited('blockedMs');
    }
  }

  async pass(cut: Cut): Promise<void> {
    for (const queues of this.#queues.values()) {
      for (const queue of queues) await queue.push(cut);
    }
  }

  close(): void {
    for (const queues of this.#queues.values()) for (const queue of queues) queue.close();
  }
}
