import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { seededRandom } from '../../src/core/index.ts';
import { decideRetry, type RetryRule } from '../../src/resilience/retry-decision.ts';

const rule: RetryRule = {
  maxAttempts: 10,
  baseDelayMs: 100,
  delayMsMax: 30_000,
  jitter: 'none',
  totalMsMax: Infinity,
};

const firstFailure = {
  attempts: 1,
  isRetryable: true,
  elapsedMs: 0,
  previousDelayMs: 0,
  chance: 0.5,
  retryAfterMs: 0,
  isInBudget: true,
};

/** The waits of a call that always fails, each attempt taking as long as it is told to. */
function waitsOf(given: RetryRule, chances: readonly number[] = [], attemptMs = 0): number[] {
  const waits: number[] = [];
  let elapsedMs = 0;
  for (let attempts = 1; ; attempts++) {
    elapsedMs += attemptMs;
    const decision = decideRetry(given, {
      ...firstFailure,
      attempts,
      elapsedMs,
      previousDelayMs: waits.at(-1) ?? 0,
      chance: chances[(attempts - 1) % Math.max(1, chances.length)] ?? 0,
    });
    if ('stop' in decision) return waits;
    waits.push(decision.waitMs);
    elapsedMs += decision.waitMs;
  }
}

const attempts = fc.integer({ min: 1, max: 40 });
const delayMs = fc.oneof(fc.constant(0), fc.double({ min: 1e-3, max: 1e5, noNaN: true }));
const chances = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), {
  minLength: 1,
  maxLength: 40,
});

