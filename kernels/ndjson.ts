import {
  addField,
  beginFields,
  fieldCount,
  isNull,
  isNullable,
  Kind,
  kindOf,
  literalEnd,
  readBool,
  readNumber,
  setNull,
  writeText,
} from './fields';
import {
  BYTE_MASKS,
  INPUT,
  KEYS,
  KEYS_SIZE,
  KEY_TABLE,
  KEY_TABLE_MASK,
  RESULT,
  SLOTS,
  SLOTS_MAX,
  SLOT_SIZE,
} from './layout';
import { readFloat } from './number';
import { stringEnd } from './text';

// A slot is a key that records have. What stood behind its value when it was last seen, up to the
// next value or the line end, is expected there again: compared as words, and looked up only when
// it is something else. Slot 0 is the beginning of a record.
const nextAt: usize = 0;
const lengthAt: usize = 4;
const fieldAt: usize = 6;
const seenAt: usize = 8;
/** Ones for those of the first 16 bytes that count. */
const maskAt: usize = 16;
const betweenAt: usize = 32;
const betweenMax: usize = 64;
const keyAt: usize = 112;
const keyLengthAt: usize = 116;

const lineEnd: i32 = -1;
const unknown: i32 = -2;
const extraKeyMax: usize = 64;

let slotCount: i32 = 0;
let keysEnd: usize = KEYS;
let isAscii: bool = false;
let refuseExtra: bool = false;
/** The record in the making: what a slot was last seen in. In 32 bits it would come round in a day. */
let record: u64 = 0;
/** How many of its keys the schema has not. */
export let extraFields: i32 = 0;
/** Where the value of the member is that was found last. */
let valueAt: usize = 0;

/** Begins a schema; `addNdjsonField` adds its fields. With `ascii` text beyond it is for the slow path. */
export function beginNdjson(rows: i32, recordMax: i32, ascii: bool, noExtra: bool): void {
  beginFields(rows, recordMax, false);
  isAscii = ascii;
  refuseExtra = noExtra;
  memory.fill(KEY_TABLE, 0, (KEY_TABLE_MASK + 1) << 1);
  keysEnd = KEYS;
  slotCount = 0;
  record = 0;
  addSlot(0, 0, -1);
}

/** Adds a field whose key, as it stands between quotes, lies at the beginning of the input. */
export function addNdjsonField(kind: Kind, nullable: bool, keyLength: i32): bool {
  return addSlot(INPUT, keyLength, addField(kind, nullable)) >= 0;
}

/** Behind the line at `at`, its values written; 0 where it is one for the slow path. */
export function parseLine(at: usize, row: i32): usize {
  record++;
  extraFields = 0;
  let fields = 0;
  let last = SLOTS;
  while (true) {
    const length: usize = load<u16>(last, lengthAt);
    let slot: i32 = load<i32>(last, nextAt);
    if (isExpected(at, last, length)) {
      at += length;
    } else {
      slot = findNext(at, last);
      at = valueAt;
    }
    if (slot < 0) break;
    const known = SLOTS + usize(slot) * SLOT_SIZE;
    // A key that comes twice.
    if (load<u64>(known, seenAt) == record) return 0;
    store<u64>(known, record, seenAt);
    const field: i32 = load<i16>(known, fieldAt);
    if (field >= 0) {
      at = readValue(field, row, at);
      fields++;
    } else {
      at = skipValue(at);
      extraFields++;
    }
    if (at == 0) return 0;
    last = known;
  }
  return at == 0 || (fields < fieldCount && !nullMissing(row)) ? 0 : at;
}

/** Whether the `length` bytes at `at` are what is expected behind the value of the slot at `last`. */
function isExpected(at: usize, last: usize, length: usize): bool {
  const start = v128.and(v128.load(at), v128.load(last, maskAt));
  if (v128.any_true(v128.xor(start, v128.load(last, betweenAt)))) return false;
  return length <= 16 || isSame(at + 16, last + betweenAt + 16, length - 16);
}

/** Whether so many bytes are the same. */
function isSame(at: usize, known: usize, length: usize): bool {
  for (; length >= 8; length -= 8, at += 8, known += 8) {
    if (load<u64>(at) != load<u64>(known)) return false;
  }
  return length == 0 || (load<u64>(at) ^ load<u64>(known)) << (64 - (u64(length) << 3)) == 0;
}

function nullMissing(row: i32): bool {
  for (let field = 0; field < fieldCount; field++) {
    if (load<u64>(SLOTS + usize(field + 1) * SLOT_SIZE, seenAt) == record) continue;
    if (!isNullable(field)) return false;
    setNull(field, row);
  }
  return true;
}

/** Behind the value at `at`, written to its field; 0 where it does not fit. */
function readValue(field: i32, row: i32, at: usize): usize {
  if (load<u8>(at) == 34) {
    const end = stringEnd(at + 1, isAscii);
    return end != 0 && writeText(field, row, at + 1, end) ? end + 1 : 0;
  }
  const behind = kindOf(field) == Kind.Bool ? readBool(field, row, at) : readNumber(field, row, at);
  if (behind != 0 || !isNull(at) || !isNullable(field)) return behind;
  setNull(field, row);
  return at + 4;
}

