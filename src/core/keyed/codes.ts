import type { Dictionary } from '../../batch/index.ts';

/** In the place of a code: the row has no value. */
export const nullCode = -1;

/** Where each code + 1 of a dictionary last led: valid while the slot still has the same serial. */
interface KnownCodes {
  slots: Int32Array;
  serials: Float64Array;
}

/** What is known of the codes of each dictionary, for as long as the dictionary is in use. */
export class SlotsOfCodes {
  readonly #known = new WeakMap<Dictionary, KnownCodes>();

  /** With room for every code that the dictionary has now. */
  of(dictionary: Dictionary): KnownCodes {
    let known = this.#known.get(dictionary);
    if (known === undefined) {
      known = { slots: new Int32Array(0), serials: new Float64Array(0) };
      this.#known.set(dictionary, known);
    }
    if (known.slots.length <= dictionary.size) {
      const capacity = Math.max(64, dictionary.size + 1, 2 * known.slots.length);
      const slots = new Int32Array(capacity).fill(-1);
      const serials = new Float64Array(capacity);
      slots.set(known.slots);
      serials.set(known.serials);
      known.slots = slots;
      known.serials = serials;
    }
    return known;
  }
}

/** Finds slots while the codes are known ones; gives the place of the first that is not. */
export function followCodes(
  codes: Int32Array,
  rows: Uint32Array,
  from: number,
  length: number,
  { slots, serials: serialsFound }: KnownCodes,
  serials: Float64Array,
  stamps: Float64Array,
  stampFirst: number,
  found: Int32Array,
): number {
  let at = from;
  for (; at < length; at++) {
    const code = codes[rows[at]!]! + 1;
    const slot = slots[code]!;
    if (slot < 0 || serialsFound[code] !== serials[slot]) break;
    stamps[slot] = stampFirst + at;
    found[at] = slot;
  }
  return at;
}