describe('the decision: stop, or wait this long', () => {
  test('without jitter the waits are 100, 200, 400 … up to the limit', () => {
    expect(waitsOf(rule)).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600]);
    expect(waitsOf({ ...rule, delayMsMax: 500, maxAttempts: 6 })).toEqual([
      100, 200, 400, 500, 500,
    ]);
  });

  test('without jitter they are so for any base, limit and number of attempts', () => {
    fc.assert(
      fc.property(
        delayMs,
        delayMs,
        attempts,
        chances,
        (baseDelayMs, delayMsMax, maxAttempts, dice) => {
          const waits = waitsOf({ ...rule, baseDelayMs, delayMsMax, maxAttempts }, dice);
          const doubled: number[] = [];
          for (let next = baseDelayMs; doubled.length < maxAttempts - 1; next *= 2) {
            doubled.push(Math.min(next, delayMsMax));
          }
          expect(waits).toEqual(doubled);
        },
      ),
    );
  });

  test('full jitter waits between nothing and the doubled wait, equal jitter from its half', () => {
    fc.assert(
      fc.property(
        delayMs,
        delayMs,
        attempts,
        chances,
        (baseDelayMs, delayMsMax, maxAttempts, dice) => {
          const given = { ...rule, baseDelayMs, delayMsMax, maxAttempts };
          const most = waitsOf(given);
          const full = waitsOf({ ...given, jitter: 'full' }, dice);
          const equal = waitsOf({ ...given, jitter: 'equal' }, dice);
          expect([full.length, equal.length]).toEqual([most.length, most.length]);
          for (const [at, limit] of most.entries()) {
            expect(full[at]).toBeGreaterThanOrEqual(0);
            expect(full[at]).toBeLessThanOrEqual(limit);
            expect(equal[at]).toBeGreaterThanOrEqual(limit / 2);
            expect(equal[at]).toBeLessThanOrEqual(limit);
          }
        },
      ),
    );
  });

  test('decorrelated jitter waits from the base to three times the wait before', () => {
    fc.assert(
      fc.property(
        delayMs,
        delayMs,
        attempts,
        chances,
        (baseDelayMs, delayMsMax, maxAttempts, dice) => {
          const given = { ...rule, baseDelayMs, delayMsMax, maxAttempts };
          const waits = waitsOf({ ...given, jitter: 'decorrelated' }, dice);
          for (const [at, wait] of waits.entries()) {
            const upTo = 3 * Math.max(baseDelayMs, waits[at - 1] ?? 0);
            expect(wait).toBeGreaterThanOrEqual(Math.min(baseDelayMs, delayMsMax));
            expect(wait).toBeLessThanOrEqual(Math.min(upTo * (1 + 1e-12), delayMsMax));
          }
        },
      ),
    );
  });

  test('the middle of the dice is half, three quarters, and twice the base', () => {
    const first = (jitter: RetryRule['jitter']): unknown =>
      decideRetry({ ...rule, jitter }, firstFailure);
    expect(first('full')).toEqual({ waitMs: 50 });
    expect(first('equal')).toEqual({ waitMs: 75 });
    expect(first('decorrelated')).toEqual({ waitMs: 200 });
    expect(waitsOf({ ...rule, jitter: 'decorrelated', maxAttempts: 4 }, [0.5])).toEqual([
      200, 350, 575,
    ]);
  });

  test('of a thousand callers that fail together so many come within the same 10 ms', () => {
    const peakOf = (jitter: RetryRule['jitter']): number => {
      const random = seededRandom(1);
      const arrivals = new Map<number, number>();
      for (let caller = 0; caller < 1000; caller++) {
        const state = { ...firstFailure, chance: random.next() };
        const decision = decideRetry({ ...rule, jitter }, state);
        const at = Math.floor((decision as { waitMs: number }).waitMs / 10);
        arrivals.set(at, (arrivals.get(at) ?? 0) + 1);
      }
      return Math.max(...arrivals.values());
    };
    // The figures of docs/resilience/retry.md.
    expect([peakOf('none'), peakOf('full')]).toEqual([1000, 109]);
    expect([peakOf('equal'), peakOf('decorrelated')]).toEqual([210, 65]);
  });

  test('after a thousand and more failures the wait is still the limit, and 0 stays 0', () => {
    const late = { ...firstFailure, attempts: 5000 };
    const endless = { ...rule, maxAttempts: 10_000 };
    expect(decideRetry(endless, late)).toEqual({ waitMs: 30_000 });
    expect(decideRetry({ ...endless, baseDelayMs: 0 }, late)).toEqual({ waitMs: 0 });
  });

  test('no attempt begins after the total limit, and one at the limit still does', () => {
    expect(waitsOf({ ...rule, totalMsMax: 300 })).toEqual([100, 200]);
    expect(waitsOf({ ...rule, totalMsMax: 299 })).toEqual([100]);
    fc.assert(
      fc.property(
        fc.constantFrom('none', 'full', 'equal', 'decorrelated'),
        delayMs,
        fc.double({ min: 1, max: 1e6, noNaN: true }),
        fc.double({ min: 0, max: 1e4, noNaN: true }),
        chances,
        (jitter, baseDelayMs, totalMsMax, attemptMs, dice) => {
          const given = { ...rule, jitter, baseDelayMs, totalMsMax };
          let elapsedMs = 0;
          for (const wait of waitsOf(given, dice, attemptMs)) {
            elapsedMs += attemptMs + wait;
            expect(elapsedMs).toBeLessThanOrEqual(totalMsMax);
          }
        },
      ),
    );
  });

  test('what the error asks for is the least wait, whatever the jitter', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('none', 'full', 'equal', 'decorrelated'),
        fc.double({ min: 0, max: 30_000, noNaN: true }),
        chances,
        (jitter, retryAfterMs, [chance]) => {
          const state = { ...firstFailure, chance: chance! };
          const without = decideRetry({ ...rule, jitter }, state);
          const decision = decideRetry({ ...rule, jitter }, { ...state, retryAfterMs });
          const { waitMs } = without as { waitMs: number };
          expect(decision).toEqual({ waitMs: Math.max(waitMs, retryAfterMs) });
        },
      ),
    );
  });

  test('asked to wait longer than its limits, it stops at once', () => {
    const asked = { ...firstFailure, retryAfterMs: 40_000 };
    expect(decideRetry(rule, asked)).toEqual({ stop: 'out-of-time' });
    expect(decideRetry({ ...rule, delayMsMax: 40_000 }, asked)).toEqual({ waitMs: 40_000 });
    expect(decideRetry({ ...rule, delayMsMax: 40_000, totalMsMax: 39_999 }, asked)).toEqual({
      stop: 'out-of-time',
    });
    expect(decideRetry(rule, { ...firstFailure, retryAfterMs: Infinity })).toEqual({
      stop: 'out-of-time',
    });
  });

  test('the reason to stop that nothing could change comes first', () => {
    const hopeless = {
      ...firstFailure,
      attempts: 10,
      isRetryable: false,
      elapsedMs: 1e9,
      isInBudget: false,
    };
    const limited = { ...rule, totalMsMax: 1000 };
    expect(decideRetry(limited, hopeless)).toEqual({ stop: 'propagated' });
    expect(decideRetry(limited, { ...hopeless, isRetryable: true })).toEqual({ stop: 'exhausted' });
    expect(decideRetry(limited, { ...hopeless, isRetryable: true, attempts: 1 })).toEqual({
      stop: 'out-of-time',
    });
    expect(decideRetry(rule, { ...hopeless, isRetryable: true, attempts: 1 })).toEqual({
      stop: 'suppressed',
    });
  });
});
