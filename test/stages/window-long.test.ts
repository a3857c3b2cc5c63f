import { expect, test } from 'vitest';

import { Batch, FixedColumn, Origin, schema } from '../../src/batch/index.ts';
import { Cut, isCut, seededRandom } from '../../src/core/index.ts';
import { window } from '../../src/stages/window.ts';
import { createStage } from '../../src/testing/stage.ts';

// 10,000,000 rows a night, 200,000 in the suite.
const rowCount = process.env['MILLRACE_NIGHTLY'] ? 10_000_000 : 200_000;
const batchRows = 4096;

const input = schema({ at: 'timestamp', value: 'float64' });
const random = seededRandom('long windows');
// A large common level, on which small differences lie: what costs digits where it is subtracted.
const values = Float64Array.from({ length: rowCount }, () => 1e6 + random.next());

function* batches(): Generator<Batch> {
  for (let first = 0; first < rowCount; first += batchRows) {
    const part = values.slice(first, first + batchRows);
    const times = Float64Array.from(part, (_, at) => first + at);
    const columns = [new FixedColumn('timestamp', times), new FixedColumn('float64', part)];
    yield new Batch(input, columns, part.length, new Origin('test', '', first)) as Batch;
  }
}

/** Sum with what rounding takes beside it, mean, and the mean square of distances from it. */
function twoPasses(numbers: Float64Array): { sum: number; mean: number; stddev: number } {
  const total = (of: (number: number) => number): number => {
    let [sum, rest] = [0, 0];
    for (const number of numbers) {
      const next = of(number);
      const more = sum + next;
      rest += Math.abs(sum) >= Math.abs(next) ? sum - more + next : next - more + sum;
      sum = more;
    }
    return sum + rest;
  };
  const sum = total((number) => number);
  const mean = sum / numbers.length;
  const squares = total((number) => (number - mean) ** 2);
  return { sum, mean, stddev: Math.sqrt(squares / numbers.length) };
}

async function windowsOf(
  every: `${number}ms`,
  over: `${number}ms`,
): Promise<Record<string, number>[]> {
  const compute = {
    rows: 'count()',
    sum: 'sum(value)',
    mean: 'mean(value)',
    stddev: 'stddev(value)',
    p1: 'p1(value)',
    p50: 'p50(value)',
    p99: 'p99(value)',
  } as const;
  const stage = createStage(window({ time: 'at', every, over, compute }), input);
  const end = new Cut(1, new Map(), new Map([['source', Infinity]]));
  const rows: Record<string, number>[] = [];
  for (const flow of await stage.run([...batches(), end] as never)) {
    if (!isCut(flow)) rows.push(...(flow.toRows() as never as Record<string, number>[]));
  }
  return rows;
}

function expectNear(row: Record<string, number>, numbers: Float64Array): void {
  expect(row['rows']).toBe(numbers.length);
  for (const [name, value] of Object.entries(twoPasses(numbers))) {
    expect(Math.abs(row[name]! - value) / Math.abs(value), name).toBeLessThan(1e-9);
  }
  const sorted = numbers.toSorted();
  for (const percent of [1, 50, 99]) {
    const rank = sorted.findIndex((number) => number >= row[`p${percent}`]!) + 1;
    expect(sorted[rank - 1], 'a percentile is a value that came').toBe(row[`p${percent}`]);
    const meant = Math.ceil((percent / 100) * numbers.length);
    const off = numbers.length <= 4096 ? 0 : 0.003 * numbers.length;
    expect(Math.abs(rank - meant), `rank of p${percent}`).toBeLessThanOrEqual(off);
  }
}

test('one window of all rows is within 1e-9 of two passes', { timeout: 600_000 }, async () => {
  const [row, ...others] = await windowsOf('100000000ms', '100000000ms');
  expect(others).toEqual([]);
  expectNear(row!, values);
});

test('windows that overlap are too, and up to 4,096 values percentiles are exact', async () => {
  const rows = await windowsOf('500ms', '4000ms');
  for (const row of [rows[50]!, rows[333]!, rows.at(-8)!]) {
    const [start, end] = [Math.max(0, row['start']!), row['end']!];
    expectNear(row, values.slice(start, end));
  }
}, 600_000);
