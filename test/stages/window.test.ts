import process from 'node:process';

import { describe, expect, test } from 'vitest';
import * as z from 'zod';

import { Batch, schema } from '../../src/batch/index.ts';
import { Cut, isCut } from '../../src/core/index.ts';
import { window } from '../../src/stages/window.ts';
import { stageSuite } from '../../src/testing/stage-suite.ts';
import { createStage } from '../../src/testing/stage.ts';

const input = schema({
  at: 'timestamp',
  sensor: 'category',
  site: 'text?',
  value: 'float64?',
  count: 'int32',
});
const times = [0, 1, 9, 10, 3, 12, 25, 19, 31, 30, 44, 41];
const values = [null, 2, 4, NaN, 6, 20, Infinity, 1, 3, null, 8, 8];
const records = times.map((at, index) => ({
  at,
  sensor: index % 3 === 0 ? 'a' : 'b',
  site: index % 4 === 0 ? null : 'north',
  value: values[index]!,
  count: index,
}));
const row = (start: number, end: number, rest: object): Record<string, unknown> => ({
  start,
  end,
  ...rest,
  partial: true,
});

for (const { name, run } of stageSuite(window, [
  {
    name: 'side by side',
    component: window({
      time: 'at',
      every: '10ms',
      compute: {
        rows: 'count()',
        numbers: 'count(value)',
        sum: 'sum(value)',
        avg: 'mean(value)',
        low: 'min(value)',
        high: 'max(value)',
        spread: 'stddev(value)',
        half: 'p50(value)',
        counts: 'sum(count)',
      },
    }),
    input,
    records,
    expected: [
      [0, 4, 3, 12, 4, 2, 6, Math.sqrt(8 / 3), 4, 7],
      [10, 3, 2, 21, 10.5, 1, 20, 9.5, 1, 15],
      [20, 1, 0, null, null, null, null, null, null, 6],
      [30, 2, 1, 3, 3, 3, 3, 0, 3, 17],
      [40, 2, 2, 16, 8, 8, 8, 0, 8, 21],
    ].map(([start, rows, numbers, sum, avg, low, high, spread, half, counts]) =>
      row(start!, start! + 10, { rows, numbers, sum, avg, low, high, spread, half, counts }),
    ),
  },
  {
    name: 'that overlap, by a category',
    component: window({
      time: 'at',
      every: '10ms',
      over: '30ms',
      by: 'sensor',
      compute: { sum: 'sum(count)', spread: 'stddev(count)', half: 'p50(count)' },
    }),
    input,
    records: records.slice(0, 5),
    expected: [
      { sensor: 'a', ...row(-20, 10, { sum: 0, spread: 0, half: 0 }) },
      { sensor: 'b', ...row(-20, 10, { sum: 7, spread: Math.sqrt(14 / 9), half: 2 }) },
      { sensor: 'a', ...row(-10, 20, { sum: 3, spread: 1.5, half: 0 }) },
      { sensor: 'b', ...row(-10, 20, { sum: 7, spread: Math.sqrt(14 / 9), half: 2 }) },
      { sensor: 'a', ...row(0, 30, { sum: 3, spread: 1.5, half: 0 }) },
      { sensor: 'b', ...row(0, 30, { sum: 7, spread: Math.sqrt(14 / 9), half: 2 }) },
      { sensor: 'a', ...row(10, 40, { sum: 3, spread: 0, half: 3 }) },
    ],
  },
  {
    name: 'of sessions, which a row between them joins',
    component: window({
      time: 'at',
      gap: '6ms',
      by: ['sensor', 'site'],
      compute: { rows: 'count()', sum: 'sum(count)', high: 'max(value)' },
    }),
    input,
    records,
  },
  {
    name: 'of few keys',
    component: window({
      time: 'at',
      every: '20ms',
      by: 'count',
      keysMax: 2,
      compute: { sum: 'sum(count)' },
    }),
    input,
    records,
    skips: {
      'makes the same of batches cut anywhere':
        'a key that is forgotten gives its windows behind the batch, before or after those of others',
    },
  },
])) {
  test(name, run);
}

/** Takes records, and behind them a cut with that watermark, again and again. */
async function windowsOf(
  component: Parameters<typeof createStage>[0],
  steps: readonly (readonly [number, readonly object[]])[],
): Promise<{ rows: object[][]; stage: ReturnType<typeof createStage> }> {
  const stage = createStage(component as never, input);
  const flows = steps.flatMap(([watermark, given], index) => [
    Batch.from(given as typeof records, input),
    new Cut(index + 1, new Map(), new Map([['source', watermark]])),
  ]);
  const rows: object[][] = [[]];
  for (const flow of await stage.run(flows)) {
    if (isCut(flow)) rows.push([]);
    else rows.at(-1)!.push(...flow.toRows());
  }
  return { rows, stage };
}

