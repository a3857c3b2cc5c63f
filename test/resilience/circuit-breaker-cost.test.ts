import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { expect, test } from 'vitest';

import { type CircuitBreaker, circuitBreaker } from '../../src/resilience/index.ts';

// In a process of its own: what other tests have done with breakers changes what one takes.

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;
const heap = (): number => {
  gc();
  return process.memoryUsage().heapUsed;
};

const well = async (): Promise<string> => 'well';

test('a hundred thousand breakers that have been open take less than 30 MB', () => {
  const options = { name: 'device', openMs: 600_000 };
  const fail = (): never => {
    throw new Error('down');
  };
  const open = (): CircuitBreaker => {
    const breaker = circuitBreaker(options);
    const fn = breaker.wrap(fail);
    for (let call = 0; call < 6; call++) {
      try {
        fn();
      } catch {
        // As it should.
      }
    }
    return breaker;
  };
  open();
  const before = heap();
  const breakers = Array.from({ length: 100_000 }, open);
  const bytes = heap() - before;
  expect(breakers.every(({ state }) => state === 'open')).toBe(true);
  expect(bytes).toBeLessThan(30e6);
});

test('a call through a closed breaker makes at most 200 bytes more than without', async () => {
  const breaker = circuitBreaker();
  // So few calls that nothing is collected in the middle of them.
  const bytesOf = async (call: () => Promise<unknown>): Promise<number> => {
    const before = heap();
    for (let at = 0; at < 3000; at++) await call();
    return (process.memoryUsage().heapUsed - before) / 3000;
  };
  const [plain, broken]: [number[], number[]] = [[], []];
  for (let round = 0; round < 31; round++) {
    plain.push(await bytesOf(well));
    broken.push(await bytesOf(() => breaker.execute(well)));
  }
  // The last rounds run compiled code, as a service does.
  const median = (found: number[]): number => found.slice(-15).sort((a, b) => a - b)[7]!;
  expect(median(plain)).toBeGreaterThan(100);
  expect(median(broken) - median(plain)).toBeLessThan(200);
});
