import { expect, test } from 'vitest';
import * as z from 'zod';

import { schema, toObject } from '../../src/batch/index.ts';
import { flatMap, map } from '../../src/stages/index.ts';
import {
  balanceOf,
  readings,
  readingsFrom,
  rowsThrough,
  selecting,
  onReadings,
} from './readings.ts';

const summary = schema({ name: 'text', level: 'float64?' });

test('map makes a record of another schema of each row', async () => {
  const stage = onReadings(map(summary, (r) => ({ name: r.sensorId, level: r.quality })));
  expect(stage.output).toBe(summary);
  expect(await rowsThrough(stage, selecting(readingsFrom(0, 9), [3, 8]))).toEqual([
    { name: 's3', level: null },
    { name: 's1', level: 2 },
  ]);
});

test('a record that does not fit fails its row with the reason of the misfit', async () => {
  const results = [
    { name: 'a' },
    { name: 1 },
    { level: 1 },
    null,
    'text',
    { name: 'b', level: 'x' },
  ];
  const stage = onReadings(map(summary, (r) => results[r.flags] as never));
  expect(await stage.rows(readingsFrom(0, 6))).toEqual([{ name: 'a', level: null }]);
  expect(stage.tally.failures).toMatchObject([
    { position: 1, reason: 'field.type' },
    { position: 2, reason: 'field.missing' },
    { position: 3, reason: 'field.type' },
    { position: 4, reason: 'field.type' },
    { position: 5, reason: 'field.type' },
  ]);
});

test('map keeps ids through a replay', async () => {
  const stage = onReadings(map(summary, (r) => ({ name: r.sensorId, level: null })));
  const input = selecting(readingsFrom(0, 5), [2, 4]);
  const ids = [input.origin.recordId(2), input.origin.recordId(4)];
  const [made] = await stage.run([input]);
  const { origin } = made as typeof input;
  expect([origin.recordId(0), origin.recordId(1)]).toEqual(ids);
});

test('toObject gives a row that map may keep and return', async () => {
  const stage = onReadings(
    map(readings, (r) => ({ ...toObject<typeof readings.shape>(r), value: 0 })),
  );
  expect(await stage.rows(readingsFrom(5, 1))).toEqual([{ ...readingsFrom(5, 1)[0], value: 0 }]);
});

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
  const rows = await stage.rows(readingsFrom(0, 2));
  expect(rows.length).toBe(10_000);
  expect(rows[9999]).toEqual({ name: '4999', level: 4999 });
});

test.each([
  ['map', map.spec.options(z)],
  ['flat-map', flatMap.spec.options(z)],
])('%s in a config file is refused with a sentence', (_name, options) => {
  for (const given of [{ schema: {} }, 'value', [summary, 'value']]) {
    expect(options.safeParse(given).error?.issues[0]?.message).toContain('works from code only');
  }
});
