import { BYTE_MASKS, FLOAT_TENS, FOURS, PAIRS, POWERS, SHIFTS, TENS, UNITS } from './layout';

const exactMax: u64 = 1 << 53;

/**
 * Reads the JSON number at `at` into the float64 at `into` and gives the address behind it; 0 where
 * there is none, or one for the slow path: more than 19 digits, an integer from 2^53 on, infinity.
 */
export function readFloat(at: usize, into: usize): usize {
  // A branch and no sum: what follows then need not wait for it.
  let negative = false;
  if (load<u8>(at) == 45) {
    negative = true;
    at++;
  }
  const text = i8x16.sub(v128.load(at), i8x16.splat(48));
  // The sign of what is no digit.
  const others = i8x16.bitmask(i8x16.add_sat_u(text, i8x16.splat(0x76)));
  const whole = ctz(others);
  if (whole == 0 || (whole > 1 && load<u8>(at) == 48) || others == 0) {
    return readLongFloat(at, into, negative);
  }
  let c = load<u8>(at + usize(whole));
  let value: f64;
  if (c == 46) {
    let length = ctz(others & (others - 1));
    let more = 0;
    if (length > 16) {
      length = 16;
      more = digitsIn(load<u64>(at, 16) ^ 0x3030303030303030);
      if (more > 4) return readLongFloat(at, into, negative);
    }
    const decimals = length + more - whole - 1;
    if (decimals == 0) return 0;
    c = load<u8>(at + usize(length + more));
    if ((c | 32) == 101) return readLongFloat(at, into, negative);
    // Digits go to the end, those before the point one place further; what has no digit becomes 0.
    const before = v128.load(BYTE_MASKS + usize(length - whole - 1));
    const from = i8x16.add(v128.load(SHIFTS + usize(length)), before);
    let m = digitsOf(i8x16.relaxed_swizzle(text, from));
    if (more > 0) {
      const word = load<u64>(at, 16) ^ 0x3030303030303030;
      m = m * power(more) + eightDigits(word << (64 - (more << 3)));
    }
    value =
      m <= exactMax
        ? f64(i64(m)) / load<f64>(FLOAT_TENS + (usize(decimals) << 3))
        : exactFloat(m, -decimals);
    at += usize(length + more);
  } else {
    if ((c | 32) == 101) return readLongFloat(at, into, negative);
    const m = digitsOf(i8x16.relaxed_swizzle(text, v128.load(SHIFTS + usize(whole))));
    if (m >= exactMax) return 0;
    value = f64(i64(m));
    at += usize(whole);
  }
  store<f64>(into, negative ? -value : value);
  return at;
}

/**
 * The number that 16 digits make. Relaxed operations are one instruction each; what they leave to the
 * machine, sums beyond 16 bits and indexes from 16 to 127, is not asked of them here.
 */
function digitsOf(digits: v128): u64 {
  const pairs = i16x8.relaxed_dot_i8x16_i7x16_s(digits, v128.load(UNITS));
  const fours = i32x4.dot_i16x8_s(pairs, v128.load(PAIRS));
  const packed = i16x8.narrow_i32x4_u(fours, fours);
  const eights = i32x4.dot_i16x8_s(packed, v128.load(FOURS));
  const both = u64(i64x2.extract_lane(eights, 0));
  return (both & 0xffffffff) * 100000000 + (both >> 32);
}

/** The same for any number; `at` is behind its sign. */
function readLongFloat(at: usize, into: usize, negative: bool): usize {
  const first = at;
  let word = load<u64>(at) ^ 0x3030303030303030;
  let count = digitsIn(word);
  if (count == 0 || (u8(word) == 0 && count > 1)) return 0;
  let m = eightDigits(word << (64 - (count << 3)));
  at += usize(count);
  let digits = count;
  while (count == 8) {
    word = load<u64>(at) ^ 0x3030303030303030;
    count = digitsIn(word);
    m = m * power(count) + (count == 0 ? 0 : eightDigits(word << (64 - (count << 3))));
    at += usize(count);
    digits += count;
  }
  let exponent: i32 = 0;
  let c = load<u8>(at);
  if (c == 46) {
    const behindPoint = ++at;
    do {
      word = load<u64>(at) ^ 0x3030303030303030;
      count = digitsIn(word);
      if (count == 0) break;
      m = m * power(count) + eightDigits(word << (64 - (count << 3)));
      at += usize(count);
      digits += count;
    } while (count == 8);
    if (at == behindPoint) return 0;
    exponent = -i32(at - behindPoint);
    c = load<u8>(at);
  } else if ((c | 32) != 101) {
    if (m >= exactMax || digits > 19) return 0;
    store<f64>(into, negative ? -f64(m) : f64(m));
    return at;
  }
  if (digits > 19 && digits - leadingZeros(first) > 19) return 0;
  if ((c | 32) == 101) {
    c = load<u8>(++at);
    const down = c == 45;
    if (down || c == 43) c = load<u8>(++at);
    let digit = u32(c) - 48;
    if (digit > 9) return 0;
    let given: u32 = 0;
    do {
      // What is beyond a thousand is 0 or infinite, however far.
      if (given < 10000) given = given * 10 + digit;
      digit = u32(load<u8>(++at)) - 48;
    } while (digit <= 9);
    exponent += down ? -i32(given) : i32(given);
  }
  let value: f64;
  if (m <= exactMax && exponent <= 0 && exponent >= -22) {
    value = f64(m) / load<f64>(FLOAT_TENS + (usize(-exponent) << 3));
  } else {
    value = exactFloat(m, exponent);
    if (value == Infinity) return 0;
  }
  store<f64>(into, negative ? -value : value);
  return at;
}

