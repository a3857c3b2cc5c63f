import type { Dictionary } from '../dictionary.ts';

const slots = 1024;
const slotSize = 5;
/** Values of up to three words are remembered. */
const bytesMax = 12;

/** Keeps the bytes of a word that come before `length`, the first one lowest. */
const masks = Int32Array.from({ length: bytesMax + 1 }, (_, length) =>
  length >= 4 ? -1 : 2 ** (8 * length) - 1,
);

/**
 * The codes of short values that a category field had lately, found by comparing words: a slot holds
 * three words of the value, its length and its code + 1.
 */
export class CodeCache {
  readonly dictionary: Dictionary;
  readonly #slots: Int32Array = new Int32Array(slots * slotSize);

  constructor(dictionary: Dictionary) {
    this.dictionary = dictionary;
  }

  /** The code of the value `bytes[start … end)`, which is valid UTF-8, added when new. */
  codeOf(bytes: Uint8Array, view: DataView, start: number, end: number): number {
    const length = end - start;
    if (length > bytesMax || start + bytesMax > bytes.length) {
      return this.dictionary.codeOfBytes(bytes, start, end);
    }
    const first = view.getInt32(start, true) & masks[length]!;
    const second = length > 4 ? view.getInt32(start + 4, true) & masks[length - 4]! : 0;
    const third = length > 8 ? view.getInt32(start + 8, true) & masks[length - 8]! : 0;
    const hash = Math.imul(first ^ Math.imul(second ^ Math.imul(third, 31), 31), 0x9e37_79b1);
    const at = (hash >>> 22) * slotSize;
    const slot = this.#slots;
    if (
      slot[at] === first &&
      slot[at + 1] === second &&
      slot[at + 2] === third &&
      slot[at + 3] === length &&
      slot[at + 4] !== 0
    ) {
      return slot[at + 4]! - 1;
    }
    const code = this.dictionary.codeOfBytes(bytes, start, end);
    slot[at] = first;
    slot[at + 1] = second;
    slot[at + 2] = third;
    slot[at + 3] = length;
    slot[at + 4] = code + 1;
    return code;
  }
}
