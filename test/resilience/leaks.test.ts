import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { expect, test } from 'vitest';

import type { Policy } from '../../src/core/index.ts';
import { bulkhead, hedge, rateLimit, timeout } from '../../src/resilience/index.ts';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

const policies: Record<string, () => Policy> = {
  timeout: () => timeout({ timeoutMs: 60_000 }),
  bulkhead: () => bulkhead({ concurrentMax: 2 }),
  rateLimit: () => rateLimit({ callsMax: 1_000_000, perMs: 1 }),
  hedge: () => hedge({ afterMs: 60_000 }),
};

// A million calls of each at night.
const calls = process.env['MILLRACE_NIGHTLY'] ? 1_000_000 : 50_000;

test.each(Object.keys(policies))('%s: calls leave no listener and no memory', async (name) => {
  const policy = policies[name]!();
  const { signal } = new AbortController();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>): void => {
    listeners++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>): void => {
    listeners--;
    remove(...args);
  };
  const attempt = async (inner: AbortSignal): Promise<number> => (inner.aborted ? 0 : 1);
  const heapAfter = async (count: number): Promise<number> => {
    for (let at = 0; at < count; at++) await policy.execute(attempt, signal);
    // What was stopped is let go of in the turns that follow.
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    gc();
    return process.memoryUsage().heapUsed;
  };
  const before = await heapAfter(10_000);
  expect((await heapAfter(calls)) - before).toBeLessThan(2 << 20);
  expect(listeners).toBe(0);
});
