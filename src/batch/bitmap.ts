/** One bit per row, least significant bit first, as Arrow lays out validity: 1 = there is a value. */
export type Bitmap = Uint8Array;

/** Bytes that a bitmap of `rows` bits takes. */
export function bitmapBytes(rows: number): number {
  return (rows + 7) >>> 3;
}

/** A bitmap of `rows` bits, all set or all clear. */
export function createBitmap(rows: number, set: boolean): Bitmap {
  return new Uint8Array(bitmapBytes(rows)).fill(set ? 0xff : 0);
}

/** Whether the bit of a row is set. */
export function getBit(bitmap: Bitmap, row: number): boolean {
  return ((bitmap[row >>> 3]! >>> (row & 7)) & 1) === 1;
}

/** Sets the bit of a row: it has a value. */
export function setBit(bitmap: Bitmap, row: number): void {
  bitmap[row >>> 3]! |= 1 << (row & 7);
}

/** Clears the bit of a row: it is null. */
export function clearBit(bitmap: Bitmap, row: number): void {
  bitmap[row >>> 3]! &= ~(1 << (row & 7));
}

/** How many of the first `rows` bits are set. */
export function countBits(bitmap: Bitmap, rows: number): number {
  let count = 0;
  for (let row = 0; row < rows; row++) if (getBit(bitmap, row)) count++;
  return count;
}
