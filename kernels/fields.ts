import { codeOf, patchCodes } from './category';
import { COLUMNS, FIELDS, FIELD_SIZE, INPUT, OFFSETS, TEXTS } from './layout';
import { readFloat, readInt32, readInt64 } from './number';
import { readTimestamp } from './timestamp';

/** Kinds of fields, as the door numbers them. `Other` has none but null here. */
export const enum Kind {
  Float64,
  Timestamp,
  Int32,
  Int64,
  Bool,
  Category,
  Text,
  Other,
}

// A field: kind, whether it may be null, where its values and the bits of its nulls lie, whether it
// had any, and its dictionary. The values of text are spans of the input: start and length.
const nullableAt: usize = 4;
const valuesAt: usize = 8;
const bitsAt: usize = 12;
const nullsAt: usize = 16;
const dictionaryAt: usize = 20;

/** Of which format the records are, and how long one may be. */
export let isCsv: bool = false;
export let recordBytesMax: usize = 0;
export let fieldCount: i32 = 0;
export let categoryFields: i32 = 0;
/** Bytes of text in the row in the making. */
export let textBytes: i32 = 0;
let columnsEnd: usize = COLUMNS;
let columnRows: usize = 0;
let positionsAt: usize = 0;

/** Begins a schema of which `rows` rows fit into the memory, a multiple of eight. */
export function beginFields(rows: i32, recordMax: i32, csv: bool): void {
  isCsv = csv;
  recordBytesMax = recordMax;
  fieldCount = categoryFields = 0;
  columnRows = usize(rows);
  columnsEnd = COLUMNS;
  positionsAt = room(8);
}

/** Adds a field, and gives its number. */
export function addField(kind: Kind, nullable: bool): i32 {
  const field = FIELDS + usize(fieldCount) * FIELD_SIZE;
  store<i32>(field, kind);
  store<i32>(field, i32(nullable), nullableAt);
  store<u32>(field, u32(room(sizeOf(kind))), valuesAt);
  store<u32>(field, u32(columnsEnd), bitsAt);
  columnsEnd += columnRows >> 3;
  store<u32>(field, 0, dictionaryAt);
  if (kind == Kind.Category) categoryFields++;
  return fieldCount++;
}

function sizeOf(kind: Kind): usize {
  if (kind == Kind.Bool || kind == Kind.Other) return 1;
  return kind == Kind.Int32 || kind == Kind.Category ? 4 : 8;
}

function room(size: usize): usize {
  const at = columnsEnd;
  columnsEnd += columnRows * size;
  return at;
}

/** Where the positions, the values of a field, and the bits of its nulls lie, for the copy out. */
export function positions(): usize {
  return positionsAt;
}

export function values(field: i32): usize {
  return load<u32>(FIELDS + usize(field) * FIELD_SIZE, valuesAt);
}

export function validity(field: i32): usize {
  return load<u32>(FIELDS + usize(field) * FIELD_SIZE, bitsAt);
}

/** Whether a field may have had nulls since `beginRows`. */
export function hadNulls(field: i32): bool {
  return load<i32>(FIELDS + usize(field) * FIELD_SIZE, nullsAt) != 0;
}

export function setDictionary(field: i32, dictionary: u32): void {
  store<u32>(FIELDS + usize(field) * FIELD_SIZE, dictionary, dictionaryAt);
}

/** Nothing is null until it is said. */
export function beginRows(): void {
  textBytes = 0;
  for (let field: usize = 0; field < usize(fieldCount); field++) {
    const at = FIELDS + field * FIELD_SIZE;
    if (load<i32>(at, nullsAt) == 0) continue;
    memory.fill(load<u32>(at, bitsAt), 0xff, columnRows >> 3);
    store<i32>(at, 0, nullsAt);
  }
}

/** Makes the bits of all fields ones, whatever was there. */
export function clearNulls(): void {
  for (let field: usize = 0; field < usize(fieldCount); field++) {
    const at = FIELDS + field * FIELD_SIZE;
    memory.fill(load<u32>(at, bitsAt), 0xff, columnRows >> 3);
    store<i32>(at, 0, nullsAt);
  }
}

/** Forgets the nulls and texts of a row that is not taken. */
export function dropRow(row: i32): void {
  textBytes = 0;
  for (let field: usize = 0; field < usize(fieldCount); field++) {
    const at = FIELDS + field * FIELD_SIZE;
    if (load<i32>(at, nullsAt) == 0) continue;
    const bits = usize(load<u32>(at, bitsAt)) + (usize(row) >> 3);
    store<u8>(bits, load<u8>(bits) | (u8(1) << u8(row & 7)));
  }
}

