import type { Batch } from '../batch/index.ts';
import type { BatchMessage, BatchSender } from '../batch/transfer.ts';
import { type Slots, SlotRoom } from './slots.ts';

/** The size of a slot: the rows of most chunks that are one lane's. */
export const rowsBytes = 2_097_152;
/** As many as pieces of work that a lane may have, and one to fill, for each lane that they go to. */
export const rowsSlots = 4;

/** What one lane has for another of one piece of work. */
export class PeerPost {
  readonly batches: BatchMessage[] = [];
  readonly transferList: ArrayBuffer[] = [];
  /** Which slot has their values; what no slot has room for is moved. */
  slot: number | null = null;
  readonly #slots: Slots;
  #room: SlotRoom | undefined;

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  /** Takes over the hold on the batch. */
  add(sender: BatchSender, batch: Batch): void {
    if (this.batches.length === 0) this.#takeSlot();
    const { message, transferList } = sender.toMessage(batch, this.#room);
    this.batches.push(message);
    this.transferList.push(...transferList);
  }

  #takeSlot(): void {
    const slot = this.#slots.take(rowsBytes);
    if (slot === undefined) return;
    this.slot = slot;
    this.#room = new SlotRoom(this.#slots.view(slot));
  }
}
