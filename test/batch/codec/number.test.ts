import { Buffer } from 'node:buffer';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { readFloat, viewOf } from '../../../src/batch/codec/read-number.ts';
import { writeFloat, writeInt64 } from '../../../src/batch/codec/write-number.ts';
import { double, hardDoubles, textOf } from './doubles.ts';

// The nightly run tries 100 times as many numbers as the gate does.
const runs = process.env['MILLRACE_NIGHTLY'] ? 2_000_000 : 20_000;

const out = new Uint8Array(64);

function written(value: number): string {
  return Buffer.from(out.buffer, 0, writeFloat(out, 0, value)).toString();
}

function read(text: string): number | undefined {
  const bytes = Uint8Array.from(Buffer.from(`${text}}\n`));
  const into = new Float64Array(1);
  const end = readFloat(bytes, viewOf(bytes), 0, into, 0);
  return end === text.length ? into[0] : undefined;
}

describe('writing', () => {
  test('gives the shortest text, as the runtime does', () => {
    for (const value of hardDoubles) expect(written(value)).toBe(textOf(value));
    fc.assert(
      fc.property(double, (value) => written(value) === textOf(value)),
      { numRuns: runs },
    );
  });

  test('gives an integer beyond 2^53 an exponent, so that no reader takes it for exact', () => {
    expect(written(2 ** 60)).toBe('1.152921504606847e+18');
    expect(read(written(2 ** 60))).toBe(2 ** 60);
  });

  test('writes int64 digit by digit', () => {
    const extremes = [-(2n ** 63n), 2n ** 63n - 1n, 0n, -1n, 2n ** 53n + 1n, 4_294_967_296n];
    const check = (value: bigint): void => {
      expect(Buffer.from(out.buffer, 0, writeInt64(out, 0, value)).toString()).toBe(String(value));
    };
    extremes.forEach(check);
    fc.assert(fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), check), {
      numRuns: 1000,
    });
  });
});

describe('reading', () => {
  test('gives back what was written, bit for bit', () => {
    for (const value of hardDoubles)
      expect(read(written(value))).toBe(value === 2 ** 53 ? undefined : value);
    fc.assert(
      fc.property(double, (value) => value === 2 ** 53 || Object.is(read(written(value)), value)),
      { numRuns: runs },
    );
  });

  test('rounds any decimal as the runtime does', () => {
    const digits = fc.stringMatching(/^(?:0|[1-9]\d{0,18})\.\d{1,20}$/);
    fc.assert(
      fc.property(digits, (text) => {
        expect(read(text)).toBe(Number(text));
      }),
      { numRuns: runs },
    );
  });

  test.each([
    '',
    '-',
    '01',
    '-01',
    '1.',
    '.5',
    '1.e5',
    '1e',
    '1e+',
    '+1',
    '0x1',
    'NaN',
    'Infinity',
    '1e999',
    '9007199254740993',
    '-9007199254740993',
    '18446744073709551616',
    '1..2',
    '--1',
  ])('does not take %j', (text) => {
    expect(read(text)).toBeUndefined();
  });

  test('reads next to the end of its buffer', () => {
    for (const text of ['1', '12', '123.4', '12345.6789', '1700000000000', '0.12345678901234567']) {
      const bytes = Uint8Array.from(Buffer.from(`${text}\n`));
      const into = new Float64Array(1);
      expect(readFloat(bytes, viewOf(bytes), 0, into, 0)).toBe(text.length);
      expect(into[0]).toBe(Number(text));
    }
  });
});