/** Zeros before the first other digit of a number. */
function leadingZeros(at: usize): i32 {
  let zeros = 0;
  for (; load<u8>(at) == 48 || load<u8>(at) == 46; at++) zeros += i32(load<u8>(at) == 48);
  return zeros;
}

/** How many bytes of the word, which is a text xor '0's, are digits, from the first on. */
export function digitsIn(word: u64): i32 {
  const others = ((word + 0x7676767676767676) | word) & 0x8080808080808080;
  return i32(ctz(others) >> 3);
}

/** The number that eight digits make, the first one lowest in the word (Lemire, 2018). */
export function eightDigits(word: u64): u64 {
  word = word * 10 + (word >> 8);
  const high = (word & 0xff000000ff) * 0x000f424000000064;
  const low = ((word >> 16) & 0xff000000ff) * 0x0000271000000001;
  return (high + low) >> 32;
}

/** 10^k, to k = 19. */
export function power(k: i32): u64 {
  return load<u64>(TENS + (usize(k) << 3));
}

/**
 * m × 10^exponent as the nearest float64, ties to even (Eisel 2020, Lemire 2021; Mushtak and Lemire
 * 2022 show that it needs no second way). Infinity where it is beyond, which the caller refuses.
 */
export function exactFloat(m: u64, exponent: i32): f64 {
  if (m == 0 || exponent < -342) return 0;
  if (exponent > 308) return Infinity;
  const zeros = i32(clz(m));
  m <<= u64(zeros);
  const at = POWERS + (usize(exponent + 342) << 4);
  const factor = load<u64>(at, 8);
  let low = m * factor;
  let high = highProduct(m, factor);
  if ((high & 0x1ff) == 0x1ff) {
    const more = highProduct(m, load<u64>(at));
    low += more;
    if (low < more) high++;
  }
  const upper = i32(high >> 63);
  const shift = u64(upper + 9);
  let mantissa = high >> shift;
  let power2 = ((217706 * exponent) >> 16) + 63 + upper - zeros + 1023;
  if (power2 <= 0) {
    if (power2 <= -63) return 0;
    mantissa >>= u64(1 - power2);
    mantissa = (mantissa + (mantissa & 1)) >> 1;
    return reinterpret<f64>(mantissa);
  }
  // Exactly between two: to the even one, where the product says that it is exact.
  const isTie = low <= 1 && exponent >= -4 && exponent <= 23 && (mantissa & 3) == 1;
  if (isTie && mantissa << shift == high) mantissa &= ~1;
  mantissa = (mantissa + (mantissa & 1)) >> 1;
  if (mantissa >= 1 << 53) {
    mantissa = 1 << 52;
    power2++;
  }
  if (power2 >= 0x7ff) return Infinity;
  return reinterpret<f64>((mantissa & 0xfffffffffffff) | (u64(power2) << 52));
}

/** The upper 64 bits of a product. */
export function highProduct(a: u64, b: u64): u64 {
  const aLow = a & 0xffffffff;
  const aHigh = a >> 32;
  const bLow = b & 0xffffffff;
  const bHigh = b >> 32;
  const middle = aHigh * bLow + ((aLow * bLow) >> 32);
  const other = aLow * bHigh + (middle & 0xffffffff);
  return aHigh * bHigh + (middle >> 32) + (other >> 32);
}

/** Reads an integer into the int32 at `into`; 0 where `at` has none in its range, or a fraction. */
export function readInt32(at: usize, into: usize): usize {
  // A branch and no sum: what follows then need not wait for it.
  let negative = false;
  if (load<u8>(at) == 45) {
    negative = true;
    at++;
  }
  const word = load<u64>(at) ^ 0x3030303030303030;
  const count = digitsIn(word);
  if (count == 0 || (u8(word) == 0 && count > 1)) return 0;
  let value = i64(eightDigits(word << (64 - (count << 3))));
  at += usize(count);
  if (count == 8) {
    let digit = u32(load<u8>(at)) - 48;
    for (; digit <= 9; digit = u32(load<u8>(++at)) - 48) {
      value = value * 10 + i64(digit);
      if (value > 0x80000000) return 0;
    }
  }
  if (isFraction(load<u8>(at))) return 0;
  value = negative ? -value : value;
  if (i64(i32(value)) != value) return 0;
  store<i32>(into, i32(value));
  return at;
}

/** Reads an integer of up to 18 digits into the int64 at `into`; else as `readInt32`. */
export function readInt64(at: usize, into: usize): usize {
  // A branch and no sum: what follows then need not wait for it.
  let negative = false;
  if (load<u8>(at) == 45) {
    negative = true;
    at++;
  }
  const first = at;
  let value: i64 = 0;
  let count: i32;
  do {
    const word = load<u64>(at) ^ 0x3030303030303030;
    count = digitsIn(word);
    if (count == 0) break;
    value = value * i64(power(count)) + i64(eightDigits(word << (64 - (count << 3))));
    at += usize(count);
  } while (count == 8);
  const digits = at - first;
  if (digits == 0 || digits > 18 || (load<u8>(first) == 48 && digits > 1)) return 0;
  if (isFraction(load<u8>(at))) return 0;
  store<i64>(into, negative ? -value : value);
  return at;
}

function isFraction(c: u8): bool {
  return c == 46 || (c | 32) == 101;
}
