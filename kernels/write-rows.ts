import {
  CELLS,
  CELL_SIZE,
  OUT,
  OUT_SIZE,
  SELECTED,
  STORED,
  STORED_SIZE,
  WRITTEN,
} from './write-layout';
import { writeFloat, writeInteger, writeRounded } from './write-number';
import { copy, writeCsvText, writeJsonText } from './write-text';
import { writeTime } from './write-time';

/** How the values of a field are written, as the door numbers them. */
export const enum Cell {
  Float64,
  IsoTime,
  QuotedIsoTime,
  Int32,
  Int64,
  Bool,
  Category,
  JsonText,
  CsvText,
  /** Text as it stands. */
  Raw,
}

// A cell: its kind, what stands before it (address, length), where its bits of validity lie or 0,
// where text and category values lie, and of these where each starts, in words, and how long it is;
// how many decimals a float64 has at most, -1 for as many as it takes.
const beforeAt: usize = 4;
const beforeLengthAt: usize = 8;
const validityAt: usize = 12;
const textAt: usize = 16;
const startsAt: usize = 20;
const lengthsAt: usize = 24;
const decimalsAt: usize = 28;

let cellCount: usize = 0;
let hasText: bool = false;
let fixedBytesMax: usize = 0;
let after: usize = 0;
let afterLength: usize = 0;
let nothing: usize = 0;
let nothingLength: usize = 0;

/** Begins a schema: what stands behind a row, and for a null. */
export function beginRows(
  afterAddress: usize,
  afterBytes: i32,
  nothingAddress: usize,
  nothingBytes: i32,
): void {
  cellCount = 0;
  hasText = false;
  after = afterAddress;
  afterLength = usize(afterBytes);
  nothing = nothingAddress;
  nothingLength = usize(nothingBytes);
}

/** Says what a row takes at most, its text left out. */
export function setRowBytes(bytesMax: i32): void {
  fixedBytesMax = usize(bytesMax);
}

/** Adds a field, which has this before each of its cells, and so many decimals at most, or -1. */
export function addCell(kind: Cell, before: usize, beforeBytes: i32, decimals: i32): void {
  const cell = CELLS + cellCount++ * CELL_SIZE;
  store<i32>(cell, kind);
  hasText = hasText || kind >= Cell.JsonText;
  store<u32>(cell, u32(before), beforeAt);
  store<i32>(cell, beforeBytes, beforeLengthAt);
  store<u32>(cell, 0, validityAt);
  store<i32>(cell, decimals, decimalsAt);
}

/** Says where the values of a category field lie. */
export function setCategories(field: i32, text: usize, starts: usize, lengths: usize): void {
  const cell = CELLS + usize(field) * CELL_SIZE;
  store<u32>(cell, u32(text), textAt);
  store<u32>(cell, u32(starts), startsAt);
  store<u32>(cell, u32(lengths), lengthsAt);
}

/** Says where the bytes of a text field would begin, of which only some are there. */
export function setText(field: i32, text: usize): void {
  store<u32>(CELLS + usize(field) * CELL_SIZE, u32(text), textAt);
}

/** Says whether any of the rows that were stored of a field may be null. */
export function setNullable(field: i32, nullable: i32): void {
  const validity = nullable != 0 ? u32(STORED + usize(field) * STORED_SIZE) : 0;
  store<u32>(CELLS + usize(field) * CELL_SIZE, validity, validityAt);
}

/**
 * Writes the selected rows from `from` to `end` and gives the first that is not: where there is no
 * room for it in what is left, or where it is one for the slow path.
 */
export function writeRows(from: i32, end: i32): i32 {
  let at = OUT;
  let row = from;
  store<u32>(WRITTEN, 0);
  for (; row < end; row++) {
    const stored = usize(load<u32>(SELECTED + (usize(row) << 2)));
    const textBytes = hasText ? textBytesMax(stored) : 0;
    if (at + fixedBytesMax + textBytes > OUT + OUT_SIZE) break;
    const next = writeRow(at, stored);
    if (next == 0) break;
    at = next;
  }
  store<u32>(WRITTEN, u32(at - OUT), 4);
  return row;
}

/** What the text of a row takes at most. */
function textBytesMax(stored: usize): usize {
  let bytes: usize = 0;
  for (let field: usize = 0; field < cellCount; field++) {
    if (load<i32>(CELLS + field * CELL_SIZE) < Cell.JsonText) continue;
    const offset = valuesOf(field) + (stored << 2);
    bytes += 6 * usize(load<u32>(offset, 4) - load<u32>(offset)) + 3;
  }
  return bytes;
}

/** Writes a row and gives the address behind it; 0 where a cell is one for the slow path. */
function writeRow(at: usize, stored: usize): usize {
  let infinite: u32 = 0;
  for (let field: usize = 0; field < cellCount; field++) {
    const cell = CELLS + field * CELL_SIZE;
    at = copy(at, load<u32>(cell, beforeAt), load<u32>(cell, beforeLengthAt));
    const validity = usize(load<u32>(cell, validityAt));
    if (validity != 0 && ((load<u8>(validity + (stored >> 3)) >> u8(stored & 7)) & 1) == 0) {
      at = copy(at, nothing, u32(nothingLength));
      continue;
    }
    const values = valuesOf(field);
    const kind = load<i32>(cell);
    if (kind <= Cell.QuotedIsoTime) {
      const value = load<f64>(values + (stored << 3));
      if (value - value != 0) {
        infinite++;
        at = copy(at, nothing, u32(nothingLength));
        continue;
      }
      const decimals = load<i32>(cell, decimalsAt);
      if (kind >= Cell.IsoTime) at = writeTimeCell(at, value, kind);
      else at = decimals < 0 ? writeFloat(at, value) : writeRounded(at, value, decimals);
      if (at == 0) return 0;
    } else if (kind == Cell.Category) {
      const code = usize(load<u32>(values + (stored << 2))) << 2;
      const start = load<u32>(usize(load<u32>(cell, startsAt)) + code) << 2;
      const length = load<u32>(usize(load<u32>(cell, lengthsAt)) + code);
      at = copy(at, usize(load<u32>(cell, textAt)) + start, length);
    } else if (kind == Cell.Int32) {
      at = writeInteger(at, i64(load<i32>(values + (stored << 2))));
    } else if (kind == Cell.Int64) {
      at = writeInteger(at, load<i64>(values + (stored << 3)));
    } else if (kind == Cell.Bool) {
      const isTrue = load<u8>(values + stored) == 1;
      store<u32>(at, isTrue ? 0x65757274 : 0x736c6166);
      store<u8>(at, 101, 4);
      at += isTrue ? 4 : 5;
    } else {
      const offset = values + (stored << 2);
      const start = usize(load<u32>(cell, textAt)) + load<u32>(offset);
      const length = load<u32>(offset, 4) - load<u32>(offset);
      if (kind == Cell.JsonText) at = writeJsonText(at, start, length);
      else if (kind == Cell.CsvText) at = writeCsvText(at, start, length);
      else at = copy(at, start, length);
    }
  }
  store<u32>(WRITTEN, load<u32>(WRITTEN) + infinite);
  return copy(at, after, u32(afterLength));
}

function writeTimeCell(at: usize, value: f64, kind: Cell): usize {
  if (kind == Cell.IsoTime) return writeTime(at, value);
  store<u8>(at, 34);
  at = writeTime(at + 1, value);
  if (at == 0) return 0;
  store<u8>(at, 34);
  return at + 1;
}

function valuesOf(field: usize): usize {
  return STORED + field * STORED_SIZE + 0x400;
}