const at = (...times: readonly number[]): object[] =>
  times.map((time, index) => ({ ...records[0], at: time, count: index }));

test('a window is given before the cut whose watermark is at its end, whole, and once', async () => {
  const component = window({ time: 'at', every: '10ms', compute: { rows: 'count()' } });
  const { rows, stage } = await windowsOf(component, [
    [9, at(0, 5, 12)],
    [10, at(3)],
    [29, at(21, 13)],
    [Infinity, at(35)],
  ]);
  const given = (start: number, count: number): object => ({
    start,
    end: start + 10,
    rows: count,
    partial: false,
  });
  expect(rows).toEqual([[], [given(0, 3)], [given(10, 2)], [given(20, 1), given(30, 1)], []]);
  expect(stage.tally).toMatchObject({ absorbedRows: 7, createdRows: 4, dead: 0 });
});

test('a row of a window that was given is late: a dead letter, or dropped where that is asked', async () => {
  const steps = [
    [20, at(0, 25)],
    [20, at(19, 20)],
  ] as const;
  const compute = { rows: 'count()' } as const;
  const kept = await windowsOf(window({ time: 'at', every: '10ms', compute }), steps);
  expect(kept.stage.tally).toMatchObject({ absorbedRows: 3, dead: 1, droppedRows: 0 });
  expect([...kept.stage.tally.errors]).toEqual([['late', 1]]);
  const dropped = await windowsOf(
    window({ time: 'at', every: '10ms', late: 'drop', compute }),
    steps,
  );
  expect(dropped.stage.tally).toMatchObject({ absorbedRows: 3, dead: 0, droppedRows: 1 });
  expect([...dropped.stage.tally.droppedBy]).toEqual([['late', 1]]);
});

test('a row without a time is a dead letter', async () => {
  const component = window({ time: 'when', every: '10ms', compute: { rows: 'count()' } });
  const stage = createStage(component, schema({ when: 'timestamp?' }));
  expect(await stage.rows([{ when: null }, { when: 4 }])).toHaveLength(1);
  expect([...stage.tally.errors]).toEqual([['time.missing', 1]]);
});

test('rows that came behind the watermark of their partition are late whatever was given', async () => {
  const compute = { rows: 'count()' } as const;
  const late = async (component: Parameters<typeof createStage>[0]): Promise<unknown> => {
    const stage = createStage(component as never, input);
    const batch = Batch.from(at(25, 9, 10, 19) as typeof records, input);
    // As the source marks them: 20 had been reached when the others came.
    batch.origin.watermarks = Float64Array.of(NaN, 20, 20, 20);
    await stage.run([batch]);
    return Object.fromEntries(stage.tally.errors);
  };
  expect(await late(window({ time: 'at', every: '10ms', compute }))).toEqual({ late: 3 });
  expect(await late(window({ time: 'at', every: '20ms', compute }))).toEqual({ late: 3 });
  expect(await late(window({ time: 'at', every: '30ms', compute }))).toEqual({});
  expect(await late(window({ time: 'at', every: '10ms', over: '40ms', compute }))).toEqual({
    late: 3,
  });
  expect(await late(window({ time: 'at', gap: '100ms', compute }))).toEqual({ late: 3 });
});

test('sessions end so long after their last row, and a row between two makes one of them', async () => {
  const component = window({ time: 'at', gap: '10ms', compute: { sum: 'sum(count)' } });
  const { rows } = await windowsOf(component, [
    [10, at(0, 9, 30, 20)],
    [39, at(12)],
    [50, at(45, 54)],
  ]);
  expect(rows).toEqual([
    [],
    // 0, 9, 12, 20 came in the order of counts 0, 1, 0, 3; 30 is as far off as the gap is long.
    [{ start: 0, end: 30, sum: 4, partial: false }],
    [{ start: 30, end: 40, sum: 2, partial: false }],
    [{ start: 45, end: 64, sum: 1, partial: true }],
  ]);
});

