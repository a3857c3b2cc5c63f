import { describe, expect, test } from 'vitest';

import { VirtualClock } from '../../src/core/index.ts';
import { isPipelineError } from '../../src/errors.ts';
import {
  chain,
  circuitBreaker,
  constant,
  type DegradationStrategy,
  dropStrategy,
  fallback,
  lastKnownGood,
  type OpeningRule,
  type PolicyEvent,
  ResilientSensorClient,
  retry,
} from '../../src/resilience/index.ts';

const bug = new TypeError('a bug');
const buggy = (): never => {
  throw bug;
};
const down = new Error('down');
const fails = (): Promise<never> => Promise.reject(down);

/** A strategy of one's own that throws in one place. */
function strategyThatThrows(where: 'handleFailure' | 'recordSuccess'): DegradationStrategy {
  return { name: 'own', handleFailure: () => undefined, recordSuccess() {}, [where]: buggy };
}

async function errorOf(call: Promise<unknown>): Promise<unknown> {
  return await call.then(
    () => expect.fail('it did not reject'),
    (error: unknown) => error,
  );
}

function expectNamed(error: unknown, place: string): void {
  expect(isPipelineError(error)).toBe(true);
  expect(error).toMatchObject({ code: 'ERR_POLICY_FUNCTION', place, cause: bug });
  expect((error as Error).message).toContain('a bug');
}

describe('what a function given to a policy throws ends the call with an error that names it', () => {
  test('`retryOn`: the call is counted as propagated', async () => {
    const events: PolicyEvent[] = [];
    const policy = retry({ name: 'r', retryOn: buggy, onEvent: (event) => events.push(event) });
    const error = await errorOf(policy.execute(fails));
    expectNamed(error, 'r.retryOn');
    expect((error as Error).message).toContain('down');
    expect(policy.stats.summary()).toMatchObject({ calls: 1, attempts: 1, propagated: 1 });
    expect(events).toEqual([
      { type: 'retry.stopped', name: 'r', attempts: 1, reason: 'propagated', error },
    ]);
  });

  test('`failureOn`: the call has failed, and a probe gives its place back', async () => {
    const clock = new VirtualClock();
    let isBuggy = false;
    const breaker = circuitBreaker({
      name: 'b',
      openMs: 100,
      clock,
      failureOn: () => (isBuggy ? buggy() : true),
    });
    breaker.hold('open');
    breaker.release();
    isBuggy = true;
    expectNamed(await errorOf(breaker.execute(fails)), 'b.failureOn');
    expect(breaker.state).toBe('open');
    expect(breaker.metrics).toMatchObject({ total: 1, failure: 1, probeFailure: 1 });
    await clock.sleep(100);
    expect(breaker.retryAfterMs).toBe(0);
    const read = breaker.wrap((): number => {
      throw down;
    });
    let thrown: unknown;
    try {
      read();
    } catch (error) {
      thrown = error;
    }
    expectNamed(thrown, 'b.failureOn');
    expect(breaker.metrics).toMatchObject({ total: 2, failure: 2 });
  });

  test('an opening rule: the call is counted, and the breaker goes on', async () => {
    const opens: OpeningRule = {
      slowMs: Infinity,
      memory: () => ({ record: buggy, save: () => null, load: () => true }),
    };
    const breaker = circuitBreaker({ name: 'b', opens });
    expectNamed(await errorOf(breaker.execute(async () => 1)), 'b.opens');
    expectNamed(await errorOf(breaker.execute(fails)), 'b.opens');
    expect(breaker.metrics).toMatchObject({ total: 2, success: 1, failure: 1 });
  });

  test.each([
    ['strategy', { strategy: strategyThatThrows('handleFailure') }, fails],
    ['strategy', { strategy: strategyThatThrows('recordSuccess') }, async () => 1],
    ['substituteOn', { strategy: lastKnownGood(), substituteOn: buggy }, fails],
  ])('`%s` of a fallback', async (option, options, attempt) => {
    expectNamed(await errorOf(fallback({ name: 'f', ...options }).execute(attempt)), `f.${option}`);
  });

  test('`key` of a fallback, before the call', async () => {
    let calls = 0;
    const policy = fallback({ name: 'f', strategy: lastKnownGood(), key: buggy });
    const call = policy.wrap(async () => ++calls);
    expectNamed(await errorOf(call()), 'f.key');
    expect(calls).toBe(0);
  });

  test('a strategy in a chain, which counts it as dropped', async () => {
    const strategy = chain(strategyThatThrows('handleFailure'), dropStrategy());
    expectNamed(await errorOf(fallback({ strategy }).execute(fails)), 'fallback.strategy');
    expect(strategy.summary().dropped).toEqual({ threw: 1 });
  });

  test('the strategy of a sensor’s client: the read is missing, and says why', async () => {
    for (const where of ['handleFailure', 'recordSuccess'] as const) {
      const client = new ResilientSensorClient<object>({
        name: 'S1',
        read: where === 'handleFailure' ? fails : async () => ({}),
        retry: { maxAttempts: 1 },
        strategy: strategyThatThrows(where) as DegradationStrategy<object>,
      });
      const { status, error } = (await client.read()) as { status: string; error: unknown };
      expect(status).toBe('missing');
      expectNamed(error, 'S1.strategy');
      expect(client.summary()).toMatchObject({ reads: 1, missing: 1 });
    }
  });
});

