import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect, test } from 'vitest';

import { Selection } from '../../src/batch/index.ts';
import { systemOutside } from '../../src/core/index.ts';
import { type AlertRule, type ObservedEvent, shippedRules } from '../../src/observe/index.ts';
import { AlertWebhook } from '../../src/observe/alerts/webhook.ts';
import { circuitBreaker, retry } from '../../src/resilience/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { numbered, readings, scriptedSink, scriptedSource, stageOf, testPipeline } from './ends.ts';

const minutes = 60_000;

test('ten minutes of a healthy file run fire none', async () => {
  const outside = virtualOutside();
  const said: string[] = [];
  const count = 6000;
  const run = await testPipeline({ queue: { rowsMax: 200 } }, [], outside)
    .from(
      scriptedSource({
        schema: readings,
        batches: Array.from({ length: count }, (_, at) => numbered(50, at * 50)),
      }),
    )
    .pipe(stageOf(() => (batch) => batch, 'pass'))
    .to(scriptedSink({ answer: () => outside.clock.sleep(outside.random.next() * 200) }))
    .start({ alerts: shippedRules({}, { memoryMiBMax: 16_384 }) });
  run.listen(({ name }) => said.push(name));
  const { durationMs, recordsOut } = await run.done;
  expect(durationMs).toBeGreaterThan(9 * minutes);
  expect(recordsOut).toBe(count * 50);
  expect(said.filter((name) => name.startsWith('alert'))).toEqual([]);
});

test('a breaker that opens fires and is resolved; the figures of the run have it meanwhile', async () => {
  const outside = virtualOutside();
  const { clock, random } = outside;
  const events: ObservedEvent[] = [];
  const policy = circuitBreaker({ name: 'store', openMs: 10_000, clock, random });
  const run = await testPipeline({}, [], outside)
    .from(
      scriptedSource({
        schema: readings,
        batches: Array.from({ length: 200 }, () => numbered(1)),
        before: (_, signal) => clock.sleep(1000, { signal }),
      }),
    )
    .to(
      scriptedSink({
        answer: () => {
          const seconds = clock.monotonic() / 1000;
          if (seconds > 20 && seconds < 60) throw new Error('down');
        },
      }),
      { policy },
    )
    .start({ alerts: shippedRules() });
  run.listen((event) => events.push(event));
  await clock.sleep(45_000);
  expect(run.stats().alerts).toMatchObject([
    { rule: 'open-breaker', component: 'scripted-2', state: 'firing', severity: 'CRITICAL' },
  ]);
  await run.done;
  const told = events.filter(({ name }) => name.startsWith('alert'));
  expect(told.map(({ name, level, fields }) => [name, level, fields['rule']])).toEqual([
    ['alert.fired', 'CRITICAL', 'open-breaker'],
    ['alert.fired', 'WARNING', 'degraded-streak'],
    ['alert.resolved', 'INFO', 'degraded-streak'],
    ['alert.resolved', 'INFO', 'open-breaker'],
  ]);
  // Since when, and the same figures in the events as in the run.
  for (const { fields } of told) expect(fields['sinceMs']).toBeLessThanOrEqual(told.at(-1)!.at);
  expect(run.alertHistory).toMatchObject(
    told.slice(2).map(({ at, fields: { rule, id: component, value, sinceMs } }) => {
      return { rule, component, value, sinceMs, state: 'resolved', resolvedMs: at };
    }),
  );
  // Within a second of the change.
  const opened = events.find(({ name }) => name === 'circuit_state_change')!;
  expect(told[0]!.at - opened.at).toBeLessThanOrEqual(1000);
  expect(run.stats().alerts).toEqual([]);
});

