import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';

import { Batch, FixedColumn, Origin, schema } from '../../src/batch/index.ts';
import { isCut, seededRandom } from '../../src/core/index.ts';
import { detectAnomalies } from '../../src/stages/detect-anomalies.ts';
import { features } from '../../src/stages/features.ts';
import { movingAverage } from '../../src/stages/moving-average.ts';
import { stageSuite } from '../../src/testing/stage-suite.ts';
import { createStage } from '../../src/testing/stage.ts';

const input = schema({ at: 'timestamp?', sensor: 'category', value: 'float64?' });
const times = [0, 4, 9, 10, 10, 12, 11, 30, 19, 31, null, 40, 52];
const values = [1, null, 2, 4, NaN, 6, 20, 8, 9, Infinity, 5, 7, 3];
const records = times.map((at, index) => ({
  at,
  sensor: index % 3 === 0 ? 'a' : 'b',
  value: values[index]!,
}));
// 11 comes after 12 and counts as of that; 19 is older than the window that ends at 30.
const means = [1, 1, 1.5, 3, 3, 4, 8, 8, 8, 8, 8, 7, 3];

for (const { name, run } of [
  ...stageSuite(movingAverage, [
    {
      name: 'over time',
      component: movingAverage({ field: 'value', window: '10ms', time: 'at', into: 'avg' }),
      input,
      records,
      expected: records.map((record, at) => ({ ...record, avg: means[at] })),
    },
    {
      name: 'over time, of few keys',
      component: movingAverage({
        field: 'value',
        window: '20ms',
        time: 'at',
        by: ['sensor', 'value'],
        keysMax: 2,
      }),
      input,
      records,
    },
  ]),
  ...stageSuite(features, [
    {
      name: 'over time',
      component: features({
        field: 'value',
        features: ['mean', 'std-dev', 'min', 'max', 'slope', 'rate-of-change'],
        window: '15ms',
        time: 'at',
        by: 'sensor',
      }),
      input,
      records,
    },
  ]),
  ...stageSuite(detectAnomalies, [
    {
      name: 'over time',
      component: detectAnomalies({
        field: 'value',
        by: 'sensor',
        detectors: { robustZ: { window: '25ms', time: 'at', deviationMin: 0.1 } },
      }),
      input,
      records: [...records, ...records, ...records],
    },
  ]),
]) {
  test(name, run);
}

const plain = schema({ at: 'timestamp', value: 'float64' });

interface Timed {
  readonly at: number;
  readonly value: number;
}

/** In two passes over what is in the window of each row. */
function oracle(rows: readonly Timed[], windowMs: number): number[][] {
  let latest = -Infinity;
  const entered: Timed[] = [];
  return rows.map(({ at, value }) => {
    if (at > latest - windowMs) {
      latest = Math.max(latest, at);
      if (!Number.isNaN(value)) entered.push({ at: latest, value });
    }
    const within = entered.filter((row) => row.at > latest - windowMs);
    const mean = (of: (row: Timed) => number): number =>
      within.reduce((sum, row) => sum + of(row), 0) / within.length;
    const [level, time] = [mean((row) => row.value), mean((row) => row.at)];
    const spread = mean((row) => (row.at - time) ** 2);
    const together = mean((row) => (row.at - time) * (row.value - level));
    return [
      level,
      Math.sqrt(mean((row) => (row.value - level) ** 2)),
      Math.min(...within.map((row) => row.value)),
      Math.max(...within.map((row) => row.value)),
      spread === 0 ? 0 : (together / spread) * 1000,
    ];
  });
}

/** Rows of which some are behind those before, and some have no value. */
const outOfOrder = (value: fc.Arbitrary<number>): fc.Arbitrary<{ at: number; value: number }[]> =>
  fc
    .array(
      fc.record({
        step: fc.integer({ min: -6, max: 9 }),
        value: fc.oneof({ weight: 4, arbitrary: value }, fc.constant(NaN)),
      }),
      { maxLength: 70 },
    )
    .map((steps) => {
      let latest = 0;
      return steps.map(({ step, value: given }) => {
        const at = latest + step;
        latest = Math.max(latest, at);
        return { at, value: given };
      });
    });

