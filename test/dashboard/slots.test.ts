import { expect, test } from 'vitest';

import { grownComponent, grownRun, missedBefore } from '../../dashboard/src/slots.ts';
import type { ComponentHistory, HistoryPoint, RunHistory } from '../../src/server/api-types.ts';

const reason = { component: 'store', text: 'a breaker is open' } as const;

function pointAt(seconds: number, more: Partial<HistoryPoint> = {}): HistoryPoint {
  return {
    at: 1_000_000 + seconds * 1000,
    monotonicMs: seconds * 1000,
    run: { batches: seconds } as never,
    state: 0,
    reasons: [],
    reasonsLeftOut: 0,
    components: { store: { inPerSecond: seconds } } as never,
    lanes: { 'lane-1': { busyShare: seconds / 1000, loopUtilization: 0 } },
    ...more,
  };
}

/** Of the seconds 1 to so many. */
function runOf(seconds: number): RunHistory {
  const all = Array.from({ length: seconds }, (_, index) => index + 1);
  return {
    component: null,
    everyMs: 1000,
    monotonicMs: seconds === 0 ? null : seconds * 1000,
    at: all.map((second) => 1_000_000 + second * 1000),
    series: { batches: all } as never,
    lanes: {
      'lane-1': {
        busyShare: all.map((second) => second / 1000),
        loopUtilization: all.map(() => 0),
      },
    },
    state: all.map(() => 0),
    reasons: { 1: [reason] },
    reasonsLeftOut: { 1: 2 },
  };
}

test('a second that was missed is an empty slot, where it was', () => {
  const history = grownRun(runOf(3), pointAt(6.2, { state: 2, reasons: [reason] }));
  expect(history.series.batches).toEqual([1, 2, 3, null, null, 6.2]);
  expect(history.state).toEqual([0, 0, 0, null, null, 2]);
  expect(history.reasons).toEqual({ 1: [reason], 5: [reason] });
  expect(history.at.map((at) => at - 1_000_000)).toEqual([1000, 2000, 3000, 4200, 5200, 6200]);
  expect(missedBefore(history, pointAt(7.6))).toBe(0);
  expect(missedBefore(history, pointAt(7.8))).toBe(1);
  expect(missedBefore(runOf(0), pointAt(500))).toBe(0);
});

test('what is older than the history goes back is gone, with its reasons', () => {
  const full = runOf(300);
  const next = grownRun(full, pointAt(301, { reasons: [reason], reasonsLeftOut: 1 }));
  expect(next.at).toHaveLength(300);
  expect(next.series.batches.slice(0, 1)).toEqual([2]);
  expect(next.reasons).toEqual({ 0: [reason], 299: [reason] });
  expect(next.reasonsLeftOut).toEqual({ 0: 2, 299: 1 });
  const later = grownRun(next, pointAt(303));
  expect(later.reasons).toEqual({ 297: [reason] });
  expect(later.series.batches.slice(-3)).toEqual([301, null, 303]);
  const muchLater = grownRun(later, pointAt(9000));
  expect(muchLater.series.batches).toHaveLength(300);
  expect(muchLater.series.batches.filter((value) => value !== null)).toEqual([9000]);
  expect(muchLater.reasons).toEqual({});
});

test('a lane has a value for each slot, also one that comes or goes', () => {
  const both = { busyShare: 0.5, loopUtilization: 1 };
  const history = grownRun(runOf(2), pointAt(4, { lanes: { 'lane-2': both } }));
  expect(history.lanes).toEqual({
    'lane-1': { busyShare: [0.001, 0.002, null, null], loopUtilization: [0, 0, null, null] },
    'lane-2': { busyShare: [null, null, null, 0.5], loopUtilization: [null, null, null, 1] },
  });
});

test('of a component that a point does not have, nothing is known', () => {
  const { everyMs, monotonicMs, at } = runOf(2);
  const series = { inPerSecond: [1, 2] } as never;
  const history: ComponentHistory = { component: 'store', everyMs, monotonicMs, at, series };
  expect(grownComponent(history, pointAt(3)).series.inPerSecond).toEqual([1, 2, 3]);
  const without = pointAt(3, { components: {} });
  expect(grownComponent(history, without).series.inPerSecond).toEqual([1, 2, null]);
});
