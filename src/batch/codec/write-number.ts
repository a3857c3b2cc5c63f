const powersOfTen = Float64Array.from({ length: 23 }, (_, power) => Number(`1e${power}`));
/** `00`, `01` … `99`. */
const pairs: Uint8Array = Uint8Array.from({ length: 200 }, (_, at) =>
  String(at >>> 1)
    .padStart(2, '0')
    .charCodeAt(at & 1),
);
/** No number takes more bytes, as JSON or as an int64. */
export const numberBytesMax = 32;

/** Writes the digits of an integer 0 ≤ value < 2^32 at `at` and gives the offset behind them. */
function writeUint32(out: Uint8Array, at: number, value: number): number {
  const end = at + digitsOf(value);
  let put = end;
  while (value >= 100) {
    const rest = (value / 100) >>> 0;
    const pair = (value - rest * 100) << 1;
    out[--put] = pairs[pair + 1]!;
    out[--put] = pairs[pair]!;
    value = rest;
  }
  if (value >= 10) {
    out[--put] = pairs[(value << 1) + 1]!;
    out[--put] = pairs[value << 1]!;
  } else {
    out[--put] = 48 + value;
  }
  return end;
}

/** Writes exactly `count` digits of an integer 0 ≤ value < 10^count, with leading zeros. */
function writePadded(out: Uint8Array, at: number, value: number, count: number): number {
  const end = at + count;
  let put = end;
  while (put > at + 1) {
    const rest = (value / 100) >>> 0;
    const pair = (value - rest * 100) << 1;
    out[--put] = pairs[pair + 1]!;
    out[--put] = pairs[pair]!;
    value = rest;
  }
  if (put > at) out[--put] = 48 + value;
  return end;
}

function digitsOf(value: number): number {
  if (value < 10_000) return value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : 4;
  if (value < 100_000_000) {
    if (value < 1_000_000) return value < 100_000 ? 5 : 6;
    return value < 10_000_000 ? 7 : 8;
  }
  return value < 1_000_000_000 ? 9 : 10;
}

/** Writes an integer |value| ≤ 2^53 at `at` and gives the offset behind it. */
export function writeInteger(out: Uint8Array, at: number, value: number): number {
  if (value < 0) {
    out[at++] = 45;
    value = -value;
  }
  if (value <= 0xffff_ffff) return writeUint32(out, at, value);
  const high = Math.floor(value / 1e8);
  at = writeUint32(out, at, high);
  return writePadded(out, at, value - high * 1e8, 8);
}

/** Writes an int64 at `at` and gives the offset behind it. */
export function writeInt64(out: Uint8Array, at: number, value: bigint): number {
  const number = Number(value);
  return Number.isSafeInteger(number)
    ? writeInteger(out, at, number)
    : writeAscii(out, at, String(value));
}

/**
 * Writes a finite number as the shortest JSON text that reads back as the same float64, at `at`, and
 * gives the offset behind it. An integer beyond 2^53 has an exponent, so that a reader does not take
 * it for exact.
 */
export function writeFloat(out: Uint8Array, at: number, value: number): number {
  if (value < 0 || (value === 0 && 1 / value < 0)) {
    out[at++] = 45;
    value = -value;
  }
  if (value < 1e7) {
    const whole = Math.floor(value);
    if (whole === value) return writeUint32(out, at, whole);
    // m / 10^6, both exact, is rounded once: if it is the value, m is the text of the value.
    const scaled = Math.round(value * 1e6);
    if (scaled / 1e6 === value) return writeDecimal(out, at, scaled, 6);
  } else if (value <= 2 ** 53 && Math.floor(value) === value) {
    return writeInteger(out, at, value);
  }
  return writeLong(out, at, value);
}

/** Writes m / 10^decimals, for m < 10^15 that is no multiple of 10^decimals, without zeros behind. */
function writeDecimal(out: Uint8Array, at: number, m: number, decimals: number): number {
  const whole = Math.floor(m / powersOfTen[decimals]!);
  let fraction = m - whole * powersOfTen[decimals]!;
  while (fraction % 10 === 0) {
    fraction /= 10;
    decimals--;
  }
  at = writeInteger(out, at, whole);
  out[at++] = 46;
  return writePadded(out, at, fraction, decimals);
}

function writeLong(out: Uint8Array, at: number, value: number): number {
  return writeAscii(out, at, value > 2 ** 53 ? value.toExponential() : String(value));
}

/** Writes ASCII text at `at` and gives the offset behind it. */
export function writeAscii(out: Uint8Array, at: number, text: string): number {
  for (let index = 0; index < text.length; index++) out[at++] = text.charCodeAt(index);
  return at;
}
