import { CATEGORIES, CATEGORIES_SIZE, MISSES, MISSES_MAX, MISS_SIZE } from './layout';

/**
 * Codes of category values by their bytes, for all dictionaries of the thread: entries of a cache
 * line, found by hash among four neighbours. An entry is the id of the dictionary (0: free), the
 * length, the code, and up to 48 bytes padded with zeros. What is new to it gets the code −1 − n,
 * where n is its place among the misses of the call, and its real one when the owner tells it.
 */
const entrySize: usize = 64;
const entryMask: u64 = u64(CATEGORIES_SIZE / entrySize) - 1;
const bytesMax: usize = 48;
const codeAt: usize = 8;
const bytesAt: usize = 16;

/** How many values were not found in this call. */
export let misses: i32 = 0;
let victim: u64 = 0;

export function beginMisses(): void {
  misses = 0;
}

/** Whether a row of so many category fields may still miss. */
export function mayMiss(fields: i32): bool {
  return misses + fields <= MISSES_MAX;
}

/** Forgets the misses from `count` on: their row was not taken. */
export function dropMisses(count: i32): void {
  while (misses > count) {
    misses--;
    const entry = load<u32>(MISSES + usize(misses) * MISS_SIZE, 12);
    if (entry != 0) store<u32>(entry, 0);
  }
}

/** The code in a dictionary of the valid UTF-8 from `at` to `end`, or that of a miss. */
export function codeOf(dictionary: u32, field: i32, at: usize, end: usize): i32 {
  const length = end - at;
  const head = u64(dictionary) | (u64(length) << 32);
  if (length > 16) return lookUp(head, hashOf(head, at), field, at);
  const first = partOf(at, length);
  const second = length > 8 ? partOf(at + 8, length - 8) : 0;
  const hash = mixed((first ^ head) * 0x9e3779b97f4a7c15 + second * 0xbf58476d1ce4e5b9);
  const entry = CATEGORIES + usize(hash & entryMask) * entrySize;
  const isIt =
    load<u64>(entry) == head &&
    load<u64>(entry, bytesAt) == first &&
    load<u64>(entry, bytesAt + 8) == second;
  return isIt ? load<i32>(entry, codeAt) : lookUp(head, hash, field, at);
}

/** The same for a value that is long, or not in the first of its entries. */
function lookUp(head: u64, hash: u64, field: i32, at: usize): i32 {
  const length = usize(head >> 32);
  if (length > bytesMax) return miss(field, at, length, 0);
  let free: usize = 0;
  let other: usize = 0;
  for (let way: u64 = 0; way < 4; way++) {
    const entry = CATEGORIES + usize((hash ^ way) & entryMask) * entrySize;
    if (load<u64>(entry) == head && isSame(entry + bytesAt, at, length)) {
      return load<i32>(entry, codeAt);
    }
    const owner = load<u32>(entry);
    if (free == 0 && owner == 0) free = entry;
    // Of a dictionary that may be gone.
    if (other == 0 && owner != u32(head)) other = entry;
  }
  if (free == 0) free = other;
  if (free == 0) free = CATEGORIES + usize((hash ^ (victim++ & 3)) & entryMask) * entrySize;
  // An entry that waits for its code is not to be taken by the next miss.
  if (load<u32>(free) != 0 && load<i32>(free, codeAt) < 0) return miss(field, at, length, 0);
  const code = miss(field, at, length, free);
  store<u64>(free, head);
  store<i32>(free, code, codeAt);
  for (let from: usize = 0; from < bytesMax; from += 8) {
    store<u64>(free + from, from < length ? partOf(at + from, length - from) : 0, bytesAt);
  }
  return code;
}

/** The hash of a long value. */
function hashOf(head: u64, at: usize): u64 {
  let hash = head;
  const length = usize(head >> 32);
  for (let from: usize = 0; from < length; from += 8) {
    hash = mixed((hash ^ partOf(at + from, length - from)) * 0x9e3779b97f4a7c15);
  }
  return hash;
}

function mixed(hash: u64): u64 {
  return ((hash ^ (hash >> 32)) * 0xd6e8feb86659fd93) >> 40;
}

/** Says which code the value of a miss has. Codes of columns are set by `patchCodes`. */
export function resolveMiss(index: i32, code: i32): void {
  const at = MISSES + usize(index) * MISS_SIZE;
  const entry = load<u32>(at, 12);
  if (entry != 0) store<i32>(entry, code, codeAt);
  store<i32>(at, code, 12);
}

/** Puts codes for the misses in the codes from `at` to `end`, all misses being resolved. */
export function patchCodes(at: usize, end: usize): void {
  for (; at < end; at += 4) {
    const code = load<i32>(at);
    if (code < 0) store<i32>(at, load<i32>(MISSES + usize(-1 - code) * MISS_SIZE, 12));
  }
}

function miss(field: i32, at: usize, length: usize, entry: usize): i32 {
  const into = MISSES + usize(misses) * MISS_SIZE;
  store<i32>(into, field);
  store<u32>(into, u32(at), 4);
  store<u32>(into, u32(length), 8);
  store<u32>(into, u32(entry), 12);
  return -1 - misses++;
}

function isSame(known: usize, at: usize, length: usize): bool {
  for (let from: usize = 0; from < length; from += 8) {
    if (load<u64>(known + from) != partOf(at + from, length - from)) return false;
  }
  return true;
}

/** The next up to eight bytes as a word, the first one lowest. There are `left` of them, or more. */
function partOf(at: usize, left: usize): u64 {
  const word = load<u64>(at);
  if (left >= 8) return word;
  return left == 0 ? 0 : word & ((u64(1) << u64(left << 3)) - 1);
}
