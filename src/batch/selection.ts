import { type Bitmap, getBit } from './bitmap.ts';
import { giveValues, takeValues } from './buffers.ts';
import { Shared } from './shared.ts';

/** The rows of a batch that count, by ascending index. A filter makes one instead of copying. */
export class Selection extends Shared {
  /** The first `length` elements are row indexes; the rest is spare room. */
  readonly rows: Uint32Array;
  readonly length: number;

  constructor(rows: Uint32Array, length: number) {
    super();
    this.rows = rows;
    this.length = length;
  }

  /** The rows among `from` (its first `count` elements) whose bit is set. */
  static fromBitmap(bitmap: Bitmap, from: Uint32Array, count: number): Selection {
    const rows = takeValues(Uint32Array, count);
    let length = 0;
    for (let at = 0; at < count; at++) {
      const row = from[at]!;
      rows[length] = row;
      if (getBit(bitmap, row)) length++;
    }
    return new Selection(rows, length);
  }

  protected free(): void {
    giveValues(this.rows);
  }
}

let everyRow = new Uint32Array(0);

/** The indexes 0, 1, 2 … up to at least `count`, shared: never written to. */
export function allRows(count: number): Uint32Array {
  if (everyRow.length < count) {
    everyRow = new Uint32Array(Math.max(4096, 2 ** Math.ceil(Math.log2(count))));
    for (let row = 0; row < everyRow.length; row++) everyRow[row] = row;
  }
  return everyRow;
}