test('statistics of a window of time are those of two passes over its rows', async () => {
  await fc.assert(
    fc.asyncProperty(
      outOfOrder(fc.double({ min: -1e3, max: 1e3, noNaN: true })),
      fc.integer({ min: 1, max: 40 }),
      async (rows, windowMs) => {
        const names = ['mean', 'std-dev', 'min', 'max', 'slope'] as const;
        const stage = createStage(
          features({ field: 'value', features: names, window: `${windowMs}ms`, time: 'at' }),
          plain,
        );
        const given = await stage.rows(rows);
        const expected = oracle(rows, windowMs);
        for (const [index, row] of given.entries()) {
          const all = [
            row['valueMean'],
            row['valueStdDev'],
            row['valueMin'],
            row['valueMax'],
            row['valueSlope'],
          ];
          for (const [at, value] of all.entries()) {
            const wanted = expected[index]![at]!;
            const off = Math.abs(Number(value) - wanted);
            const isSame = Number.isFinite(wanted)
              ? off < (at === 4 ? 1e-5 : 1e-6)
              : Number.isNaN(Number(value));
            expect(isSame, `${names[at]} at row ${index}: ${Number(value)}, ${wanted}`).toBe(true);
          }
        }
      },
    ),
    { numRuns: process.env['MILLRACE_NIGHTLY'] ? 20_000 : 150 },
  );
});

/** The modified z-score of each row over those before it that are in its window, in two passes. */
function scoresOf(rows: readonly Timed[], windowMs: number): number[] {
  let latest = -Infinity;
  let entered: Timed[] = [];
  return rows.map(({ at, value }) => {
    if (at <= latest - windowMs) return 0;
    latest = Math.max(latest, at);
    entered = entered.filter((row) => row.at > latest - windowMs);
    if (Number.isNaN(value)) return 0;
    const before = entered;
    entered = [...entered, { at: latest, value }];
    if (before.length < 5 || latest - before[0]!.at < windowMs / 2) return 0;
    const median = medianOf(before.map((row) => row.value));
    const distances = before.map((row) => Math.abs(row.value - median));
    const mean = distances.reduce((sum, distance) => sum + distance, 0) / distances.length;
    const scatter = medianOf(distances) / 0.6745 || mean * 1.253314;
    return Math.abs(value - median) / (3.5 * Math.max(scatter, 0.5));
  });
}

