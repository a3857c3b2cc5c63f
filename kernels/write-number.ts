import { POWERS } from './layout';
import { highProduct, power } from './number';
import { QUADS } from './write-layout';

const zeros: u64 = 0x3030303030303030;

/** Eight digits of a number below 10^8 as text, the first in the lowest byte. */
function digitsOf(value: u32): u64 {
  const upper = value / 10000;
  const lower = value - upper * 10000;
  const first: u64 = load<u32>(QUADS + (usize(upper) << 2));
  return first | (u64(load<u32>(QUADS + (usize(lower) << 2))) << 32);
}

/** Writes an integer below 10^8, and up to seven bytes behind it that mean nothing. */
function writeSmall(at: usize, value: u32): usize {
  if (value < 10) {
    store<u8>(at, 48 + u8(value));
    return at + 1;
  }
  const digits = digitsOf(value);
  const leading = ctz(digits ^ zeros) & 56;
  store<u64>(at, digits >> leading);
  return at + 8 - usize(leading >> 3);
}

/** Writes exactly eight digits. */
function writeEight(at: usize, value: u32): usize {
  store<u64>(at, digitsOf(value));
  return at + 8;
}

/** Writes an unsigned integer and gives the address behind it. */
export function writeUnsigned(at: usize, value: u64): usize {
  if (value < 100000000) return writeSmall(at, u32(value));
  const high = value / 100000000;
  return writeEight(writeUnsigned(at, high), u32(value - high * 100000000));
}

/** Writes an integer and gives the address behind it. */
export function writeInteger(at: usize, value: i64): usize {
  if (value >= 0) return writeUnsigned(at, u64(value));
  store<u8>(at, 45);
  return writeUnsigned(at + 1, 0 - u64(value));
}

/**
 * Writes a finite float64 as the shortest text that reads back as the same, and gives the address
 * behind it; 0 for the slow path: the smallest numbers, from 10^-291 down.
 */
export function writeFloat(at: usize, value: f64): usize {
  let bits = reinterpret<u64>(value);
  if (i64(bits) < 0) {
    store<u8>(at++, 45);
    value = -value;
    bits &= 0x7fffffffffffffff;
  }
  if (value < 1e7) {
    const whole = u32(value);
    if (f64(whole) == value) return writeSmall(at, whole);
    if (value < 1e-6) return value < 1e-291 ? 0 : writeExponential(at, bits);
    // m / 10^6, both exact, is rounded once: if it is the value, m is the text of the value.
    const scaled = nearest(value * 1e6);
    if (scaled / 1e6 == value) {
      at = writeSmall(at, whole);
      store<u8>(at, 46);
      const fraction = u32(u64(scaled) - u64(whole) * 1000000);
      store<u64>(at, digitsOf(fraction * 100), 1);
      return withoutZeros(at + 7);
    }
  } else {
    // An integer beyond has an exponent, so that a reader does not take it for exact.
    if (value > 9007199254740992) return writeExponential(at, bits);
    if (floor(value) == value) return writeUnsigned(at, u64(value));
  }
  findShortest(bits);
  return writeDecimal(at, u64(value));
}

/**
 * Writes a finite number rounded to `decimals` decimals, without zeros behind; 0 for the slow path:
 * large ones, and those so close to the middle between two that a product does not tell.
 */
export function writeRounded(at: usize, value: f64, decimals: i32): usize {
  const tens = power(decimals);
  const scaled = abs(value) * f64(tens);
  if (scaled >= 8796093022208) return 0;
  const below = u64(scaled);
  const part = scaled - f64(below) - 0.5;
  if (abs(part) < 0.001953125) return 0;
  digits = below + u64(part > 0);
  if (value < 0 && digits > 0) store<u8>(at++, 45);
  const whole = digits / tens;
  if (whole * tens == digits) return writeUnsigned(at, whole);
  exponent = -decimals;
  return writeDecimal(at, whole);
}

function withoutZeros(end: usize): usize {
  while (load<u8>(end - 1) == 48) end--;
  return end;
}

/** The text that `findShortest` found: digits × 10^exponent. */
let digits: u64 = 0;
let exponent: i32 = 0;

