import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { Batch, type Schema, schema } from '../../src/batch/index.ts';
import { allRows } from '../../src/batch/selection.ts';
import { normalDeviate, seededRandom } from '../../src/core/index.ts';
import { KeyedState } from '../../src/core/keyed.ts';
import {
  ExponentialMean,
  NumberReader,
  RateOfChange,
  RollingExtreme,
  RollingMean,
  RollingMedian,
  RollingMoments,
  RollingSlope,
} from '../../src/core/rolling.ts';

const nightly = process.env['MILLRACE_NIGHTLY'] !== undefined;
// 20,000 runs at night.
const runs = nightly ? 20_000 : 500;

const unkeyed = (): KeyedState =>
  new KeyedState({ keysMax: 1 }, { input: schema({}) as Schema, report: { counted() {} } });

/** Runs a kernel over numbers, in pieces of the given sizes. */
type Run = (numbers: Float64Array, times: Float64Array) => Float64Array[];

function inPieces(run: Run, numbers: number[], times: number[], sizes: number[]): number[][] {
  const results: number[][] = [];
  for (let at = 0; at < numbers.length;) {
    const size = sizes.shift() ?? numbers.length;
    const columns = run(
      Float64Array.from(numbers.slice(at, at + size)),
      Float64Array.from(times.slice(at, at + size)),
    );
    for (const [index, column] of columns.entries()) (results[index] ??= []).push(...column);
    at += size;
  }
  return results;
}

const kernels: Record<string, (window: number) => Run> = {
  mean: (window) => {
    const mean = new RollingMean(unkeyed(), window);
    return (numbers) => {
      const out = new Float64Array(numbers.length);
      mean.run(numbers, null, allRows(numbers.length), numbers.length, out);
      return [out];
    };
  },
  moments: (window) => {
    const moments = new RollingMoments(unkeyed(), window);
    return (numbers) => {
      const [means, deviations] = [
        new Float64Array(numbers.length),
        new Float64Array(numbers.length),
      ];
      moments.run(numbers, null, allRows(numbers.length), numbers.length, means!, deviations!);
      return [means!, deviations!];
    };
  },
  extremes: (window) => {
    const state = unkeyed();
    const both = [
      new RollingExtreme(state, 'min', window),
      new RollingExtreme(state, 'max', window),
    ];
    return (numbers) =>
      both.map((extreme) => {
        const out = new Float64Array(numbers.length);
        extreme.run(numbers, null, allRows(numbers.length), numbers.length, out);
        return out;
      });
  },
  slope: (window) => {
    const slope = new RollingSlope(unkeyed(), window);
    return (numbers, times) => {
      const out = new Float64Array(numbers.length);
      slope.run(numbers, times, null, allRows(numbers.length), numbers.length, out);
      return [out];
    };
  },
  median: (window) => {
    const median = new RollingMedian(unkeyed(), window);
    return (numbers) => {
      const out = [0, 1, 2].map(() => new Float64Array(numbers.length));
      for (const [at, number] of numbers.entries()) {
        median.open(0);
        if (!Number.isNaN(number)) median.add(number);
        const middle = median.numbers.median();
        out[0]![at] = middle;
        out[1]![at] = median.numbers.medianDeviation(middle);
        out[2]![at] = median.numbers.meanDeviation(middle);
      }
      return out;
    };
  },
};

/** What each kernel should give for the numbers in the window and their times, in two passes. */
const oracles: Record<string, (window: number[], times: number[]) => number[]> = {
  mean: (window) => [meanOf(window)],
  moments: (window) => [meanOf(window), deviationOf(window)],
  extremes: (window) => [Math.min(...window), Math.max(...window)],
  slope: (window, epochTimes) => {
    const times = epochTimes.map((time) => time - epochTimes[0]!);
    const [x, t] = [meanOf(window), meanOf(times)];
    const spread = meanOf(times.map((time) => (time - t) ** 2));
    const product = meanOf(times.map((time, at) => (time - t) * (window[at]! - x)));
    return [spread === 0 ? 0 : product / spread];
  },
  median: (window) => {
    const middle = medianOf(window);
    const distances = window.map((number) => Math.abs(number - middle));
    return [middle, medianOf(distances), meanOf(distances)];
  },
};

function meanOf(numbers: number[]): number {
  const first = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  // The second pass takes the rounding of the first away.
  return first + numbers.reduce((sum, number) => sum + (number - first), 0) / numbers.length;
}

function deviationOf(numbers: number[]): number {
  const mean = meanOf(numbers);
  return Math.sqrt(meanOf(numbers.map((number) => (number - mean) ** 2)));
}

function medianOf(numbers: number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : sorted[middle - 1]! / 2 + sorted[middle]! / 2;
}

