import { expect, test } from 'vitest';

import { SlowestBatches } from '../../src/observe/slowest-batches.ts';

const minute = 60_000;

test('the slowest batches are those of the last minutes, not of the warm-up', () => {
  const slowest = new SlowestBatches();
  const msAt = (nowMs: number): number[] => slowest.list({ nowMs, at: nowMs }).map(({ ms }) => ms);
  for (let at = 0; at < 10; at++) slowest.add('a', 1000 + at, 1, at);
  slowest.add('a', 5, 1, 2 * minute);
  expect(msAt(2 * minute)).toEqual([1009, 1008, 1007, 1006, 1005, 1004, 1003, 1002, 1001, 1000]);
  slowest.add('b', 7, 1, 6 * minute);
  expect(msAt(6 * minute)).toHaveLength(10);
  slowest.add('b', 9, 1, 11 * minute);
  expect(msAt(11 * minute)).toEqual([9, 7]);
  // Nothing has been slow since, for nothing has been done.
  expect(msAt(22 * minute)).toEqual([]);
});
