import { expect, test } from 'vitest';

import { Batch, type Fields } from '../../src/batch/index.ts';
import { memorySource } from '../../src/connectors/memory.ts';
import {
  defineSink,
  defineStage,
  type Policy,
  type SinkComponent,
  type StageComponent,
} from '../../src/core/index.ts';
import { parseConfig } from '../../src/engine/config.ts';
import { startRun } from '../../src/engine/index.ts';
import type { Topology } from '../../src/engine/index.ts';
import { builtins } from '../../src/pipeline.ts';
import {
  anyOf,
  circuitBreaker,
  consecutiveFailures,
  failureRate,
  resilient,
  retry,
  retryBudget,
  slowCallRate,
  wrap,
} from '../../src/resilience/index.ts';
import { type VirtualOutside, virtualOutside } from '../../src/testing/outside.ts';
import { filter } from '../../src/stages/index.ts';
import { numbered, readings, scriptedSink, testPipeline } from './ends.ts';

interface Credentials {
  readonly url: string;
  readonly password: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly encode: () => string;
  readonly many: readonly number[];
}

const remote = defineSink<(options: Credentials) => SinkComponent<Fields>, Credentials>({
  name: 'remote',
  summary: 'Send rows away.',
  options: (z) => z.custom<Credentials>(),
  example: null,
  create: () => ({
    open: () => Promise.resolve(),
    write: () => Promise.resolve(),
    commit: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }),
});

const lookup = defineStage<(options: object) => StageComponent, object>({
  name: 'lookup',
  summary: 'Ask something outside.',
  options: (z) => z.strictObject({}),
  example: {},
  rows: 'same',
  calls: true,
  output: (input) => input,
  create: () => (batch) => Promise.resolve(batch),
});

test('a run shows its components, what flows between them, and no secret', async () => {
  const run = await testPipeline()
    .from(memorySource({ rows: numbered(60), schema: readings }))
    .pipe(filter({ where: 'value > 1' }))
    .to(
      remote({
        url: 'https://me:hunter2@far.example/in',
        password: 'hunter2',
        headers: { Authorization: 'Bearer hunter2', accept: 'x' },
        encode: () => 'hunter2',
        many: Array.from({ length: 51 }, () => 1),
      }),
    )
    .start();
  const { nodes } = run.topology();
  await run.done;
  expect(nodes.map(({ kind, id, from }) => [kind, id, from])).toEqual([
    ['source', 'memory', []],
    ['stage', 'filter', ['memory']],
    ['sink', 'remote', ['filter']],
    ['dead-letters', 'dead-letters', []],
  ]);
  expect(nodes[0]!.output).toEqual(readings.fields);
  expect(nodes[0]!.options).toMatchObject({ rows: '[60 rows]', schema: '[Schema]' });
  expect(nodes[1]).toMatchObject({
    name: 'filter',
    input: readings.fields,
    output: readings.fields,
  });
  expect(nodes[2]!.options).toEqual({
    url: 'https://[secret]@far.example/in',
    password: '[secret]',
    headers: { Authorization: '[secret]', accept: 'x' },
    encode: '[function]',
    many: '[51 items]',
  });
  expect(JSON.stringify(nodes)).not.toContain('hunter2');
});

test('of records that are given as options it shows how many there are', async () => {
  const { nodes } = await topologyOf(`
name: p
source:
  memory:
    schema: { sensorId: category, value: float64 }
    rows: [{ sensorId: hunter2, value: 1 }, { sensorId: b, value: 2 }]
sink: memory
`);
  expect(nodes[0]!.options).toMatchObject({ rows: '[2 rows]' });
  const batches = [Batch.from(numbered(3), readings)];
  const run = await testPipeline()
    .from(memorySource({ batches, schema: readings }))
    .to(remote({ records: [{ value: 'hunter2' }], rows: new Set(['hunter2']) } as never))
    .start();
  await run.done;
  const shown = run.topology().nodes.map(({ options }) => options);
  expect(shown[0]).toMatchObject({ batches: ['[Batch]'] });
  expect(shown[1]).toMatchObject({ records: '[1 record]', rows: '[Set]' });
});

