import fc from 'fast-check';
import { expect, test } from 'vitest';

import { Histogram } from '../../src/observe/index.ts';

test('quantiles are within 1.1 % of the exact ones', () => {
  const seconds = fc.double({ min: 1e-6, max: 3600, noNaN: true });
  fc.assert(
    fc.property(fc.array(seconds, { minLength: 1, maxLength: 300 }), (values) => {
      const histogram = new Histogram();
      for (const value of values) histogram.record(value);
      const sorted = values.toSorted((a, b) => a - b);
      for (const q of [0.5, 0.95, 0.99]) {
        const exact = sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]!;
        expect(Math.abs(histogram.quantile(q)! - exact) / exact).toBeLessThan(0.011);
      }
      expect(histogram.max).toBe(sorted.at(-1));
      expect(histogram.count).toBe(values.length);
    }),
    { numRuns: 200 },
  );
});

test('is empty at first, takes weights, and puts nonsense at zero', () => {
  const histogram = new Histogram();
  expect(histogram.quantile(0.5)).toBeNull();
  histogram.record(0.001, 99);
  histogram.record(10);
  expect(histogram.quantile(0.5)).toBeCloseTo(0.001, 4);
  expect(histogram.quantile(1)).toBeCloseTo(10, 0);
  histogram.record(-1, 1000);
  expect(histogram.quantile(0.5)).toBe(0);
});
