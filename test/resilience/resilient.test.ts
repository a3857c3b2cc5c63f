import { expect, test } from 'vitest';

import { seededRandom, VirtualClock } from '../../src/core/index.ts';
import {
  bulkhead,
  circuitBreaker,
  consecutiveFailures,
  lastKnownGood,
  type PolicyEvent,
  resilient,
  retry,
  timeout,
  wrap,
} from '../../src/resilience/index.ts';

const setUp = () => {
  const clock = new VirtualClock();
  const events: PolicyEvent[] = [];
  const shared = { name: 'api', clock, random: seededRandom(1), onEvent: noted };
  function noted(event: PolicyEvent): void {
    events.push(event);
  }
  return { clock, events, shared };
};

test('the breaker counts a call with all its retries once, and refuses before any is made', async () => {
  const { events, shared } = setUp();
  const policy = resilient({
    ...shared,
    retry: { maxAttempts: 3, baseDelayMs: 10 },
    breaker: { opens: consecutiveFailures(2) },
  });
  let attempts = 0;
  const call = (): Promise<never> =>
    policy.execute(() => {
      attempts++;
      return Promise.reject(new Error('down'));
    });
  await expect(call()).rejects.toThrow('ERR_RETRY_EXHAUSTED [api]');
  await expect(call()).rejects.toThrow('ERR_RETRY_EXHAUSTED [api]');
  await expect(call()).rejects.toThrow('ERR_CIRCUIT_OPEN [api]');
  expect(attempts).toBe(6);
  expect(events.map(({ type }) => type)).toEqual([
    'retry.scheduled',
    'retry.scheduled',
    'retry.stopped',
    'retry.scheduled',
    'retry.scheduled',
    'retry.stopped',
    'breaker.changed',
    'breaker.refused',
  ]);
});

test('each attempt has its own time, and all of them together have one', async () => {
  const { clock, shared } = setUp();
  const times: number[] = [];
  const hang = (): Promise<never> => {
    times.push(clock.monotonic());
    return new Promise(() => {});
  };
  const policy = resilient({
    ...shared,
    retry: { maxAttempts: 10, baseDelayMs: 100, delayMsMax: 100 },
    timeout: { timeoutMs: 50 },
    totalTimeout: { name: 'whole', timeoutMs: 400 },
  });
  await expect(policy.execute(hang)).rejects.toThrow('ERR_TIMEOUT [whole]');
  expect(times).toEqual([0, 150, 300]);
  expect(clock.monotonic()).toBe(400);
  await clock.sleep(1000);
  // Nothing goes on behind the caller's back.
  expect(times.length).toBe(3);
});

test('a fallback knows by the arguments of a call whose readings stand in', async () => {
  const { shared } = setUp();
  let fails = false;
  const read = resilient({
    ...shared,
    fallback: { strategy: lastKnownGood({ clock: shared.clock }), key: (id: string) => id },
    retry: { maxAttempts: 2, baseDelayMs: 1 },
  }).wrap(async (id: string): Promise<{ id: string; timeMs: number }> => {
    if (fails) throw new Error('gone');
    return { id, timeMs: 0 };
  });
  await read('a');
  await read('b');
  fails = true;
  expect(await read('a')).toMatchObject({ id: 'a', stale: true });
  await expect(read('c')).rejects.toThrow('gone');
});

test('what was made before is shared, also by several', async () => {
  const { shared } = setUp();
  const breaker = circuitBreaker({ ...shared, opens: consecutiveFailures(1) });
  const one = resilient({ breaker, bulkhead: bulkhead({ concurrentMax: 1 }) });
  const other = resilient({ breaker, retry: {} });
  await expect(one.execute(() => Promise.reject(new Error('down')))).rejects.toThrow('down');
  await expect(other.execute(async () => 1)).rejects.toThrow('ERR_CIRCUIT_OPEN');
});

test('the order is always the same, whatever the order of the options', () => {
  const names = resilient({
    timeout: { name: 'attempt', timeoutMs: 1 },
    hedge: { name: 'hedge', afterMs: 1 },
    rateLimit: { name: 'rate', callsMax: 1, perMs: 1 },
    retry: { name: 'retry' },
    breaker: { name: 'breaker' },
    bulkhead: { name: 'bulkhead', concurrentMax: 1 },
    totalTimeout: { name: 'total', timeoutMs: 1 },
  }).policies.map((policy) => (policy as unknown as { name: string }).name);
  expect(names).toEqual(['total', 'bulkhead', 'breaker', 'retry', 'rate', 'hedge', 'attempt']);
});

test.each([
  [{ rety: {} }, 'ERR_CONFIG_INVALID [resilient] has no option `rety`; did you mean `retry`?'],
  [{ retry: { maxAttempts: 0 } }, '[retry.maxAttempts] cannot be 0'],
  [{ name: 'api', retry: { maxAttempts: 0 } }, '[api.maxAttempts] cannot be 0'],
  [{ timeout: 5000 }, 'cannot be 5000; give an object of'],
  [{ retry: null }, 'cannot be null'],
  [undefined, '[resilient.options] cannot be undefined'],
  [
    { retry: timeout({ timeoutMs: 1 }) },
    '[resilient.retry] cannot be what `timeout()` made; give its options, or what `retry()` made',
  ],
  [{ breaker: wrap(retry(), timeout({ timeoutMs: 1 })) }, '[resilient.breaker] cannot be a policy'],
  [{ name: 'api', hedge: { execute: async () => 1 } }, '[api.hedge] cannot be a policy'],
  [circuitBreaker(), '[resilient.options] cannot be what `circuitBreaker()` made'],
])('%j is refused', (options, text) => {
  expect(() => resilient(options as never)).toThrow(text);
});
