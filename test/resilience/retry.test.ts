import { getEventListeners } from 'node:events';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { seededRandom, VirtualClock } from '../../src/core/index.ts';
import { PipelineError } from '../../src/errors.ts';
import {
  CircuitOpenError,
  isRetryExhaustedError,
  RateLimitedError,
  RetryExhaustedError,
} from '../../src/resilience/errors.ts';
import type { PolicyEvent } from '../../src/resilience/events.ts';
import { retry, type Retry, type RetryOptions } from '../../src/resilience/retry.ts';
import { retryBudget } from '../../src/resilience/retry-budget.ts';
import { RetryStats } from '../../src/resilience/retry-stats.ts';

/** A retry on a clock of its own, with what it told and when its attempts began. */
function setUp(options: RetryOptions = {}): {
  policy: Retry;
  clock: VirtualClock;
  events: PolicyEvent[];
  times: number[];
  /** Fails with each of the errors in turn, then gives `'done'`. */
  failing: (...errors: unknown[]) => (signal: AbortSignal) => Promise<string>;
} {
  const clock = new VirtualClock();
  const events: PolicyEvent[] = [];
  const times: number[] = [];
  const policy = retry({
    clock,
    random: seededRandom(1),
    onEvent: (event) => events.push(event),
    ...options,
  });
  const failing = (...errors: unknown[]) => {
    let call = 0;
    return (): Promise<string> => {
      times.push(clock.monotonic());
      if (call >= errors.length) return Promise.resolve('done');
      return Promise.reject(errors[call++] as Error);
    };
  };
  return { policy, clock, events, times, failing };
}

function always(error: unknown): unknown[] {
  return Array.from({ length: 100 }, () => error);
}

async function failureOf(call: Promise<unknown>): Promise<unknown> {
  return await call.then(
    () => expect.unreachable('it succeeded'),
    (error: unknown) => error,
  );
}

const down = new Error('is down');

describe('retry', () => {
  test('gives what the first attempt gave, without a wait', async () => {
    const { policy, clock, events, failing } = setUp();
    expect(await policy.execute(failing())).toBe('done');
    expect(clock.monotonic()).toBe(0);
    expect(events).toEqual([]);
    expect(policy.stats.summary()).toMatchObject({ calls: 1, attempts: 1, successRate: 1 });
  });

  test('waits 100, then 200 ms, and tells of each wait before it begins', async () => {
    const { policy, times, events, failing } = setUp({ name: 'api' });
    expect(await policy.execute(failing(down, down))).toBe('done');
    expect(times).toEqual([0, 100, 300]);
    expect(events).toEqual([
      { type: 'retry.scheduled', name: 'api', attempt: 1, delayMs: 100, error: down },
      { type: 'retry.scheduled', name: 'api', attempt: 2, delayMs: 200, error: down },
    ]);
    expect(policy.stats.summary()).toMatchObject({
      calls: 1,
      attempts: 3,
      retries: 2,
      successfulRetries: 1,
      totalDelaySeconds: 0.3,
    });
  });

  test('an event of a wait comes at its begin', async () => {
    const heard: number[] = [];
    const onEvent = (): void => void heard.push(clock.monotonic());
    const { policy, clock, failing } = setUp({ onEvent });
    await policy.execute(failing(down, down));
    expect(heard).toEqual([0, 100]);
  });

  test('ends with an error that says how often, how long and why', async () => {
    const { policy, times, events, failing } = setUp({ name: 'api' });
    const error = await failureOf(policy.execute(failing(...always(down))));
    expect(isRetryExhaustedError(error)).toBe(true);
    expect(error).toBeInstanceOf(RetryExhaustedError);
    expect(error).toMatchObject({ attempts: 3, totalDelayMs: 300, cause: down });
    expect(String(error)).toBe(
      'RetryExhaustedError: ERR_RETRY_EXHAUSTED [api] failed 3 times; the last time: is down',
    );
    expect(times).toEqual([0, 100, 300]);
    expect(events.at(-1)).toEqual({
      type: 'retry.stopped',
      name: 'api',
      attempts: 3,
      reason: 'exhausted',
      error: down,
    });
    expect(policy.stats.summary()).toMatchObject({
      permanentFailures: 1,
      recoveryRate: 0,
      averageFailureDelaySeconds: 0.3,
    });
  });

  test('or with the last error as it is', async () => {
    const { policy, failing } = setUp({ exhausted: 'rethrow', maxAttempts: 2 });
    const errors = [new Error('first'), new Error('second')];
    expect(await failureOf(policy.execute(failing(...errors)))).toBe(errors[1]);
  });

  test('spreads the waits by the jitter, the same with the same seed', async () => {
    const waits = async (seed: number): Promise<number[]> => {
      const { policy, times, failing } = setUp({ jitter: 'full', random: seededRandom(seed) });
      await failureOf(policy.execute(failing(...always(down))));
      return times;
    };
    expect(await waits(5)).toEqual(await waits(5));
    expect(await waits(5)).not.toEqual(await waits(6));
  });

  test('decorrelated jitter goes on from the wait before', async () => {
    const random = { next: () => 0.5, fork: () => random };
    const { policy, times, failing } = setUp({ jitter: 'decorrelated', random });
    await policy.execute(failing(down, down));
    expect(times).toEqual([0, 200, 200 + 350]);
  });

  test('calls a function that throws, or gives no promise, as one that is asynchronous', async () => {
    const { policy } = setUp();
    let calls = 0;
    const parse = policy.wrap((text: string): unknown => {
      if (++calls < 3) throw down;
      return JSON.parse(text);
    });
    expect(await parse('[1]')).toEqual([1]);
    expect(calls).toBe(3);
  });

  test('a wrapped method keeps its `this` and its arguments', async () => {
    const { policy } = setUp();
    const counter = {
      by: 2,
      times: policy.wrap(function (this: { by: number }, count: number) {
        return count * this.by;
      }),
    };
    expect(await counter.times(21)).toBe(42);
  });
});