test('rows that are lost are told at the latest at the end', async () => {
  const told: ObservedEvent[] = [];
  const run = await testPipeline()
    .from(scriptedSource({ schema: readings, batches: [numbered(10)] }))
    .pipe(stageOf(() => (batch) => batch.select(new Selection(Uint32Array.of(1), 1)), 'thief'))
    .to(scriptedSink({}))
    .start({ alerts: shippedRules() });
  run.listen((event) => told.push(event));
  await run.done;
  const fired = told.filter(({ name }) => name === 'alert.fired');
  expect(fired.map(({ fields }) => [fields['rule'], fields['id'], fields['value']])).toEqual([
    ['ledger-mismatch', 'thief', 9],
  ]);
});

test('a rule that throws is told of, fails no run, and holds up no other', async () => {
  const outside = virtualOutside();
  const { clock } = outside;
  const told: ObservedEvent[] = [];
  const rule: AlertRule = {
    name: 'own',
    summary: 'A rule of a test.',
    unit: 's',
    limits: { warn: 25, clear: 1 },
    of: { m: 1, n: 1 },
    read: ({ stats }) => {
      const second = Math.round(stats.durationMs / 1000);
      if (second < 10 || (second > 20 && second < 30)) throw new Error('no such figure');
      return [{ component: '', value: second }];
    },
  };
  const sound: AlertRule = { ...rule, name: 'sound', read: () => [{ component: '', value: 99 }] };
  const run = await testPipeline({}, [], outside)
    .from(
      scriptedSource({
        schema: readings,
        batches: Array.from({ length: 40 }, () => numbered(1)),
        before: (_, signal) => clock.sleep(1000, { signal }),
      }),
    )
    .to(scriptedSink({}))
    .start({ alerts: [rule, sound] });
  run.listen((event) => told.push(event));
  expect((await run.done).status).toBe('done');
  const alerts = told.filter(({ name }) => name.startsWith('alert'));
  expect(alerts.map(({ name, fields }) => [name, fields['rule']])).toEqual([
    ['alert.rule-failed', 'own'],
    ['alert.fired', 'sound'],
    ['alert.rule-failed', 'own'],
    ['alert.fired', 'own'],
  ]);
});

test('alerts that fail are told of, and fail no run', async () => {
  const outside = virtualOutside();
  const { clock } = outside;
  let looks = 0;
  const rule: AlertRule = {
    name: 'odd',
    get summary() {
      if (looks++ > 0) throw new Error('not twice');
      return 'It is odd.';
    },
    unit: '',
    limits: { warn: 1, clear: 0 },
    of: { m: 1, n: 1 },
    read: () => [],
  };
  const told: ObservedEvent[] = [];
  const run = await testPipeline({}, [], outside)
    .from(
      scriptedSource({
        schema: readings,
        batches: Array.from({ length: 5 }, () => numbered(1)),
        before: (_, signal) => clock.sleep(1000, { signal }),
      }),
    )
    .to(scriptedSink({}))
    .start({ alerts: [rule] });
  run.listen((event) => told.push(event));
  expect(await run.done).toMatchObject({ status: 'done', recordsOut: 5 });
  expect(told.filter(({ name }) => name.startsWith('alert'))).toMatchObject([
    { name: 'alerts.failed', level: 'ERROR' },
  ]);
});

test('the limits of a pipeline, and its webhook, are those of its settings', async () => {
  const outside = virtualOutside();
  const { clock, network } = outside;
  const bodies: Record<string, unknown>[] = [];
  let isDown = true;
  network.answer('http://hook.test', async (request) => {
    if (isDown) return new Response('later', { status: 503 });
    bodies.push((await request.json()) as Record<string, unknown>);
    return new Response();
  });
  const settings = {
    alerts: {
      limits: { 'throughput-floor': { warn: 5, clear: 6 }, 'open-breaker': false },
      webhook: { url: 'http://hook.test/alerts' },
    },
  } as const;
  const run = await testPipeline(settings, [], outside)
    .from(
      scriptedSource({
        schema: readings,
        batches: Array.from({ length: 60 }, () => numbered(1)),
        before: (_, signal) => clock.sleep(1000, { signal }),
      }),
    )
    .to(scriptedSink({}), { id: 'store' })
    .start();
  await clock.sleep(8000);
  isDown = false;
  await run.done;
  expect(bodies.length).toBeGreaterThan(0);
  expect(bodies[0]).toMatchObject({
    event: 'alert.fired',
    pipeline: 'test',
    rule: 'throughput-floor',
    severity: 'WARNING',
    limit: 5,
    unit: 'records/s',
  });
});

