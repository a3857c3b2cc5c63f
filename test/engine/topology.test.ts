import { expect, test } from 'vitest';

import type { Fields } from '../../src/batch/index.ts';
import { memorySource } from '../../src/connectors/memory.ts';
import { defineSink, type Policy, type SinkComponent } from '../../src/core/index.ts';
import { parseConfig } from '../../src/engine/config.ts';
import { startRun } from '../../src/engine/index.ts';
import type { Topology } from '../../src/engine/index.ts';
import { builtins } from '../../src/pipeline.ts';
import { circuitBreaker, retry, wrap } from '../../src/resilience/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
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
  expect(nodes[0]!.options).toMatchObject({ rows: '[60 items]', schema: '[Schema]' });
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

/** The topology of a pipeline file with so many lines in its input. */
async function topologyOf(
  text: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Topology> {
  const outside = virtualOutside();
  const config = await parseConfig(text, 'p.yaml', { registry: builtins(), outside, environment });
  await using run = startRun(await config.plan());
  return run.topology();
}

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
      { kind: 'circuitBreaker', name: 'careful' },
      { kind: 'retry', name: 'careful' },
    ],
    options: {
      retry: { maxAttempts: 4, baseDelayMs: 100, delayMsMax: 30_000, jitter: 'none' },
      breaker: {
        opens: { consecutiveFailures: 3 },
        openMs: 30_000,
        growth: 1,
        jitter: 0,
        probesMax: 1,
        successesToClose: 2,
        probeMsMax: 30_000,
      },
    },
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

test('policies made in code are shown by what they are made of', async () => {
  const own: Policy & { readonly name: string } = {
    name: 'mine',
    execute: (attempt, signal) => attempt(signal),
  };
  const outside = virtualOutside();
  const { clock } = outside;
  const run = await testPipeline({}, [], outside)
    .from(memorySource({ rows: numbered(1), schema: readings }))
    .to(scriptedSink({}), {
      policy: wrap(own, circuitBreaker({ name: 'store', clock }), retry({ name: 'again', clock })),
    })
    .start();
  const { nodes } = run.topology();
  await run.done;
  expect(nodes.map(({ policy }) => policy)).toEqual([
    null,
    {
      parts: [
        { kind: 'custom', name: 'mine' },
        { kind: 'circuitBreaker', name: 'store' },
        { kind: 'retry', name: 'again' },
      ],
      options: null,
    },
    null,
  ]);
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
