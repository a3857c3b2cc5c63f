import { Buffer } from 'node:buffer';

const powersOfTen = Float64Array.from({ length: 23 }, (_, power) => Number(`1e${power}`));
const digitsExactMax = 15;
const unsafe = 2 ** 53;

export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Whether the four bytes of a little-endian word are ASCII digits. */
function areDigits(word: number): boolean {
  const high = 0xf0f0_f0f0;
  return (word & high) === 0x3030_3030 && ((word + 0x0606_0606) & high) === 0x3030_3030;
}

/** The number that the four digits of a little-endian word make (Lemire, 2018). */
function fourDigits(word: number): number {
  const pairs = (Math.imul(word & 0x0f0f_0f0f, 2561) >>> 8) & 0x00ff_00ff;
  return Math.imul(pairs, 6_553_601) >>> 16;
}

/**
 * Reads a JSON number at `at` into `into[row]` and gives the offset behind it, or −1 where there is
 * none that is simple enough. Up to 15 digits are an exact integer m, and m / 10^k with k ≤ 22 is
 * rounded once and so exact (Clinger 1990); the runtime reads longer ones. Needs a byte that is no
 * part of a number somewhere behind it.
 */
export function readFloat(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  into: Float64Array,
  row: number,
): number {
  const start = at;
  const wordsEnd = bytes.length - 4;
  // A digit xor 48 is its value; any other byte gives more than 9.
  let digit = bytes[at]! ^ 48;
  const negative = digit === 29;
  if (negative) digit = bytes[++at]! ^ 48;
  if (digit > 9) return -1;
  const first = at;
  let m = digit;
  digit = bytes[++at]! ^ 48;
  if (digit <= 9) {
    if (m === 0) return -1;
    m = m * 10 + digit;
    at++;
    for (; at <= wordsEnd; at += 4) {
      const word = view.getInt32(at, true);
      if (!areDigits(word)) break;
      m = m * 10_000 + fourDigits(word);
    }
    for (digit = bytes[at]! ^ 48; digit <= 9; digit = bytes[++at]! ^ 48) m = m * 10 + digit;
  }
  let digits = at - first;
  if (digit === 30) {
    const point = at++;
    for (; at <= wordsEnd; at += 4) {
      const word = view.getInt32(at, true);
      if (!areDigits(word)) break;
      m = m * 10_000 + fourDigits(word);
    }
    for (digit = bytes[at]! ^ 48; digit <= 9; digit = bytes[++at]! ^ 48) m = m * 10 + digit;
    const decimals = at - point - 1;
    if (decimals === 0) return -1;
    digits += decimals;
    if (digits <= digitsExactMax) m /= powersOfTen[decimals]!;
  }
  if (digits > digitsExactMax || digit === 85 || digit === 117) {
    return readLong(bytes, start, at, into, row);
  }
  into[row] = negative ? -m : m;
  return at;
}

/** A number with an exponent or many digits; `at` is behind its fraction. */
function readLong(
  bytes: Uint8Array,
  start: number,
  at: number,
  into: Float64Array,
  row: number,
): number {
  if ((bytes[at]! | 32) !== 101) {
    const value = longDecimal(bytes, start, at);
    if (value === value) {
      into[row] = value;
      return at;
    }
  }
  let end = at;
  const hasExponent = (bytes[end]! | 32) === 101;
  if (hasExponent) {
    end++;
    if (bytes[end] === 43 || bytes[end] === 45) end++;
    if ((bytes[end]! ^ 48) > 9) return -1;
    while ((bytes[end]! ^ 48) <= 9) end++;
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
  const value = Number(text);
  if (!Number.isFinite(value)) return -1;
  if (!hasExponent && Math.abs(value) >= unsafe && !text.includes('.')) return -1;
  into[row] = value;
  return end;
}

/**
 * The value of a decimal `bytes[start … end)` of up to 18 digits, or NaN where this cannot tell. Its
 * digits are an exact sum of two float64s; the quotient by 10^k is corrected by the exact remainder
 * (Dekker 1971) and taken if an error far above that of the correction does not change it.
 */
function longDecimal(bytes: Uint8Array, start: number, end: number): number {
  let point = end;
  let first = 0;
  let last = 0;
  let digits = 0;
  const negative = bytes[start] === 45;
  for (let at = negative ? start + 1 : start; at < end; at++) {
    const digit = bytes[at]! ^ 48;
    if (digit > 9) {
      point = at;
    } else if (digits++ < 9) {
      first = first * 10 + digit;
    } else {
      last = last * 10 + digit;
    }
  }
  const k = point === end ? 0 : end - point - 1;
  if (digits > 18 || k > 18 || k === 0) return NaN;
  const scaled = first * powersOfTen[digits - 9]!;
  const high = scaled + last;
  const low = last - (high - scaled);
  const power = powersOfTen[k]!;
  const quotient = high / power;
  const qHigh = highHalf(quotient);
  const qLow = quotient - qHigh;
  const pHigh = highHalf(power);
  const pLow = power - pHigh;
  const product = quotient * power;
  const error = qHigh * pHigh - product + qHigh * pLow + qLow * pHigh + qLow * pLow;
  const correction = (high - product - error + low) / power;
  const doubt = Math.abs(correction) * 2 ** -40;
  const value = quotient + (correction - doubt);
  if (value !== quotient + (correction + doubt)) return NaN;
  return negative ? -value : value;
}

/** The upper 26 bits of a float64 (Veltkamp). */
function highHalf(value: number): number {
  const scaled = 134_217_729 * value;
  return scaled - (scaled - value);
}

/** Reads a JSON integer of up to 9 digits into `into[row]`; otherwise as `readFloat`. */
export function readInt32(bytes: Uint8Array, at: number, into: Int32Array, row: number): number {
  let digit = bytes[at]! ^ 48;
  const negative = digit === 29;
  if (negative) digit = bytes[++at]! ^ 48;
  if (digit > 9) return -1;
  const first = at;
  let value = 0;
  do {
    value = (Math.imul(value, 10) + digit) | 0;
    digit = bytes[++at]! ^ 48;
  } while (digit <= 9);
  if (at - first > 9 || (bytes[first] === 48 && at - first > 1)) return -1;
  if (digit === 30 || digit === 85 || digit === 117) return -1;
  into[row] = negative ? -value : value;
  return at;
}

/** Reads a JSON integer of up to 18 digits into `into[row]`; otherwise as `readFloat`. */
export function readInt64(bytes: Uint8Array, at: number, into: BigInt64Array, row: number): number {
  let digit = bytes[at]! ^ 48;
  const negative = digit === 29;
  if (negative) digit = bytes[++at]! ^ 48;
  if (digit > 9) return -1;
  const first = at;
  let high = 0;
  let low = 0;
  do {
    if (at - first === 9) {
      high = low;
      low = 0;
    }
    low = (Math.imul(low, 10) + digit) | 0;
    digit = bytes[++at]! ^ 48;
  } while (digit <= 9);
  const digits = at - first;
  if (digits > 18 || (bytes[first] === 48 && digits > 1)) return -1;
  if (digit === 30 || digit === 85 || digit === 117) return -1;
  const value = digits <= 9 ? low : high * powersOfTen[digits - 9]! + low;
  const exact =
    digits <= digitsExactMax
      ? BigInt(value)
      : BigInt(high) * BigInt(powersOfTen[digits - 9]!) + BigInt(low);
  into[row] = negative ? -exact : exact;
  return at;
}
