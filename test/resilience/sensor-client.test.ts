import { expect, test } from 'vitest';

import { VirtualClock } from '../../src/core/index.ts';
import { isPipelineError } from '../../src/errors.ts';
import {
  constant,
  dropStrategy,
  interpolated,
  lastKnownGood,
  type PolicyEvent,
  ResilientSensorClient,
  type ResilientSensorClientOptions,
} from '../../src/resilience/index.ts';

interface Reading {
  readonly value: number;
}

/** A sensor that answers by a script: a value, or `x` for a failure; 50 ms an answer. */
function scripted(
  script: readonly (number | 'x')[],
  options: Partial<ResilientSensorClientOptions<Reading>> = {},
): { client: ResilientSensorClient<Reading>; clock: VirtualClock; events: PolicyEvent[] } {
  const clock = new VirtualClock();
  const events: PolicyEvent[] = [];
  const rest = [...script];
  const client = new ResilientSensorClient<Reading>({
    name: 'S1',
    read: async (signal) => {
      await clock.sleep(50, { signal });
      const answer = rest.shift() ?? 'x';
      if (answer === 'x') throw new Error('no answer');
      return { value: answer };
    },
    clock,
    onEvent: (event) => events.push(event),
    ...options,
  });
  return { client, clock, events };
}

const once = { retry: { maxAttempts: 1 } };

test('gives live readings, after a retry, too', async () => {
  const { client, clock } = scripted([20, 'x', 'x', 21], { retry: { baseDelayMs: 50 } });
  expect(await client.read()).toEqual({ status: 'live', reading: { value: 20 } });
  const startMs = clock.now();
  expect(await client.read()).toEqual({ status: 'live', reading: { value: 21 } });
  expect(clock.now() - startMs).toBe(3 * 50 + 50 + 100);
  expect(client.summary()).toEqual({
    name: 'S1',
    reads: 2,
    live: 2,
    stale: 0,
    interpolated: 0,
    constant: 0,
    fastFail: 0,
    missing: 0,
    retries: 2,
  });
});

test('counts a read with its retries as one failure of the breaker', async () => {
  const { client } = scripted([20], { retry: { maxAttempts: 3 }, breaker: { openMs: 3000 } });
  await client.read();
  for (let read = 0; read < 4; read++) expect((await client.read()).status).toBe('stale');
  expect(client.breaker.state).toBe('closed');
  expect((await client.read()).status).toBe('stale');
  expect(client.breaker.state).toBe('open');
  expect(client.retry.stats.summary().attempts).toBe(1 + 5 * 3);
});

test('fails fast while the breaker is open, with a substitute where there is one', async () => {
  const { client, clock, events } = scripted([20, 'x', 'x', 'x', 'x', 'x', 21, 22], {
    ...once,
    breaker: { openMs: 3000 },
  });
  const statuses: string[] = [];
  for (let read = 0; read < 8; read++) statuses.push((await client.read()).status);
  expect(statuses).toEqual(['live', ...Array<string>(5).fill('stale'), 'fast-fail', 'fast-fail']);
  const fast = await client.read();
  expect(fast).toMatchObject({
    status: 'fast-fail',
    reading: { value: 20, stale: true, quality: 'stale', sourceTimeMs: Date.UTC(2026, 0, 1) + 50 },
    error: { code: 'ERR_CIRCUIT_OPEN' },
  });
  expect(fast.reading).toHaveProperty('reason', (fast as { error: Error }).error.message);
  await clock.sleep(3000);
  expect(client.breaker.state).toBe('half-open');
  expect([await client.read(), await client.read()]).toMatchObject([
    { status: 'live', reading: { value: 21 } },
    { status: 'live', reading: { value: 22 } },
  ]);
  expect(client.breaker.state).toBe('closed');
  expect(client.summary()).toMatchObject({ reads: 11, live: 3, stale: 5, fastFail: 3, missing: 0 });
  const types = new Set(events.map(({ type, name }) => `${name} ${type}`));
  expect(types).toEqual(
    new Set([
      'S1 retry.stopped',
      'S1 breaker.changed',
      'S1 breaker.refused',
      'S1 fallback.substituted',
    ]),
  );
});

test('is missing where nothing stands in', async () => {
  const { client, events } = scripted(['x'], once);
  expect(await client.read()).toMatchObject({
    status: 'missing',
    reading: undefined,
    error: { code: 'ERR_RETRY_EXHAUSTED', cause: { message: 'no answer' } },
  });
  expect(events.at(-1)).toMatchObject({
    type: 'fallback.dropped',
    key: 'S1',
    strategy: 'last-known-good',
    reason: 'no-history',
  });
  const dropping = scripted([20], { ...once, strategy: dropStrategy() }).client;
  expect((await dropping.read()).status).toBe('live');
  expect((await dropping.read()).status).toBe('missing');
  const closed = scripted([], { ...once, strategy: dropStrategy() }).client;
  closed.breaker.hold('open');
  expect(await closed.read()).toMatchObject({ status: 'fast-fail', reading: undefined });
});

test('says by what another strategy made the reading', async () => {
  const mean = scripted([10, 20], { ...once, strategy: interpolated<Reading>() }).client;
  await mean.read();
  await mean.read();
  expect(await mean.read()).toMatchObject({
    status: 'interpolated',
    reading: { value: 15, interpolated: true },
  });
  const zero = scripted([], { ...once, strategy: constant<Reading>({ value: 0 }) }).client;
  expect(await zero.read()).toMatchObject({ status: 'constant', reading: { value: 0 } });
});

test('clients that share a strategy keep their readings apart', async () => {
  const strategy = lastKnownGood<Reading>();
  const [a, b] = [
    scripted([1], { ...once, strategy }),
    scripted([2], { ...once, strategy, name: 'S2' }),
  ];
  const read = async (): Promise<unknown[]> =>
    (await Promise.all([a.client.read(), b.client.read()])).map(({ reading }) => reading?.value);
  expect(await read()).toEqual([1, 2]);
  expect(await read()).toEqual([1, 2]);
});

test('ends when its caller gives up, and counts that as nothing', async () => {
  const { client, clock } = scripted([20]);
  const caller = new AbortController();
  const reading = client.read(caller.signal);
  await clock.sleep(10);
  caller.abort(new Error('never mind'));
  await expect(reading).rejects.toThrow('never mind');
  await expect(client.read(caller.signal)).rejects.toThrow('never mind');
  expect(client.summary().reads).toBe(0);
  expect(client.breaker.metrics).toMatchObject({ failure: 0, ignored: 1 });
});

const read = async (): Promise<Reading> => ({ value: 1 });

test.each([
  [{ read }, 'sensor.name'],
  [{ name: 'S1' }, 'S1.read'],
  [{ name: 'S1', read, strategy: 'stale' }, 'S1.strategy'],
  [{ name: 'S1', read, retry: { maxAttempts: 0 } }, 'S1.maxAttempts'],
  [{ name: 'S1', read, breaker: { openMs: NaN } }, 'S1.openMs'],
  [{ name: 'S1', read, timeoutMs: 5 }, 'has no option `timeoutMs`'],
])('refuses the options %o', (options, text) => {
  let error: unknown;
  try {
    error = new ResilientSensorClient(options as never);
  } catch (thrown) {
    error = thrown;
  }
  expect(isPipelineError(error) && error.code).toBe('ERR_CONFIG_INVALID');
  expect(String(error)).toContain(text);
});
