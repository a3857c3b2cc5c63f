import fc from 'fast-check';
import { expect, test } from 'vitest';

import { bulkhead, isBulkheadFullError, type PolicyEvent } from '../../src/resilience/index.ts';

const open = <T>() => Promise.withResolvers<T>();

test('runs as many as it may at a time, the others in order, and refuses what is more', async () => {
  const events: PolicyEvent[] = [];
  const policy = bulkhead({
    name: 'db',
    concurrentMax: 2,
    queueMax: 1,
    onEvent: (event) => events.push(event),
  });
  const [first, second] = [open<string>(), open<string>()];
  const a = policy.execute(() => first.promise);
  const b = policy.execute(() => second.promise);
  let begun = false;
  const c = policy.execute(async () => {
    begun = true;
    return 'c';
  });
  expect([policy.running, policy.waiting, begun]).toEqual([2, 1, false]);
  const refusal = await policy.execute(async () => 'd').catch((error: unknown) => error);
  expect(isBulkheadFullError(refusal)).toBe(true);
  expect(String(refusal)).toContain('[db] 2 calls run already and 1 wait; raise');
  expect(events).toEqual([{ type: 'bulkhead.refused', name: 'db' }]);
  second.reject(new Error('b failed'));
  await expect(b).rejects.toThrow('b failed');
  expect(await c).toBe('c');
  first.resolve('a');
  expect(await a).toBe('a');
  expect([policy.running, policy.waiting]).toEqual([0, 0]);
});

test('who gives up while it waits leaves the queue and never runs', async () => {
  const policy = bulkhead({ concurrentMax: 1, queueMax: 2 });
  const first = open<void>();
  const running = policy.execute(() => first.promise);
  const caller = new AbortController();
  const calls: string[] = [];
  const given = policy.execute(async () => void calls.push('given up'), caller.signal);
  const next = policy.execute(async () => void calls.push('next'));
  caller.abort(new Error('never mind'));
  await expect(given).rejects.toThrow('never mind');
  expect(policy.waiting).toBe(1);
  first.resolve();
  await Promise.all([running, next]);
  expect(calls).toEqual(['next']);
  await expect(policy.execute(async () => 1, caller.signal)).rejects.toThrow('never mind');
});

test('who gives up in the moment of its turn does not run, and leaves its place', async () => {
  const policy = bulkhead({ concurrentMax: 1, queueMax: 1 });
  const first = open<void>();
  void policy.execute(() => first.promise);
  const caller = new AbortController();
  let ran = false;
  const next = policy.execute(async () => void (ran = true), caller.signal);
  void first.promise.then(() => caller.abort(new Error('never mind')));
  first.resolve();
  await expect(next).rejects.toThrow('never mind');
  expect([ran, policy.running]).toEqual([false, 0]);
});

test('never more at a time than it may, and nobody is forgotten, whatever happens', async () => {
  const schedules = fc.record({
    concurrentMax: fc.integer({ min: 1, max: 3 }),
    queueMax: fc.integer({ min: 0, max: 5 }),
    calls: fc.array(fc.record({ fails: fc.boolean(), turns: fc.integer({ min: 0, max: 4 }) }), {
      maxLength: 20,
    }),
  });
  await fc.assert(
    fc.asyncProperty(schedules, async ({ concurrentMax, queueMax, calls }) => {
      const policy = bulkhead({ concurrentMax, queueMax });
      let running = 0;
      const attempt = (fails: boolean, turns: number) => async (): Promise<void> => {
        expect(++running).toBeLessThanOrEqual(concurrentMax);
        for (let turn = 0; turn < turns; turn++) await Promise.resolve();
        running--;
        if (fails) throw new Error('failed');
      };
      const outcomes = await Promise.allSettled(
        calls.map(({ fails, turns }) => policy.execute(attempt(fails, turns))),
      );
      const refused = outcomes.filter(
        (outcome) => outcome.status === 'rejected' && isBulkheadFullError(outcome.reason),
      );
      expect(refused.length).toBe(Math.max(0, calls.length - concurrentMax - queueMax));
      expect([policy.running, policy.waiting]).toEqual([0, 0]);
    }),
  );
});

test.each([
  [{}, '[bulkhead.concurrentMax] cannot be undefined; give a whole number, 1 or more'],
  [{ concurrentMax: 0 }, 'cannot be 0'],
  [{ concurrentMax: 1.5 }, 'cannot be 1.5'],
  [{ concurrentMax: 1, queueMax: -1 }, '[bulkhead.queueMax] cannot be -1'],
  [{ concurrentMax: 1, queue: 3 }, 'has no option `queue`'],
])('%j is refused', (options, text) => {
  expect(() => bulkhead(options as never)).toThrow(text);
});
