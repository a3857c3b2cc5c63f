/** An array is made where at least one in so many of its elements is used, and left where fewer are. */
const perCell = { made: 8, left: 16 };
const elementsMin = 1024;

/**
 * Which cell each slot has, of those that have any: an array by slot, or, where few of many slots
 * do, a map. So what it takes goes by those that have one.
 */
export class SlotCells {
  #array: Int32Array | undefined = new Int32Array(16);
  readonly #map = new Map<number, number>();
  #count = 0;
  #greatest = 0;

  /** How many slots have one. */
  get count(): number {
    return this.#count;
  }

  /** By slot, while that is how they are kept; 0 where it has none. Valid until the next `set`. */
  get bySlot(): Int32Array | undefined {
    return this.#array;
  }

  /** 0 where it has none. */
  of(slot: number): number {
    return (this.#array === undefined ? this.#map.get(slot) : this.#array[slot]) ?? 0;
  }

  /** For a slot that has none. */
  set(slot: number, cell: number): void {
    this.#count++;
    this.#greatest = Math.max(this.#greatest, slot);
    if (this.#array === undefined) this.#map.set(slot, cell);
    else if (slot < this.#array.length || this.#isWithin(perCell.left)) this.#put(slot, cell);
    else this.#toMap().set(slot, cell);
    if (this.#array === undefined && this.#isWithin(perCell.made)) this.#toArray();
  }

  delete(slot: number): void {
    if (this.#array === undefined) this.#map.delete(slot);
    else this.#array[slot] = 0;
    this.#count--;
  }

  /** Visits the slots that have a cell, in ascending order. */
  each(visit: (slot: number, cell: number) => void): void {
    if (this.#array === undefined) {
      for (const slot of this.slots()) visit(slot, this.#map.get(slot)!);
      return;
    }
    for (let slot = 0; slot < this.#array.length; slot++) {
      const cell = this.#array[slot]!;
      if (cell !== 0) visit(slot, cell);
    }
  }

  /** The slots that have a cell, in ascending order. */
  slots(): number[] {
    if (this.#array === undefined) return [...this.#map.keys()].sort((a, b) => a - b);
    const slots: number[] = [];
    this.each((slot) => slots.push(slot));
    return slots;
  }

  #isWithin(elementsPerCell: number): boolean {
    return this.#greatest < Math.max(elementsMin, elementsPerCell * this.#count);
  }

  #put(slot: number, cell: number): void {
    const before = this.#array!;
    if (slot >= before.length) {
      this.#array = new Int32Array(Math.max(slot + 1, 2 * before.length));
      this.#array.set(before);
    }
    this.#array![slot] = cell;
  }

  #toMap(): Map<number, number> {
    for (const slot of this.slots()) this.#map.set(slot, this.of(slot));
    this.#array = undefined;
    return this.#map;
  }

  #toArray(): void {
    this.#array = new Int32Array(this.#greatest + 1);
    for (const [slot, cell] of this.#map) this.#array[slot] = cell;
    this.#map.clear();
  }
}
