import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { Histogram } from '../../src/observe/histogram.ts';

function histogramOf(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

/** The value that so many of the sorted ones are not above. */
function exactQuantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]!;
}

const seconds = fc.double({ min: 1e-6, max: 3600, noNaN: true });

describe('quantiles', () => {
  test('are within 1.1 % of the exact ones', () => {
    fc.assert(
      fc.property(fc.array(seconds, { minLength: 1, maxLength: 300 }), (values) => {
        const histogram = histogramOf(values);
        for (const q of [0.5, 0.95, 0.99]) {
          const exact = exactQuantile(values, q);
          expect(Math.abs(histogram.quantile(q)! - exact) / exact).toBeLessThan(0.011);
        }
        const each = [0.5, 0.95, 0.99].map((q) => histogram.quantile(q));
        expect(histogram.quantiles([0.5, 0.95, 0.99])).toEqual(each);
        expect(histogram.max).toBe(Math.max(...values));
        expect(histogram.count).toBe(values.length);
      }),
      { numRuns: 200 },
    );
  });

  test('are so for nanoseconds and for years, wherever the values are', () => {
    const anywhere = fc.integer({ min: -1000, max: 970 }).chain((exponent) => {
      const [min, max] = [2 ** exponent, 2 ** (exponent + 30)];
      return fc.array(fc.double({ min, max, noNaN: true }), { minLength: 1, maxLength: 50 });
    });
    fc.assert(
      fc.property(anywhere, (values) => {
        const histogram = histogramOf(values);
        for (const q of [0.01, 0.5, 0.99]) {
          const exact = exactQuantile(values, q);
          expect(Math.abs(histogram.quantile(q)! - exact) / exact).toBeLessThan(0.011);
        }
      }),
    );
  });

  test('are null at first, follow weights, and are zero for nonsense', () => {
    const histogram = new Histogram();
    expect(histogram.quantile(0.5)).toBeNull();
    expect(histogram.quantiles([0.5, 1])).toEqual([null, null]);
    histogram.record(0.001, 99);
    histogram.record(10);
    expect(histogram.quantile(0.5)).toBeCloseTo(0.001, 4);
    expect(histogram.quantile(1)).toBeCloseTo(10, 0);
    for (const nonsense of [-1, NaN, Infinity, 0]) histogram.record(nonsense, 1000);
    expect(histogram.quantile(0.5)).toBe(0);
    expect(histogram.sum).toBeCloseTo(10.099, 12);
    histogram.clear();
    expect([histogram.count, histogram.max, histogram.quantile(1)]).toEqual([0, 0, null]);
  });

  test('keep the large values: what is 2^32 times smaller counts as zero, whichever came first', () => {
    for (const values of [
      [1e-9, 1e-9, 1000],
      [1000, 1e-9, 1e-9],
    ]) {
      const histogram = histogramOf(values);
      expect(histogram.quantile(0.5)).toBe(0);
      expect(histogram.quantile(1)! / 1000).toBeCloseTo(1, 1);
      expect(histogram.exponentialBuckets().zeroCount).toBe(2);
    }
  });
});

describe('buckets', () => {
  /** Whether each value lies in the OTLP bucket that it is counted in. */
  function expectExact(value: number): void {
    const { scale, offset, counts } = histogramOf([value]).exponentialBuckets();
    expect([scale, counts]).toEqual([5, [1]]);
    expect(value).toBeGreaterThan(2 ** (offset / 32) * (1 - 1e-15));
    expect(value).toBeLessThanOrEqual(2 ** ((offset + 1) / 32) * (1 + 1e-15));
  }

  test('are those of OTLP at scale 5, closed above', () => {
    fc.assert(fc.property(fc.double({ min: 1e-300, max: 1e300, noNaN: true }), expectExact));
    for (let power = -40; power <= 40; power++) {
      const { offset } = histogramOf([2 ** power]).exponentialBuckets();
      expect(offset).toBe(power * 32 - 1);
      expect(histogramOf([2 ** power * (1 + 2e-16)]).exponentialBuckets().offset).toBe(power * 32);
    }
  });

  test('lose nothing: weights add up, and merging is recording all', () => {
    const lists = fc.tuple(fc.array(seconds, { maxLength: 60 }), fc.array(seconds));
    fc.assert(
      fc.property(lists, ([left, right]) => {
        const merged = histogramOf(left);
        merged.merge(histogramOf(right));
        const whole = histogramOf([...left, ...right]);
        expect(merged.exponentialBuckets()).toEqual(whole.exponentialBuckets());
        expect([merged.count, merged.max]).toEqual([whole.count, whole.max]);
        expect(merged.sum).toBeCloseTo(whole.sum, 6);
      }),
    );
    const none = new Histogram().exponentialBuckets();
    expect(none).toMatchObject({ zeroCount: 0, counts: [] });
  });

  test('are counted up to powers of two exactly', () => {
    const bounds = [0.25, 1, 4, 1e6];
    fc.assert(
      fc.property(fc.array(fc.oneof(seconds, fc.constantFrom(0, 0.25, 1, 4))), (values) => {
        const exact = bounds.map((bound) => values.filter((value) => value <= bound).length);
        expect(histogramOf(values).countsUpTo(bounds)).toEqual(exact);
      }),
    );
  });
});
