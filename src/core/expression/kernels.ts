import { bitmapBytes } from '../../batch/bitmap.ts';
import { type Bitmap, clearBit, getBit, takeValues, type Values } from '../../batch/index.ts';
import { type Scope, type Truths, truth } from './scope.ts';

type Floats = Float64Array;
/** Comparing a bigint with a number is exact in JavaScript, so the two may be mixed. */
type Wide = BigInt64Array | Float64Array;

/** `values` when it holds the rows, otherwise a larger array. Contents are unspecified. */
export function roomFor<T extends Values>(
  type: new (length: number) => T,
  values: T,
  rowsStored: number,
): T {
  return values.length >= rowsStored ? values : takeValues(type as never, rowsStored);
}

/** The rows that have a value on both sides. `into` is scratch; the result may be any of the three. */
export function bothValid(
  a: Bitmap | null,
  b: Bitmap | null,
  into: Bitmap,
  rowsStored: number,
): Bitmap | null {
  if (a === null || b === null) return a ?? b;
  const bytes = bitmapBytes(rowsStored);
  for (let at = 0; at < bytes; at++) into[at] = a[at]! & b[at]!;
  return into;
}

/** Clears the bits of the rows where a choice took a null. */
export function chooseValid(
  { rows, count }: Scope,
  test: Truths,
  yes: Bitmap | null,
  no: Bitmap | null,
  into: Bitmap,
): void {
  into.fill(0xff);
  for (let at = 0; at < count; at++) {
    const row = rows[at]!;
    const from = test[row] === truth.yes ? yes : no;
    if (from !== null && !getBit(from, row)) clearBit(into, row);
  }
}

type FloatOperation = (scope: Scope, a: Floats, b: Floats, out: Floats) => void;

export const arithmetic: Readonly<
  Record<'+' | '-' | '*' | '/' | '%' | 'min' | 'max', FloatOperation>
> = {
  '+': ({ rows, count }, a, b, out) => {
    for (let at = 0; at < count; at++) {
      const row = rows[at]!;
      out[row] = a[row]! + b[row]!;
    }
  },
  '-': ({ rows, count }, a, b, out) => {
    for (let at = 0; at < count; at++) {
      const row = rows[at]!;
      out[row] = a[row]! - b[row]!;
    }
  },
  '*': ({ rows, count }, a, b, out) => {
    for (let at = 0; at < count; at++) {
      const row = rows[at]!;
      out[row] = a[row]! * b[row]!;
    }
  },
  '/': ({ rows, count }, a, b, out) => {
    for (let at = 0; at < count; at++) {
      const row = rows[at]!;
      out[row] = a[row]! / b[row]!;
    }
  },
  '%': ({ rows, count }, a, b, out) => {
    for (let at = 0; at < count; at++) {
      const row = rows[at]!;
      out[row] = a[row]! % b[row]!;
    }
  },
  min: ({ rows, count }, a, b, out) => {
    for (let at = 0; at < count; at++) {
      const row = rows[at]!;
      out[row] = Math.min(a[row]!, b[row]!);
    }
  },
  max: ({ rows, count }, a, b, out) => {
    for (let at = 0; at < count; at++) {
      const row = rows[at]!;
      out[row] = Math.max(a[row]!, b[row]!);
    }
  },
};

type FloatFunction = (scope: Scope, a: Floats, out: Floats) => void;

export const floatFunctions: Readonly<
  Record<'negate' | 'abs' | 'round' | 'floor' | 'ceil' | 'sqrt', FloatFunction>
> = {
  negate: ({ rows, count }, a, out) => {
    for (let at = 0; at < count; at++) {
      const row = rows[at]!;
      out[row] = -a[row]!;
    }
  },
  abs: ({ rows, count }, a, out) => {
    for (let at = 0; at < count; at++) {
      const row = rows[at]!;
      out[row] = Math.abs(a[row]!);
    }
  },
  round: ({ rows, count }, a, out) => {
    for (let at = 0; at < count; at++) {
      const row = rows[at]!;
      out[row] = Math.round(a[row]!);
    }
  },
  floor: ({ rows, count }, a, out) => {
    for (let at = 0; at < count; at++) {
      const row = rows[at]!;
      out[row] = Math.floor(a[row]!);
    }
  },
  ceil: ({ rows, count }, a, out) => {
    for (let at = 0; at < count; at++) {
      const row = rows[at]!;
      out[row] = Math.ceil(a[row]!);
    }
  },
  sqrt: ({ rows, count }, a, out) => {
    for (let at = 0; at < count; at++) {
      const row = rows[at]!;
      out[row] = Math.sqrt(a[row]!);
    }
  },
};

