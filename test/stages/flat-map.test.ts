import { expect, test } from 'vitest';
import * as z from 'zod';

import { Batch, schema } from '../../src/batch/index.ts';
import { flatMap } from '../../src/stages/index.ts';
import {
  balanceOf,
  readings,
  readingsFrom,
  rowsThrough,
  selecting,
  onReadings,
} from './readings.ts';

const summary = schema({ name: 'text', level: 'float64?' });

test('flat-map makes any number of records of each row, in order', async () => {
  const stage = onReadings(
    flatMap(summary, function* (r) {
      for (let at = 0; at < r.flags; at++) yield { name: `${r.flags}.${at}`, level: at };
    }),
  );
  const input = selecting(readingsFrom(0, 4), [0, 2, 3]);
  const [made] = await stage.run([input]);
  const batch = made as typeof input;
  expect((batch.toRows() as { name: unknown }[]).map(({ name }) => name)).toEqual([
    '2.0',
    '2.1',
    '3.0',
    '3.1',
    '3.2',
  ]);
  expect(
    [0, 1, 2, 3, 4].map((row) => [batch.origin.position(row), ...batch.origin.ordinals(row)]),
  ).toEqual([
    [2, 0],
    [2, 1],
    [3, 0],
    [3, 1],
    [3, 2],
  ]);
  expect(stage.tally).toMatchObject({ absorbedRows: 3, createdRows: 5, dead: 0 });
});

test('a row of which one record does not fit makes none', async () => {
  const stage = onReadings(
    flatMap(summary, function* (r) {
      yield { name: `a${r.flags}`, level: null };
      if (r.flags === 1) throw new Error('half way');
      yield { name: r.flags === 2 ? (7 as never) : `b${r.flags}`, level: null };
    }),
  );
  const rows = await stage.rows(readingsFrom(0, 5));
  expect(rows.map(({ name }) => name)).toEqual(['a0', 'b0', 'a3', 'b3', 'a4', 'b4']);
  expect(stage.tally.failures).toMatchObject([
    { position: 1, reason: 'row.threw', message: 'half way' },
    { position: 2, reason: 'field.type' },
  ]);
  expect(stage.tally).toMatchObject({ absorbedRows: 3, createdRows: 6 });
  const balance = balanceOf(stage, 5, rows.length);
  expect(balance.made).toBe(balance.gone);
});

test('a batch after one in which rows failed loses nothing', async () => {
  const stage = onReadings(
    flatMap(summary, function* (r) {
      yield { name: `a${r.flags}`, level: null };
      if (r.flags === 1) throw new Error('half way');
    }),
  );
  const batches = [0, 2].map((first) => Batch.from(readingsFrom(first, 2), readings));
  const rows = await rowsThrough(stage, ...batches);
  expect(rows.map(({ name }) => name)).toEqual(['a0', 'a2', 'a3']);
});

test.each([undefined, null, 5, 'text', { name: 'a' }])(
  'flat-map refuses %j for an iterable',
  async (result) => {
    const stage = onReadings(flatMap(summary, () => result as never));
    expect(await stage.rows(readingsFrom(0, 1))).toEqual([]);
    expect(stage.tally.failures).toMatchObject([{ reason: 'row.result' }]);
  },
);

test('thousands of records of one row', async () => {
  const stage = onReadings(
    flatMap(summary, () => Array.from({ length: 5000 }, (_, at) => ({ name: `${at}`, level: at }))),
  );
  const [made] = await stage.run([selecting(readingsFrom(0, 9), [3, 4])]);
  const { origin, columns, length } = made as Batch;
  expect(length).toBe(10_000);
  expect((made as Batch).rowAt(9999)).toEqual({ name: '4999', level: 4999 });
  expect([0, 4999, 9999].map((row) => [origin.position(row), origin.ordinals(row)])).toEqual([
    [3, [0]],
    [3, [4999]],
    [4, [4999]],
  ]);
  expect(columns.map(({ holders }) => holders)).toEqual([1, 1]);
});

test('flat-map in a config file is refused with a sentence', () => {
  for (const given of [{ schema: {} }, 'value', [summary, 'value']]) {
    const { error } = flatMap.spec.options(z).safeParse(given);
    expect(error?.issues[0]?.message).toContain('works from code only');
  }
});