test('a webhook that is down for good is told of, and holds up the end no longer than it may', async () => {
  const outside = virtualOutside();
  const said: string[] = [];
  const run = await testPipeline(
    { alerts: { webhook: { url: 'http://nowhere.test/' } } },
    [],
    outside,
  )
    .from(scriptedSource({ schema: readings, batches: [numbered(10)] }))
    .pipe(stageOf(() => (batch) => batch.select(new Selection(Uint32Array.of(1), 1)), 'thief'))
    .to(scriptedSink({}))
    .start();
  run.listen(({ name }) => said.push(name));
  const { durationMs } = await run.done;
  expect(durationMs).toBeLessThan(1000);
  expect(outside.clock.monotonic()).toBeLessThanOrEqual(6000);
  expect(said).toContain('alert.undelivered');
});

test('a webhook is told, again where it fails, and never more than waits', async () => {
  const bodies: unknown[] = [];
  const failed: unknown[] = [];
  let calls = 0;
  const server = createServer((request: IncomingMessage, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      if (++calls <= 2) return response.writeHead(503).end('no');
      bodies.push({ body: JSON.parse(text), key: request.headers['x-key'] });
      return response.end('ok');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const webhook = new AlertWebhook({
    url: `http://127.0.0.1:${port}/hook`,
    headers: { 'x-key': 'k' },
    pipeline: 'p',
    network: systemOutside().network,
    policy: retry({ baseDelayMs: 1, maxAttempts: 5 }),
    queueMax: 2,
    onError: (reason, { fields }) => failed.push([fields['value'], reason]),
  });
  const event = (value: number): ObservedEvent => ({
    name: 'alert.fired',
    level: 'WARNING',
    at: 0,
    fields: { rule: 'heat', id: 'oven', value },
  });
  for (const value of [1, 2, 3, 4]) webhook.listener(event(value));
  webhook.listener({ ...event(9), name: 'record.failed' });
  await webhook.close(new AbortController().signal);
  expect(failed).toEqual([[2, 'more than 2 wait']]);
  // The first was on its way already.
  expect(bodies).toEqual(
    [1, 3, 4].map((value) => ({
      key: 'k',
      body: {
        event: 'alert.fired',
        timestamp: '1970-01-01T00:00:00.000Z',
        pipeline: 'p',
        rule: 'heat',
        id: 'oven',
        value,
      },
    })),
  );
  await new Promise((resolve) => server.close(resolve));
});

test('a webhook that never answers holds up nothing for longer than it may', async () => {
  const reasons: string[] = [];
  const webhook = new AlertWebhook({
    url: 'http://127.0.0.1/hook',
    pipeline: 'p',
    network: {
      ...systemOutside().network,
      fetch: (_url, init) =>
        new Promise((_, reject) => {
          init?.signal?.addEventListener('abort', () => reject(new Error('gone')));
        }),
    },
    onError: (reason) => reasons.push(reason),
  });
  webhook.listener({ name: 'alert.fired', level: 'WARNING', at: 0, fields: {} });
  webhook.listener({ name: 'alert.resolved', level: 'INFO', at: 0, fields: {} });
  const giving = new AbortController();
  const closed = webhook.close(giving.signal);
  giving.abort();
  await closed;
  // That which was on its way, and that which waited behind it.
  expect(reasons).toEqual(['gone', 'not sent: the webhook is closed']);
});