/** Ends a row: its position, and how many bytes of text it has. */
export function takeRow(row: i32, position: f64): i32 {
  store<f64>(positionsAt + (usize(row) << 3), position);
  const bytes = textBytes;
  textBytes = 0;
  return bytes;
}

export function isNullable(field: i32): bool {
  return load<i32>(FIELDS + usize(field) * FIELD_SIZE, nullableAt) != 0;
}

export function kindOf(field: i32): Kind {
  return load<i32>(FIELDS + usize(field) * FIELD_SIZE);
}

export function setNull(field: i32, row: i32): void {
  const at = FIELDS + usize(field) * FIELD_SIZE;
  const bits = usize(load<u32>(at, bitsAt)) + (usize(row) >> 3);
  store<u8>(bits, load<u8>(bits) & ~(u8(1) << u8(row & 7)));
  store<i32>(at, 1, nullsAt);
  const kind = load<i32>(at);
  if (kind == Kind.Category) store<i32>(values(field) + (usize(row) << 2), 0);
  else if (kind == Kind.Text) store<u64>(values(field) + (usize(row) << 3), 0);
}

/** Reads a number, as JSON writes them, and gives the address behind it; 0 where it has another kind. */
export function readNumber(field: i32, row: i32, at: usize): usize {
  const from = FIELDS + usize(field) * FIELD_SIZE;
  const into: usize = load<u32>(from, valuesAt);
  switch (load<i32>(from)) {
    case Kind.Float64:
    case Kind.Timestamp:
      return readFloat(at, into + (usize(row) << 3));
    case Kind.Int32:
      return readInt32(at, into + (usize(row) << 2));
    case Kind.Int64:
      return readInt64(at, into + (usize(row) << 3));
    default:
      return 0;
  }
}

/** Writes the plain text from `at` to `end`; false where the field takes none, or not this. */
export function writeText(field: i32, row: i32, at: usize, end: usize): bool {
  const from = FIELDS + usize(field) * FIELD_SIZE;
  const into: usize = load<u32>(from, valuesAt);
  switch (load<i32>(from)) {
    case Kind.Category:
      store<i32>(into + (usize(row) << 2), codeOf(load<u32>(from, dictionaryAt), field, at, end));
      return true;
    case Kind.Text:
      store<u32>(into + (usize(row) << 3), u32(at));
      store<u32>(into + (usize(row) << 3), u32(end - at), 4);
      textBytes += i32(end - at);
      return true;
    case Kind.Timestamp:
      return readTimestamp(at, end, into + (usize(row) << 3));
    default:
      return false;
  }
}

/** Reads `true` or `false`, and gives the address behind it; 0 where neither is there. */
export function readBool(field: i32, row: i32, at: usize): usize {
  const into = values(field) + usize(row);
  const behind = literalEnd(at);
  store<u8>(into, u8(behind == at + 4));
  return behind;
}

/** Behind `true` or `false` at `at`, or 0. */
export function literalEnd(at: usize): usize {
  const word = load<u32>(at);
  if (word == 0x65757274) return at + 4;
  return word == 0x736c6166 && load<u8>(at, 4) == 101 ? at + 5 : 0;
}

export function isNull(at: usize): bool {
  return load<u32>(at) == 0x6c6c756e;
}

/** Puts the texts of rows one behind the other, and gives their size. `offset` is that of the first. */
export function gatherText(field: i32, row: i32, end: i32, offset: i32): i32 {
  const spans = values(field);
  let into = TEXTS;
  let offsets = OFFSETS;
  for (; row < end; row++, offsets += 4) {
    const from: usize = load<u32>(spans + (usize(row) << 3));
    const length: usize = load<u32>(spans + (usize(row) << 3), 4);
    if (length <= 32) {
      v128.store(into, v128.load(from));
      v128.store(into, v128.load(from, 16), 16);
    } else {
      memory.copy(into, from, length);
    }
    into += length;
    store<i32>(offsets, offset + i32(into - TEXTS));
  }
  return i32(into - TEXTS);
}

/** Puts the codes of the misses into the column of each category field. */
export function patchCategories(row: i32, end: i32): void {
  for (let field = 0; field < fieldCount; field++) {
    if (kindOf(field) != Kind.Category) continue;
    patchCodes(values(field) + (usize(row) << 2), values(field) + (usize(end) << 2));
  }
}

/** Where an address is in the input. */
export function offsetOf(at: usize): u32 {
  return u32(at - INPUT);
}
