import type { Bitmap } from '../../batch/index.ts';
import { type Scope, type Truths, truth } from './scope.ts';

export function and({ rows, count }: Scope, a: Truths, b: Truths, out: Truths): void {
  for (let at = 0; at < count; at++) {
    const row = rows[at]!;
    const left = a[row]!;
    const right = b[row]!;
    out[row] = left < right ? left : right;
  }
}

export function or({ rows, count }: Scope, a: Truths, b: Truths, out: Truths): void {
  for (let at = 0; at < count; at++) {
    const row = rows[at]!;
    const left = a[row]!;
    const right = b[row]!;
    out[row] = left > right ? left : right;
  }
}

export function not({ rows, count }: Scope, a: Truths, out: Truths): void {
  for (let at = 0; at < count; at++) {
    const row = rows[at]!;
    out[row] = truth.yes - a[row]!;
  }
}

export function equalTruths({ rows, count }: Scope, a: Truths, b: Truths, out: Truths): void {
  for (let at = 0; at < count; at++) {
    const row = rows[at]!;
    const left = a[row]!;
    const right = b[row]!;
    if (left === truth.unknown || right === truth.unknown) out[row] = truth.unknown;
    else out[row] = left === right ? truth.yes : truth.no;
  }
}

/** A truth for each bool of a column. */
export function readBools({ rows, count }: Scope, values: Uint8Array, out: Truths): void {
  for (let at = 0; at < count; at++) {
    const row = rows[at]!;
    out[row] = values[row]! << 1;
  }
}

/** A truth for each bit: whether the row has no value. */
export function readMissing({ rows, count }: Scope, validity: Bitmap, out: Truths): void {
  for (let at = 0; at < count; at++) {
    const row = rows[at]!;
    out[row] = (1 - ((validity[row >>> 3]! >>> (row & 7)) & 1)) << 1;
  }
}

/** A truth for each truth: whether it is null. */
export function readUnknown({ rows, count }: Scope, of: Truths, out: Truths): void {
  for (let at = 0; at < count; at++) {
    const row = rows[at]!;
    out[row] = of[row] === truth.unknown ? truth.yes : truth.no;
  }
}

/** Sets the truth of rows without a value to null. */
export function forgetNulls({ rows, count }: Scope, validity: Bitmap | null, out: Truths): void {
  if (validity === null) return;
  for (let at = 0; at < count; at++) {
    const row = rows[at]!;
    if (((validity[row >>> 3]! >>> (row & 7)) & 1) === 0) out[row] = truth.unknown;
  }
}

/** Writes the rows that are true to `kept`; returns how many. */
export function keepTrue({ rows, count }: Scope, truths: Truths, kept: Uint32Array): number {
  let length = 0;
  for (let at = 0; at < count; at++) {
    const row = rows[at]!;
    kept[length] = row;
    length += truths[row]! >> 1;
  }
  return length;
}