/**
 * Finds the shortest decimal in the interval that rounds to a number, and of those the nearest
 * (Giulietti 2020, "The Schubfach way to render doubles").
 */
function findShortest(bits: u64): void {
  const fraction = bits & 0xfffffffffffff;
  const c = fraction | 0x10000000000000;
  const q = i32(bits >> 52) - 1075;
  // Below a power of two numbers lie twice as close.
  const isPower = fraction == 0;
  const k = (q * 1262611 - (isPower ? 524031 : 0)) >> 22;
  const h = u64(q + ((-k * 1741647) >> 19) + 1);
  const power10 = POWERS + (usize(342 - k) << 4);
  let low = load<u64>(power10);
  let high = load<u64>(power10, 8);
  // Rounded up, where the table rounds down.
  if (-k > 55 || -k < -27) high += u64(++low == 0);

  // Four times the number and the ends of its interval, scaled by 10^-k, an end that does not
  // belong to it moved inwards.
  const odd = c & 1;
  const factor = (c << 2) << h;
  const below = isPower ? h : h + 1;
  let v: u64;
  let lower: u64;
  let upper: u64;
  if (low == 0) {
    // 10^-k is whole, and all of this exact: from the number to an end it is the power, shifted.
    const product = high * factor;
    const top = highProduct(high, factor);
    v = top | u64(product > 1);
    const fewer = product - (high << below);
    lower = ((top - ((high >> 1) >> (63 - below)) - u64(fewer > product)) | u64(fewer > 1)) + odd;
    const more = product + (high << (h + 1));
    upper = ((top + (high >> (63 - h)) + u64(more < product)) | u64(more > 1)) - odd;
  } else {
    v = scale(high, low, factor);
    lower = scale(high, low, ((c << 2) - (isPower ? 1 : 2)) << h) + odd;
    upper = scale(high, low, ((c << 2) + 2) << h) - odd;
  }

  const near = v >> 2;
  const tenth = near / 10;
  const isBelow = lower <= 40 * tenth;
  const isAbove = 40 * tenth + 40 <= upper;
  if (isBelow != isAbove) {
    digits = tenth + u64(isAbove);
    exponent = k + 1;
    return;
  }
  const isIn = lower <= near << 2;
  const isNextIn = (near << 2) + 4 <= upper;
  const middle = (near << 2) + 2;
  const isNextNearer = v > middle || (v == middle && (near & 1) != 0);
  digits = near + u64(isIn != isNextIn ? isNextIn : isNextNearer);
  exponent = k;
}

/** The upper 64 bits of a product of 192, with the lowest one set where there is more behind them. */
function scale(high: u64, low: u64, factor: u64): u64 {
  const carried = highProduct(low, factor);
  const middle = high * factor + carried;
  return (highProduct(high, factor) + u64(middle < carried)) | u64(middle > 1);
}

/** Writes what was found, whose integer part is given. */
function writeDecimal(at: usize, whole: u64): usize {
  const decimals = -exponent;
  at = writeUnsigned(at, whole);
  store<u8>(at++, 46);
  let fraction = whole == 0 ? digits : digits - whole * power(decimals);
  if (decimals > 16) {
    // Below 1: zeros, and the first of 17 digits.
    const first = fraction / 10000000000000000;
    fraction -= first * 10000000000000000;
    store<u64>(at, zeros);
    at += usize(decimals - 16);
    store<u8>(at - 1, 48 + u8(first));
  } else {
    fraction *= power(16 - decimals);
  }
  const upper = fraction / 100000000;
  store<u64>(at, digitsOf(u32(upper)));
  store<u64>(at, digitsOf(u32(fraction - upper * 100000000)), 8);
  return withoutZeros(at + usize(min(decimals, 16)));
}

function writeExponential(at: usize, bits: u64): usize {
  findShortest(bits);
  const end = writeUnsigned(at + 1, digits);
  const power10 = exponent + i32(end - at) - 2;
  store<u8>(at, load<u8>(at, 1));
  store<u8>(at, 46, 1);
  at = withoutZeros(end);
  if (load<u8>(at - 1) == 46) at--;
  store<u8>(at, 101);
  store<u8>(at, power10 < 0 ? 45 : 43, 1);
  return writeSmall(at + 2, u32(abs(power10)));
}
