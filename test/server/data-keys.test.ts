import { describe, expect, test } from 'vitest';

import { type Fields, type RecordOf, type Schema, schema } from '../../src/batch/index.ts';
import { memorySource } from '../../src/connectors/memory.ts';
import type { DataList, DataSeries, SinkData } from '../../src/server/api-types.ts';
import { detectAnomalies, rename, select } from '../../src/stages/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { reading, readings, scriptedSink, scriptedSource, testPipeline } from '../engine/ends.ts';
import { type Ask, dataOf, noAnswer } from './data-of.ts';

const range = { range: { max: 150 } };

/** What came to a sink: a batch each second of virtual time, or after `waitMs` of its number. */
async function givenTo<F extends Fields>(
  of: Schema<F>,
  batches: readonly (readonly RecordOf<F>[])[],
  waitMs: (batch: number) => number = () => 1000,
): Promise<Ask> {
  const outside = virtualOutside();
  const before = (read: number): Promise<void> => outside.clock.sleep(waitMs(read));
  const run = await testPipeline({}, [], outside)
    .from(scriptedSource({ schema: of, batches, before }))
    .to(scriptedSink({}), { id: 'store' })
    .start();
  return dataOf(run);
}

async function storeOf(ask: Ask): Promise<SinkData> {
  return ((await ask('')).body as DataList).sinks[0]!;
}

async function seriesOf(ask: Ask, query: string): Promise<DataSeries> {
  const { status, body } = await ask(`?sink=store&${query}`);
  expect(status).toBe(200);
  return body as DataSeries;
}

describe('the numbers of one sensor', () => {
  test('are its last of each second, and a gap where it gave none', async () => {
    const ask = await givenTo(readings, [
      [reading(1, 'cpu'), reading(9e9, 'bytes'), reading(2, 'cpu')],
      [reading(8e9, 'bytes')],
      [reading(3, 'cpu')],
    ]);
    expect(await storeOf(ask)).toMatchObject({
      by: 'sensorId',
      keys: ['bytes', 'cpu'],
      keysLeftOut: 0,
    });
    const all = await seriesOf(ask, 'field=value');
    const last = [2, null, 3];
    expect(await seriesOf(ask, 'field=value&key=cpu')).toEqual({
      everyMs: 1000,
      at: all.at,
      min: last,
      max: last,
      mean: last,
      last,
      count: [1, 0, 1],
      anomalies: [],
    });
    expect(await seriesOf(ask, 'field=value&key=bytes')).toMatchObject({ last: [9e9, 8e9, null] });
  });

  test('are those of the last ten minutes', async () => {
    const ask = await givenTo(
      readings,
      Array.from({ length: 700 }, (_, at) => [
        reading(at, at === 0 || at === 650 ? 'rare' : 'usual'),
      ]),
    );
    const { at, last } = await seriesOf(ask, 'field=value&key=rare');
    expect([at.length, last.filter((one) => one !== null)]).toEqual([600, [650]]);
  });

  test('are not those of ten minutes before where nothing came for a while', async () => {
    const ask = await givenTo(
      readings,
      Array.from({ length: 600 }, (_, at) => [reading(at, 'a')]),
      (batch) => (batch === 599 ? 101_000 : 1000),
    );
    const { last } = await seriesOf(ask, 'field=value&key=a');
    expect(last.slice(-103)).toEqual([597, 598, ...Array.from({ length: 100 }, () => null), 599]);
  });

  test('are gone where it has said nothing for ten minutes; the key is still known', async () => {
    const ask = await givenTo(
      readings,
      Array.from({ length: 601 }, (_, at) => [reading(at, at === 0 ? 'gone' : 'there')]),
    );
    const { last } = await seriesOf(ask, 'field=value&key=gone');
    expect(new Set(last)).toEqual(new Set([null]));
  });

  test('are looked at in all rows of a batch of 64, and in 16 of a larger one', async () => {
    const apart = (length: number): RecordOf<typeof readings.shape>[] =>
      Array.from({ length }, (_, at) => reading(at, `s${at}`));
    expect((await storeOf(await givenTo(readings, [apart(64)]))).keys).toHaveLength(64);
    const large = await storeOf(await givenTo(readings, [apart(65)]));
    expect(large.keys).toHaveLength(16);
    expect(large.keys).toContain('s64');
  });

  test('null, and what is no number, is none', async () => {
    const loose = schema({ id: 'category', n: 'float64?' });
    const ask = await givenTo(loose, [
      [
        { id: 'a', n: 1 },
        { id: 'a', n: null },
        { id: 'b', n: NaN },
      ],
    ]);
    expect((await storeOf(ask)).keys).toEqual(['a', 'b']);
    expect(await seriesOf(ask, 'field=n&key=a')).toMatchObject({ last: [1] });
    expect(await seriesOf(ask, 'field=n&key=b')).toMatchObject({ last: [null] });
  });

  test('a unit beside `value` is told, of all where it is one', async () => {
    const measured = schema({
      id: 'category',
      value: 'float64',
      other: 'float64',
      unit: 'category?',
    });
    const row = (id: string, unit: string | null) => ({ id, value: 1, other: 2, unit });
    const ask = await givenTo(measured, [[row('a', '°C'), row('b', '°C'), row('c', null)]]);
    for (const query of ['field=value', 'field=value&key=a']) {
      expect(await seriesOf(ask, query)).toMatchObject({ unit: '°C' });
    }
    for (const query of ['field=value&key=c', 'field=other', 'field=other&key=a']) {
      expect(await seriesOf(ask, query)).not.toHaveProperty('unit');
    }
    const mixed = await givenTo(measured, [[row('a', '°C'), row('b', 'bar')]]);
    expect(await seriesOf(mixed, 'field=value')).not.toHaveProperty('unit');
    expect(await seriesOf(mixed, 'field=value&key=b')).toMatchObject({ unit: 'bar' });
    // A sensor that was set to another unit has none that its series is in.
    const changed = await givenTo(measured, [
      [row('a', '°C'), row('b', '°C')],
      [row('a', '°F'), row('a', '°C')],
    ]);
    expect(await seriesOf(changed, 'field=value&key=a')).not.toHaveProperty('unit');
    expect(await seriesOf(changed, 'field=value')).not.toHaveProperty('unit');
    expect(await seriesOf(changed, 'field=value&key=b')).toMatchObject({ unit: '°C' });
    const secret = schema({
      id: 'category',
      value: 'float64',
      unit: { kind: 'category', sensitive: true },
    });
    const hidden = await givenTo(secret, [[{ id: 'a', value: 1, unit: 'mmol/l' }]]);
    expect(await seriesOf(hidden, 'field=value')).not.toHaveProperty('unit');
  });

  test('an empty key is a key', async () => {
    const ask = await givenTo(readings, [[reading(1, '')]]);
    expect(await seriesOf(ask, 'field=value&key=')).toMatchObject({ last: [1] });
  });

  test.each([
    ['?sink=store&field=value&key=other', 404, 'key', 'that key is not kept'],
    ['?sink=store&field=value&key=__proto__', 404, 'key', 'that key is not kept'],
    ['?sink=store&key=secret-site', 400, 'query', expect.stringContaining('field')],
    ['?key=secret-site', 400, 'query', expect.stringContaining('field')],
  ])('%s is refused', async (query, status, code, message) => {
    const ask = await givenTo(readings, [[reading(1, 'secret-site')]]);
    expect(await ask(query)).toEqual({ status, body: noAnswer(code, message) });
  });
});

