const dayMs: i64 = 86400000;
/** From 0000-01-01 to 1970-01-01. */
const daysBefore1970: i64 = 719528;
const daysTo10000: i64 = 3652425;

/**
 * Writes milliseconds since 1970 as RFC 3339 text in UTC and gives the address behind it; 0 for the
 * slow path: parts of a millisecond, and years that are not 0 to 9999.
 */
export function writeTime(at: usize, value: f64): usize {
  if (floor(value) != value || abs(value) > 1e15) return 0;
  let ms = i64(value) + daysBefore1970 * dayMs;
  if (ms < 0) return 0;
  const days = ms / dayMs;
  if (days >= daysTo10000) return 0;
  ms -= days * dayMs;

  // Hinnant's `civil_from_days`, an era of 400 years later: years begin in March.
  const z = u32(days) + 146037;
  const era = z / 146097;
  const dayOfEra = z - era * 146097;
  const yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
  const dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
  const fromMarch = (5 * dayOfYear + 2) / 153;
  const day = dayOfYear - (153 * fromMarch + 2) / 5 + 1;
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  const year = yearOfEra + era * 400 - 400 + u32(month <= 2);

  const time = u32(ms);
  pair(at, year / 100);
  pair(at + 2, year % 100);
  store<u8>(at, 45, 4);
  pair(at + 5, month);
  store<u8>(at, 45, 7);
  pair(at + 8, day);
  store<u8>(at, 84, 10);
  pair(at + 11, time / 3600000);
  store<u8>(at, 58, 13);
  pair(at + 14, (time / 60000) % 60);
  store<u8>(at, 58, 16);
  pair(at + 17, (time / 1000) % 60);
  store<u8>(at, 46, 19);
  pair(at + 20, (time % 1000) / 10);
  store<u8>(at, 48 + u8(time % 10), 22);
  store<u8>(at, 90, 23);
  return at + 24;
}

function pair(at: usize, value: u32): void {
  store<u8>(at, 48 + u8(value / 10));
  store<u8>(at, 48 + u8(value % 10), 1);
}
