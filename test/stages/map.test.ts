import { expect, test } from 'vitest';
import * as z from 'zod';

import { Batch, schema, toObject } from '../../src/batch/index.ts';
import { map } from '../../src/stages/index.ts';
import { readings, readingsFrom, rowsThrough, selecting, onReadings } from './readings.ts';

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

test('map in a config file is refused with a sentence', () => {
  for (const given of [{ schema: {} }, 'value', [summary, 'value']]) {
    const { error } = map.spec.options(z).safeParse(given);
    expect(error?.issues[0]?.message).toContain('works from code only');
  }
});

test('the positions of records are given back with their batch', async () => {
  const stage = onReadings(map(summary, (r) => ({ name: r.sensorId, level: null })));
  const [made] = (await stage.run([Batch.from(readingsFrom(0, 3), readings)])) as Batch[];
  const { origin } = made!;
  expect(origin.position(2)).toBe(2);
  made!.release();
  expect(() => origin.position(2)).toThrow('ERR_BATCH_RELEASED');
});