describe('memory for single sensors', () => {
  test('is for 64 that come first; others are counted, each once', async () => {
    const named = (from: number, to: number): RecordOf<typeof readings.shape>[] =>
      Array.from({ length: to - from }, (_, at) => reading(at, `s${from + at}`));
    const ask = await givenTo(readings, [named(0, 60), named(60, 70), named(60, 70), named(0, 10)]);
    const { keys, keysLeftOut } = await storeOf(ask);
    expect([keys.length, keysLeftOut]).toEqual([64, 6]);
    expect([keys.includes('s63'), keys.includes('s64')]).toEqual([true, false]);
    expect((await ask('?sink=store&field=value&key=s64')).status).toBe(404);
  });

  test('counts a thousand others, and no more', async () => {
    const ask = await givenTo(
      readings,
      Array.from({ length: 30 }, (_, batch) =>
        Array.from({ length: 64 }, (__, at) => reading(at, `s${batch * 64 + at}`)),
      ),
    );
    expect((await storeOf(ask)).keysLeftOut).toBe(1000);
  });

  test('is for 512 series in all: a key has one of each number field', async () => {
    const wide = schema({
      id: 'category',
      ...Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`n${at}`, 'float64' as const])),
    });
    const numbers = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`n${at}`, at]));
    const rows = Array.from({ length: 20 }, (_, at) => ({ id: `s${at}`, ...numbers }));
    const ask = await givenTo(wide, [rows as RecordOf<typeof wide.shape>[]]);
    const { keys, keysLeftOut } = await storeOf(ask);
    expect([keys.length, keysLeftOut]).toEqual([10, 10]);
  });

  test('is not for a key of more than 256 characters', async () => {
    const ask = await givenTo(readings, [
      [reading(1, 'k'.repeat(256)), reading(1, 'k'.repeat(257))],
    ]);
    expect(await storeOf(ask)).toMatchObject({ keys: ['k'.repeat(256)], keysLeftOut: 1 });
  });
});

