import { describe, expect, test } from 'vitest';
import * as z from 'zod';

import { type CellValue, type FieldType, type Kind, kinds, schema } from '../../src/batch/index.ts';
import { cast } from '../../src/stages/index.ts';
import { createStage } from '../../src/testing/stage.ts';
import { readings, readingsFrom, rowsThrough, selecting } from './readings.ts';

const range = 'cast.range';
const syntax = 'cast.syntax';
const max64 = 2n ** 63n - 1n;
const encoder = new TextEncoder();

/** From a kind to a kind: values and what they become, or why they cannot. */
const table: readonly [Kind, Kind, readonly (readonly [CellValue, CellValue])[]][] = [
  [
    'float64',
    'int32',
    [
      [1, 1],
      [-0, 0],
      [2 ** 31 - 1, 2 ** 31 - 1],
      [2 ** 31, range],
      [0.5, range],
      [NaN, range],
      [Infinity, range],
    ],
  ],
  [
    'float64',
    'int64',
    [
      [1, 1n],
      [2 ** 53 - 1, 2n ** 53n - 1n],
      [2 ** 53, range],
      [1.5, range],
      [NaN, range],
    ],
  ],
  [
    'float64',
    'timestamp',
    [
      [1.5, 1.5],
      [NaN, range],
      [Infinity, range],
    ],
  ],
  [
    'float64',
    'bool',
    [
      [0, false],
      [1, true],
      [2, range],
      [NaN, range],
    ],
  ],
  [
    'float64',
    'text',
    [
      [0.1, '0.1'],
      [1e21, '1e+21'],
      [NaN, range],
      [-Infinity, range],
    ],
  ],
  ['float64', 'category', [[2.5, '2.5']]],
  ['int32', 'float64', [[-5, -5]]],
  ['int32', 'int64', [[7, 7n]]],
  ['int32', 'text', [[-7, '-7']]],
  [
    'int64',
    'float64',
    [
      [2n ** 60n, 2 ** 60],
      [2n ** 53n + 1n, range],
      [max64, range],
    ],
  ],
  [
    'int64',
    'int32',
    [
      [5n, 5],
      [2n ** 31n, range],
    ],
  ],
  ['int64', 'text', [[max64, '9223372036854775807']]],
  [
    'int64',
    'bool',
    [
      [1n, true],
      [2n, range],
    ],
  ],
  ['timestamp', 'float64', [[1.5, 1.5]]],
  [
    'timestamp',
    'int64',
    [
      [1_700_000_000_000, 1_700_000_000_000n],
      [0.5, range],
    ],
  ],
  [
    'timestamp',
    'text',
    [
      [0, '1970-01-01T00:00:00.000Z'],
      [1e17, range],
    ],
  ],
  [
    'bool',
    'int32',
    [
      [true, 1],
      [false, 0],
    ],
  ],
  ['bool', 'text', [[true, 'true']]],
  ['bool', 'int64', [[true, 1n]]],
  [
    'text',
    'float64',
    [
      ['1.50', 1.5],
      ['-2e3', -2000],
      ['1e999', range],
      ['', syntax],
      [' 1', syntax],
      ['0x1', syntax],
      ['NaN', syntax],
      ['1,5', syntax],
      ['+1', syntax],
      ['01', syntax],
    ],
  ],
  [
    'text',
    'int32',
    [
      ['12', 12],
      ['-0', 0],
      ['2147483648', range],
      ['99999999999999999999999', range],
      ['1.0', syntax],
      ['1e2', syntax],
    ],
  ],
  [
    'text',
    'int64',
    [
      ['9223372036854775807', max64],
      ['9223372036854775808', range],
      ['1'.repeat(50), range],
      ['1.0', syntax],
      ['', syntax],
    ],
  ],
  [
    'text',
    'timestamp',
    [
      ['1970-01-01T00:00:01Z', 1000],
      ['1970-01-01T01:00:00+01:00', 0],
      ['1970-01-01', syntax],
      ['2023-02-30T00:00:00Z', syntax],
    ],
  ],
  [
    'text',
    'bool',
    [
      ['true', true],
      ['false', false],
      ['TRUE', syntax],
      ['1', syntax],
    ],
  ],
  ['text', 'category', [['é', 'é']]],
  [
    'text',
    'json',
    [
      ['{"a":[1]}', { a: [1] }],
      ['"x"', 'x'],
      ['{', syntax],
      ['', syntax],
    ],
  ],
  ['text', 'bytes', [['é', encoder.encode('é')]]],
  [
    'category',
    'float64',
    [
      ['3', 3],
      ['x', syntax],
    ],
  ],
  ['category', 'text', [['a', 'a']]],
  [
    'bytes',
    'text',
    [
      [encoder.encode('日'), '日'],
      [Uint8Array.of(0xff), syntax],
    ],
  ],
  [
    'json',
    'text',
    [
      [{ a: 1 }, '{"a":1}'],
      ['x', '"x"'],
    ],
  ],
];

