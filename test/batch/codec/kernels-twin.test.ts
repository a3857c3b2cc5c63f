import { execFile } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';

import { describe, expect, test, vi } from 'vitest';

import { schema } from '../../../src/batch/index.ts';
import { seededRandom } from '../../../src/core/index.ts';
import { decode } from './decoding.ts';

const execute = promisify(execFile);

// 1,000,000 inputs a night, 20,000 in the suite.
const nightly = Boolean(process.env['MILLRACE_NIGHTLY']);
const inputs = nightly ? 500_000 : 10_000;
const timeout = nightly ? 7_200_000 : 180_000;

test.concurrent.each(['ndjson', 'csv'])(
  '%s: rows, positions, dead letters and counts are those of the twin, whatever the chunks',
  { timeout },
  async (format) => {
    const program = join(import.meta.dirname, 'compare-run.ts');
    const { stdout } = await execute(process.execPath, [program, format, String(inputs)]);
    expect(stdout).toBe(`${inputs} agree\n`);
  },
);

/** What the kernels read of each text; the slow path would call the runtime's parser. */
function read(texts: readonly string[]): number[] {
  const lines = texts.map((text) => `{"value":${text}}\n`).join('');
  const parse = vi.spyOn(JSON, 'parse');
  try {
    const { rows } = decode('ndjson', schema({ value: 'float64' }), lines);
    expect(parse).not.toHaveBeenCalled();
    return rows.map(({ value }) => value as number);
  } finally {
    parse.mockRestore();
  }
}

/** Bit for bit: −0 is not 0. */
function expectExact(texts: readonly string[]): void {
  const values = read(texts);
  expect(values.length).toBe(texts.length);
  for (const [index, text] of texts.entries()) {
    if (!Object.is(values[index], Number(text)))
      expect([text, values[index]]).toEqual([text, Number(text)]);
  }
}

const view = new DataView(new ArrayBuffer(8));
function doubleOf(bits: bigint): number {
  view.setBigUint64(0, bits);
  return view.getFloat64(0);
}
function bitsOf(value: number): bigint {
  view.setFloat64(0, value);
  return view.getBigUint64(0);
}

/** As many of the leading digits of the point in the middle of a float64 and the next as 19 allow. */
function halfway(value: number, digits: number): string {
  const bits = bitsOf(value);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const mantissa = (bits & 0xfffffffffffffn) | (exponent === 0 ? 0n : 1n << 52n);
  const two = Math.max(exponent, 1) - 1075 - 1;
  const scaled = 2n * mantissa + 1n;
  const exact = two >= 0 ? scaled << BigInt(two) : scaled * 5n ** BigInt(-two);
  const text = exact.toString();
  const ten = (two >= 0 ? 0 : two) + Math.max(0, text.length - digits);
  return `${text.slice(0, digits)}e${ten}`;
}

describe('doubles are read bit for bit', () => {
  const random = seededRandom('doubles');
  const anyDouble = (): number => {
    const [high, low] = [random.next(), random.next()].map((share) =>
      BigInt(Math.floor(share * 2 ** 32)),
    );
    const value = doubleOf((high! << 32n) | low!);
    return Number.isFinite(value) ? value : 1.5;
  };

  test('the hard ones', () => {
    expectExact([
      '0.0',
      '-0',
      '-0.0',
      '0e5',
      '0.000e-400',
      '5e-324',
      '2e-324',
      '3e-324',
      '2.4703282292062328e-324',
      '4.9406564584124654e-324',
      '2.2250738585072011e-308',
      '2.2250738585072014e-308',
      '2.225073858507201e-308',
      '1.7976931348623157e308',
      '1.7976931348623158e308',
      '1e23',
      '1e22',
      '8.5',
      '9007199254740991',
      '9007199254740992.0',
      '9007199254740993.0',
      '9007199254740995.0',
      '-9007199254740993e0',
      '4503599627370497.5',
      '4503599627370496.5',
      '9.5367431640625e-7',
      '0.1',
      '0.30000000000000004',
      '123456789012345.6',
      '1234567890123456.7',
      '0.1234567890123456789',
      '12345678901234567.89',
      '9999999999999999999e-19',
      '0.00000000000000000001234567890123456789',
      '6.9294956446009195e15',
      '3.7455744005952583e15',
      '7.2057594037927933e16',
      '1e-343',
      '1e-400',
    ]);
  });

  test('every power of ten, alone and with many digits', () => {
    const powers = Array.from({ length: 308 + 345 }, (_, at) => at - 344);
    expectExact(powers.flatMap((power) => [`1e${power}`, `9.999999999999999e${power - 1}`]));
  });

  test('what the runtime writes: shortest, 17 digits, in exponents and without', () => {
    const values = Array.from({ length: 20_000 }, anyDouble);
    expectExact(
      values.flatMap((value) => [value.toExponential(), value.toPrecision(17)]).filter(isShort),
    );
    const usual = values.map(() => (random.next() - 0.5) * 10 ** Math.floor(random.next() * 12));
    expectExact(
      usual
        .flatMap((value) => [String(value), value.toFixed(6), value.toPrecision(17)])
        .filter(isShort),
    );
  });

  test('between two of them, a digit more or less', () => {
    const values = Array.from({ length: 20_000 }, anyDouble).map(Math.abs);
    const subnormal = values.map((value) => doubleOf(bitsOf(value) & 0xfffffffffffffn));
    const near = values.map((_, at) => 2 ** ((at % 120) - 60) * (1 + random.next()));
    for (const list of [values, subnormal, near]) {
      expectExact(
        list.flatMap((value) => [halfway(value, 17), halfway(value, 19)]).filter(isShort),
      );
    }
  });
});

/** What the kernels read by themselves: of up to 19 digits, finite, and no integer beyond 2^53. */
function isShort(text: string): boolean {
  const digits = text.replace(/e.*/, '').replace(/\D/g, '').replace(/^0+/, '');
  const isRounded = /^-?\d+$/.test(text) && !Number.isSafeInteger(Number(text));
  return digits.length <= 19 && Number.isFinite(Number(text)) && !isRounded;
}
