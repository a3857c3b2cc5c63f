import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { Histogram } from '../../src/observe/histogram.ts';
import { latencyOf, Meter } from '../../src/observe/meter.ts';
import { RecentFigures } from '../../src/observe/recent-figures.ts';

const seconds = fc.double({ min: 1e-9, max: 1e9, noNaN: true });
const clock = { monotonic: () => 0 };
const none = { count: 0, meanMs: null, p50Ms: null, p95Ms: null, p99Ms: null, maxMs: null };

describe('the times of the last window', () => {
  test('are those of what was measured in it, whatever was before and wherever that lies', () => {
    fc.assert(
      fc.property(fc.array(fc.array(seconds, { maxLength: 40 }), { minLength: 1 }), (windows) => {
        const meter = new Meter();
        const recent = new RecentFigures(meter, clock);
        recent.begin();
        for (const values of windows) {
          for (const value of values) meter.work.record(value);
          recent.advance();
          const alone = new Histogram();
          for (const value of values) alone.record(value);
          const { count, meanMs, p50Ms, p95Ms, p99Ms, maxMs } = recent.latencies!.work;
          // What is very small beside what was measured before counts as nothing.
          const least = meter.work.max / 2 ** 32;
          if (values.some((value) => value <= least * 1.1)) continue;
          const expected = latencyOf(alone);
          expect(count).toBe(expected.count);
          if (count === 0) expect(recent.latencies!.work).toEqual(none);
          else {
            for (const [ours, exact] of [
              [p50Ms, expected.p50Ms],
              [p95Ms, expected.p95Ms],
              [p99Ms, expected.p99Ms],
              [maxMs, expected.maxMs],
            ] as const) {
              expect(Math.abs(ours! - exact!) / exact!).toBeLessThan(0.023);
            }
            expect(maxMs).toBeGreaterThanOrEqual(p99Ms!);
            // A sum of doubles keeps the last of what is small beside it only.
            const lost = (meter.work.sum * 1000 * 1e-12) / count;
            expect(Math.abs(meanMs! - expected.meanMs!)).toBeLessThan(
              expected.meanMs! * 1e-9 + lost,
            );
          }
        }
      }),
    );
  });

  test('are none before it begins and after it has ended', () => {
    const meter = new Meter();
    const recent = new RecentFigures(meter, clock);
    meter.work.record(5);
    expect(recent.latencies).toBeNull();
    recent.begin();
    expect(recent.latencies).toBeNull();
    meter.work.record(1);
    recent.advance();
    const { work, wait, endToEnd } = recent.latencies!;
    expect(work).toMatchObject({
      count: 1,
      meanMs: 1000,
      maxMs: expect.closeTo(1000, -2) as number,
    });
    expect([wait, endToEnd]).toEqual([none, none]);
    recent.advance();
    expect(recent.latencies!.work).toEqual(none);
    recent.end();
    expect(recent.latencies).toBeNull();
    meter.work.record(7);
    recent.begin();
    recent.advance();
    expect(recent.latencies!.work).toEqual(none);
  });
});

describe('when a queue is full', () => {
  /** What is said second by second, of a queue that is so full then. */
  function leftMsBy(fills: readonly (number | undefined)[]): (number | undefined)[] {
    let second = 0;
    const recent = new RecentFigures(new Meter(), { monotonic: () => second * 1000 });
    recent.pacedFill = () => fills[second];
    recent.begin();
    return fills.map(() => {
      recent.advance();
      second++;
      return recent.queueLeftMs;
    });
  }
  const rising = (perSecond: number, count: number): number[] =>
    Array.from({ length: count }, (_, at) => Math.min(1, at * perSecond));

  test('is told from eight looks on, until it is', () => {
    const told = leftMsBy(rising(0.05, 25)).map((ms) => ms && Math.round(ms));
    expect(told.slice(0, 7)).toEqual(Array.from({ length: 7 }, () => undefined));
    expect(told.slice(7, 19)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1].map((s) => s * 1000));
    expect(told.slice(19)).toEqual(Array.from({ length: 6 }, () => undefined));
  });

  test('is not known of one that empties, swings, stays, hardly fills, or may be full', () => {
    const falling = rising(0.05, 20).toReversed();
    const swinging = Array.from({ length: 40 }, (_, at) => (at % 2 === 0 ? 0.1 : 0.8));
    const staying = Array.from({ length: 40 }, () => 0.5);
    const unpaced = Array.from({ length: 40 }, () => undefined);
    for (const fills of [falling, swinging, staying, rising(0.0001, 40), unpaced]) {
      expect(leftMsBy(fills).filter((ms) => ms !== undefined)).toEqual([]);
    }
  });

  test('is forgotten when nobody looks any more', () => {
    let second = 0;
    const recent = new RecentFigures(new Meter(), { monotonic: () => second * 1000 });
    recent.pacedFill = () => second * 0.01;
    recent.begin();
    for (; second < 10; second++) recent.advance();
    expect(recent.queueLeftMs).toBeGreaterThan(0);
    recent.end();
    expect(recent.queueLeftMs).toBeUndefined();
    recent.begin();
    recent.advance();
    expect(recent.queueLeftMs).toBeUndefined();
  });
});