const number = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: -100, max: 100, noNaN: true }) },
  { weight: 2, arbitrary: fc.constantFrom(0, -0, 1, 1, 5) },
  { weight: 1, arbitrary: fc.constantFrom(1e9, -1e12, 1e15) },
  { weight: 1, arbitrary: fc.constant(NaN) },
);

describe('a rolling result is that of two passes over the window', () => {
  test.each(Object.keys(kernels))('%s, wherever batches end', (name) => {
    fc.assert(
      fc.property(
        fc.array(number, { maxLength: 80 }),
        fc.integer({ min: 1, max: 12 }),
        fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 10 }),
        fc.array(fc.integer({ min: -3, max: 10 }), { minLength: 80, maxLength: 80 }),
        (numbers, window, sizes, steps) => {
          let time = 1.7e12;
          const times = numbers.map((_, at) => (time += steps[at]!));
          const found = inPieces(kernels[name]!(window), numbers, times, sizes);
          const whole = inPieces(kernels[name]!(window), numbers, times, []);
          expect(found).toStrictEqual(whole);
          for (const [at] of numbers.entries()) {
            const valid = numbers
              .keys()
              .filter((i) => i <= at && !Number.isNaN(numbers[i]))
              .toArray();
            const indexes = valid.slice(-window);
            const held = indexes.map((index) => numbers[index]!);
            const expected =
              held.length === 0
                ? []
                : oracles[name]!(
                    held,
                    indexes.map((i) => times[i]!),
                  );
            // Squares of less than this vanish.
            const scale = Math.max(...held.map(Math.abs), 1e-140);
            for (const [index, column] of found.entries()) {
              if (held.length === 0) expect(column[at]).toBeNaN();
              else
                expect(Math.abs(column[at]! - expected[index]!) / scale).toBeLessThanOrEqual(1e-9);
            }
          }
        },
      ),
      { numRuns: runs },
    );
  });
});

describe('by hand', () => {
  const numbers = [2, 4, NaN, 4, 5, 11];
  test.each<[string, number[][]]>([
    ['mean', [[2, 3, 3, 10 / 3, 13 / 3, 20 / 3]]],
    [
      'moments',
      [
        [2, 3, 3, 10 / 3, 13 / 3, 20 / 3],
        [0, 1, 1, Math.sqrt(8 / 9), Math.sqrt(2 / 9), Math.sqrt(86 / 9)],
      ],
    ],
    [
      'extremes',
      [
        [2, 2, 2, 2, 4, 4],
        [2, 4, 4, 4, 5, 11],
      ],
    ],
    ['slope', [[0, 2, 2, 4 / 7, 2 / 7, 3.5]]],
    [
      'median',
      [
        [2, 3, 3, 4, 4, 5],
        [0, 1, 1, 0, 0, 1],
        [0, 1, 1, 2 / 3, 1 / 3, 7 / 3],
      ],
    ],
  ])('%s over 3', (name, expected) => {
    const found = inPieces(kernels[name]!(3), numbers, [0, 1, 2, 3, 4, 5], []);
    for (const [index, column] of expected.entries()) {
      for (const [at, value] of column.entries()) expect(found[index]![at]).toBeCloseTo(value, 12);
    }
  });

  test('the exponential mean begins with the first number', () => {
    const out = new Float64Array(4);
    const mean = new ExponentialMean(unkeyed(), 0.5);
    mean.run(Float64Array.of(NaN, 4, 8, NaN), null, allRows(4), 4, out);
    expect([...out]).toEqual([NaN, 4, 6, 6]);
  });

  test('a number that is not later than the one before changes no rate', () => {
    const out = new Float64Array(6);
    const rate = new RateOfChange(unkeyed());
    const times = Float64Array.of(0, 2, 2, 1, NaN, 4);
    rate.run(Float64Array.of(1, 5, 100, 100, 100, 4), times, null, allRows(6), 6, out);
    expect([...out]).toEqual([0, 2, 2, 2, 2, -0.5]);
  });
});