describe('what names the sensors', () => {
  const two = schema({ unit: 'category', probe: 'text', n: 'float64' });
  const rows = [
    { unit: 'C', probe: 'p', n: 200 },
    { unit: 'C', probe: 'q', n: 300 },
    { unit: 'C', probe: 'q', n: 400 },
  ];

  test('is the `by` of detectAnomalies before a category; anomalies are those of the key', async () => {
    const run = await testPipeline()
      .from(memorySource({ schema: two, rows }))
      .pipe(
        detectAnomalies({ field: 'n', by: 'probe', detectors: range }),
        rename({ fields: { probe: 'place' } }),
      )
      .to(scriptedSink({}), { id: 'store' })
      .start();
    const ask = await dataOf(run);
    expect(await storeOf(ask)).toMatchObject({ by: 'place', keys: ['p', 'q'] });
    const marked = async (key: string): Promise<unknown> =>
      (await seriesOf(ask, `field=n&key=${key}`)).anomalies.map(({ value, by }) => [value, by]);
    expect(await marked('p')).toEqual([[200, 'p']]);
    expect(await marked('q')).toEqual([
      [300, 'q'],
      [400, 'q'],
    ]);
  });

  test('makes a key known by an anomaly in a row that is not looked at else', async () => {
    const rowsOf = Array.from({ length: 100 }, (_, at) =>
      at === 1 ? reading(200, 'odd') : reading(at, 'even'),
    );
    const run = await testPipeline()
      .from(memorySource({ schema: readings, rows: rowsOf }))
      .pipe(detectAnomalies({ field: 'value', by: 'sensorId', detectors: range }))
      .to(scriptedSink({}), { id: 'store' })
      .start();
    const ask = await dataOf(run);
    expect((await storeOf(ask)).keys).toEqual(['even', 'odd']);
    const { last, anomalies } = await seriesOf(ask, 'field=value&key=odd');
    expect([last, anomalies.map(({ value }) => value)]).toEqual([[null], [200]]);
  });

  test('is else the first category that always has a value', async () => {
    const loose = schema({ note: 'category?', unit: 'category', site: 'category', n: 'float64' });
    const ask = await givenTo(loose, [[{ note: 'x', unit: 'C', site: 's', n: 1 }]]);
    expect(await storeOf(ask)).toMatchObject({ by: 'unit', keys: ['C'] });
  });

  test('is none where there is none: then nothing is kept apart', async () => {
    const run = await testPipeline()
      .from(memorySource({ schema: schema({ n: 'float64' }), rows: [{ n: 200 }] }))
      .pipe(detectAnomalies({ field: 'n', detectors: range }))
      .to(scriptedSink({}), { id: 'store' })
      .start();
    const ask = await dataOf(run);
    expect(await storeOf(ask)).toMatchObject({ by: null, keys: [], keysLeftOut: 0 });
    expect(await ask('?sink=store&field=n&key=range')).toMatchObject({ status: 404 });
  });

  test('is told to nobody where it is sensitive', async () => {
    const wards = schema({
      patient: { kind: 'category', sensitive: true },
      ward: 'category',
      pulse: 'float64',
    });
    const run = await testPipeline()
      .from(memorySource({ schema: wards, rows: [{ patient: 'Ann', ward: 'w', pulse: 70 }] }))
      .pipe(select({ fields: ['patient', 'ward', 'pulse'] }))
      .to(scriptedSink({}), { id: 'store' })
      .start();
    const ask = await dataOf(run);
    for (const role of ['read', 'admin'] as const) {
      const { sinks } = (await ask('', role)).body as DataList;
      expect(sinks).toMatchObject([{ by: null, keys: [], keysLeftOut: 0 }]);
      expect(await ask('?sink=store&field=pulse&key=Ann', role)).toMatchObject({ status: 404 });
    }
  });

  test('shows the numbers of a sensitive field to an admin alone', async () => {
    const incomes = schema({ id: 'category', income: { kind: 'float64', sensitive: true } });
    const ask = await givenTo(incomes, [[{ id: 'a', income: 5 }]]);
    for (const key of ['a', 'unknown']) {
      expect(await ask(`?sink=store&field=income&key=${key}`)).toEqual({
        status: 403,
        body: noAnswer('sensitive', expect.stringContaining('`income`')),
      });
    }
    expect(await ask('?sink=store&field=income&key=a', 'admin')).toMatchObject({
      status: 200,
      body: { last: [5] },
    });
  });
});
