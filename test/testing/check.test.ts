import { performance } from 'node:perf_hooks';

import { expect, test } from 'vitest';

import { settles } from '../../src/testing/check.ts';

test('what is stuck is waited for without work', async () => {
  const before = performance.eventLoopUtilization();
  expect(await settles(new Promise(() => {}), 200)).toBe(false);
  expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.5);
});

test('what settles is not waited for', async () => {
  expect(await settles(Promise.resolve(), 1e9)).toBe(true);
  expect(await settles(Promise.reject(new Error('no')), 1e9)).toBe(true);
});