describe('a function that answers with a promise has not answered', () => {
  const later = (async () => false) as never;
  const rejects = (async () => buggy()) as never;
  const expected = (option: string): object => ({
    code: 'ERR_POLICY_FUNCTION',
    fact: 'answered with a promise when asked about `down`',
    place: option,
  });

  test.each([later, rejects])('`retryOn`: it is not retried', async (retryOn) => {
    const policy = retry({ name: 'r', retryOn });
    expect(await errorOf(policy.execute(fails))).toMatchObject(expected('r.retryOn'));
    expect(policy.stats.summary()).toMatchObject({ calls: 1, attempts: 1, propagated: 1 });
  });

  test.each([later, rejects])('`failureOn`: the call has failed', async (failureOn) => {
    const breaker = circuitBreaker({ name: 'b', failureOn });
    expect(await errorOf(breaker.execute(fails))).toMatchObject(expected('b.failureOn'));
    expect(breaker.metrics).toMatchObject({ total: 1, failure: 1, success: 0 });
  });

  test.each([later, rejects])('`substituteOn`: nothing stands in', async (substituteOn) => {
    const policy = fallback({ name: 'f', strategy: constant(0), substituteOn });
    expect(await errorOf(policy.execute(fails))).toMatchObject(expected('f.substituteOn'));
  });
});

describe('an error that cannot be looked at is one that says nothing', () => {
  const { proxy: revoked, revoke } = Proxy.revocable(new Error('gone'), {});
  revoke();
  const getter = (name: string): Error =>
    Object.defineProperty(new Error('odd'), name, { get: buggy });

  test.each([
    ['a proxy of what is gone', revoked],
    ['`retryAfterMs` throws', getter('retryAfterMs')],
    ['`headers` throws', getter('headers')],
    ['`response` throws', getter('response')],
    ['`message` throws', getter('message')],
  ])('%s', async (_, error) => {
    const clock = new VirtualClock();
    const policy = retry({ maxAttempts: 2, exhausted: 'rethrow', clock });
    const breaker = circuitBreaker({ openMs: 10, clock });
    breaker.hold('open');
    breaker.release();
    const attempt = (): Promise<never> => Promise.reject(error);
    const call = breaker.execute((signal) => policy.execute(attempt, signal));
    const [result] = await Promise.allSettled([call]);
    expect(result.status === 'rejected' && result.reason === error).toBe(true);
    expect(policy.stats.summary()).toMatchObject({ attempts: 2, permanentFailures: 1 });
    expect(breaker.metrics).toMatchObject({ total: 1, failure: 1, probeFailure: 1 });
    const wrapped = retry({ maxAttempts: 1 }).execute(attempt);
    expect(await errorOf(wrapped)).toMatchObject({ code: 'ERR_RETRY_EXHAUSTED' });
    const strategy = lastKnownGood<{ value: number }>();
    const behind = fallback({ strategy });
    await behind.execute(async () => ({ value: 1 }));
    expect(await behind.execute<{ value: number }>(attempt)).toMatchObject({ value: 1 });
  });

  test('a result whose `then` throws is a failure, and gives the place of a probe back', () => {
    const breaker = circuitBreaker();
    breaker.hold('open');
    breaker.release();
    const odd = new Proxy({}, { get: buggy });
    expect(() => breaker.wrap(() => odd)()).toThrow(bug);
    expect(breaker.metrics).toMatchObject({ total: 1, failure: 1, probeFailure: 1 });
  });
});