test('a key that is forgotten gives its windows before their time, and its rows are counted', async () => {
  const component = window({
    time: 'at',
    every: '10ms',
    by: 'count',
    keysMax: 2,
    compute: { rows: 'count()' },
  });
  const { rows, stage } = await windowsOf(component, [[Infinity, at(0, 1, 2)]]);
  expect(rows).toEqual([
    [
      { count: 0, start: 0, end: 10, rows: 1, partial: true },
      { count: 2, start: 0, end: 10, rows: 1, partial: false },
      { count: 1, start: 0, end: 10, rows: 1, partial: false },
    ],
    [],
  ]);
  expect([...stage.tally.counts]).toEqual([['keys.evicted', 1]]);
});

test('a key that is forgotten gives its windows at once, however long there was nothing between', async () => {
  const component = window({
    time: 'at',
    every: '10ms',
    over: '20ms',
    by: 'sensor',
    keysMax: 1,
    compute: { rows: 'count()' },
  });
  const later = 1_700_000_000_000;
  // As of a device that has no clock yet when it sends for the first time.
  const { rows } = await windowsOf(component, [
    [0, [...at(0, later, later + 30), { ...records[1], at: later }]],
  ]);
  const given = rows.flat() as { sensor: string; start: number; rows: number }[];
  const ofA = given.filter(({ sensor }) => sensor === 'a');
  expect(ofA.map(({ start, rows: count }) => [start, count])).toEqual(
    [-10, 0, later - 10, later, later + 20, later + 30].map((start) => [start, 1]),
  );
});

test('windows of many keys at once are given with what their own rows come to', async () => {
  const keys = Array.from({ length: 5000 }, (_, key) => key);
  const component = window({
    time: 'at',
    every: '10ms',
    over: '20ms',
    by: 'count',
    compute: { rows: 'count()', sum: 'sum(value)', spread: 'stddev(value)', half: 'p50(value)' },
  });
  const at = (time: number): object[] =>
    keys.map((count) => ({ ...records[0], at: time, count, value: count + time }));
  const { rows } = await windowsOf(component, [[40, [...at(0), ...at(10), ...at(30)]]]);
  // Of one pane, of two that are joined, of one, of one.
  const expected: readonly (readonly [number, readonly number[]])[] = [
    [-10, [0]],
    [0, [0, 10]],
    [10, [10]],
    [20, [30]],
  ];
  expect(rows[0]).toEqual(
    expected.flatMap(([start, times]) =>
      keys.map((count) => ({
        count,
        start,
        end: start + 20,
        rows: times.length,
        sum: times.reduce((sum, time) => sum + count + time, 0),
        spread: times.length === 2 ? 5 : 0,
        half: count + times[0]!,
        partial: false,
      })),
    ),
  );
});

test('windows of many keys with few rows in each take what their rows do', async () => {
  const count = 10_000;
  const stage = createStage(
    window({ time: 'at', every: '10ms', by: 'sensor', compute: { rows: 'count()' } }) as never,
    input,
  );
  const rows = Array.from({ length: count }, (_, index) => ({
    ...records[0]!,
    at: 10 * index,
    sensor: `s${index}`,
  }));
  const before = process.memoryUsage().arrayBuffers;
  await stage.run([Batch.from(rows, input), new Cut(1)]);
  expect(stage.tally).toMatchObject({ absorbedRows: count, createdRows: count });
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50e6);
});

test('what goes beyond the greatest number is none, and counted', async () => {
  const numbers = schema({ at: 'timestamp', value: 'float64?', bare: 'float64' });
  const compute = {
    sum: 'sum(value)',
    avg: 'mean(value)',
    spread: 'stddev(value)',
    high: 'max(value)',
    bare: 'sum(bare)',
  } as const;
  const component = window({ time: 'at', every: '10ms', compute });
  const rows = [
    [0, 1e308, 1.7e308],
    [1, 1e308, 1],
    [2, -1e308, -1.7e308],
    [10, -1e308, -1e308],
    [11, -1e308, -1e308],
    [20, 1e308, 8],
    [21, null, 0],
  ].map(([at, value, bare]) => ({ at: at!, value: value!, bare: bare! }));
  const stage = createStage(component, numbers);
  const given = await stage.run([Batch.from(rows, numbers)]);
  const none = { sum: null, avg: null, spread: null };
  expect(given.flatMap((flow) => (isCut(flow) ? [] : flow.toRows()))).toMatchObject([
    { start: 0, ...none, high: 1e308, bare: 1 },
    { start: 10, sum: null, avg: null, high: -1e308, bare: NaN },
    { start: 20, sum: 1e308, avg: 1e308, spread: 0, high: 1e308, bare: 8 },
  ]);
  expect([...stage.tally.counts]).toEqual([['window.overflow', 6]]);
});

