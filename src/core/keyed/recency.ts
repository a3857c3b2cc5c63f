import { SlotTable } from './slot-table.ts';

/**
 * Which slot was used least recently, at one write per use: a use stamps its slot, and the order is
 * worked out only when a slot must be given up. It is exact, since a slot used after the order was
 * worked out has a stamp later than every slot in it.
 */
export class Recency {
  /** By slot: when it was last used. */
  readonly stamps: SlotTable = new SlotTable('recency', 1, 0);
  /** The stamp of the next use. */
  next = 1;
  #order: Uint32Array = new Uint32Array(0);
  #orderStamps: Float64Array = new Float64Array(0);
  #at = 0;

  use(slot: number): void {
    this.stamps.values[slot] = this.next++;
  }

  /** The slot among 0 … `slots` − 1 that was used least recently. */
  oldest(slots: number): number {
    const stamps = this.stamps.values;
    for (;;) {
      if (this.#at === this.#order.length) this.#sort(slots);
      const slot = this.#order[this.#at]!;
      if (stamps[slot] === this.#orderStamps[this.#at++]) return slot;
    }
  }

  /** Goes on with stamps that were restored. */
  resume(slots: number): void {
    this.next = 1;
    for (const stamp of this.stamps.values.subarray(0, slots))
      this.next = Math.max(this.next, stamp + 1);
    this.#at = this.#order.length;
  }

  #sort(slots: number): void {
    const stamps = this.stamps.values;
    this.#order = Uint32Array.from({ length: slots }, (_, slot) => slot);
    this.#order.sort((a, b) => stamps[a]! - stamps[b]!);
    this.#orderStamps = Float64Array.from(this.#order, (slot) => stamps[slot]!);
    this.#at = 0;
  }
}
