import type { Batch } from '../../batch/index.ts';
import { type Flow, isCut } from '../../core/index.ts';
import type { QueueLimits } from '../description.ts';

/** Flows in order, with what their batches weigh. Of cuts with nothing between them the last is kept. */
export class Backlog {
  readonly #limits: QueueLimits;
  readonly #flows: Flow[] = [];
  #rows = 0;
  #bytes = 0;
  #batches = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  get rows(): number {
    return this.#rows;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get batches(): number {
    return this.#batches;
  }

  get isEmpty(): boolean {
    return this.#flows.length === 0;
  }

  /** How full it is, from 0 to 1. */
  get fill(): number {
    const { rowsMax, bytesMax } = this.#limits;
    return Math.min(1, Math.max(this.#rows / rowsMax, this.#bytes / bytesMax));
  }

  /** It always has room for one batch. */
  hasRoom({ length, bytes }: Batch): boolean {
    const { rowsMax, bytesMax } = this.#limits;
    if (this.#batches === 0) return true;
    return this.#rows + length <= rowsMax && this.#bytes + bytes <= bytesMax;
  }

  /** Takes over the caller's hold. */
  add(flow: Flow): void {
    const last = this.#flows.at(-1);
    if (isCut(flow) && last !== undefined && isCut(last)) this.#flows.pop();
    this.#flows.push(flow);
    this.#weigh(flow, 1);
  }

  /** Puts back what was taken last. */
  putBack(batch: Batch): void {
    this.#flows.unshift(batch);
    this.#weigh(batch, 1);
  }

  /** The oldest flow, with its hold. */
  take(): Flow | undefined {
    const flow = this.#flows.shift();
    if (flow !== undefined) this.#weigh(flow, -1);
    return flow;
  }

  /** The oldest batch, with its hold; the cuts around it become one. */
  takeBatch(): Batch | undefined {
    const at = this.#flows.findIndex((flow) => !isCut(flow));
    if (at < 0) return undefined;
    const [batch] = this.#flows.splice(at, 1) as [Batch];
    const [before, behind] = [this.#flows[at - 1], this.#flows[at]];
    if (before && behind && isCut(before) && isCut(behind)) this.#flows.splice(at - 1, 1);
    this.#weigh(batch, -1);
    return batch;
  }

  /** All batches, the oldest first, with their holds; the cuts are forgotten. */
  takeBatches(): Batch[] {
    const batches = this.#flows.filter((flow): flow is Batch => !isCut(flow));
    this.#flows.length = 0;
    this.#rows = this.#bytes = this.#batches = 0;
    return batches;
  }

  #weigh(flow: Flow, sign: 1 | -1): void {
    if (isCut(flow)) return;
    this.#rows += sign * flow.length;
    this.#bytes += sign * flow.bytes;
    this.#batches += sign;
  }
}
