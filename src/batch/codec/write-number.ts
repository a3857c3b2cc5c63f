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
    if (scaled / 1e6 === value) return writeMillionths(out, at, scaled, whole);
  } else if (value <= 2 ** 53 && Math.floor(value) === value) {
    return writeInteger(out, at, value);
  }
  return writeLong(out, at, value);
}

/** Up to here a product with a power of ten is off by less than 2^-10. */
const scaledMax = 2 ** 43;

/**
 * Writes a finite number rounded to `decimals` decimals, without zeros behind, and gives the offset
 * behind it. It is rounded to the nearest, of two the one further from zero, as `toFixed` does.
 */
export function writeRounded(out: Uint8Array, at: number, value: number, decimals: number): number {
  const size = Math.abs(value);
  const power = powersOfTen[decimals]!;
  const scaled = size * power;
  const below = Math.floor(scaled);
  const part = scaled - below - 0.5;
  if (scaled >= scaledMax || Math.abs(part) < 2 ** -9) {
    return size > 2 ** 53
      ? writeFloat(out, at, value)
      : writeAscii(out, at, String(Number(value.toFixed(decimals))));
  }
  const m = part < 0 ? below : below + 1;
  if (value < 0 && m > 0) out[at++] = 45;
  return m % power === 0 ? writeInteger(out, at, m / power) : writeDecimal(out, at, m, decimals);
}

/** Writes millionths / 10^6, which is no integer, without zeros behind. */
function writeMillionths(out: Uint8Array, at: number, millionths: number, whole: number): number {
  let fraction = (millionths - whole * 1e6) | 0;
  let decimals = 6;
  while (fraction % 10 === 0) {
    fraction = (fraction / 10) | 0;
    decimals--;
  }
  at = writeUint32(out, at, whole);
  out[at++] = 46;
  return writePadded(out, at, fraction, decimals);
}

/** Writes m / 10^decimals, for an integer 0 < m < 10^15, without zeros behind. */
function writeDecimal(out: Uint8Array, at: number, m: number, decimals: number): number {
  const whole = Math.floor(m / powersOfTen[decimals]!);
  let fraction = m - whole * powersOfTen[decimals]!;
  for (;;) {
    const tenth = Math.floor(fraction / 10);
    if (tenth * 10 !== fraction) break;
    fraction = tenth;
    decimals--;
  }
  at = writeInteger(out, at, whole);
  out[at++] = 46;
  if (decimals <= 8) return writePadded(out, at, fraction, decimals);
  const high = Math.floor(fraction / 1e8);
  at = writePadded(out, at, high, decimals - 8);
  return writePadded(out, at, fraction - high * 1e8, 8);
}

const bits = new DataView(new ArrayBuffer(8));
/** The powers of ten in two halves of 26 bits (Veltkamp), for exact products. */
const powersHigh = powersOfTen.map(highHalf);
const powersLow = powersOfTen.map((power) => power - highHalf(power));
/** Half the distance between neighbouring float64s, by exponent bits. */
const halfUlps = Float64Array.from({ length: 1100 }, (_, exponent) => 2 ** (exponent - 1076));

function highHalf(value: number): number {
  const scaled = 134_217_729 * value;
  return scaled - (scaled - value);
}

/**
 * The shortest text of a positive value that is no integer of up to 53 bits. It is scaled to P, 17
 * digits before the point: exactly, as the sum of two float64s (Dekker 1971), and so is w, the
 * distance from P within which a number reads back as the value. Then 15 digits are enough if m / 10^k
 * gives the value; 16 if a multiple of ten is nearer to P than w; else it takes the integer nearest
 * to P. Ties, powers of two and very large or small values are left to the runtime.
 */
function writeLong(out: Uint8Array, at: number, value: number): number {
  if (value < 1e-5 || value >= 1e15) return writeByRuntime(out, at, value);
  bits.setFloat64(0, value, true);
  const upper = bits.getInt32(4, true);
  if ((upper & 0xf_ffff) === 0 && bits.getInt32(0, true) === 0) {
    return writeByRuntime(out, at, value);
  }
  const exponent = upper >>> 20;
  let k = 16 - Math.floor((exponent - 1023) * 0.30103);
  if (value * powersOfTen[k]! >= 1e17) k--;
  const m = Math.round(value * powersOfTen[k - 2]!);
  if (m < 1e15 && m / powersOfTen[k - 2]! === value) return writeDecimal(out, at, m, k - 2);

  const scaled = value * powersOfTen[k]!;
  if (scaled < 1e16 + 100 || scaled > 1e17 - 100) return writeByRuntime(out, at, value);
  const high = highHalf(value);
  const low = value - high;
  const error =
    high * powersHigh[k]! -
    scaled +
    high * powersLow[k]! +
    low * powersHigh[k]! +
    low * powersLow[k]!;
  const nearest = Math.round(error);
  const rest = error - nearest;
  // The 17 digits of P rounded: the first 9, and the last 8, which may carry.
  let first = Math.floor(scaled / 1e8);
  let last = scaled - first * 1e8 + nearest;
  const w = halfUlps[exponent]! * powersOfTen[k]!;
  const unit = ((last % 10) + 10) % 10;
  const down = unit + rest;
  const up = 10 - down;
  if (rest === -0.5 || down === up || down === w || up === w) return writeByRuntime(out, at, value);
  let count = 8;
  if (down < w || up < w) {
    last = (last - unit + (down < up ? 0 : 10)) / 10;
    count = 7;
  }
  const carry = Math.floor(last / powersOfTen[count]!);
  first += carry;
  last -= carry * powersOfTen[count]!;
  return writeDigits(out, at, first, last, count, 17 - k);
}

/** Writes 9 + count digits with a point behind the first `whole` of them, which may be none. */
function writeDigits(
  out: Uint8Array,
  at: number,
  first: number,
  last: number,
  count: number,
  whole: number,
): number {
  if (whole <= 0) {
    out[at++] = 48;
    out[at++] = 46;
    for (; whole < 0; whole++) out[at++] = 48;
    return writePadded(out, writeUint32(out, at, first), last, count);
  }
  const end = writePadded(out, writeUint32(out, at + 1, first), last, count);
  for (; whole > 0; whole--, at++) out[at] = out[at + 1]!;
  out[at] = 46;
  return end;
}

function writeByRuntime(out: Uint8Array, at: number, value: number): number {
  return writeAscii(out, at, value > 2 ** 53 ? value.toExponential() : String(value));
}

/** Writes ASCII text at `at` and gives the offset behind it. */
export function writeAscii(out: Uint8Array, at: number, text: string): number {
  for (let index = 0; index < text.length; index++) out[at++] = text.charCodeAt(index);
  return at;
}
