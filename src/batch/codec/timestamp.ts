const pattern =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
const dayMs = 86_400_000;

/** Milliseconds since 1970 of an RFC 3339 text, fractions of them kept; NaN where it is none. */
export function parseTimestamp(text: string): number {
  const parts = pattern.exec(text);
  if (parts === null) return NaN;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number) as number[];
  const offset = Number(parts[9] ?? 0) * 60 + Number(parts[10] ?? 0);
  if (Number(parts[9] ?? 0) > 23 || Number(parts[10] ?? 0) > 59) return NaN;
  const minutes = hour! * 60 + minute! - (parts[8] === '-' ? -offset : offset);
  if (!isDate(year!, month!, day!) || hour! > 23 || minute! > 59 || second! > 60) return NaN;
  // A leap second is the last of a day in UTC; it counts as the first of the next.
  if (second === 60 && (((minutes + 1) % 1440) + 1440) % 1440 !== 0) return NaN;
  const fraction = (parts[7] ?? '').padEnd(3, '0');
  const ms = Number(`${fraction.slice(0, 3)}.${fraction.slice(3)}0`);
  return daysOf(year!, month!, day!) * dayMs + minutes * 60_000 + second! * 1000 + ms;
}

/**
 * Reads `2023-11-14T22:13:20.123Z`, with or without the milliseconds, from `bytes[start … end)`;
 * NaN for any other form, which `parseTimestamp` may know.
 */
export function readTimestamp(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if ((length !== 20 && length !== 24) || bytes[end - 1] !== 90) return NaN;
  if (bytes[start + 4] !== 45 || bytes[start + 7] !== 45 || bytes[start + 10] !== 84) return NaN;
  if (bytes[start + 13] !== 58 || bytes[start + 16] !== 58) return NaN;
  const year = pair(bytes, start) * 100 + pair(bytes, start + 2);
  const month = pair(bytes, start + 5);
  const day = pair(bytes, start + 8);
  const hour = pair(bytes, start + 11);
  const minute = pair(bytes, start + 14);
  const second = pair(bytes, start + 17);
  let ms = 0;
  if (length === 24) {
    const last = bytes[start + 22]! ^ 48;
    if (bytes[start + 19] !== 46 || last > 9) return NaN;
    ms = pair(bytes, start + 20) * 10 + last;
  }
  if (!(hour <= 23 && minute <= 59 && second <= 59) || !isDate(year, month, day)) return NaN;
  return daysOf(year, month, day) * dayMs + ((hour * 60 + minute) * 60 + second) * 1000 + ms;
}

/** RFC 3339 text in UTC with milliseconds, or microseconds where there are any; null out of range. */
export function formatTimestamp(value: number): string | null {
  const whole = Math.floor(value);
  const micros = Math.round((value - whole) * 1000);
  const date = new Date(micros === 1000 ? whole + 1 : whole);
  const year = date.getUTCFullYear();
  if (!(year >= 0 && year <= 9999)) return null;
  const text = date.toISOString();
  if (micros === 0 || micros === 1000) return text;
  return `${text.slice(0, -1)}${String(micros).padStart(3, '0')}Z`;
}

/** Two digits; NaN where they are none. */
function pair(bytes: Uint8Array, at: number): number {
  const tens = bytes[at]! ^ 48;
  const ones = bytes[at + 1]! ^ 48;
  return tens > 9 || ones > 9 ? NaN : tens * 10 + ones;
}

function isDate(year: number, month: number, day: number): boolean {
  if (!(month >= 1 && month <= 12 && day >= 1)) return false;
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days =
    month === 2
      ? leap
        ? 29
        : 28
      : month === 4 || month === 6 || month === 9 || month === 11
        ? 30
        : 31;
  return day <= days;
}

/** Days since 1970-01-01 in the Gregorian calendar (Hinnant, `days_from_civil`). */
function daysOf(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}
