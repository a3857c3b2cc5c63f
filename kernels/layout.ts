/**
 * Where everything lies in memory, which never grows: scratch of one thread. What a decoder keeps
 * from one call to the next is in the fields and slots; its owner writes them anew when another
 * decoder had the memory in between.
 */

/** Powers of five, 128 bits each, from 10^-342 to 10^308, then powers of ten: u64, float64. */
export const POWERS: usize = 0x400;
export const TENS: usize = 0x3000;
export const FLOAT_TENS: usize = 0x30c0;
/** 16 bytes of ones, then 16 of zeros. */
export const BYTE_MASKS: usize = 0x3180;
/** Factors of digits, of pairs of them, and of fours. */
export const UNITS: usize = 0x31a0;
export const PAIRS: usize = 0x31b0;
export const FOURS: usize = 0x31c0;
/** From `n` on: indexes that move `n` bytes to the end of a vector, and zeros before them. */
export const SHIFTS: usize = 0x31d0;
/** What a call found: see `Result`. */
export const RESULT: usize = 0x3200;
/** Room for the arithmetic that makes the powers of five; 16 bytes before and behind it are zero. */
export const LIMBS: usize = 0x3400;

export const FIELDS_MAX: i32 = 256;
/** Keys of records: those of the fields, then others that were seen. */
export const SLOTS_MAX: i32 = 320;

/** Of each field: see `Field`. */
export const FIELDS: usize = 0x4000;
export const FIELD_SIZE: usize = 32;

/** Of each key: see `Slot`. The first stands for the beginning of a record. */
export const SLOTS: usize = 0x6000;
export const SLOT_SIZE: usize = 128;

/** Slots by the hash of their keys, u16, 0 where free. */
export const KEY_TABLE: usize = 0x10000;
export const KEY_TABLE_MASK: u32 = 0x7ff;
/** The bytes of keys, each padded to whole words. */
export const KEYS: usize = 0x11000;
export const KEYS_SIZE: usize = 0xf000;

/** Codes of category values by their bytes: see `category.ts`. */
export const CATEGORIES: usize = 0x20000;
export const CATEGORIES_SIZE: usize = 0x100000;

/** Category values that were not found, four words each: field, start, length, entry. */
export const MISSES: usize = 0x120000;
export const MISSES_MAX: i32 = 4096;
export const MISS_SIZE: usize = 16;

/** Rows of one call, and room for their columns. Rows are those of the batch from a multiple of 8. */
export const ROWS_MAX: i32 = 4096;
export const COLUMNS: usize = 0x130000;
export const COLUMNS_SIZE: usize = 0x200000;

/** The bytes that are parsed. Loads may go beyond what was put there, into the padding. */
export const INPUT: usize = 0x330000;
export const INPUT_SIZE: usize = 0x40000;
export const PADDING: usize = 0x100;

/** Texts of one column, gathered, and where they end. */
export const OFFSETS: usize = 0x371000;
export const TEXTS: usize = 0x376000;

/** The sums of XXH64, and the bytes that go into them: of one call. */
export const HASH_SUMS: usize = 0x3bf000;
export const HASHED: usize = 0x3c0000;
export const HASHED_SIZE: usize = 0x4000;
