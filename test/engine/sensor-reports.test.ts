import { expect, test } from 'vitest';

import { memorySource } from '../../src/connectors/memory.ts';
import { type SensorsOptions, sensorsSource } from '../../src/connectors/sensors.ts';
import {
  defineSource,
  endOfInput,
  type SensorReport,
  type SourceComponent,
} from '../../src/core/index.ts';
import type { ComponentReport } from '../../src/observe/index.ts';
import { observationRoutes } from '../../src/server/index.ts';
import { type VirtualOutside, virtualOutside } from '../../src/testing/index.ts';
import { numbered, readings, scriptedSink, testPipeline } from './ends.ts';

const start = Date.UTC(2026, 0, 1);
const fail = async (): Promise<number> => {
  throw new Error('no answer');
};

/** What a run tells of its source at its end, and what a reader of its server is given. */
async function told(
  options: (outside: VirtualOutside) => SensorsOptions,
): Promise<{ component: ComponentReport; read: string }> {
  const outside = virtualOutside();
  const run = await testPipeline({}, [], outside)
    .from(sensorsSource({ everyMs: 1000, ...options(outside) }), { id: 'sensors' })
    .to(scriptedSink({}), { id: 'store' })
    .start();
  using routes = observationRoutes(run, { authorize: () => 'read' });
  await run.done;
  const documents = [
    'snapshot',
    'topology',
    'data',
    'alerts',
    'log',
    'data?sink=store&field=value',
  ];
  const answers = documents.map((path) => routes(new Request(`http://host/api/v1/${path}`)));
  const texts = (await Promise.all(answers)).map((answer) => answer.text());
  return { component: run.stats().components[0]!, read: (await Promise.all(texts)).join('\n') };
}

const shown = (sensors: readonly SensorReport[]): string[] =>
  sensors.map(({ id, state }) => `${id} ${state}`);

test('tells how each sensor is, the least well first, since when and with which value', async () => {
  const { component } = await told(({ clock }) => ({
    count: 4,
    retry: { maxAttempts: 1 },
    breaker: { failures: 2, openMs: 60_000 },
    sensors: [
      { id: 'well', read: async () => 7 },
      {
        id: 'was-well',
        read: async () => (clock.monotonic() < 1000 ? 20 : fail()),
        breaker: { failures: 9 },
      },
      { id: 'guessed', read: fail, fallback: { strategy: 'constant', value: 5 } },
      { id: 'gone', read: fail, breaker: { failures: 9 } },
    ],
  }));
  expect(component.sensors!.worst).toEqual([
    {
      id: 'gone',
      field: 'value',
      state: 'missing',
      since: start,
      reason: 'failed',
      value: null,
      at: null,
      substitutedBy: {},
      breaker: 'closed',
    },
    {
      id: 'guessed',
      field: 'value',
      state: 'fast-fail',
      // A breaker that opens, or tries again, is no news of the sensor.
      since: start,
      reason: 'circuit-open',
      value: 5,
      at: null,
      substitutedBy: { constant: 4 },
      breaker: 'open',
    },
    {
      id: 'was-well',
      field: 'value',
      state: 'stale',
      since: start + 1000,
      reason: 'failed',
      value: 20,
      at: start,
      substitutedBy: { 'last-known-good': 3 },
      breaker: 'closed',
    },
    {
      id: 'well',
      field: 'value',
      state: 'live',
      since: start,
      reason: null,
      value: 7,
      at: start + 3000,
      substitutedBy: {},
      breaker: 'closed',
    },
  ]);
  expect(component.sensors).toMatchObject({
    total: 4,
    byState: { missing: 1, 'fast-fail': 1, constant: 0, interpolated: 0, stale: 1, live: 1 },
    substitutedBy: { constant: 4, 'last-known-good': 3 },
  });
  // Nothing stood in for what is missing.
  expect(component.policy).toMatchObject({
    substituted: 7,
    substitutedBy: { constant: 4, 'last-known-good': 3 },
  });
});

test('what stood in at sensors that are left out counts as well', async () => {
  const { component } = await told(({ clock }) => ({
    count: 3,
    concurrentMax: 2000,
    retry: { maxAttempts: 1 },
    sensors: Array.from({ length: 1005 }, (_, at) => ({
      id: `s${at}`,
      read: async () => (Math.floor(clock.monotonic() / 1000) === 1 ? fail() : at),
    })),
  }));
  expect(component.sensors).toMatchObject({
    total: 1005,
    byState: { live: 1005 },
    substitutedBy: { 'last-known-good': 1005 },
  });
  expect(component.policy).toMatchObject({
    substituted: 1005,
    substitutedBy: { 'last-known-good': 1005 },
  });
});

test('what stands in counts also where a source has sensors and no policies', async () => {
  const sensor = {
    id: 'boiler',
    field: 'sensorId',
    state: 'stale',
    since: start,
    reason: 'timeout',
    value: 5,
    at: start,
    substitutedBy: { 'last-known-good': 2, 'my own': 1 },
  } as const;
  const own = defineSource<() => SourceComponent<typeof readings.shape>, object>({
    name: 'own',
    summary: 'Give nothing, and tell of sensors.',
    options: (z) => z.strictObject({}),
    example: {},
    whenPaused: 'hold',
    output: () => readings,
    create: () => ({
      open: async () => {},
      read: async () => endOfInput,
      position: () => null,
      sensors: () => [sensor, sensor],
      close: async () => {},
    }),
  });
  const run = await testPipeline().from(own()).to(scriptedSink({})).start();
  await run.done;
  expect(run.stats().components[0]!.policy).toMatchObject({
    calls: 0,
    substituted: 6,
    substitutedBy: { 'last-known-good': 4, 'my own': 2 },
    breakers: { total: 0, worst: [] },
  });
});

test('of more than a thousand sensors those that are well are left out first', async () => {
  const { component } = await told(() => ({
    count: 1,
    concurrentMax: 2000,
    sensors: Array.from({ length: 1005 }, (_, at) => ({
      id: `s${at}`,
      read: at === 1004 ? fail : async () => at,
    })),
  }));
  const { total, byState, worst } = component.sensors!;
  expect([total, byState.missing, byState.live]).toEqual([1005, 1, 1004]);
  expect(shown(worst).slice(0, 2)).toEqual(['s1004 missing', 's0 live']);
  expect(worst).toHaveLength(1000);
});

test('values of sensitive sensors are nowhere for a reader', async () => {
  const options: SensorsOptions = {
    count: 3,
    sensors: [{ id: 'heart', read: async () => 71_234.5 }],
  };
  const open = await told(() => options);
  expect(open.read).toContain('71234.5');
  const hidden = await told(() => ({ ...options, sensitive: true }));
  expect(hidden.read).not.toContain('71234');
  expect(hidden.component.sensors!.worst).toMatchObject([
    { id: 'heart', state: 'live', value: null },
  ]);
  expect(hidden.read).toContain('"code":"sensitive"');
});

test('a source without sensors tells of none', async () => {
  const run = await testPipeline()
    .from(memorySource({ schema: readings, rows: numbered(3) }))
    .to(scriptedSink({}))
    .start();
  expect((await run.done).components[0]).not.toHaveProperty('sensors');
});
