import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { BatchStatus } from '../../src/observe/degradation-histogram.ts';
import { DegradationHistogram } from '../../src/observe/index.ts';

function histogramOf(marks: string, size?: number): DegradationHistogram {
  const histogram = new DegradationHistogram({ size });
  for (const mark of marks) histogram.record(mark === '#' ? 'HEALTHY' : 'DEGRADED');
  return histogram;
}

test('ten batches a row, exactly so', () => {
  const histogram = histogramOf('##########' + '######....' + '..........');
  expect(histogram.toString().split('\n')).toEqual([
    'Batch 1-10: ##########  (10 HEALTHY)',
    'Batch 11-20: ######....  (6 HEALTHY, 4 DEGRADED)',
    'Batch 21-30: ..........  (10 DEGRADED)',
  ]);
});

test('says nothing before the first batch, and shows a row that is not full', () => {
  expect(new DegradationHistogram().toString()).toBe('');
  expect(new DegradationHistogram().rows()).toEqual([]);
  expect(String(histogramOf('#'))).toBe('Batch 1: #  (1 HEALTHY)');
  expect(String(histogramOf('#.#'))).toBe('Batch 1-3: #.#  (2 HEALTHY, 1 DEGRADED)');
});

test('keeps the last fifty, each in the row that its number belongs to', () => {
  const lines = histogramOf('.'.repeat(4) + '#'.repeat(49))
    .toString()
    .split('\n');
  expect(lines[0]).toBe('Batch 4-10: .######  (6 HEALTHY, 1 DEGRADED)');
  expect(lines[1]).toBe('Batch 11-20: ##########  (10 HEALTHY)');
  expect(lines.at(-1)).toBe('Batch 51-53: ###  (3 HEALTHY)');
});

test('is data too', () => {
  expect(histogramOf('##########.').rows()).toEqual([
    { first: 1, last: 10, marks: '##########', healthy: 10, degraded: 0 },
    { first: 11, last: 11, marks: '.', healthy: 0, degraded: 1 },
  ]);
});

test.each([0, -1, 1.5, NaN, Infinity])('keeps no %s batches', (size) => {
  expect(() => new DegradationHistogram({ size })).toThrow('DegradationHistogram.size');
});

test('agrees with a list of all batches', () => {
  const statuses = fc.array(fc.constantFrom<BatchStatus>('HEALTHY', 'DEGRADED'), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(statuses, fc.integer({ min: 1, max: 70 }), (all, size) => {
      const histogram = new DegradationHistogram({ size });
      for (const status of all) histogram.record(status);
      const kept = all
        .map((status, at) => ({ number: at + 1, mark: status === 'HEALTHY' ? '#' : '.' }))
        .slice(-size);
      const rows = Map.groupBy(kept, ({ number }) => Math.floor((number - 1) / 10));
      const expected = [...rows.values()].map((row) => {
        const marks = row.map(({ mark }) => mark).join('');
        const healthy = marks.replaceAll('.', '').length;
        const [first, last] = [row[0]!.number, row.at(-1)!.number];
        return { first, last, marks, healthy, degraded: marks.length - healthy };
      });
      expect(histogram.rows()).toEqual(expected);
      expect(histogram.batches).toBe(all.length);
    }),
    { numRuns: 300 },
  );
});
