import { describe, expect, test } from 'vitest';
import * as z from 'zod';

import { schema } from '../../src/batch/index.ts';
import { type Feature, features } from '../../src/stages/features.ts';
import { stageSuite } from '../../src/testing/stage-suite.ts';
import { createStage } from '../../src/testing/stage.ts';

const input = schema({ sensor: 'category', at: 'timestamp?', value: 'float64?', count: 'int32' });
const every: readonly Feature[] = [
  'mean',
  'std-dev',
  'min',
  'max',
  'slope',
  'rate-of-change',
  'ema',
];
const values = [null, 2, 4, NaN, 6, 20, Infinity, 1, 3, null, 8, 8];
const records = values.map((value, at) => ({
  sensor: at % 3 === 0 ? 'a' : 'b',
  at: at === 8 ? null : 1_700_000_000_000 + at * 500,
  value,
  count: at,
}));

const first = [null, 2, 4, NaN, 6].map((value, at) => ({ ...records[at]!, value }));
const row = (
  mean: number | null,
  deviation: number | null,
  min: number | null,
  max: number | null,
  slope: number | null,
  rate: number | null,
  ema: number | null,
): object => ({
  valueMean: mean,
  valueStdDev: deviation,
  valueMin: min,
  valueMax: max,
  valueSlope: slope,
  valueRateOfChange: rate,
  valueEma: ema,
});

for (const { name, run } of stageSuite(features, [
  {
    name: 'of all rows, per row',
    component: features({ field: 'value', features: every, window: 2 }),
    input,
    records: first,
    expected: [
      row(null, null, null, null, null, null, null),
      row(2, 0, 2, 2, 0, 0, 2),
      row(3, 1, 2, 4, 2, 2, 2 + (2 / 3) * 2),
      row(3, 1, 2, 4, 2, 2, 2 + (2 / 3) * 2),
      row(5, 1, 4, 6, 2, 2, 10 / 3 + (2 / 3) * (8 / 3)),
    ].map((added, at) => ({ ...first[at]!, ...added })),
  },
  {
    name: 'of all rows, per second',
    component: features({
      field: 'value',
      features: ['slope', 'rate-of-change'],
      window: 3,
      time: 'at',
      prefix: 'v',
    }),
    input,
    records: first,
    expected: [null, 0, 4, 4, 18 / 7].map((slope, at) => ({
      ...first[at]!,
      vSlope: slope,
      // From 4 to 6 in 1 s; the row of NaN does not count.
      vRateOfChange: [null, 0, 4, 4, 2][at]!,
    })),
  },
  {
    name: 'of each sensor',
    component: features({ field: 'value', features: every, window: 3, by: 'sensor', time: 'at' }),
    input,
    records,
  },
])) {
  test(name, run);
}

test('per row counts the values of a key, not the rows of all', async () => {
  const stage = createStage(
    features({ field: 'value', features: ['slope'], by: 'sensor', window: 9 }),
    input,
  );
  const turns = [0, 1, 2, 3, 4, 5].map((at) => ({
    ...records[0]!,
    sensor: at % 2 === 0 ? 'a' : 'b',
    value: at % 2 === 0 ? at : null,
  }));
  const rows = await stage.rows(turns);
  expect(rows.map(({ valueSlope }) => valueSlope)).toEqual([0, null, 2, null, 2, null]);
});

test('the fields are named after the field or a prefix, nullable exactly if it is', () => {
  const added = (options: object): object => {
    const stage = createStage(features(options as never), input);
    return Object.fromEntries(Object.entries(stage.output.toJSON()).slice(input.names.length));
  };
  expect(added({ field: 'count', features: ['ema', 'std-dev'] })).toEqual({
    countEma: 'float64',
    countStdDev: 'float64',
  });
  expect(added({ field: 'value', features: ['max'], prefix: 'peak' })).toEqual({
    peakMax: 'float64?',
  });
});

describe('is refused', () => {
  const options = features.spec.options(z);
  test.each([
    [{ features: ['median'] }, '"mean"|"std-dev"|"min"|"max"|"slope"|"rate-of-change"|"ema"'],
    [{ features: [] }, '>=1'],
    [{ features: ['mean', 'mean'] }, 'a feature is named twice'],
    [{ features: ['mean'], window: 0 }, '>=1'],
    [{}, 'received undefined'],
  ])('%o', (given, text) => {
    const { error } = options.safeParse({ field: 'value', ...given });
    expect(error?.issues.map(({ message }) => message).join()).toContain(text);
  });

  test('a field that is missing, or a time that is none', () => {
    const plan = (given: object) => () =>
      createStage(features({ features: ['mean'], ...given } as never), input);
    expect(plan({ field: 'vlaue' })).toThrow(
      'field `vlaue` does not exist here; fields: sensor, at',
    );
    expect(plan({ field: 'value', time: 'count' })).toThrow(
      'field `count` is int32, not timestamp; fields that are: at',
    );
  });
});
