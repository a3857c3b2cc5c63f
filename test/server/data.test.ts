import { describe, expect, test } from 'vitest';

import { schema } from '../../src/batch/index.ts';
import { intervalSource } from '../../src/connectors/interval.ts';
import { memorySource } from '../../src/connectors/memory.ts';
import type { Run } from '../../src/engine/index.ts';
import {
  bool,
  derive,
  detectAnomalies,
  float64,
  int64,
  rename,
  select,
  text,
} from '../../src/stages/index.ts';
import type { DataList, DataSeries } from '../../src/server/api-types.ts';
import { observationRoutes } from '../../src/server/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { scriptedSink, scriptedSource, testPipeline } from '../engine/ends.ts';
import { dataOf, noAnswer } from './data-of.ts';

/** Ticks, four a second, for five seconds of virtual time; every tenth is out of bounds. */
async function ticking(): Promise<{ run: Run; startMs: number }> {
  const outside = virtualOutside();
  const startMs = outside.clock.now();
  const run = await testPipeline({}, [], outside)
    .from(intervalSource({ everyMs: 250, count: 20 }))
    .pipe(
      derive({
        value: float64((row) => Number(row.tick)),
        owner: { ...text((row) => `owner ${row.tick}`), sensitive: true },
        income: { ...float64((row) => Number(row.tick) * 1000), sensitive: true },
        sensor: text((row) => `s${Number(row.tick) % 2}`),
      }),
      detectAnomalies({ field: 'value', by: 'sensor', detectors: { range: { max: 17 } } }),
    )
    .to(scriptedSink({}), { id: 'store' })
    .start();
  return { run, startMs };
}

