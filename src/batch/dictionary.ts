import { Buffer } from 'node:buffer';

/** When a dictionary counts as full, in distinct values and in bytes of UTF-8. */
export const dictionaryLimits = { valuesMax: 65_536, bytesMax: 4_194_304 } as const;

let lastId = 0;

/**
 * The distinct values of category columns: append-only, each value a code from 0. A code never
 * changes its value, so batches share a dictionary while it grows. A full one still takes values;
 * writers ask for `successor()` before each batch, so no batch spans two.
 */
export class Dictionary {
  /** Unique in this process. */
  readonly id: number = ++lastId;
  /** The texts by code. Append-only. */
  readonly values: string[] = [];
  readonly #codes = new Map<string, number>();
  #bytes = 0;
  // Codes by the hash of their bytes, open addressing; a slot holds code + 1, and 0 where free.
  #slots: Int32Array = new Int32Array(64);
  #slotted = 0;
  readonly #encoded: Uint8Array[] = [];

  get size(): number {
    return this.values.length;
  }

  get isFull(): boolean {
    return this.size >= dictionaryLimits.valuesMax || this.#bytes >= dictionaryLimits.bytesMax;
  }

  /** Whether it is not full even with so many more values, of so many bytes in all. */
  hasRoom(values: number, bytes: number): boolean {
    const { valuesMax, bytesMax } = dictionaryLimits;
    return this.size + values < valuesMax && this.#bytes + bytes < bytesMax;
  }

  /** The dictionary that the next batch writes to: this one, or a new one when this is full. */
  successor(): Dictionary {
    return this.isFull ? new Dictionary() : this;
  }

  /** The code of a value, added when new. */
  code(value: string): number {
    const known = this.#codes.get(value);
    if (known !== undefined) return known;
    const code = this.values.length;
    this.values.push(value);
    this.#codes.set(value, code);
    this.#bytes += Buffer.byteLength(value);
    return code;
  }

  /** The code of a value if it is here, else −1. */
  find(value: string): number {
    return this.#codes.get(value) ?? -1;
  }

  /** The code of a value given as valid UTF-8, found without making a string. */
  codeOfBytes(bytes: Uint8Array, start: number, end: number): number {
    const mask = this.#slots.length - 1;
    let slot = hashBytes(bytes, start, end) & mask;
    for (let entry = this.#slots[slot]!; entry !== 0; entry = this.#slots[slot]!) {
      if (sameBytes(this.#encoded[entry - 1]!, bytes, start, end)) return entry - 1;
      slot = (slot + 1) & mask;
    }
    // A copy: the `slice` of a Buffer is a view of memory that will be written to again.
    const encoded = new Uint8Array(bytes.subarray(start, end));
    const code = this.code(
      Buffer.from(encoded.buffer, encoded.byteOffset, encoded.length).toString(),
    );
    this.#encoded[code] = encoded;
    this.#slots[slot] = code + 1;
    if (++this.#slotted * 2 > this.#slots.length) this.#growSlots();
    return code;
  }

  #growSlots(): void {
    const grown = new Int32Array(this.#slots.length * 2);
    const mask = grown.length - 1;
    for (const entry of this.#slots) {
      if (entry === 0) continue;
      const encoded = this.#encoded[entry - 1]!;
      let slot = hashBytes(encoded, 0, encoded.length) & mask;
      while (grown[slot] !== 0) slot = (slot + 1) & mask;
      grown[slot] = entry;
    }
    this.#slots = grown;
  }
}

/** FNV-1a, 32 bits, with a final mix so that its low bits are good. */
function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  return hash ^ (hash >>> 15);
}

function sameBytes(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let at = 0; at < known.length; at++) if (known[at] !== bytes[start + at]) return false;
  return true;
}