function medianOf(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

test('anomalies of a window of time are those of two passes over its rows', async () => {
  await fc.assert(
    fc.asyncProperty(
      outOfOrder(fc.integer({ min: -20, max: 20 })),
      fc.integer({ min: 1, max: 60 }),
      async (rows, windowMs) => {
        const robustZ = { window: `${windowMs}ms`, time: 'at', deviationMin: 0.5 } as const;
        const stage = createStage(
          detectAnomalies({ field: 'value', detectors: { robustZ } }),
          plain,
        );
        const given = (await stage.rows(rows)).map((row) => Number(row['anomalyScore']));
        const expected = scoresOf(rows, windowMs);
        for (const [index, score] of given.entries()) {
          expect(Math.abs(score - expected[index]!), `row ${index}`).toBeLessThan(1e-9);
        }
      },
    ),
    { numRuns: process.env['MILLRACE_NIGHTLY'] ? 20_000 : 300 },
  );
});

test('a key keeps so many numbers in order and no more', async () => {
  const robustZ = { window: '1d', time: 'at' } as const;
  const stage = createStage(detectAnomalies({ field: 'value', detectors: { robustZ } }), plain);
  const length = 10_007;
  const at = Float64Array.from({ length }, (_, row) => row);
  const columns = [new FixedColumn('timestamp', at), new FixedColumn('float64', at)];
  await stage.run([new Batch(plain, columns, length, new Origin('test', '', 0)) as never]);
  expect([...stage.tally.counts]).toEqual([['window.forgotten', 7]]);
});

// 10,000,000 rows a night, 200,000 in the suite.
const rowCount = process.env['MILLRACE_NIGHTLY'] ? 10_000_000 : 200_000;

test('a mean over time stays within 1e-9 of two passes', { timeout: 600_000 }, async () => {
  const random = seededRandom('timed windows');
  const stage = createStage(movingAverage({ field: 'value', window: '700ms', time: 'at' }), plain);
  let last = new Float64Array(0);
  let given = new Float64Array(0);
  for (let first = 0; first < rowCount; first += 4000) {
    const part = Float64Array.from({ length: 4000 }, () => 1e6 + random.next());
    const at = Float64Array.from(part, (_, row) => first + row);
    const columns = [new FixedColumn('timestamp', at), new FixedColumn('float64', part)];
    const [flow] = await stage.run([
      new Batch(plain, columns, part.length, new Origin('test', '', first)) as never,
    ]);
    if (flow === undefined || isCut(flow)) throw new Error('no batch');
    given = (flow.column('valueAvg') as FixedColumn<Float64Array>).values.slice(0, 4000);
    last = part;
    flow.release();
  }
  for (const row of [700, 1234, 2711, 3999]) {
    const within = last.subarray(row - 699, row + 1);
    const mean = within.reduce((sum, value) => sum + (value - 1e6), 0) / within.length + 1e6;
    expect(Math.abs(given[row]! - mean) / mean).toBeLessThan(1e-9);
  }
});

test('a key keeps so many numbers and no more', async () => {
  const stage = createStage(movingAverage({ field: 'value', window: '1d', time: 'at' }), plain);
  const length = 1_000_000;
  for (let first = 0; first < length + 3; first += 50_000) {
    const rows = Float64Array.from({ length: Math.min(50_000, length + 3 - first) }, () => 1);
    if (first === 0) rows[0] = 1e9;
    const columns = [
      new FixedColumn(
        'timestamp',
        rows.map((_, row) => first + row),
      ),
      new FixedColumn('float64', rows),
    ];
    const made = await stage.run([
      new Batch(plain, columns, rows.length, new Origin('test', '', first)) as never,
    ]);
    const [flow] = made;
    if (flow !== undefined && !isCut(flow) && first >= length) {
      const { values } = flow.column('valueAvg') as FixedColumn<Float64Array>;
      expect(values[0]).toBe(1);
    }
  }
  expect([...stage.tally.counts]).toEqual([['window.forgotten', 3]]);
});

describe('is refused', () => {
  test.each([
    [movingAverage, { field: 'v', window: '5m' }, 'needs `time`'],
    [movingAverage, { field: 'v', window: 5, time: 't' }, '`time` is for a `window` of time'],
    [movingAverage, { field: 'v', window: '5 m', time: 't' }, ''],
    [features, { field: 'v', features: ['mean'], window: '5m' }, 'needs `time`'],
    [detectAnomalies, { field: 'v', detectors: { robustZ: { window: '5m' } } }, 'needs `time`'],
    [
      detectAnomalies,
      { field: 'v', detectors: { robustZ: { window: 5, time: 't' } } },
      '`time` is for a `window` of time',
    ],
    [features, { field: 'v', features: ['ema'], window: '5m', time: 't' }, '`ema` is over rows'],
  ])('%o', (definition, given, text) => {
    const issue = definition.spec.options(z).safeParse(given).error?.issues[0];
    expect(issue?.message).toContain(text);
  });

  test('a time that is none', () => {
    const plan = (): unknown =>
      createStage(movingAverage({ field: 'value', window: '5m', time: 'value' as never }), plain);
    expect(plan).toThrow('field `value` is float64, not timestamp');
  });
});
