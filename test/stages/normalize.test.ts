import { describe, expect, test } from 'vitest';
import * as z from 'zod';

import { schema } from '../../src/batch/index.ts';
import { normalize } from '../../src/stages/normalize.ts';
import { stageSuite } from '../../src/testing/stage-suite.ts';
import { createStage } from '../../src/testing/stage.ts';

const input = schema({ sensor: 'category', value: 'float64?', count: 'int32' });
const values = [10, 30, null, 50, 90, NaN, 100, 0, 0, 0, Infinity, -Infinity, 5];
const records = values.map((value, at) => ({ sensor: at % 2 === 0 ? 'a' : 'b', value, count: at }));
const fixed = [
  0,
  0.25,
  null,
  0.5,
  1,
  NaN,
  1.125,
  -0.125,
  -0.125,
  -0.125,
  Infinity,
  -Infinity,
  -0.0625,
];
// Over the last 3 finite values, the one in hand among them.
const rolling = [0, 1, null, 1, 1, NaN, 1, 0, 0, 0, Infinity, -Infinity, 1];
const zFixed = [-1, 0, null, 1, 3, NaN, 3.5, -1.5, -1.5, -1.5, Infinity, -Infinity, -1.25];

const expecting = (
  results: readonly (number | null)[],
  into = 'value',
): Record<string, unknown>[] => records.map((record, at) => ({ ...record, [into]: results[at] }));

for (const { name, run } of stageSuite(normalize, [
  {
    name: 'by fixed bounds',
    component: normalize({ field: 'value', min: 10, max: 90, into: 'normalized' }),
    input,
    records,
    expected: expecting(fixed, 'normalized'),
  },
  {
    name: 'by a fixed mean',
    component: normalize({ field: 'value', method: 'z-score', mean: 30, stdDev: 20 }),
    input,
    records,
    expected: expecting(zFixed),
  },
  {
    name: 'by the bounds of the last 3',
    component: normalize({ field: 'value', window: 3 }),
    input,
    records,
    expected: expecting(rolling),
  },
  {
    name: 'by the moments of the last 4 of each sensor',
    component: normalize({ field: 'value', method: 'z-score', window: 4, by: 'sensor' }),
    input,
    records,
  },
])) {
  test(name, run);
}

test('a z-score by hand, 0 where all values are equal', async () => {
  const stage = createStage(normalize({ field: 'count', method: 'z-score', window: 3 }), input);
  const rows = await stage.rows([5, 5, 8, 8, 8].map((count) => ({ sensor: '', value: 0, count })));
  const found = rows.map(({ count }) => count as number);
  for (const [at, score] of [0, 0, Math.SQRT2, Math.SQRT1_2, 0].entries()) {
    expect(found[at]).toBeCloseTo(score, 12);
  }
  expect(found[4]).toBe(0);
});

test('fixed bounds give exactly what the formula gives', async () => {
  const numbers = schema({ value: 'float64' });
  const stage = createStage(normalize({ field: 'value', min: 10, max: 90, into: 'n' }), numbers);
  const given = Array.from({ length: 1000 }, (_, at) => ({ value: Math.sin(at) * 1e3 }));
  const rows = await stage.rows(given);
  expect(rows.map(({ n }) => n)).toEqual(given.map(({ value }) => (value - 10) / 80));
});

test('a field that is replaced becomes float64, nullable as it was', () => {
  const output = (field: 'value' | 'count'): object =>
    createStage(normalize({ field, min: 0, max: 1 }), input).output.toJSON();
  expect(output('count')).toEqual({ sensor: 'category', value: 'float64?', count: 'float64' });
  expect(output('value')).toEqual({ sensor: 'category', value: 'float64?', count: 'int32' });
});

describe('is refused', () => {
  const options = normalize.spec.options(z);
  test.each([
    [{ min: 1 }, 'give both `min` and `max`'],
    [{ min: 1, max: 1 }, '`min` must be less than `max`'],
    [{ method: 'z-score', min: 0, max: 1 }, '`min` and `max` belong to the method `min-max`'],
    [{ mean: 1, stdDev: 1 }, '`mean` and `stdDev` belong to the method `z-score`'],
    [{ method: 'z-score', mean: 1 }, 'give both `mean` and `stdDev`'],
    [{ method: 'z-score', mean: 1, stdDev: 0 }, 'expected number to be >0'],
    [{ min: 0, max: 1, by: 'sensor' }, '`by` has no meaning beside fixed bounds'],
    [{ window: 0 }, '>=1'],
    [{ method: 'minmax' }, '"min-max"|"z-score"'],
  ])('%o', (given, text) => {
    const { error } = options.safeParse({ field: 'value', ...given });
    expect(error?.issues.map(({ message }) => message).join()).toContain(text);
  });

  test('a field that is missing', () => {
    expect(() => createStage(normalize({ field: 'vlaue' } as never), input)).toThrow(
      'field `vlaue` does not exist here; fields: sensor, value, count',
    );
  });
});