/** The topology of a pipeline file with so many lines in its input. */
async function topologyOf(
  text: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Topology> {
  const outside = virtualOutside();
  const registry = builtins().register(lookup);
  const config = await parseConfig(text, 'p.yaml', { registry, outside, environment });
  await using run = await startRun(await config.plan());
  return run.topology();
}

const careful = {
  retry: {
    maxAttempts: 4,
    baseDelayMs: 100,
    delayMsMax: 30_000,
    jitter: 'none',
    exhausted: 'wrap',
  },
  breaker: {
    opens: { consecutiveFailures: 3 },
    openMs: 30_000,
    growth: 1,
    openMsMax: 300_000,
    jitter: 0,
    probesMax: 1,
    successesToClose: 2,
    probeMsMax: 30_000,
  },
};

test('policies, outputs, overflow and settings are there, as the file says them', async () => {
  const topology = await topologyOf(`
source: { interval: { everyMs: 1000, count: 1 } }
policies:
  careful: { retry: { maxAttempts: 4 }, breaker: { opens: { consecutiveFailures: 3 } } }
stages:
  - branch: { routes: { early: tick < 10 }, otherwise: late }
sinks:
  main: { from: branch.early, resilience: careful, file: { path: main.ndjson } }
  spare: { from: branch.late, file: { path: spare.ndjson }, required: false, overflow: dropOldest }
queue: { rowsMax: 500 }
alerts: { webhook: { url: https://hooks.example/T0/B0/sesame, headers: { Authorization: x } } }
`);
  const node = (id: string) => topology.nodes.find((one) => one.id === id)!;
  expect(node('main').policy).toEqual({
    parts: [
      { kind: 'circuitBreaker', name: 'careful', options: careful.breaker },
      { kind: 'retry', name: 'careful', options: careful.retry },
    ],
  });
  expect(node('branch').outputs).toEqual(['early', 'late']);
  expect(node('main')).toMatchObject({ required: true, overflow: null, from: ['branch.early'] });
  expect(node('spare')).toMatchObject({ required: false, overflow: 'dropOldest', policy: null });
  expect(topology.settings).toMatchObject({
    queue: { rowsMax: 500 },
    onRowError: 'dead-letter',
    alerts: {
      webhook: {
        url: 'https://hooks.example/[secret]',
        headers: { Authorization: '[secret]' },
      },
    },
  });
});

/** The parts of a policy as a sink under it shows them. */
async function partsShown(policy: Policy, outside: VirtualOutside): Promise<unknown> {
  const run = await testPipeline({}, [], outside)
    .from(memorySource({ rows: numbered(1), schema: readings }))
    .to(scriptedSink({}), { policy })
    .start();
  const { nodes } = run.topology();
  await run.done;
  return nodes.find(({ kind }) => kind === 'sink')!.policy!.parts;
}

test('policies made in code are shown as those of a file are, part by part', async () => {
  const outside = virtualOutside();
  const { clock } = outside;
  const own = {
    name: 'mine',
    options: { anything: 'hunter2' },
    execute: <T>(attempt: (signal: AbortSignal) => Promise<T>, signal: AbortSignal) =>
      attempt(signal),
  };
  const opens = consecutiveFailures(3);
  const inCode = [
    own,
    circuitBreaker({ name: 'careful', opens, clock }),
    retry({ name: 'careful', maxAttempts: 4, clock }),
  ] as const;
  expect(await partsShown(wrap(...inCode), outside)).toEqual([
    { kind: 'custom', name: 'mine', options: null },
    { kind: 'circuitBreaker', name: 'careful', options: careful.breaker },
    { kind: 'retry', name: 'careful', options: careful.retry },
  ]);
  expect(await partsShown(inCode[2], outside)).toEqual([
    { kind: 'retry', name: 'careful', options: careful.retry },
  ]);
});

test('of policies every option is shown, functions by their names and nothing that is secret', async () => {
  const outside = virtualOutside();
  const { clock } = outside;
  class Refused extends Error {}
  const isBad = (error: unknown): boolean => error instanceof Refused;
  const shown = (await partsShown(
    resilient({
      name: 'all',
      clock,
      totalTimeout: { timeoutMs: 9_000 },
      bulkhead: { concurrentMax: 4 },
      breaker: {
        opens: anyOf(
          failureRate({ rate: 0.5, window: { ms: 60_000 } }),
          slowCallRate({ rate: 0.2, slowMs: 100, callsMin: 5, window: { calls: 20 } }),
          { slowMs: Infinity, memory: (given) => consecutiveFailures(1).memory(given) },
        ),
        failureOn: isBad,
      },
      retry: {
        totalMsMax: 5_000,
        retryOn: [Refused, TypeError],
        budget: retryBudget({ minPerSecond: 0.3, clock }),
        exhausted: 'rethrow',
      },
      rateLimit: { callsMax: 10, perMs: 1_000 },
      hedge: { afterMs: 50 },
      timeout: { timeoutMs: 300 },
    }),
    outside,
  )) as readonly { readonly kind: string; readonly options: unknown }[];
  expect(shown.map(({ kind, options }) => [kind, options])).toEqual([
    ['timeout', { timeoutMs: 9_000 }],
    ['bulkhead', { concurrentMax: 4, queueMax: 0 }],
    [
      'circuitBreaker',
      {
        ...careful.breaker,
        opens: {
          anyOf: [
            { failureRate: { rate: 0.5, callsMin: 10, window: { ms: 60_000 } } },
            { slowCallRate: { slowMs: 100, rate: 0.2, callsMin: 5, window: { calls: 20 } } },
            '[custom]',
          ],
        },
        failureOn: 'isBad',
      },
    ],
    [
      'retry',
      {
        ...careful.retry,
        maxAttempts: 3,
        totalMsMax: 5_000,
        retryOn: ['Refused', 'TypeError'],
        exhausted: 'rethrow',
        budget: { ratio: 0.1, minPerSecond: 0.3, retriesMax: 10 },
      },
    ],
    ['rateLimit', { callsMax: 10, perMs: 1_000, waitMsMax: 0 }],
    ['hedge', { afterMs: 50, attemptsMax: 2 }],
    ['timeout', { timeoutMs: 300 }],
  ]);
});

test('what stands in for a call is shown, from a file and from code', async () => {
  const topology = await topologyOf(`
source: { interval: { everyMs: 1000, count: 1 } }
stages:
  - lookup: {}
    resilience:
      fallback:
        key: sensor
        strategies:
          - lastKnownGood: { ageMsMax: 1000 }
          - interpolated: { fields: [value] }
          - constant: { value: 1, password: '\${env:KEY}', note: '\${env:KEY}' }
          - drop
sink: { console: {} }
`);
  expect(topology.nodes[1]!.policy).toEqual({
    parts: [
      {
        kind: 'fallback',
        name: 'lookup',
        options: {
          key: 'sensor',
          strategy: [
            { lastKnownGood: { ageMsMax: 1000, keysMax: 10_000 } },
            { interpolated: { fields: ['value'], method: 'mean', keysMax: 10_000 } },
            { constant: { value: 1, password: '[secret]', note: '${env:KEY}' } },
            'drop',
          ],
        },
      },
    ],
  });
});

test('what a reference stands for is nowhere, however short and wherever it went', async () => {
  const environment = {
    FIELD: 'canary-field',
    PIN: '7x',
    KEY: 'canary-key',
    PATH_PART: 'canary-path',
  };
  const topology = await topologyOf(
    `
source: { interval: { everyMs: 1000, count: 1 } }
stages:
  - rename: { fields: { tick: '\${env:FIELD}' } }
  - rename: { fields: { time: '\${env:PIN}' } }
sink: { file: { path: 'out-\${env:PATH_PART}.ndjson' } }
`,
    environment,
  );
  const text = JSON.stringify(topology);
  for (const value of Object.values(environment)) expect(text).not.toContain(value);
  const [, first, second, sink] = topology.nodes;
  expect(first!.options).toEqual({ fields: { tick: '${env:FIELD}' } });
  expect(second!.output!.map(({ name }) => name)).toEqual(['${env:PIN}', '${env:FIELD}']);
  expect(sink!.options).toMatchObject({ path: 'out-${env:PATH_PART}.ndjson' });
});

test('a secret in the address of a call is not shown', async () => {
  const run = await testPipeline()
    .from(memorySource({ rows: numbered(1), schema: readings }))
    .to(
      remote({
        url: 'https://far.example/in?api_key=hunter2&limit=5&sig=hunter2',
        password: 'hunter2',
        headers: {},
        encode: () => '',
        many: [],
      }),
    )
    .start();
  const { nodes } = run.topology();
  await run.done;
  expect(nodes[1]!.options).toMatchObject({
    url: 'https://far.example/in?api_key=[secret]&limit=5&sig=[secret]',
  });
});