describe('which errors are retried', () => {
  test('only those of the classes; others propagate at once', async () => {
    const { policy, times, events, failing } = setUp({ retryOn: [TypeError] });
    expect(await failureOf(policy.execute(failing(new TypeError('a'), down)))).toBe(down);
    expect(times).toEqual([0, 100]);
    expect(events.at(-1)).toMatchObject({ type: 'retry.stopped', reason: 'propagated' });
    expect(policy.stats.summary()).toMatchObject({
      propagated: 1,
      permanentFailures: 0,
      recoveryRate: null,
    });
  });

  test('only those that the predicate says yes to', async () => {
    const { policy, times, failing } = setUp({ retryOn: (error) => error !== down });
    expect(await failureOf(policy.execute(failing(down)))).toBe(down);
    expect(times).toEqual([0]);
  });

  test('refusals of other policies are none, unless they are asked for', async () => {
    const open = new CircuitOpenError({ place: 'b', fact: 'is open' }, 5);
    const first = setUp();
    expect(await failureOf(first.policy.execute(first.failing(open)))).toBe(open);
    const limited = new RateLimitedError({ place: 'r', fact: 'is full' }, 700);
    const second = setUp({ retryOn: [RateLimitedError] });
    expect(await second.policy.execute(second.failing(limited))).toBe('done');
    expect(second.times).toEqual([0, 700]);
  });

  test('what is thrown need not be an error', async () => {
    const { policy, failing } = setUp({ maxAttempts: 2 });
    expect(await failureOf(policy.execute(failing(undefined, null)))).toMatchObject({
      attempts: 2,
      message: 'ERR_RETRY_EXHAUSTED [retry] failed 2 times; the last time: null',
    });
  });
});

