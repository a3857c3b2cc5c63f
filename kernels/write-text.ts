let delimiter: u8 = 44;
let isExcelSafe: bool = false;

/** How the cells of a CSV are written. */
export function setCsv(delimiterByte: i32, excelSafe: i32): void {
  delimiter = u8(delimiterByte);
  isExcelSafe = excelSafe != 0;
}

/** Copies bytes, and up to 16 behind them, and gives the address behind those that count. */
export function copy(at: usize, from: usize, length: u32): usize {
  const end = at + usize(length);
  do {
    v128.store(at, v128.load(from));
    at += 16;
    from += 16;
  } while (at < end);
  return end;
}

/** Writes text as a JSON string. */
export function writeJsonText(at: usize, from: usize, length: u32): usize {
  store<u8>(at++, 34);
  const end = from + usize(length);
  while (from < end) {
    const bytes = v128.load(from);
    const stops = v128.or(
      i8x16.lt_u(bytes, i8x16.splat(32)),
      v128.or(i8x16.eq(bytes, i8x16.splat(34)), i8x16.eq(bytes, i8x16.splat(92))),
    );
    // What was copied from behind the first stop is written over.
    v128.store(at, bytes);
    const plain = min(usize(ctz(i8x16.bitmask(stops) | 0x10000)), end - from);
    at += plain;
    from += plain;
    if (plain < 16 && from < end) at = writeEscape(at, load<u8>(from++));
  }
  store<u8>(at, 34);
  return at + 1;
}

function writeEscape(at: usize, byte: u8): usize {
  let short: u8 = 0;
  if (byte == 34 || byte == 92) short = byte;
  else if (byte == 8) short = 98;
  else if (byte == 9) short = 116;
  else if (byte == 10) short = 110;
  else if (byte == 12) short = 102;
  else if (byte == 13) short = 114;
  store<u8>(at, 92);
  if (short != 0) {
    store<u8>(at, short, 1);
    return at + 2;
  }
  store<u32>(at, 0x30303075, 1);
  store<u8>(at, 48 + (byte >> 4), 4);
  store<u8>(at, hex(byte & 15), 5);
  return at + 6;
}

function hex(digit: u8): u8 {
  return digit < 10 ? 48 + digit : 87 + digit;
}

/** Writes text as a cell of a CSV, quoted where it must be. */
export function writeCsvText(at: usize, from: usize, length: u32): usize {
  const first = at;
  const end = from + usize(length);
  const lead = length > 0 ? load<u8>(from) : 0;
  const isGuarded = isExcelSafe && (lead == 61 || lead == 43 || lead == 45 || lead == 64);
  let isQuoted = length == 0;
  // A quote at the front is written always, and moved over where it turns out to be needless.
  store<u8>(at++, 34);
  if (isGuarded) store<u8>(at++, 39);
  for (; from < end; from++) {
    const byte = load<u8>(from);
    if (byte == 34) store<u8>(at++, 34);
    isQuoted = isQuoted || byte == 34 || byte == delimiter || byte == 10 || byte == 13;
    store<u8>(at++, byte);
  }
  if (isQuoted) {
    store<u8>(at, 34);
    return at + 1;
  }
  memory.copy(first, first + 1, at - first - 1);
  return at - 1;
}
