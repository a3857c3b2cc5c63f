import { expect, test } from 'vitest';

import { type Cells, summaryOf } from '../../dashboard/src/ribbon-text.ts';
import type { RunReason } from '../../src/server/api-types.ts';

/** Of so many seconds, ill where there are reasons. */
function cellsOf(seconds: number, reasonsOf: (second: number) => readonly RunReason[]): Cells {
  const slots = Array.from({ length: seconds }, (_, second) => reasonsOf(second));
  return {
    component: null,
    everyMs: 1000,
    monotonicMs: seconds * 1000,
    at: slots.map((_, second) => second * 1000),
    series: {} as never,
    lanes: {},
    state: slots.map(({ length }) => (length === 0 ? 0 : 2)),
    reasons: Object.fromEntries(slots.map((reasons, second) => [second, reasons])),
    reasonsLeftOut: {},
  };
}

const south = (second: number): RunReason => ({
  component: 'south',
  text: `a fallback gave ${40 * second} results`,
});
const archive = { component: 'archive', text: 'the breaker `archive` is open' };

test('of several that were not well the worst two are named, each for how long', () => {
  const both = cellsOf(60, (second) => [
    ...(second >= 10 && second < 50 ? [south(second)] : []),
    ...(second >= 20 && second < 45 ? [archive] : []),
    ...(second === 30 ? [{ component: 'other', text: 'it is slow' }] : []),
  ]);
  expect(summaryOf(both)).toBe(
    'It was degraded for 40 s of 1 min 0 s, mostly: south for 40 s: a fallback gave 400 to 1,960 ' +
      'results; archive for 25 s: the breaker `archive` is open; and 1 more component',
  );
});

test('of one that was not well it is said what that was', () => {
  const one = cellsOf(20, (second) => (second < 10 ? [] : [south(1)]));
  expect(summaryOf(one)).toBe(
    'It was degraded for 10 s of 20 s, mostly: south: a fallback gave 40 results',
  );
  expect(summaryOf(cellsOf(5, () => []))).toBe('It was healthy for all of 5.0 s');
  const nowhere = cellsOf(2, (second) => (second === 0 ? [] : [{ text: 'the loop stood still' }]));
  expect(summaryOf(nowhere)).toBe(
    'It was degraded for 1.0 s of 2.0 s, mostly: the loop stood still',
  );
});