/** Behind the value at `at`, of a key that the schema has not; 0 where it is not a plain one. */
function skipValue(at: usize): usize {
  const first = load<u8>(at);
  if (first == 34) {
    const end = stringEnd(at + 1, isAscii);
    return end == 0 ? 0 : end + 1;
  }
  if (first == 110) return isNull(at) ? at + 4 : 0;
  return first >= 97 ? literalEnd(at) : readFloat(at, RESULT + 64);
}

/**
 * Finds out what comes behind the value of the slot at `last`, wherever spaces stand, and remembers it:
 * gives the slot of the next key, `valueAt` being where its value is, or `lineEnd`, `valueAt` being
 * behind it, or `unknown` and 0.
 */
function findNext(from: usize, last: usize): i32 {
  valueAt = 0;
  let at = skipSpace(from);
  let byte = load<u8>(at);
  if (last == SLOTS) {
    if (byte != 123) return unknown;
    at = skipSpace(at + 1);
    byte = load<u8>(at);
  } else if (byte == 44) {
    at = skipSpace(at + 1);
    byte = load<u8>(at);
    if (byte == 125) return unknown;
  } else if (byte != 125) return unknown;
  let next = lineEnd;
  if (byte == 34) {
    const end = stringEnd(at + 1, isAscii);
    if (end == 0) return unknown;
    next = slotOf(at + 1, end - at - 1);
    at = skipSpace(end + 1);
    if (next < 0 || load<u8>(at) != 58) return unknown;
    valueAt = skipSpace(at + 1);
  } else {
    at = skipSpace(at + 1);
    if (byte != 125 || load<u8>(at) != 10) return unknown;
    valueAt = at + 1;
  }
  const length = valueAt - from;
  if (length <= betweenMax) {
    const mask = v128.load(BYTE_MASKS + 16 - min(length, 16));
    v128.store(last, mask, maskAt);
    memory.copy(last + betweenAt, from, max(length, 16));
    v128.store(last, v128.and(v128.load(last, betweenAt), mask), betweenAt);
    store<i32>(last, next, nextAt);
    store<u16>(last, u16(length), lengthAt);
  }
  return next;
}

function skipSpace(at: usize): usize {
  for (let byte = load<u8>(at); byte == 32 || byte == 9 || byte == 13; byte = load<u8>(++at));
  return at;
}

/** The slot of a key, made where it is new; `unknown` where there is no room for more. */
function slotOf(key: usize, length: usize): i32 {
  for (let at = hashOf(key, length); ; at++) {
    const slot = load<u16>(KEY_TABLE + (usize(at & KEY_TABLE_MASK) << 1));
    if (slot == 0) break;
    const known = SLOTS + usize(slot) * SLOT_SIZE;
    const isIt = load<u32>(known, keyLengthAt) == u32(length);
    if (isIt && isSame(key, load<u32>(known, keyAt), length)) return slot;
  }
  return refuseExtra || length > extraKeyMax ? unknown : addSlot(key, length, -1);
}

function addSlot(key: usize, length: usize, field: i32): i32 {
  const keySize = (length + 15) & ~7;
  if (slotCount == SLOTS_MAX || keysEnd + keySize > KEYS + KEYS_SIZE) return unknown;
  const slot = SLOTS + usize(slotCount) * SLOT_SIZE;
  store<i32>(slot, unknown, nextAt);
  store<u16>(slot, 0, lengthAt);
  // No byte counts, and they are not 0: nothing is expected yet.
  v128.store(slot, i8x16.splat(0), maskAt);
  v128.store(slot, i8x16.splat(1), betweenAt);
  store<i16>(slot, i16(field), fieldAt);
  store<u32>(slot, u32(keysEnd), keyAt);
  store<u32>(slot, u32(length), keyLengthAt);
  store<u64>(slot, 0, seenAt);
  memory.copy(keysEnd, key, length);
  keysEnd += keySize;
  // The first stands for no key.
  if (slotCount > 0) {
    let at = hashOf(key, length);
    while (load<u16>(KEY_TABLE + (usize(at & KEY_TABLE_MASK) << 1)) != 0) at++;
    store<u16>(KEY_TABLE + (usize(at & KEY_TABLE_MASK) << 1), u16(slotCount));
  }
  return slotCount++;
}

function hashOf(key: usize, length: usize): u32 {
  let hash: u64 = length;
  for (; length >= 8; length -= 8, key += 8) hash = (hash ^ load<u64>(key)) * 0x9e3779b97f4a7c15;
  if (length > 0)
    hash = (hash ^ (load<u64>(key) << (64 - (u64(length) << 3)))) * 0x9e3779b97f4a7c15;
  return u32(hash >> 40);
}
