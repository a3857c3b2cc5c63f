import { expect, test } from 'vitest';

import type { Policy } from '../../src/core/index.ts';
import {
  circuitBreaker,
  consecutiveFailures,
  fallback,
  lastKnownGood,
  resilient,
  retry,
  timeout,
  wrap,
} from '../../src/resilience/index.ts';

/** A policy that notes when a call enters and leaves it. */
function noting(name: string, notes: string[]): Policy {
  return {
    async execute(attempt, signal) {
      notes.push(`${name} in`);
      try {
        return await attempt(signal);
      } finally {
        notes.push(`${name} out`);
      }
    },
  };
}

test('the first policy is outermost, however they were wrapped', async () => {
  for (const pick of [
    (a: Policy, b: Policy, c: Policy) => wrap(a, b, c),
    (a: Policy, b: Policy, c: Policy) => wrap(wrap(a, b), c),
    (a: Policy, b: Policy, c: Policy) => wrap(a, wrap(b, c)),
  ]) {
    const notes: string[] = [];
    const policy = pick(noting('a', notes), noting('b', notes), noting('c', notes));
    expect(policy.policies.length).toBe(3);
    expect(await policy.execute(async () => notes.push('call'))).toBe(4);
    expect(notes.join(', ')).toBe('a in, b in, c in, call, c out, b out, a out');
  }
});

test('one policy alone is the call as that runs it', async () => {
  const notes: string[] = [];
  expect(await wrap(noting('a', notes)).execute(async () => 1)).toBe(1);
  expect(notes).toEqual(['a in', 'a out']);
});

test('a signal goes through all of them, and each may put its own in the way', async () => {
  const caller = new AbortController();
  const seen: AbortSignal[] = [];
  const see = async (signal: AbortSignal): Promise<void> => void seen.push(signal);
  await wrap(noting('a', []), noting('b', [])).execute(see, caller.signal);
  expect(seen).toEqual([caller.signal]);
  await wrap(timeout({ timeoutMs: 1000 }), noting('b', [])).execute(see, caller.signal);
  expect(seen[1]).not.toBe(caller.signal);
});

test('a function is wrapped as by one policy', async () => {
  const notes: string[] = [];
  const double = wrap(noting('a', notes), noting('b', notes)).wrap((value: number) => value * 2);
  expect(await double(21)).toBe(42);
  expect(notes).toEqual(['a in', 'b in', 'b out', 'a out']);
});

test('of breakers and fallbacks alone leaves a synchronous function so', async () => {
  const strategy = lastKnownGood<{ at: string }>();
  for (const both of [
    wrap(
      fallback({ strategy, key: (at: string) => at }),
      wrap(circuitBreaker({ opens: consecutiveFailures(2) })),
    ),
    resilient({
      breaker: { opens: consecutiveFailures(2) },
      fallback: { strategy, key: (at: string) => at },
    }),
  ]) {
    let calls = 0;
    const sensor = {
      isDown: false,
      read: both.wrap(function (this: { isDown: boolean }, at: string): { at: string } {
        calls++;
        if (this.isDown) throw new Error('down');
        return { at };
      }),
    };
    expect(sensor.read('a')).toEqual({ at: 'a' });
    expect(sensor.read('b')).toEqual({ at: 'b' });
    sensor.isDown = true;
    expect(sensor.read('a')).toMatchObject({ at: 'a', stale: true });
    expect(sensor.read('b')).toMatchObject({ at: 'b', stale: true });
    expect(sensor.read('a')).toMatchObject({ at: 'a', reason: expect.stringContaining('OPEN') });
    expect(() => sensor.read('c')).toThrow('ERR_CIRCUIT_OPEN');
    expect(calls).toBe(4);
    const later = both.wrap(async (at: string) => ({ at }));
    expect(later('a')).toBeInstanceOf(Promise);
  }
  expect(await wrap(circuitBreaker(), retry()).wrap((x: number) => x + 1)(1)).toBe(2);
});

test('another policy within makes it asynchronous', () => {
  const breaker = circuitBreaker();
  for (const policy of [wrap(breaker, retry()), wrap(noting('a', []), breaker)]) {
    expect(policy.wrap(() => 1)()).toBeInstanceOf(Promise);
  }
});

test.each([[null], [undefined], [5], [{}], [{ execute: 1 }]])('%j is no policy', (value) => {
  expect(() => wrap(noting('a', []), value as never)).toThrow('ERR_CONFIG_INVALID [wrap]');
});
