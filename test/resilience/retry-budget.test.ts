import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { VirtualClock } from '../../src/core/index.ts';
import { retryBudget, type RetryBudgetOptions } from '../../src/resilience/retry-budget.ts';

/** Retries as long as there are some; how many there were. */
function spend(budget: ReturnType<typeof retryBudget>): number {
  let spent = 0;
  for (; budget.allowsRetry; spent++) budget.recordRetry();
  return spent;
}

describe('the budget of retries', () => {
  test('begins with ten, and with one more for each ten calls', () => {
    const budget = retryBudget({ minPerSecond: 0, clock: new VirtualClock() });
    expect(spend(budget)).toBe(10);
    for (let call = 0; call < 9; call++) budget.recordCall();
    expect(spend(budget)).toBe(0);
    budget.recordCall();
    expect(spend(budget)).toBe(1);
  });

  test('gets one more each second, and never more than it can save up', async () => {
    const clock = new VirtualClock();
    const budget = retryBudget({ retriesMax: 3, clock });
    expect(spend(budget)).toBe(3);
    await clock.sleep(999);
    expect(spend(budget)).toBe(0);
    await clock.sleep(1);
    expect(spend(budget)).toBe(1);
    await clock.sleep(3_600_000);
    expect(budget.retriesLeft).toBe(3);
    expect(spend(budget)).toBe(3);
  });

  test('allows at most what is saved up, paid by calls and paid by time', async () => {
    const step = fc.oneof(
      fc.constant<'call' | 'retry'>('call'),
      fc.constant<'call' | 'retry'>('retry'),
      fc.integer({ min: 0, max: 5000 }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.double({ min: 0, max: 2, noNaN: true }),
        fc.double({ min: 0, max: 5, noNaN: true }),
        fc.integer({ min: 1, max: 20 }),
        fc.array(step, { maxLength: 100 }),
        async (ratio, minPerSecond, retriesMax, steps) => {
          const clock = new VirtualClock();
          const budget = retryBudget({ ratio, minPerSecond, retriesMax, clock });
          let [calls, retries] = [0, 0];
          for (const one of steps) {
            if (one === 'call') {
              calls++;
              budget.recordCall();
            } else if (one === 'retry') {
              if (!budget.allowsRetry) continue;
              retries++;
              budget.recordRetry();
            } else {
              await clock.sleep(one);
            }
            const paid = retriesMax + ratio * calls + (minPerSecond * clock.monotonic()) / 1000;
            expect(retries).toBeLessThanOrEqual(paid + 1e-6);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  test.each<[object, string]>([
    [{ ratio: -0.1 }, '[retry-budget.ratio] cannot be -0.1; give a finite number, 0 or more'],
    [{ minPerSecond: Infinity }, '[retry-budget.minPerSecond] cannot be Infinity'],
    [
      { retriesMax: 0.5 },
      '[retry-budget.retriesMax] cannot be 0.5; give a whole number, 1 or more',
    ],
    [{ ration: 0.1 }, 'has no option `ration`; did you mean `ratio`?'],
  ])('%o is refused', (options, message) => {
    expect(() => retryBudget(options as RetryBudgetOptions)).toThrow(message);
  });
});
