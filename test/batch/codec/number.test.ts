import { Buffer } from 'node:buffer';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { readFloat, viewOf } from '../../../src/batch/codec/read-number.ts';
import { writeFloat, writeInt64 } from '../../../src/batch/codec/write-number.ts';

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

const double = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.double({ min: -1000, max: 1000, noNaN: true }),
  fc
    .tuple(fc.double({ min: 1, max: 10, noNaN: true }), fc.integer({ min: -8, max: 18 }))
    .map(([m, p]) => m * 10 ** p),
  fc
    .tuple(fc.double({ min: 1, max: 10, noNaN: true }), fc.integer({ min: 1, max: 17 }))
    .map(([m, p]) => Number(m.toPrecision(p))),
  // Halves between 2^51 and 2^53, and the neighbours of powers of two.
  fc.integer({ min: 2 ** 51, max: 2 ** 52 }).map((n) => n + 0.5),
  fc
    .tuple(fc.integer({ min: -30, max: 60 }), fc.constantFrom(-1, 0, 1))
    .map(([p, ulps]) => 2 ** p * (1 + ulps * Number.EPSILON)),
);
const hard = [
  0,
  -0,
  5e-324,
  2.2250738585072014e-308,
  1.7976931348623157e308,
  0.1 + 0.2,
  4.35,
  1e15,
  999999999999999.9,
  1e-5,
  1e-6,
  1e-7,
  9.999999999999999e-6,
  123456.7890123456,
  2 ** 53 - 1,
  2 ** 53,
  2 ** 53 + 2,
  2 ** 60,
  1e20,
  1e21,
  1e22,
  1e23,
  9.5367431640625e-7,
  0.000244140625,
  1.005,
  8.5,
  1024.0009765625,
];

describe('writing', () => {
  test('gives the shortest text, as the runtime does', () => {
    const expected = (value: number): string => {
      if (Object.is(value, -0)) return '-0';
      return Math.abs(value) > 2 ** 53 ? value.toExponential() : String(value);
    };
    for (const value of hard) expect(written(value)).toBe(expected(value));
    fc.assert(
      fc.property(double, (value) => written(value) === expected(value)),
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
    for (const value of hard)
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