describe.each(table)('%s to %s', (from, to, values) => {
  const input = schema({ x: from });
  const failures = values.filter(([, becomes]) => becomes === range || becomes === syntax);
  const records = values.map(([x]) => ({ x }));

  test('fits or fails its row', async () => {
    const stage = createStage(cast({ fields: { x: to } }), input);
    expect(stage.output.toJSON()).toEqual({ x: to });
    const fits = values.filter((value) => !failures.includes(value));
    expect(await stage.rows(records as never)).toEqual(fits.map(([, x]) => ({ x })));
    expect(stage.tally.failures.map(({ reason }) => reason)).toEqual(
      failures.map(([, reason]) => reason),
    );
  });

  test('or becomes null', async () => {
    const stage = createStage(cast({ fields: { x: to }, onError: 'null' }), input);
    expect(stage.output.toJSON()).toEqual({ x: `${to}?` });
    const expected = values.map((value) => ({ x: failures.includes(value) ? null : value[1] }));
    expect(await stage.rows(records as never)).toEqual(expected);
    expect(stage.tally.dead).toBe(0);
  });
});

test('casts that make no sense are refused, with both kinds', () => {
  const impossible = [
    ['json', 'int32'],
    ['bytes', 'float64'],
    ['float64', 'json'],
    ['bool', 'timestamp'],
    ['int32', 'bytes'],
  ] as const;
  for (const [from, to] of impossible) {
    const component = cast<{ x: FieldType }, { readonly x: typeof to }>({ fields: { x: to } });
    expect(() => createStage(component, schema({ x: from }) as never)).toThrow(
      `is ${from}, which cannot be cast to ${to}`,
    );
  }
});

test('every kind can be cast to itself', async () => {
  for (const kind of kinds) {
    const stage = createStage(
      cast({ fields: { x: kind } }) as never,
      schema({ x: `${kind}?` }) as never,
    );
    expect(stage.output.toJSON()).toEqual({ x: `${kind}?` });
    expect(await stage.rows([{ x: null }])).toEqual([{ x: null }]);
  }
});

test('nulls stay, other fields stay, rows that do not count have no part', async () => {
  const stage = createStage(cast({ fields: { quality: 'int32', note: 'category' } }), readings);
  const rows = await rowsThrough(stage, selecting(readingsFrom(0, 13), [0, 1, 8, 12]));
  expect(stage.output.toJSON()).toMatchObject({ quality: 'int32?', note: 'category?' });
  expect(rows).toMatchObject([
    { value: 0, quality: null, note: null },
    { value: 8, quality: 2, note: null },
    { value: 12, quality: null, note: null },
  ]);
  expect(stage.tally.failures).toMatchObject([{ position: 1, reason: range }]);
});

test('two values of one row that cannot be cast cost it once', async () => {
  const stage = createStage(cast({ fields: { sensorId: 'float64', note: 'float64' } }), readings);
  expect(await stage.rows(readingsFrom(1, 1))).toEqual([]);
  expect(stage.tally.failures).toMatchObject([{ reason: syntax }]);
});

test('wrong options are refused', () => {
  const options = cast.spec.options(z);
  expect(options.safeParse({ fields: { a: 'float64?' } }).error?.issues[0]?.message).toContain(
    'Kinds: float64',
  );
  expect(options.safeParse({ fields: { a: 'int32' }, onError: 'drop' }).success).toBe(false);
  expect(options.parse({ fields: { a: 'int32' } })).toMatchObject({ onError: 'fail-row' });
  expect(() =>
    createStage(cast({ fields: { vlaue: 'int32' } } as never) as never, readings),
  ).toThrow('did you mean `value`?');
});