test('a record has the id of stage, key and start, and another one while it is partial', async () => {
  const component = window({
    time: 'at',
    every: '10ms',
    by: 'sensor',
    compute: { rows: 'count()' },
  });
  const idsOf = async (watermark: number, given: object[]): Promise<string[]> => {
    const cut = new Cut(1, new Map(), new Map([['source', watermark]]));
    const flows = await createStage(component, input).run([
      Batch.from(given as typeof records, input, { partition: String(watermark), position: 7 }),
      cut,
    ]);
    return flows.flatMap((flow) => {
      if (isCut(flow)) return [];
      return flow.toRows().map((_, row) => flow.origin.recordId(row));
    });
  };
  const [first, second] = await idsOf(20, at(1, 11));
  expect(await idsOf(Infinity, at(2, 12, 13))).toEqual([first, second]);
  expect(new Set([first, second, ...(await idsOf(0, at(1, 11)))]).size).toBe(4);
});

test('what a key that is forgotten again and again gives of one window are so many records', async () => {
  const component = window({
    time: 'at',
    every: '10ms',
    by: 'sensor',
    keysMax: 1,
    compute: { rows: 'count()' },
  });
  const stage = createStage(component as never, input);
  const given = ['a', 'b', 'a', 'b', 'a'].map((sensor, index) => ({
    ...records[0],
    sensor,
    at: index,
  }));
  const flows = given.map((record) => Batch.from([record] as typeof records, input));
  const ids = (await stage.run(flows)).flatMap((flow) =>
    isCut(flow) ? [] : flow.toRows().map((_, row) => flow.origin.recordId(row)),
  );
  expect(ids.length).toBe(5);
  expect(new Set(ids).size).toBe(5);
});

describe('is refused', () => {
  const options = window.spec.options(z);
  const compute = { rows: 'count()' };
  test.each([
    [{ time: 'at', compute }, '', 'give `every` or `gap`'],
    [{ time: 'at', every: '1m', gap: '1m', compute }, '', 'give `every` or `gap`'],
    [{ time: 'at', gap: '1m', over: '1m', compute }, '', '`over` is the length'],
    [{ time: 'at', every: '2m', over: '3m', compute }, '', 'not a multiple'],
    [{ time: 'at', every: '1ms', over: '100001ms', compute }, '', 'in more than 100000 windows'],
    [{ time: 'at', every: '1 minute', compute }, 'every', 'a duration is written `500ms`'],
    [{ time: 'at', every: '0s', compute }, 'every', 'at least one'],
    [{ time: 'at', every: '0.1ms', compute }, 'every', 'whole number of milliseconds'],
    [{ time: 'at', every: '1m', compute: {} }, 'compute', 'name something'],
    [{ time: 'at', every: '1m', compute: { a: 'avg(x)' } }, 'compute.a', '`avg(x)` is none of'],
    [{ time: 'at', every: '1m', compute: { a: 'mean()' } }, 'compute.a', 'is none of'],
    [{ time: 'at', every: '1m', compute: { a: 'p101(x)' } }, 'compute.a', 'is none of'],
  ])('%o', (given, path, text) => {
    const issue = options.safeParse(given).error?.issues[0];
    expect(issue?.path.join('.')).toBe(path);
    expect(issue?.message).toContain(text);
  });

  test('a field that is missing or of the wrong kind', () => {
    const plan = (given: object) => () =>
      createStage(window({ every: '1m', compute, time: 'at', ...given } as never), input);
    expect(plan({ time: 'value' })).toThrow('field `value` is float64, not timestamp');
    expect(plan({ by: 'sensr' })).toThrow('field `sensr` does not exist here');
    expect(plan({ compute: { a: 'mean(site)' } })).toThrow('field `site` is text, not float64');
    expect(plan({ compute: { start: 'count()' } })).toThrow('field `start` is named twice');
  });

  test('state of other windows, computations or keys', () => {
    const of = (given: object): never =>
      window({ every: '1m', compute, time: 'at', ...given } as never) as never;
    const state = createStage(of({}), input).snapshot();
    const restore = (given: object) => () => createStage(of(given), input, { state });
    expect(restore({})).not.toThrow();
    expect(restore({ every: '2m' })).toThrow('the state is of other windows');
    expect(restore({ every: undefined, gap: '1m' })).toThrow('the state is of other windows');
    expect(restore({ compute: { a: 'sum(value)' } })).toThrow('or of other computations');
    expect(restore({ by: 'sensor' })).toThrow('the stage keeps it by [sensor]');
  });
});