describe('digits are not lost', () => {
  test('to a large level: the deviation is that of the same numbers at level 0', () => {
    const random = seededRandom('level');
    // Multiples of 2^-10 below 2^10, so that adding 2^42 is exact.
    const small = Array.from({ length: 2000 }, () => Math.round(random.next() * 2 ** 20) / 2 ** 10);
    const [, low] = inPieces(kernels['moments']!(50), small, [], []);
    const [, high] = inPieces(
      kernels['moments']!(50),
      small.map((x) => x + 2 ** 42),
      [],
      [],
    );
    for (const [at, deviation] of low!.entries()) {
      expect(Math.abs(high![at]! - deviation)).toBeLessThanOrEqual(1e-12 * 2 ** 10);
    }
  });

  test('to numbers that have left: a spike of 1e300 is gone when the window has passed', () => {
    const numbers = [1e300, -1e300, 1e200, ...Array.from({ length: 20 }, (_, at) => at)];
    for (const name of ['mean', 'moments', 'slope'] as const) {
      const found = inPieces(
        kernels[name]!(4),
        numbers,
        numbers.map((_, at) => at),
        [],
      );
      const expected = oracles[name]!([16, 17, 18, 19], [19, 20, 21, 22]);
      for (const [index, column] of found.entries()) {
        expect(column.at(-1)).toBeCloseTo(expected[index]!, 12);
      }
    }
  });

  test('in a window of equal numbers, whose deviation is exactly 0', () => {
    const [means, deviations] = inPieces(kernels['moments']!(7), Array(100).fill(0.1), [], []);
    expect(new Set(means)).toEqual(new Set([0.1]));
    expect(new Set(deviations)).toEqual(new Set([0]));
  });

  // 10 million rows at night, 300,000 otherwise.
  const rows = nightly ? 10_000_000 : 300_000;
  test.each(['mean', 'moments', 'slope'])(
    `after ${rows} rows: %s`,
    (name) => {
      const random = seededRandom('drift');
      const window = 50;
      const run = kernels[name]!(window);
      const size = 5_000;
      let level = 0;
      for (let from = 0; from < rows; from += size) {
        const numbers = Float64Array.from({ length: size }, () => {
          level += normalDeviate(random);
          const spike = random.next() < 0.001 ? 1e12 * normalDeviate(random) : 0;
          return 1e6 + level + normalDeviate(random) + spike;
        });
        const times = Float64Array.from(numbers, (_, at) => 1.7e12 + (from + at) * 100);
        const results = run(numbers, times);
        for (const at of [window - 1, size >> 1, size - 1]) {
          const held = Array.from(numbers.subarray(at - window + 1, at + 1));
          const scale = Math.max(...held.map(Math.abs));
          const expected = oracles[name]!(
            held,
            Array.from(times.subarray(at - window + 1, at + 1)),
          );
          for (const [index, value] of expected.entries()) {
            expect(Math.abs(results[index]![at]! - value)).toBeLessThanOrEqual(1e-9 * scale);
          }
        }
      }
    },
    600_000,
  );
});

test('keys do not touch each other, however they take turns', () => {
  const input = schema({ key: 'int32', value: 'float64' });
  const random = seededRandom('turns');
  const records = Array.from({ length: 3000 }, () => ({
    key: Math.floor(random.next() * 7),
    value: random.next() < 0.1 ? NaN : random.next() * 100,
  }));
  const state = new KeyedState({ by: 'key', keysMax: 10 }, { input, report: { counted() {} } });
  const mean = new RollingMean(state, 5);
  const moments = new RollingMoments(state, 5);
  const batch = Batch.from(records, input);
  const reader = new NumberReader('value');
  const out = [0, 1, 2].map(() => new Float64Array(records.length));
  const numbers = reader.read(batch);
  const slots = state.slots(batch);
  mean.run(numbers, slots, batch.rows, batch.length, out[0]!);
  moments.run(numbers, slots, batch.rows, batch.length, out[1]!, out[2]!);
  for (let key = 0; key < 7; key++) {
    const rows = records
      .keys()
      .filter((row) => records[row]!.key === key)
      .toArray();
    const own = rows.map((row) => records[row]!.value);
    const [alone] = inPieces(kernels['mean']!(5), own, [], []);
    const [means, deviations] = inPieces(kernels['moments']!(5), own, [], []);
    // Bit for bit: a lane that has only this key gives the same.
    expect(rows.map((row) => out[0]![row])).toStrictEqual(alone);
    expect(rows.map((row) => out[1]![row])).toStrictEqual(means);
    expect(rows.map((row) => out[2]![row])).toStrictEqual(deviations);
  }
});

test('null, NaN and the infinities are read as nothing', () => {
  const input = schema({ real: 'float64?', whole: 'int32?' });
  const records = [
    { real: 1, whole: null },
    { real: null, whole: 2 },
    { real: NaN, whole: 3 },
    { real: Infinity, whole: -4 },
    { real: -Infinity, whole: null },
  ];
  const batch = Batch.from(records, input);
  const read = (field: string): number[] => [...new NumberReader(field).read(batch).subarray(0, 5)];
  expect(read('real')).toEqual([1, NaN, NaN, NaN, NaN]);
  expect(read('whole')).toEqual([NaN, 2, 3, -4, NaN]);
});

test('state that no array can hold is refused in words', () => {
  const state = new KeyedState(
    { by: 'key', keysMax: 1e6 },
    { input: schema({ key: 'int32' }) as Schema, report: { counted() {} } },
  );
  const table = state.table('mean/1000000000', 1e9, 1);
  expect(() => table.reserve(3)).toThrow(
    /3 keys needs more than 2147483647 numbers; set a smaller/,
  );
});
