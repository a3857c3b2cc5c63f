import { expect, test } from 'vitest';

import { count } from '../../dashboard/src/format.ts';
import { lastOf, loneOf, shownColour } from '../../dashboard/src/parts/chart-values.ts';

test('a value between nothing and nothing is a point', () => {
  expect(loneOf([1, null, 2, null, null, 3, 4, null, 5])).toEqual([0, 2, 8]);
  expect(loneOf([1, 2, null])).toEqual([]);
});

test('what was long ago is not shown as what is now', () => {
  expect(lastOf([1, 7, null, null], count)).toBe('7');
  expect(lastOf([7, ...Array.from({ length: 10 }, () => null)], count)).toBe('–');
});

test('what is bad has its colour where there is some of it', () => {
  expect(shownColour('bad', [0, null, 0])).toBe('faint-text');
  expect(shownColour('bad', [0, 0.1, 0])).toBe('bad');
  expect(shownColour('flow', [0])).toBe('flow');
});
