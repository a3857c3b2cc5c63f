/**
 * Where the memory of writing lies, behind that of reading. All of it is scratch: what an encoder
 * needs from one call to the next its owner writes anew when another had the memory in between.
 */

/** What a call left: how many numbers were not finite, and where it ended, two u32. */
export const WRITTEN: usize = 0x400000;

/** Of each field: see `Cell` in `write-rows.ts`. */
export const CELLS: usize = 0x401000;
export const CELL_SIZE: usize = 32;
export const CELLS_MAX: i32 = 64;

/** What stands around cells, and category values as they are written. */
export const CONSTANTS: usize = 0x402000;
export const CONSTANTS_SIZE: usize = 0x7e000;

/** Which of the stored rows are written, u32. */
export const SELECTED: usize = 0x480000;

/** So many stored rows at once: of each field a bit for each, then eight bytes for each and more. */
export const SPAN_MAX: i32 = 4096;
export const STORED: usize = 0x484000;
export const STORED_SIZE: usize = 0x8400;

/** Text of all fields. */
export const DATA: usize = 0x694000;
export const DATA_SIZE: usize = 0x6c000;

/** What is written; stores may go beyond its end, into the padding. */
export const OUT: usize = 0x700000;
export const OUT_SIZE: usize = 0xff000;

/** The numbers below 10^4, as four digits of text each. */
export const QUADS: usize = 0x800000;
