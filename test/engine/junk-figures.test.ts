import { describe, expect, test } from 'vitest';

import { Batch, schema } from '../../src/batch/index.ts';
import { type SensorReport, type Source, type Stage, VirtualClock } from '../../src/core/index.ts';
import { Ticker } from '../../src/observe/ticker.ts';
import type { RunStats } from '../../src/observe/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';

import { numbered, readings, scriptedSink, testPipeline } from './ends.ts';

type Shape = (typeof readings)['shape'];

const well: SensorReport = {
  id: 'boiler',
  field: 'value',
  state: 'live',
  since: 0,
  reason: null,
  value: 5,
  at: 0,
  substitutedBy: {},
};

/** Runs a source that gives such figures for five seconds, while somebody follows. */
async function runWith(figures: object) {
  const outside = virtualOutside();
  const { clock } = outside;
  const source: Source<Shape> = {
    schema: readings,
    async *stream({ signal }) {
      for (let at = 0; at < 5; at++) {
        await clock.sleep(1000, { signal });
        yield Batch.from(numbered(1, at), readings);
      }
    },
    ...figures,
  };
  const stage: Stage<Shape> = {
    output: () => readings,
    async *transform(stream) {
      for await (const flow of stream) yield flow;
    },
    ...figures,
  };
  const run = await testPipeline({}, [], outside)
    .from(source, { id: 'in' })
    .through(stage, { id: 'through' })
    .to(scriptedSink({}))
    .start();
  const told: unknown[] = [];
  run.listen(({ name, fields }) => {
    if (name === 'figures.failed') told.push([fields['id'], fields['figure']]);
  });
  const followed: RunStats[] = [];
  run.follow((stats) => followed.push(stats));
  const { status, recordsOut } = await run.done;
  expect([status, recordsOut]).toEqual(['done', 5]);
  expect(followed.length).toBeGreaterThanOrEqual(5);
  for (const stats of followed) JSON.stringify(stats);
  return { told, source: followed[2]!.components[0]! };
}

const cyclic: Record<string, unknown> = {};
cyclic['self'] = cyclic;

const junkSensors: Readonly<Record<string, unknown>> = {
  'a Set': new Set([well]),
  'a text': 'boiler',
  null: null,
  'a list of null': [null],
  'a list of texts': ['boiler'],
  'an unknown state': [well, { ...well, state: 'well' }],
  'a state of Object': [{ ...well, state: 'constructor' }],
  'no id': [{ ...well, id: 5 }],
  'a bigint for a value': [{ ...well, value: 5n }],
  'NaN for a value': [{ ...well, value: NaN }],
  'no time': [{ ...well, since: undefined }],
  'a text for a time': [{ ...well, at: 'yesterday' }],
  'an object for a reason': [{ ...well, reason: cyclic }],
  'no counts': [{ ...well, substitutedBy: undefined }],
  'texts for counts': [{ ...well, substitutedBy: { constant: '5' } }],
  'less than nothing': [{ ...well, substitutedBy: { constant: -5 } }],
  'an unknown state of a breaker': [{ ...well, breaker: 'ajar' }],
  'a field that it does not have': [{ ...well, field: 'price' }],
  'no field': [{ ...well, field: undefined }],
  'a getter that throws': [
    Object.defineProperty({ ...well }, 'state', {
      get: () => {
        throw new Error('no state');
      },
    }),
  ],
};

describe('what is no report of sensors is told once, and costs no other figure', () => {
  test.for(Object.entries(junkSensors))('%s', async ([, sensors]) => {
    const { told, source } = await runWith({ sensors: () => sensors });
    expect(told).toEqual([['in', 'sensors']]);
    expect(source.in).toBeGreaterThan(0);
    expect(source).not.toHaveProperty('sensors');
  });
});

const junkLags: Readonly<Record<string, unknown>> = {
  'a number': 5,
  'nothing in it': {},
  'a bigint': { value: 5n, unit: 'records' },
  NaN: { value: NaN, unit: 'records' },
  'another unit': { value: 5, unit: 'miles' },
};

describe('what is no lag is told once, and costs no other figure', () => {
  test.for(Object.entries(junkLags))('%s', async ([, lag]) => {
    const { told, source } = await runWith({ lag: () => lag });
    expect(told).toEqual([['in', 'lag']]);
    expect(source.source).toEqual({ isPaced: true, hasEnded: false });
  });
});

describe('what is no number of rows held is told once, and costs no other figure', () => {
  test.for([5n, NaN, '5', {}])('%s', async (held) => {
    const { told } = await runWith({ held: () => held });
    expect(told).toEqual([['through', 'held']]);
  });
});

test('figures are copies of what is known of sensors and lag, and of that alone', async () => {
  const sensor = { ...well, cyclic };
  const lag = { value: 7, unit: 'records', cyclic };
  const { told, source } = await runWith({ sensors: () => [sensor], lag: () => lag });
  expect(told).toEqual([]);
  expect(source.sensors!.worst).toEqual([well]);
  expect(source.source!.lag).toEqual({ value: 7, unit: 'records' });
  expect(Object.isFrozen(sensor)).toBe(false);
});

test('values of sensitive fields are told to nobody, whatever a source gives', async () => {
  const secret = schema({ ...readings.toJSON(), value: { kind: 'float64', sensitive: true } });
  const sensors = [well, { ...well, id: 'clock', field: 'sensorId' }];
  const outside = virtualOutside();
  const run = await testPipeline({}, [], outside)
    .from({ schema: secret, async *stream() {}, sensors: () => sensors } as Source)
    .to(scriptedSink({}))
    .start();
  const [source] = (await run.done).components;
  expect(source!.sensors!.worst).toEqual([{ ...well, value: null }, sensors[1]]);
  expect(sensors[0]!.value).toBe(5);
});

test('a ticker goes on where figures cannot be taken, and tells it once until they can', async () => {
  const clock = new VirtualClock();
  let isBroken = true;
  const [told, given]: [unknown[], unknown[]] = [[], []];
  const figures = {} as RunStats;
  const take = (): RunStats => {
    if (isBroken) throw new Error('no figures');
    return figures;
  };
  const ticker = new Ticker(clock, take, { failed: (error) => told.push(String(error)) });
  ticker.follow((stats) => given.push(stats));
  await clock.sleep(2500);
  expect([told, given]).toEqual([['Error: no figures'], []]);
  isBroken = false;
  await clock.sleep(2000);
  expect(given).toEqual([figures, figures]);
  isBroken = true;
  ticker.tick();
  expect(told).toHaveLength(2);
});
