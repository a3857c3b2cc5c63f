import fc from 'fast-check';
import { expect, test } from 'vitest';

import { VirtualClock } from '../../src/core/index.ts';
import { isRateLimitedError, type PolicyEvent, rateLimit } from '../../src/resilience/index.ts';

test('refuses what is more than the rate, and says when it may be tried again', async () => {
  const clock = new VirtualClock();
  const events: PolicyEvent[] = [];
  const policy = rateLimit({
    name: 'api',
    callsMax: 2,
    perMs: 1000,
    clock,
    onEvent: (event) => events.push(event),
  });
  await policy.execute(async () => 1);
  await clock.sleep(300);
  await policy.execute(async () => 2);
  await clock.sleep(100);
  const refusal = await policy.execute(async () => 3).catch((error: unknown) => error);
  expect(isRateLimitedError(refusal) && refusal.retryAfterMs).toBe(600);
  expect(String(refusal)).toContain('[api] 2 calls began within 1000 ms; try again in 600 ms');
  expect(events).toEqual([{ type: 'rate.refused', name: 'api', retryAfterMs: 600 }]);
  await clock.sleep(600);
  expect(await policy.execute(async () => 3)).toBe(3);
});

test('a call may wait for its turn, in order, as long as it said', async () => {
  const clock = new VirtualClock();
  const policy = rateLimit({ callsMax: 1, perMs: 100, waitMsMax: 250, clock });
  const began: [string, number][] = [];
  const call = (name: string): Promise<void> =>
    policy.execute(async () => void began.push([name, clock.monotonic()]));
  const outcomes = await Promise.allSettled(['a', 'b', 'c', 'd'].map(call));
  expect(began).toEqual([
    ['a', 0],
    ['b', 100],
    ['c', 200],
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
    'fulfilled',
    'rejected',
  ]);
});

test('who gives up while it waits is answered at once and never runs', async () => {
  const clock = new VirtualClock();
  const policy = rateLimit({ callsMax: 1, perMs: 100, waitMsMax: 1000, clock });
  await policy.execute(async () => 1);
  const caller = new AbortController();
  let calls = 0;
  const waiting = policy.execute(async () => calls++, caller.signal);
  caller.abort(new Error('never mind'));
  await expect(waiting).rejects.toThrow('never mind');
  expect([clock.monotonic(), calls]).toEqual([0, 0]);
});

test('within no stretch of time do more calls begin than may', async () => {
  const runs = fc.record({
    callsMax: fc.integer({ min: 1, max: 4 }),
    perMs: fc.integer({ min: 1, max: 50 }),
    waitMsMax: fc.integer({ min: 0, max: 100 }),
    gaps: fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 30 }),
  });
  await fc.assert(
    fc.asyncProperty(runs, async ({ callsMax, perMs, waitMsMax, gaps }) => {
      const clock = new VirtualClock();
      const policy = rateLimit({ callsMax, perMs, waitMsMax, clock });
      const began: number[] = [];
      const calls: Promise<void>[] = [];
      for (const gap of gaps) {
        if (gap > 0) await clock.sleep(gap);
        const call = policy.execute(async () => void began.push(clock.monotonic()));
        calls.push(call.catch(() => {}));
      }
      await Promise.all(calls);
      if (gaps.length > 0) expect(began.length).toBeGreaterThan(0);
      for (let at = callsMax; at < began.length; at++) {
        expect(began[at]! - began[at - callsMax]!).toBeGreaterThanOrEqual(perMs);
      }
    }),
    { numRuns: 60 },
  );
});

test.each([
  [{ perMs: 5 }, '[rateLimit.callsMax] cannot be undefined'],
  [{ callsMax: 1 }, '[rateLimit.perMs] cannot be undefined'],
  [{ callsMax: 0, perMs: 5 }, 'cannot be 0'],
  [{ callsMax: 1e7, perMs: 5 }, 'give a whole number from 1 to 1000000'],
  [{ callsMax: 1, perMs: -5 }, '[rateLimit.perMs] cannot be -5'],
  [{ callsMax: 1, perMs: 5, waitMsMax: -1 }, '[rateLimit.waitMsMax] cannot be -1'],
])('%j is refused', (options, text) => {
  expect(() => rateLimit(options as never)).toThrow(text);
});
