import type { Values, ValuesConstructor } from '../batch/buffers.ts';
import type { SharedRoom } from '../batch/transfer.ts';

const lockBytes = Int32Array.BYTES_PER_ELEMENT;
/** What every kind of value may begin at. */
const wordBytes = 8;

/**
 * Places for bytes in memory that threads share, so that nothing is made and collected for each
 * piece of work. One thread takes a slot and fills it, another reads it and gives it back.
 */
export class Slots {
  /** The memory that slots take. */
  static memory(count: number, slotBytes: number): SharedArrayBuffer {
    return new SharedArrayBuffer(count * (slotBytes + lockBytes));
  }

  readonly #slotBytes: number;
  readonly #taken: Int32Array;
  readonly #views: readonly Uint8Array<SharedArrayBuffer>[];

  constructor(memory: SharedArrayBuffer, slotBytes: number) {
    const count = memory.byteLength / (slotBytes + lockBytes);
    this.#slotBytes = slotBytes;
    this.#taken = new Int32Array(memory, count * slotBytes, count);
    this.#views = Array.from(
      { length: count },
      (_, slot) => new Uint8Array(memory, slot * slotBytes, slotBytes),
    );
  }

  /** A slot for so many bytes; undefined where none is free, or none would do. */
  take(bytes: number): number | undefined {
    if (bytes > this.#slotBytes) return undefined;
    for (let slot = 0; slot < this.#taken.length; slot++) {
      if (Atomics.compareExchange(this.#taken, slot, 0, 1) === 0) return slot;
    }
    return undefined;
  }

  view(slot: number): Uint8Array<SharedArrayBuffer> {
    return this.#views[slot]!;
  }

  give(slot: number): void {
    Atomics.store(this.#taken, slot, 0);
  }
}

/** Arrays one behind the other in a slot, for as long as there is room. */
export class SlotRoom implements SharedRoom {
  readonly #bytes: Uint8Array<SharedArrayBuffer>;
  #length = 0;

  constructor(bytes: Uint8Array<SharedArrayBuffer>) {
    this.#bytes = bytes;
  }

  take<T extends Values>(type: ValuesConstructor<T>, length: number): T | undefined {
    const at = this.#length;
    const end = at + length * type.BYTES_PER_ELEMENT;
    if (end > this.#bytes.length) return undefined;
    this.#length = (end + wordBytes - 1) & -wordBytes;
    const { buffer, byteOffset } = this.#bytes;
    const view = type as unknown as new (...part: [SharedArrayBuffer, number, number]) => T;
    return new view(buffer, byteOffset + at, length);
  }

  has({ buffer }: Values): boolean {
    return buffer === this.#bytes.buffer;
  }
}
