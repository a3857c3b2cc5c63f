import { FLOAT_TENS } from './layout';
import { digitsIn, eightDigits } from './number';

const dayMs: i64 = 86400000;

/**
 * Reads RFC 3339 text from `at` to `end` as milliseconds since 1970 into the float64 at `into`;
 * false where it is none, a leap second, or finer than nanoseconds.
 */
export function readTimestamp(at: usize, end: usize, into: usize): bool {
  if (end < at + 20) return false;
  // yyyy-mm- dd T hh: mm:ss
  const year = pair(at) * 100 + pair(at + 2);
  const month = pair(at + 5);
  const day = pair(at + 8);
  const hour = pair(at + 11);
  const minute = pair(at + 14);
  const second = pair(at + 17);
  // Two digits that are none give more than any of them may be; in a year they give too many.
  if (year > 9999 || hour > 23 || minute > 59 || second > 59) return false;
  const t = load<u8>(at, 10);
  if (load<u8>(at, 4) != 45 || load<u8>(at, 7) != 45 || ((t | 32) != 116 && t != 32)) return false;
  if (load<u8>(at, 13) != 58 || load<u8>(at, 16) != 58) return false;
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return false;
  at += 19;
  let fraction: f64 = 0;
  if (load<u8>(at) == 46) {
    const first = ++at;
    const word = load<u64>(at) ^ 0x3030303030303030;
    const count = digitsIn(word);
    if (count == 0) return false;
    let m = eightDigits(word << (64 - (count << 3)));
    at += usize(count);
    if (count == 8 && u32(load<u8>(at)) - 48 <= 9) m = m * 10 + u64(load<u8>(at++)) - 48;
    const scale = load<f64>(FLOAT_TENS + (usize(abs(i32(at - first) - 3)) << 3));
    fraction = at - first <= 3 ? f64(m) * scale : f64(m) / scale;
  }
  let minutes = i64(hour) * 60 + minute;
  const zone = load<u8>(at);
  if ((zone | 32) == 122) {
    at++;
  } else {
    if ((zone != 43 && zone != 45) || at + 6 != end || load<u8>(at, 3) != 58) return false;
    const offset = pair(at + 1) * 60 + pair(at + 4);
    if (pair(at + 1) > 23 || pair(at + 4) > 59) return false;
    minutes += zone == 45 ? i64(offset) : -i64(offset);
    at += 6;
  }
  if (at != end) return false;
  const ms = daysOf(year, month, day) * dayMs + minutes * 60000 + i64(second) * 1000;
  store<f64>(into, f64(ms) + fraction);
  return true;
}

/** The number that two digits make; more than 9999 where they are none. */
function pair(at: usize): u32 {
  const tens = u32(load<u8>(at)) - 48;
  const ones = u32(load<u8>(at, 1)) - 48;
  return tens > 9 || ones > 9 ? 10000 : tens * 10 + ones;
}

function daysIn(year: u32, month: u32): u32 {
  if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  return 30 + ((month + (month >> 3)) & 1);
}

/** Days since 1970-01-01 in the Gregorian calendar (Hinnant, `days_from_civil`). */
function daysOf(year: u32, month: u32, day: u32): i64 {
  const y = i64(year) - i64(month <= 2);
  const era = (y >= 0 ? y : y - 399) / 400;
  const yearOfEra = y - era * 400;
  const shifted = i64(month) + (month > 2 ? -3 : 9);
  const dayOfYear = (153 * shifted + 2) / 5 + i64(day) - 1;
  const dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear;
  return era * 146097 + dayOfEra - 719468;
}
