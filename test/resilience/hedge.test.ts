import { expect, test } from 'vitest';

import { VirtualClock } from '../../src/core/index.ts';
import { hedge, type PolicyEvent } from '../../src/resilience/index.ts';

const setUp = (options: { attemptsMax?: number } = {}) => {
  const clock = new VirtualClock();
  const events: PolicyEvent[] = [];
  const policy = hedge({
    name: 'read',
    afterMs: 100,
    clock,
    onEvent: (e) => events.push(e),
    ...options,
  });
  /** Attempts that take so long, one after the other; a text is a failure. */
  const attempts = (...takes: readonly [number, string | number][]) => {
    const heard: unknown[] = [];
    let at = 0;
    const attempt = async (signal: AbortSignal): Promise<number> => {
      const [takesMs, result] = takes[at++]!;
      try {
        await clock.sleep(takesMs, { signal });
      } catch (error) {
        heard.push(error);
        throw error;
      }
      if (typeof result === 'string') throw new Error(result);
      return result;
    };
    return { attempt, heard, begun: () => at };
  };
  return { clock, events, policy, attempts };
};

test('begins no other where the first is fast', async () => {
  const { clock, events, policy, attempts } = setUp();
  const { attempt, begun } = attempts([99, 1]);
  expect(await policy.execute(attempt)).toBe(1);
  await clock.sleep(1000);
  expect([begun(), events]).toEqual([1, []]);
});

test('takes what first succeeds and aborts the others', async () => {
  const { clock, events, policy, attempts } = setUp({ attemptsMax: 3 });
  const { attempt, begun, heard } = attempts([500, 1], [150, 2], [400, 3]);
  expect(await policy.execute(attempt)).toBe(2);
  expect([clock.monotonic(), begun()]).toEqual([250, 3]);
  await clock.sleep(1);
  expect(heard.map(String)).toEqual([
    'Error: another attempt was first',
    'Error: another attempt was first',
  ]);
  expect(events).toEqual([
    { type: 'hedge.started', name: 'read', attempt: 2 },
    { type: 'hedge.started', name: 'read', attempt: 3 },
  ]);
});

test('a failure beside an attempt that is under way is not the end', async () => {
  const { policy, attempts } = setUp();
  expect(await policy.execute(attempts([120, 'first'], [100, 2]).attempt)).toBe(2);
  expect(await policy.execute(attempts([150, 1], [10, 'second']).attempt)).toBe(1);
});

test('rejects with the last failure where all fail, without waiting for more', async () => {
  const { clock, policy, attempts } = setUp();
  const all = policy.execute(attempts([120, 'first'], [100, 'second']).attempt);
  await expect(all).rejects.toThrow('second');
  const startMs = clock.monotonic();
  const fast = attempts([10, 'only']);
  await expect(policy.execute(fast.attempt)).rejects.toThrow('only');
  expect([clock.monotonic() - startMs, fast.begun()]).toEqual([10, 1]);
});

test('a caller that gives up is answered at once, and all attempts hear why', async () => {
  const { clock, policy, attempts } = setUp();
  const { attempt, heard } = attempts([1000, 1], [1000, 2]);
  const caller = new AbortController();
  const call = policy.execute(attempt, caller.signal);
  const reason = new Error('never mind');
  void clock.sleep(150).then(() => caller.abort(reason));
  await expect(call).rejects.toBe(reason);
  await clock.sleep(1);
  expect(heard).toEqual([reason, reason]);
});

test.each([
  [{}, '[hedge.afterMs] cannot be undefined'],
  [{ afterMs: -1 }, 'cannot be -1'],
  [{ afterMs: 1, attemptsMax: 0 }, '[hedge.attemptsMax] cannot be 0'],
])('%j is refused', (options, text) => {
  expect(() => hedge(options as never)).toThrow(text);
});