describe('the numbers that come to a sink', () => {
  test('are listed with their kinds, and whether they are for an admin only', async () => {
    const { run } = await ticking();
    const ask = await dataOf(run);
    const expected: DataList = {
      sinks: [
        {
          id: 'store',
          fields: [
            { name: 'tick', kind: 'int64', sensitive: false },
            { name: 'value', kind: 'float64', sensitive: false },
            { name: 'income', kind: 'float64', sensitive: true },
            { name: 'anomalyScore', kind: 'float64', sensitive: false },
          ],
          fieldsLeftOut: 0,
          by: 'sensor',
          keys: ['s0', 's1'],
          keysLeftOut: 0,
        },
      ],
    };
    expect(await ask('')).toEqual({ status: 200, body: expected });
  });

  test('are kept by the second, with what stands out', async () => {
    const { run, startMs } = await ticking();
    const ask = await dataOf(run);
    const { status, body } = await ask('?sink=store&field=value');
    const series = body as DataSeries;
    expect(status).toBe(200);
    expect(series).toEqual({
      everyMs: 1000,
      at: [0, 1, 2, 3, 4].map((second) => startMs + second * 1000),
      count: [4, 4, 4, 4, 4],
      min: [0, 4, 8, 12, 16],
      max: [3, 7, 11, 15, 19],
      mean: [1.5, 5.5, 9.5, 13.5, 17.5],
      last: [3, 7, 11, 15, 19],
      anomalies: [
        { at: startMs + 18 * 250, value: 18, by: 's0' },
        { at: startMs + 19 * 250, value: 19, by: 's1' },
      ],
    });
    expect((await ask('?sink=store&field=tick')).body).toMatchObject({ last: series.last });
  });

  test('of a sensitive field are an admin’s alone, whoever asks and however', async () => {
    const { run } = await ticking();
    const ask = await dataOf(run);
    expect(await ask('?sink=store&field=income')).toEqual({
      status: 403,
      body: noAnswer('sensitive', expect.stringContaining('`income`')),
    });
    expect(await ask('?sink=store&field=income', 'admin')).toMatchObject({
      status: 200,
      body: { max: [3000, 7000, 11_000, 15_000, 19_000] },
    });
  });

  test.each([
    ['?sink=nothing&field=value', 404, 'sink', 'there are store'],
    ['?sink=store&field=owner', 404, 'field', expect.stringContaining('tick, value, income')],
    ['?sink=store&field=__proto__', 404, 'field', expect.stringContaining('tick')],
    ['?sink=store', 400, 'query', expect.stringContaining('field')],
    ['?field=value', 400, 'query', expect.stringContaining('sink')],
  ])('%s is refused', async (query, status, code, message) => {
    const { run } = await ticking();
    const ask = await dataOf(run);
    expect(await ask(query)).toEqual({ status, body: noAnswer(code, message) });
  });

  test('what stands out does so under the names that fields have by then', async () => {
    const probes = schema({ probe: 'category', a: 'float64', b: 'float64' });
    const run = await testPipeline()
      .from(memorySource({ schema: probes, rows: [{ probe: 'p', a: 200, b: 300 }] }))
      .pipe(
        detectAnomalies({ field: 'a', by: 'probe', detectors: { range: { max: 150 } } }),
        rename({ fields: { a: 'b', b: 'a', anomaly: 'isOdd', probe: 'where' } }),
        select({ fields: ['where', 'b', 'a', 'isOdd'] }),
        rename({ fields: { where: 'place' } }),
      )
      .to(scriptedSink({}), { id: 'store' })
      .start();
    const ask = await dataOf(run);
    const anomaliesOf = async (field: string): Promise<unknown> =>
      ((await ask(`?sink=store&field=${field}`)).body as DataSeries).anomalies;
    expect(await anomaliesOf('b')).toEqual([{ at: expect.any(Number), value: 200, by: 'p' }]);
    expect(await anomaliesOf('a')).toEqual([]);
  });

  test('a field that is made anew is not marked by a flag of one that is gone', async () => {
    const run = await testPipeline()
      .from(memorySource({ schema: schema({ n: 'float64' }), rows: [{ n: 200 }] }))
      .pipe(
        detectAnomalies({ field: 'n', detectors: { range: { max: 150 } } }),
        select({ fields: ['n'] }),
        derive({ anomaly: bool(() => true) }),
      )
      .to(scriptedSink({}), { id: 'store' })
      .start();
    const ask = await dataOf(run);
    expect((await ask('?sink=store&field=n')).body).toMatchObject({ last: [200], anomalies: [] });
  });

  test('a flag that is written anew marks what it judges now', async () => {
    const detectors = { range: { max: 150 } };
    const run = await testPipeline()
      .from(
        memorySource({ schema: schema({ a: 'float64', b: 'float64' }), rows: [{ a: 1, b: 200 }] }),
      )
      .pipe(detectAnomalies({ field: 'a', detectors }), detectAnomalies({ field: 'b', detectors }))
      .to(scriptedSink({}), { id: 'store' })
      .start();
    const ask = await dataOf(run);
    expect((await ask('?sink=store&field=a')).body).toMatchObject({ last: [1], anomalies: [] });
    expect((await ask('?sink=store&field=b')).body).toMatchObject({ anomalies: [{ value: 200 }] });
  });

  test('whose they are is not told where that is sensitive', async () => {
    const wards = schema({
      patient: { kind: 'category', sensitive: true },
      pulse: 'float64',
    });
    const rows = [70, 200].map((pulse) => ({ patient: 'Ann', pulse }));
    const run = await testPipeline()
      .from(memorySource({ schema: wards, rows }))
      .pipe(detectAnomalies({ field: 'pulse', by: 'patient', detectors: { range: { max: 150 } } }))
      .to(scriptedSink({}), { id: 'store' })
      .start();
    const ask = await dataOf(run);
    for (const role of ['read', 'admin'] as const) {
      const { body } = await ask('?sink=store&field=pulse', role);
      expect((body as DataSeries).anomalies).toEqual([{ at: expect.any(Number), value: 200 }]);
    }
  });

  test('a second in which nothing came is a gap; what is no number counts for nothing', async () => {
    const outside = virtualOutside();
    const values = [1, null, NaN, Infinity, 2];
    const numbers = schema({ n: 'float64?' });
    const run = await testPipeline({}, [], outside)
      .from(
        scriptedSource({
          schema: numbers,
          batches: values.map((n) => [{ n }]),
          before: () => outside.clock.sleep(1000),
        }),
      )
      .to(scriptedSink({}), { id: 'store' })
      .start();
    const ask = await dataOf(run);
    expect((await ask('?sink=store&field=n')).body).toMatchObject({
      count: [1, 0, 0, 0, 1],
      last: [1, null, null, null, 2],
      mean: [1, null, null, null, 2],
    });
  });

  test('of a batch a few rows are looked at, of the anomalies all; ten minutes are kept', async () => {
    const outside = virtualOutside();
    const records = Array.from({ length: 1000 }, (_, at) => ({ n: at }));
    const run = await testPipeline({}, [], outside)
      .from(
        scriptedSource({
          schema: schema({ n: 'int32' }),
          batches: Array.from({ length: 700 }, () => records),
          before: () => outside.clock.sleep(1000),
        }),
      )
      .pipe(detectAnomalies({ field: 'n', detectors: { range: { max: 997 } } }))
      .to(scriptedSink({}), { id: 'store' })
      .start();
    const ask = await dataOf(run);
    const { body } = await ask('?sink=store&field=n');
    const { at, count, last, anomalies } = body as DataSeries;
    expect([at.length, new Set(count), new Set(last)]).toEqual([
      600,
      new Set([16]),
      new Set([999]),
    ]);
    expect(anomalies).toHaveLength(500);
    expect(anomalies.slice(-2).map(({ value }) => value)).toEqual([998, 999]);
  });

  test('of more than 64 fields the first are kept, and the others told of', async () => {
    const many = schema(
      Object.fromEntries(Array.from({ length: 70 }, (_, at) => [`n${at}`, 'float64' as const])),
    );
    const made = testPipeline();
    const flow = made.from(memorySource({ schema: many, rows: [] }));
    flow.to(scriptedSink({}), { id: 'one' });
    flow.pipe(select({ fields: ['n1'] })).to(scriptedSink({}), { id: 'two' });
    const ask = await dataOf(await made.start());
    const { sinks } = (await ask('')).body as DataList;
    expect(sinks.map(({ fields, fieldsLeftOut }) => [fields.length, fieldsLeftOut])).toEqual([
      [64, 6],
      [0, 1],
    ]);
  });

  test('are kept from when somebody serves the run, to when nobody does', async () => {
    const outside = virtualOutside();
    let routes: ReturnType<typeof observationRoutes> | undefined;
    const run: Run = await testPipeline({}, [], outside)
      .from(
        scriptedSource({
          schema: schema({ n: 'int32' }),
          batches: Array.from({ length: 6 }, (_, n) => [{ n }]),
          before: async (read) => {
            await outside.clock.sleep(1000);
            if (read === 3) routes = observationRoutes(run, { authorize: () => 'read' });
          },
        }),
      )
      .pipe(derive({ twice: int64((row) => BigInt(row.n) * 2n) }))
      .to(scriptedSink({}), { id: 'store' })
      .start();
    await run.done;
    const query = 'http://host/api/v1/data?sink=store&field=twice';
    const body = (await (await routes!(new Request(query))).json()) as DataSeries;
    expect(body.last).toEqual([6, 8, 10]);
    routes![Symbol.dispose]();
    expect((await routes!(new Request(query))).status).toBe(503);
  });
});
