/**
 * Behind the plain text of a JSON string that begins at `at`: at its end quote. 0 where it has an
 * escape, a control character (at the latest the line end), or bytes that are not UTF-8.
 */
export function stringEnd(at: usize, ascii: bool): usize {
  while (true) {
    const bytes = v128.load(at);
    // As signed numbers bytes beyond ASCII are below the space too.
    const stops = v128.or(
      i8x16.lt_s(bytes, i8x16.splat(32)),
      v128.or(i8x16.eq(bytes, i8x16.splat(34)), i8x16.eq(bytes, i8x16.splat(92))),
    );
    const mask = i8x16.bitmask(stops);
    if (mask == 0) {
      at += 16;
      continue;
    }
    at += usize(ctz(mask));
    const byte = load<u8>(at);
    if (byte == 34) return at;
    if (byte < 0x80 || ascii) return 0;
    at = sequencesEnd(at);
    if (at == 0) return 0;
  }
}

/** Where a cell of a CSV without quotes ends: at delimiter, CR or LF; 0 where it is not UTF-8. */
export function cellEnd(at: usize, delimiter: i8, ascii: bool): usize {
  while (true) {
    const bytes = v128.load(at);
    const stops = v128.or(
      v128.or(i8x16.lt_s(bytes, i8x16.splat(0)), i8x16.eq(bytes, i8x16.splat(delimiter))),
      v128.or(i8x16.eq(bytes, i8x16.splat(10)), i8x16.eq(bytes, i8x16.splat(13))),
    );
    const mask = i8x16.bitmask(stops);
    if (mask == 0) {
      at += 16;
      continue;
    }
    at += usize(ctz(mask));
    if (load<i8>(at) >= 0) return at;
    if (ascii) return 0;
    at = sequencesEnd(at);
    if (at == 0) return 0;
  }
}

/** Where a quoted cell ends, or LF: at a quote; 0 where it is not UTF-8 or goes on in a new line. */
export function quotedEnd(at: usize, ascii: bool): usize {
  while (true) {
    const bytes = v128.load(at);
    const stops = v128.or(
      i8x16.lt_s(bytes, i8x16.splat(0)),
      v128.or(i8x16.eq(bytes, i8x16.splat(34)), i8x16.eq(bytes, i8x16.splat(10))),
    );
    const mask = i8x16.bitmask(stops);
    if (mask == 0) {
      at += 16;
      continue;
    }
    at += usize(ctz(mask));
    const byte = load<u8>(at);
    if (byte < 0x80) return byte == 34 ? at : 0;
    if (ascii) return 0;
    at = sequencesEnd(at);
    if (at == 0) return 0;
  }
}

/**
 * Behind the sequences of several bytes that begin at `at`, at the next byte of ASCII; 0 where one
 * is not valid. Ranges of the Unicode standard, table 3-7.
 */
function sequencesEnd(at: usize): usize {
  let lead = load<u8>(at);
  do {
    const second = load<u8>(at, 1);
    if (lead < 0xe0) {
      if (lead < 0xc2 || !isTail(second)) return 0;
      at += 2;
    } else if (lead < 0xf0) {
      if (second < (lead == 0xe0 ? 0xa0 : 0x80) || second > (lead == 0xed ? 0x9f : 0xbf)) return 0;
      if (!isTail(load<u8>(at, 2))) return 0;
      at += 3;
    } else {
      if (lead > 0xf4) return 0;
      if (second < (lead == 0xf0 ? 0x90 : 0x80) || second > (lead == 0xf4 ? 0x8f : 0xbf)) return 0;
      if (!isTail(load<u8>(at, 2)) || !isTail(load<u8>(at, 3))) return 0;
      at += 4;
    }
    lead = load<u8>(at);
  } while (lead >= 0x80);
  return at;
}

function isTail(byte: u8): bool {
  return (byte & 0xc0) == 0x80;
}