/** The comparisons that the others are made of: a > b is b < a, a != b is not a == b. */
export type Order = '<' | '<=' | '==';

export const compareFloats: Readonly<
  Record<Order, (scope: Scope, a: Floats, b: Floats, out: Truths) => void>
> = {
  '<': ({ rows, count }, a, b, out) => {
    for (let at = 0; at < count; at++) {
      const row = rows[at]!;
      out[row] = a[row]! < b[row]! ? truth.yes : truth.no;
    }
  },
  '<=': ({ rows, count }, a, b, out) => {
    for (let at = 0; at < count; at++) {
      const row = rows[at]!;
      out[row] = a[row]! <= b[row]! ? truth.yes : truth.no;
    }
  },
  '==': ({ rows, count }, a, b, out) => {
    for (let at = 0; at < count; at++) {
      const row = rows[at]!;
      out[row] = a[row]! === b[row]! ? truth.yes : truth.no;
    }
  },
};

// Copies of their own: one loop that saw both kinds of array would be slow for either.
export const compareWide: Readonly<
  Record<Order, (scope: Scope, a: Wide, b: Wide, out: Truths) => void>
> = {
  '<': ({ rows, count }, a, b, out) => {
    for (let at = 0; at < count; at++) {
      const row = rows[at]!;
      out[row] = a[row]! < b[row]! ? truth.yes : truth.no;
    }
  },
  '<=': ({ rows, count }, a, b, out) => {
    for (let at = 0; at < count; at++) {
      const row = rows[at]!;
      out[row] = a[row]! <= b[row]! ? truth.yes : truth.no;
    }
  },
  '==': ({ rows, count }, a, b, out) => {
    for (let at = 0; at < count; at++) {
      const row = rows[at]!;
      out[row] = a[row]! <= b[row]! && a[row]! >= b[row]! ? truth.yes : truth.no;
    }
  },
};

export function compareStrings(
  { rows, count }: Scope,
  test: (a: string, b: string) => boolean,
  a: readonly string[],
  b: readonly string[],
  out: Truths,
): void {
  for (let at = 0; at < count; at++) {
    const row = rows[at]!;
    out[row] = test(a[row]!, b[row]!) ? truth.yes : truth.no;
  }
}

export function equalCodes(
  { rows, count }: Scope,
  codes: Int32Array,
  code: number,
  out: Truths,
): void {
  for (let at = 0; at < count; at++) {
    const row = rows[at]!;
    out[row] = codes[row] === code ? truth.yes : truth.no;
  }
}

export function lookUp<T extends Uint8Array | Float64Array>(
  { rows, count }: Scope,
  codes: Int32Array,
  table: T,
  out: T,
): void {
  for (let at = 0; at < count; at++) {
    const row = rows[at]!;
    out[row] = table[codes[row]!]!;
  }
}

/** Rows whose bytes are exactly `wanted`. */
export function equalBytes(
  { rows, count }: Scope,
  offsets: Int32Array,
  data: Uint8Array,
  wanted: Uint8Array,
  out: Truths,
): void {
  const length = wanted.length;
  for (let at = 0; at < count; at++) {
    const row = rows[at]!;
    const start = offsets[row]!;
    let same = offsets[row + 1]! - start === length;
    for (let byte = 0; same && byte < length; byte++) same = data[start + byte] === wanted[byte];
    out[row] = same ? truth.yes : truth.no;
  }
}

/** Numbers of any array as float64; of int64 the nearest. */
export function readFloats(
  { rows, count }: Scope,
  values: Int32Array | BigInt64Array,
  out: Floats,
): void {
  for (let at = 0; at < count; at++) {
    const row = rows[at]!;
    out[row] = Number(values[row]!);
  }
}

/** For each row the value of one of two arrays. */
export function choose<T extends Record<number, unknown>>(
  { rows, count }: Scope,
  test: Truths,
  yes: T,
  no: T,
  out: T,
): void {
  for (let at = 0; at < count; at++) {
    const row = rows[at]!;
    out[row] = test[row] === truth.yes ? yes[row] : no[row];
  }
}
