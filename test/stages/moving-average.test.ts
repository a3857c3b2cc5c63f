import { describe, expect, test } from 'vitest';
import * as z from 'zod';

import { Batch, schema } from '../../src/batch/index.ts';
import { movingAverage } from '../../src/stages/moving-average.ts';
import { stageSuite } from '../../src/testing/stage-suite.ts';
import { createStage } from '../../src/testing/stage.ts';

const input = schema({ sensor: 'category', site: 'text?', value: 'float64?', count: 'int32' });
const values = [null, 2, 4, NaN, 6, 20, Infinity, 1, 3, null, 8, 8];
const records = values.map((value, at) => ({
  sensor: at % 3 === 0 ? 'a' : 'b',
  site: at % 4 === 0 ? null : 'north',
  value,
  count: at,
}));
const averages = [null, 2, 3, 3, 4, 10, 10, 9, 8, 8, 4, 19 / 3];
// a has rows 0, 3, 6, 9; b the others.
const bySensor = [null, 2, 3, null, 4, 10, null, 9, 8, null, 4, 19 / 3];

for (const { name, run } of stageSuite(movingAverage, [
  {
    name: 'of all rows',
    component: movingAverage({ field: 'value', window: 3 }),
    input,
    records,
    expected: records.map((record, at) => ({ ...record, valueAvg: averages[at] })),
  },
  {
    name: 'by a category',
    component: movingAverage({ field: 'value', window: 3, by: 'sensor', into: 'avg' }),
    input,
    records,
    expected: records.map((record, at) => ({ ...record, avg: bySensor[at] })),
  },
  {
    name: 'by two fields, of few keys',
    component: movingAverage({ field: 'count', window: 2, by: ['sensor', 'site'], keysMax: 2 }),
    input,
    records,
  },
])) {
  test(name, run);
}

test('the field is nullable exactly if its source is, and NaN stands for null elsewhere', async () => {
  const plain = schema({ value: 'float64' });
  const stage = createStage(movingAverage({ field: 'value', window: 2 }), plain);
  expect(stage.output.toJSON()).toEqual({ value: 'float64', valueAvg: 'float64' });
  const averages = await stage.rows([NaN, -Infinity, 4, NaN].map((value) => ({ value })));
  expect(averages.map(({ valueAvg }) => valueAvg)).toEqual([NaN, NaN, 4, 4]);
  const nullable = createStage(movingAverage({ field: 'value', window: 2 }), input);
  expect(nullable.output.toJSON()['valueAvg']).toBe('float64?');
});

test('it may take the place of a field', async () => {
  const stage = createStage(movingAverage({ field: 'count', window: 2, into: 'count' }), input);
  expect(stage.output.names).toEqual(input.names);
  const rows = await stage.rows(records.slice(0, 3));
  expect(rows.map(({ count }) => count)).toEqual([0, 0.5, 1.5]);
});

test('a key that was forgotten begins anew and is counted', async () => {
  const keyed = schema({ key: 'int32', value: 'float64' });
  const stage = createStage(
    movingAverage({ field: 'value', window: 9, by: 'key', keysMax: 2 }),
    keyed,
  );
  const keys = [1, 2, 1, 3, 2, 1];
  const rows = await stage.rows(keys.map((key, at) => ({ key, value: at })));
  // 3 takes the place of 2, and 2 that of 1.
  expect(rows.map(({ valueAvg }) => valueAvg)).toEqual([0, 1, 1, 3, 4, 5]);
  expect([...stage.tally.counts]).toEqual([['keys.evicted', 3]]);
});

describe('is refused', () => {
  const options = movingAverage.spec.options(z);
  test.each([
    [{ field: 'value', window: 0 }, 'window', 'expected number to be >=1'],
    [{ field: 'value', window: 1.5 }, 'window', ''],
    [{ field: 'value' }, 'window', ''],
    [{ field: 'value', window: 3, keysMax: 0 }, 'keysMax', '>=1'],
    [{ field: 'value', window: 3, by: [] }, 'by', ''],
    [{ field: 'value', window: 3, size: 4 }, '', 'size'],
  ])('%o', (given, path, text) => {
    const issue = options.safeParse(given).error?.issues[0];
    expect(issue?.path.join('.')).toBe(path);
    expect(issue?.message).toContain(text);
  });

  test('a field that is missing or of the wrong kind', () => {
    const plan = (given: object) => () => createStage(movingAverage(given as never), input);
    expect(plan({ field: 'vlaue', window: 2 })).toThrow(
      'field `vlaue` does not exist here; fields: sensor',
    );
    expect(plan({ field: 'site', window: 2 })).toThrow(
      '`site` is text, not float64 or int32 or timestamp',
    );
    expect(plan({ field: 'value', window: 2, by: 'sensr' })).toThrow(
      'field `sensr` does not exist here',
    );
  });

  test('state of another window, or kept by another field', () => {
    const other = createStage(movingAverage({ field: 'value', window: 4 }), input);
    const state = other.snapshot();
    const restore = (options: object) => () =>
      createStage(movingAverage({ field: 'value', ...options } as never), input, { state });
    expect(restore({ window: 4 })).not.toThrow();
    expect(restore({ window: 5 })).toThrow(
      'ERR_SNAPSHOT_INVALID [state] the state is of [mean/4], the stage has [mean/5]',
    );
    expect(restore({ window: 4, by: 'sensor' })).toThrow('the stage keeps it by [sensor]');
  });
});

test('an input that is held elsewhere too is not written to', async () => {
  const stage = createStage(movingAverage({ field: 'count', window: 2, into: 'count' }), input);
  const batch = Batch.from(records, input);
  await stage.run([batch.retain()]);
  expect(batch.toRows()).toEqual(records);
});
