import type { Buffer } from 'node:buffer';

const powersOfTen = Float64Array.from({ length: 23 }, (_, power) => Number(`1e${power}`));
const digitsExactMax = 15;
const powerExactMax = 22;
const unsafe = 2 ** 53;

/**
 * Reads a JSON number at `bytes[at]` into `into[row]` and gives the offset behind it, or −1 where
 * there is none that is simple enough. Up to 15 digits are an exact integer m, and m / 10^k or
 * m * 10^k with k ≤ 22 is rounded once and so exact (Clinger 1990); `text`, the same bytes as a
 * Buffer, serves the longer ones. Needs a byte that is no part of a number somewhere behind it.
 */
export function readFloat(
  bytes: Uint8Array,
  at: number,
  into: Float64Array,
  row: number,
  text: Buffer,
): number {
  const start = at;
  // A digit xor 48 is its value; any other byte gives more than 9.
  let digit = bytes[at]! ^ 48;
  const negative = digit === 29;
  if (negative) digit = bytes[++at]! ^ 48;
  if (digit > 9) return -1;
  let digits = 0;
  let high = 0;
  let low = 0;
  if (digit === 0) {
    digit = bytes[++at]! ^ 48;
    if (digit <= 9) return -1;
  } else {
    do {
      if (digits === 9) {
        high = low;
        low = 0;
      }
      low = (Math.imul(low, 10) + digit) | 0;
      digits++;
      digit = bytes[++at]! ^ 48;
    } while (digit <= 9);
  }
  let power = 0;
  if (digit === 30) {
    const digitsBefore = digits;
    digit = bytes[++at]! ^ 48;
    if (digit > 9) return -1;
    do {
      if (digits === 9) {
        high = low;
        low = 0;
      }
      low = (Math.imul(low, 10) + digit) | 0;
      digits++;
      digit = bytes[++at]! ^ 48;
    } while (digit <= 9);
    power = digitsBefore - digits;
  }
  if (digit === 85 || digit === 117) return readLong(bytes, start, at, into, row, text);
  if (digits > digitsExactMax || power < -powerExactMax) {
    return readLong(bytes, start, at, into, row, text);
  }
  let value = digits <= 9 ? low : high * powersOfTen[digits - 9]! + low;
  if (power < 0) value /= powersOfTen[-power]!;
  into[row] = negative ? -value : value;
  return at;
}

/** A number with an exponent or many digits, read by the runtime; `at` is behind its fraction. */
function readLong(
  bytes: Uint8Array,
  start: number,
  at: number,
  into: Float64Array,
  row: number,
  text: Buffer,
): number {
  let end = at;
  const hasExponent = (bytes[end]! | 32) === 101;
  if (hasExponent) {
    end++;
    if (bytes[end] === 43 || bytes[end] === 45) end++;
    if ((bytes[end]! ^ 48) > 9) return -1;
    while ((bytes[end]! ^ 48) <= 9) end++;
  }
  const digits = text.toString('latin1', start, end);
  const value = Number(digits);
  if (!Number.isFinite(value)) return -1;
  if (!hasExponent && Math.abs(value) >= unsafe && !digits.includes('.')) return -1;
  into[row] = value;
  return end;
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
