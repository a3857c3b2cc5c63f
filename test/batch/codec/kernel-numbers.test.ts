import { Buffer } from 'node:buffer';

import fc from 'fast-check';
import { expect, test } from 'vitest';

import { Batch, type FixedColumn, schema } from '../../../src/batch/index.ts';
import { createDecoder, createEncoder } from '../../../src/batch/codec.ts';
import { loadKernels } from '../../../src/batch/codec/kernels.ts';
import { double, hardDoubles, textOf } from './doubles.ts';

// The nightly run tries 50 times as many numbers as the gate does.
const runs = process.env['MILLRACE_NIGHTLY'] ? 10_000 : 200;
const numbersMax = 200;

const numbers = schema({ value: 'float64' });

function linesOf(values: readonly number[]): Buffer {
  const batch = Batch.from(
    values.map((value) => ({ value })),
    numbers,
  );
  return Buffer.from(createEncoder('ndjson', numbers).encode(batch));
}

function readBack(lines: Uint8Array): number[] {
  const read: number[] = [];
  const report = { failed: () => {}, counted: () => {} };
  const decoder = createDecoder('ndjson', numbers, { report });
  decoder.push(lines);
  decoder.end();
  for (let batch = decoder.next(); batch !== null; batch = decoder.next()) {
    const { values } = batch.column('value') as FixedColumn<Float64Array>;
    read.push(...values.subarray(0, batch.length));
  }
  return read;
}

function check(values: readonly number[]): void {
  const lines = linesOf(values);
  expect(lines.toString()).toBe(values.map((value) => `{"value":${textOf(value)}}\n`).join(''));
  // An integer of 2^53 may have been another one before it was rounded.
  const readable = values.filter((value) => Math.abs(value) !== 2 ** 53);
  const back = readBack(linesOf(readable));
  expect(back.length).toBe(readable.length);
  for (const [at, value] of readable.entries()) expect(Object.is(back[at], value)).toBe(true);
}

test('every double is written as its shortest text and reads back bit for bit', () => {
  expect(loadKernels()).not.toBeNull();
  check(hardDoubles);
  check(hardDoubles.map((value) => -value));
  fc.assert(fc.property(fc.array(double, { minLength: 1, maxLength: numbersMax }), check), {
    numRuns: runs,
  });
});

test('powers of two and of ten, and what lies beside them', () => {
  const bits = new BigUint64Array(1);
  const value = new Float64Array(bits.buffer);
  const around = (middle: number): number[] => {
    value[0] = middle;
    const [at] = bits;
    return [at! - 1n, at!, at! + 1n].map((one) => {
      bits[0] = one;
      return value[0]!;
    });
  };
  const powers = Array.from({ length: 2046 }, (_, p) => around(2 ** (p - 1022))).flat();
  const tens = Array.from({ length: 632 }, (_, p) => around(Number(`1e${p - 323}`))).flat();
  for (const some of [powers, tens]) check(some.filter((one) => Number.isFinite(one)));
});
