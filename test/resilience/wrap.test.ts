import { expect, test } from 'vitest';

import type { Policy } from '../../src/core/index.ts';
import { timeout, wrap } from '../../src/resilience/index.ts';

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

test('one policy alone, and none, are the call as it is', async () => {
  const notes: string[] = [];
  expect(await wrap(noting('a', notes)).execute(async () => 1)).toBe(1);
  expect(await wrap().execute(async () => 2)).toBe(2);
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

test.each([[null], [undefined], [5], [{}], [{ execute: 1 }]])('%j is no policy', (value) => {
  expect(() => wrap(noting('a', []), value as never)).toThrow('ERR_CONFIG_INVALID [wrap]');
});