describe('its limits', () => {
  test('a `Retry-After` is the least wait', async () => {
    const busy = Object.assign(new Error('busy'), { headers: new Headers({ 'retry-after': '2' }) });
    const { policy, times, failing } = setUp();
    await policy.execute(failing(busy, busy));
    expect(times).toEqual([0, 2000, 4000]);
  });

  test('as a date it counts from now', async () => {
    const date = 'Thu, 01 Jan 2026 00:00:05 GMT';
    const { policy, times, failing } = setUp();
    await policy.execute(failing({ headers: { 'retry-after': date } }, down));
    expect(times).toEqual([0, 5000, 5200]);
  });

  test('a `Retry-After` beyond the longest wait ends the call at once', async () => {
    const { policy, clock, events, failing } = setUp({ delayMsMax: 1000 });
    const error = await failureOf(policy.execute(failing({ retryAfterMs: 1001 })));
    expect(error).toMatchObject({ attempts: 1, totalDelayMs: 0 });
    expect(String(error)).toContain(
      'failed once and may not wait as long as the next attempt would need',
    );
    expect(events.at(-1)).toMatchObject({ reason: 'out-of-time' });
    expect(clock.monotonic()).toBe(0);
    expect(policy.stats.summary()).toMatchObject({ permanentFailures: 1, suppressed: 0 });
  });

  test('the total counts attempts and waits, and no attempt begins after it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('none', 'full', 'equal', 'decorrelated'),
        fc.integer({ min: 1, max: 2000 }),
        fc.integer({ min: 0, max: 500 }),
        fc.integer({ min: 0, max: 100 }),
        async (jitter, totalMsMax, attemptMs, seed) => {
          const { policy, clock } = setUp({
            jitter,
            totalMsMax,
            maxAttempts: 20,
            random: seededRandom(seed),
          });
          const begins: number[] = [];
          await failureOf(
            policy.execute(async () => {
              begins.push(clock.monotonic());
              await clock.sleep(attemptMs);
              throw down;
            }),
          );
          expect(begins.at(-1)).toBeLessThanOrEqual(totalMsMax);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('a budget is shared; a retry that it has not is told and counted as suppressed', async () => {
    const clock = new VirtualClock();
    const budget = retryBudget({ ratio: 0.5, minPerSecond: 0, retriesMax: 3, clock });
    const stats = new RetryStats('service');
    const [a, b] = [setUp({ budget, clock, stats }), setUp({ budget, clock, stats, name: 'b' })];
    await failureOf(a.policy.execute(a.failing(...always(down))));
    const error = await failureOf(b.policy.execute(b.failing(...always(down))));
    expect(error).toMatchObject({ attempts: 2, cause: down });
    expect(String(error)).toContain('failed 2 times and has no retry left in its budget');
    expect(b.events.at(-1)).toMatchObject({ type: 'retry.stopped', reason: 'suppressed' });
    expect(stats.summary()).toMatchObject({ retries: 3, permanentFailures: 2, suppressed: 1 });
    // Half a retry was left, and the call pays the other half.
    await failureOf(a.policy.execute(a.failing(...always(down))));
    expect(stats.summary()).toMatchObject({ retries: 4, permanentFailures: 3, suppressed: 2 });
  });
});

describe('a call that its caller gives up', () => {
  test('wakes from its wait at once, rejects with the reason and leaves no listener', async () => {
    const { policy, clock, times, events, failing } = setUp({
      baseDelayMs: 60_000,
      delayMsMax: 1e6,
    });
    const controller = new AbortController();
    const call = failureOf(policy.execute(failing(...always(down)), controller.signal));
    await clock.sleep(1000);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
    controller.abort(new Error('enough'));
    expect(await call).toBe(controller.signal.reason);
    expect(clock.monotonic()).toBe(1000);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    await clock.sleep(1e7);
    expect(times).toEqual([0]);
    expect(events.at(-1)).toMatchObject({ reason: 'propagated', error: controller.signal.reason });
    expect(policy.stats.summary()).toMatchObject({
      calls: 1,
      propagated: 1,
      permanentFailures: 0,
      totalDelaySeconds: 1,
    });
  });

  test('during an attempt rejects with the reason, whatever the attempt makes of it', async () => {
    for (const maxAttempts of [1, 3]) {
      const { policy, times, events } = setUp({ maxAttempts });
      const controller = new AbortController();
      const call = failureOf(
        policy.execute(async () => {
          times.push(0);
          controller.abort();
          await Promise.resolve();
          throw down;
        }, controller.signal),
      );
      const error = await call;
      expect(error).toBe(controller.signal.reason);
      expect(times).toHaveLength(1);
      expect(events).toEqual([
        { type: 'retry.stopped', name: 'retry', attempts: 1, reason: 'propagated', error },
      ]);
    }
  });

  test('in the very moment in which its wait ends makes no further attempt', async () => {
    const controller = new AbortController();
    const clock = new VirtualClock();
    clock.sleep = () => {
      controller.abort();
      return Promise.resolve();
    };
    const { policy, times, failing } = setUp({ clock });
    const error = await failureOf(policy.execute(failing(down), controller.signal));
    expect(error).toBe(controller.signal.reason);
    expect(times).toHaveLength(1);
  });

  test('before its first attempt makes none', async () => {
    const { policy, times, failing } = setUp();
    const reason = new Error('enough');
    expect(await failureOf(policy.execute(failing(), AbortSignal.abort(reason)))).toBe(reason);
    expect(times).toEqual([]);
    expect(policy.stats.summary().calls).toBe(0);
  });

  test('by what hears of the retry makes no further attempt', async () => {
    const controller = new AbortController();
    const { policy, times, failing } = setUp({ onEvent: () => controller.abort() });
    const error = await failureOf(policy.execute(failing(down), controller.signal));
    expect(error).toBe(controller.signal.reason);
    expect(times).toEqual([0]);
  });

  test('hears its own signal, also in a wrapped function', async () => {
    const { policy } = setUp();
    const controller = new AbortController();
    const given = await policy.wrap((_: number, signal: AbortSignal) => signal)(
      1,
      controller.signal,
    );
    controller.abort();
    expect(given.aborted).toBe(true);
  });

  test('leaves no listener after a thousand retries that succeed', async () => {
    const { policy, failing } = setUp({ baseDelayMs: 1 });
    const { signal } = new AbortController();
    const calls = Array.from({ length: 1000 }, () => policy.execute(failing(down), signal));
    await Promise.all(calls);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

describe('a listener that throws', () => {
  test('disturbs no call', async () => {
    const onEvent = (): void => {
      throw new Error('not mine');
    };
    const { policy, failing } = setUp({ onEvent });
    expect(await policy.execute(failing(down))).toBe('done');
    expect(await failureOf(policy.execute(failing(...always(down))))).toMatchObject({
      cause: down,
    });
  });
});

describe('bad options', () => {
  test.each<[unknown, string]>([
    [{ maxAttempts: 0 }, '[retry.maxAttempts] cannot be 0; give a whole number, 1 or more'],
    [{ maxAttempts: Infinity }, '[retry.maxAttempts] cannot be Infinity'],
    [{ baseDelayMs: -1 }, '[retry.baseDelayMs] cannot be -1; give a finite number, 0 or more'],
    [{ delayMsMax: NaN }, '[retry.delayMsMax] cannot be NaN'],
    [{ totalMsMax: '5s' }, '[retry.totalMsMax] cannot be "5s"; give a finite number above 0'],
    [{ name: 'api', jitter: 'fulll' }, '[api.jitter] cannot be "fulll"; give `none`, `full`'],
    [{ exhausted: 'throw' }, '[retry.exhausted] cannot be "throw"; give `wrap`, `rethrow`'],
    [{ retryOn: TypeError }, '[retry.retryOn] cannot be a function; give a list of classes'],
    [{ budget: {} }, '[retry.budget] cannot be an object; give what `retryBudget()` made'],
    [{ stats: new Map() }, '[retry.stats] cannot be an object; give a `RetryStats`'],
    [{ maxAttempt: 3 }, '[retry] has no option `maxAttempt`; did you mean `maxAttempts`?'],
    [5, '[retry.options] cannot be 5'],
    [null, '[retry.options] cannot be null'],
  ])('%o is refused', (options, message) => {
    const make = (): unknown => retry(options as RetryOptions);
    expect(make).toThrow(PipelineError);
    expect(make).toThrow(`ERR_CONFIG_INVALID ${message}`);
  });
});
