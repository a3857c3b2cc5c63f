import {
  addField,
  beginFields,
  isNullable,
  Kind,
  kindOf,
  readBool,
  readNumber,
  setNull,
  writeText,
} from './fields';
import { KEYS } from './layout';
import { cellEnd, quotedEnd } from './text';

// In the room for keys: the columns, each the field it goes to or −1, and behind them the fields that
// have no column.
let columns: i32 = 0;
let missing: i32 = 0;
let isAscii: bool = false;
let delimiter: u8 = 0;

/** Begins a schema; its fields, then the columns, then the fields without a column are added. */
export function beginCsv(rows: i32, recordMax: i32, ascii: bool, between: u8): void {
  beginFields(rows, recordMax, true);
  isAscii = ascii;
  delimiter = between;
  columns = missing = 0;
}

export function addCsvField(kind: Kind, nullable: bool): void {
  addField(kind, nullable);
}

export function addCsvColumn(field: i32): void {
  store<i32>(KEYS + (usize(columns++) << 2), field);
}

export function addCsvMissing(field: i32): void {
  store<i32>(KEYS + (usize(columns + missing++) << 2), field);
}

/** Behind the record at `at`, its cells written; 0 where it is one for the slow path. */
export function parseCells(at: usize, row: i32): usize {
  const end = KEYS + (usize(columns) << 2);
  for (let column = KEYS; column < end; column += 4) {
    if (column != KEYS && load<u8>(at++) != delimiter) return 0;
    at = readCell(load<i32>(column), row, at);
    if (at == 0) return 0;
  }
  if (load<u8>(at) == 13) at++;
  if (load<u8>(at) != 10) return 0;
  for (let field = end; field < end + (usize(missing) << 2); field += 4) {
    setNull(load<i32>(field), row);
  }
  return at + 1;
}

/** Behind the cell at `at`, written to its field if it has one; 0 where it is not plain. */
function readCell(field: i32, row: i32, at: usize): usize {
  if (load<u8>(at) == 34) {
    const end = quotedEnd(at + 1, isAscii);
    if (end == 0 || load<u8>(end, 1) == 34) return 0;
    return field < 0 || readText(field, row, at + 1, end) ? end + 1 : 0;
  }
  if (field >= 0) {
    const behind = readNumber(field, row, at);
    if (behind != 0 && isCellEnd(load<u8>(behind))) return behind;
  }
  const end = cellEnd(at, delimiter, isAscii);
  if (end > at || field < 0) return field < 0 || readText(field, row, at, end) ? end : 0;
  if (end == 0 || !isNullable(field)) return 0;
  setNull(field, row);
  return at;
}

function isCellEnd(byte: u8): bool {
  return byte == delimiter || byte == 10 || byte == 13;
}

/** Reads the text from `at` to `end` as what its field takes; false where it does not. */
function readText(field: i32, row: i32, at: usize, end: usize): bool {
  const kind = kindOf(field);
  if (kind == Kind.Bool) return readBool(field, row, at) == end;
  if (kind != Kind.Category && kind != Kind.Text && readNumber(field, row, at) == end) return true;
  return writeText(field, row, at, end);
}
