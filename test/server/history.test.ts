import { describe, expect, test } from 'vitest';

import type { ComponentReport, RunStats } from '../../src/observe/index.ts';
import { type Health, health } from '../../src/observe/health.ts';
import { History } from '../../src/server/history.ts';
import { censusOf, componentStats, runStats } from '../observe/run-stats.ts';

const started = Date.UTC(2026, 0, 1);
const well: Health = health({ stats: { status: 'running', components: [], degraded: {} } });
const ill = (text: string, of: 'degraded' | 'overloaded' | 'alive' = 'degraded'): Health => ({
  alive: of !== 'alive',
  ready: true,
  overloaded: of === 'overloaded',
  degraded: of === 'degraded',
  recovering: false,
  reasons: [{ of, component: 'feed', text }],
});

/** A stage that takes ten rows a second and whose 95th percentile is the second. */
function stage(second: number, given: Partial<ComponentReport> = {}): ComponentReport {
  const recent = { count: 4, meanMs: 1, p50Ms: 1, p95Ms: second, p99Ms: second, maxMs: second };
  const none = { ...recent, count: 0, meanMs: null, p50Ms: null, p95Ms: null, p99Ms: null };
  return componentStats('feed', {
    in: 10 * second,
    out: 9 * second,
    busyMs: 250 * second,
    recent: { work: recent, wait: none, endToEnd: none },
    ...given,
  });
}

function at(second: number, given: Partial<RunStats> = {}): RunStats {
  return runStats(second, {
    components: [stage(second)],
    recordsIn: 10 * second,
    recordsOut: 9 * second,
    queues: { feed: { depth: 1, rows: second, bytes: 0, fill: 0.5, isPaced: true } },
    ...given,
  });
}

/** What is kept of a run of so many seconds. */
function historyOf(seconds: number): History {
  const history = new History();
  for (let second = 0; second <= seconds; second++) history.add(at(second), well, 1);
  return history;
}

describe('a history', () => {
  test('has a slot for each second, of what came since the one before', () => {
    const history = historyOf(3);
    expect(history.run('5m')).toMatchObject({
      everyMs: 1000,
      component: null,
      at: [0, 1, 2, 3].map((second) => started + 1000 * second),
      series: {
        recordsInPerSecond: [null, 10, 10, 10],
        recordsOutPerSecond: [null, 9, 9, 9],
        errorRate: [null, 0, 0, 0],
        rssBytes: [1e8, 1e8, 1e8, 1e8],
        loopDelayMs: [1, 1, 1, 1],
      },
      state: [0, 0, 0, 0],
      reasons: {},
    });
    expect(history.component('5m', 'feed')).toMatchObject({
      everyMs: 1000,
      component: 'feed',
      series: {
        inPerSecond: [null, 10, 10, 10],
        busyShare: [null, 0.25, 0.25, 0.25],
        queueRows: [0, 1, 2, 3],
        queueFill: [0.5, 0.5, 0.5, 0.5],
        workP95Ms: [0, 1, 2, 3],
        waitP95Ms: [null, null, null, null],
        retriesPerSecond: [null, null, null, null],
        lag: [null, null, null, null],
      },
    });
    expect(history.component('5m', 'other')).toBeUndefined();
    expect(history.components).toEqual(['feed']);
  });

  test('goes back 300 slots of a second, 360 of ten and 720 of sixty', () => {
    const history = historyOf(13 * 3600);
    for (const [span, everyMs, slots] of [
      ['5m', 1000, 300],
      ['1h', 10_000, 360],
      ['12h', 60_000, 720],
    ] as const) {
      const told = history.component(span, 'feed')!;
      expect([told.everyMs, told.at.length]).toEqual([everyMs, slots]);
      expect(told.at.at(-1)).toBe(started + 13 * 3600 * 1000);
      const rest = told.at.slice(1, -1);
      expect(rest.every((time, index) => time - told.at[index]! === everyMs)).toBe(true);
      expect(told.series.inPerSecond.slice(0, -1).every((rate) => rate === 10)).toBe(true);
    }
  });

  test('merges seconds into coarser slots: the mean of a rate, the greatest of a percentile', () => {
    const history = new History();
    for (let second = 0; second <= 20; second++) {
      const isBurst = second > 10 && second <= 15;
      // Nothing in the first ten seconds, then 100 and then 300 a second.
      const rows = second <= 10 ? 0 : isBurst ? 100 * (second - 10) : 500 + 300 * (second - 15);
      const sink = componentStats('out', {
        kind: 'sink',
        work: { ...componentStats('').work, count: 2 * second },
      });
      const components = [stage(second, { in: rows }), sink];
      history.add(at(second, { components }), second === 12 ? ill('is open') : well, second);
    }
    history.add(at(21), well, 0);
    const { series } = history.component('1h', 'feed')!;
    expect(series.inPerSecond).toEqual([0, 170, 300]);
    expect(series.workP95Ms).toEqual([9, 19, 20]);
    const run = history.run('1h');
    expect(run.series.batches).toEqual([18, 20, 2]);
    expect(run.series.loopDelayMs).toEqual([9, 19, 20]);
    expect(run.state).toEqual([0, 2, 0]);
    expect(run.reasons).toEqual({ 1: [{ component: 'feed', text: 'is open' }] });
    expect(run.reasonsLeftOut).toEqual({});
  });

  test('leaves the seconds of a stall empty, and counts no second twice', () => {
    const history = historyOf(3);
    for (let ms = 3250; ms < 8000; ms += 250) history.judge(ill('stands', 'overloaded'), ms);
    history.add(at(8), well, 5000);
    history.add(at(9), well, 1);
    const run = history.run('5m');
    expect(run.at).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((s) => started + 1000 * s));
    const { recordsInPerSecond, loopDelayMs } = run.series;
    expect(recordsInPerSecond).toEqual([null, 10, 10, 10, null, null, null, null, 10, 10]);
    expect(loopDelayMs).toEqual([1, 1, 1, 1, null, null, null, null, 5000, 1]);
    expect(run.state).toEqual([0, 0, 0, 1, 1, 1, 1, 1, 0, 0]);
    const { inPerSecond } = history.component('5m', 'feed')!.series;
    expect(inPerSecond).toEqual([null, 10, 10, 10, null, null, null, null, 10, 10]);
    // Of a coarser slot what there is counts, each second once.
    expect(history.component('1h', 'feed')!.series.inPerSecond).toEqual([10]);
    // Nobody looked: the whole process stood still.
    history.add(at(12), well, 1);
    expect(history.run('5m').state.slice(-3)).toEqual([null, null, 0]);
  });

  test('leaves nothing of what was five minutes ago in the seconds of a stall', () => {
    const history = historyOf(400);
    history.judge(ill('stands', 'overloaded'), 403_600);
    history.add(at(405), well, 1);
    const { inPerSecond, workP95Ms } = history.component('5m', 'feed')!.series;
    expect(inPerSecond.slice(-6)).toEqual([10, null, null, null, null, 10]);
    expect(workP95Ms.slice(-6)).toEqual([400, null, null, null, null, 405]);
    expect(history.run('5m').state.slice(-6)).toEqual([0, null, null, 1, null, 0]);
  });

  test('takes no second for two where the run is asked more often, and none for none where it is late', () => {
    const history = historyOf(1);
    expect(history.add(at(1.3), well, 1)).toBe(false);
    expect(history.add(at(2.01), well, 1)).toBe(true);
    for (let second = 3; second < 1000; second++) history.add(at(second * 1.002), well, 1);
    const { at: times, series } = history.run('5m');
    expect(times).toHaveLength(300);
    expect(series.recordsInPerSecond.every((rate) => rate !== null)).toBe(true);
    // What the last part of a second brought is in its slot.
    const before = history.run('5m');
    const last = 999 * 1.002;
    history.add(at(last + 0.2, { status: 'failed' }), well, 1);
    const after = history.run('5m');
    expect(after.at).toHaveLength(300);
    expect(after.at.at(-1)! - before.at.at(-1)!).toBeGreaterThan(199);
    expect(after.state.at(-1)).toBe(3);
  });

  test('says of each slot that was not well why, once, and not without bounds', () => {
    const history = historyOf(2);
    for (let count = 0; count < 50; count++) history.judge(ill(`gave ${count} results`), 2100);
    history.judge(ill('stood still', 'alive'), 2200);
    expect(history.run('5m').state).toEqual([0, 0, 3]);
    expect(history.run('5m').reasons).toEqual({
      2: [
        { component: 'feed', text: 'gave 49 results' },
        { component: 'feed', text: 'stood still' },
      ],
    });
    const names = 'abcdefghijklmnop';
    for (const name of names) history.judge(ill(name.repeat(10_000)), 2300);
    const reasons = history.run('5m').reasons['2']!;
    expect(reasons.length).toBeLessThan(8);
    expect(Math.max(...reasons.map(({ text }) => text.length))).toBeLessThanOrEqual(200);
  });

  test('says whose each reason is, and how many more there were at once', () => {
    const history = historyOf(2);
    const open = { of: 'degraded' as const, text: 'breaker `1` is open' };
    const reasons = [1, 2, 3, 4, 5, 6, 7].map((no) => ({ ...open, component: `line-${no}` }));
    for (let count = 0; count < 3; count++) {
      history.judge({ ...ill(''), reasons: [{ of: 'degraded', text: 'a: b' }, ...reasons] }, 2100);
    }
    history.judge(well, 2200);
    const { text } = open;
    const kept = ['line-1', 'line-2', 'line-3', 'line-4'].map((component) => ({ component, text }));
    expect(history.run('5m')).toMatchObject({
      reasons: { 2: [{ text: 'a: b' }, ...kept] },
      reasonsLeftOut: { 2: 3 },
    });
    expect(history.point()).toMatchObject({ reasonsLeftOut: 3 });
    history.add(at(3), well, 1);
    expect(history.point()).toMatchObject({ reasons: [], reasonsLeftOut: 0 });
    expect(history.run('5m').reasonsLeftOut).toEqual({ 2: 3 });
  });

  test('ends with the run: of the time behind its end there is nothing', () => {
    const history = historyOf(3);
    const failed = health({ stats: { status: 'failed', components: [], degraded: {} } });
    const end = at(3.4, { status: 'failed', monotonicMs: 3400 });
    history.add(end, failed, 1);
    const before = history.run('5m');
    expect(before.state).toEqual([0, 0, 0, 3]);
    for (let second = 4; second <= 700; second++) {
      history.judge(failed, 1000 * second + 900);
      const later = { status: 'failed', monotonicMs: 1000 * second } as const;
      expect(history.add(at(second, later), failed, 1)).toBe(false);
    }
    expect(history.run('5m')).toEqual(before);
    expect(history.component('1h', 'feed')!.at).toEqual([started + 3400]);
  });

  test('says of each component that was not well why, however many reasons one has', () => {
    const history = historyOf(0);
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const reasons = [
      ...names.map((name) => ({ component: 'south', text: `${name} is open` })),
      { component: 'archive', text: 'it does not answer' },
    ].map((reason) => ({ of: 'degraded' as const, ...reason }));
    history.add(at(1), { ...ill(''), reasons }, 1);
    const { reasons: kept, reasonsLeftOut } = history.run('5m');
    expect(kept[1]!.map(({ component, text }) => `${component}: ${text}`)).toEqual([
      'south: a is open',
      'south: b is open',
      'south: c is open',
      'south: d is open',
      'archive: it does not answer',
    ]);
    expect(reasonsLeftOut).toEqual({ 1: 3 });
  });

  test('gives its last second as a point', () => {
    const history = new History();
    expect(history.point()).toBeUndefined();
    for (const second of [0, 1]) history.add(at(second), ill('is open'), 1);
    expect(history.point()).toMatchObject({
      at: started + 1000,
      run: { recordsInPerSecond: 10, retryRate: null },
      state: 2,
      reasons: [{ component: 'feed', text: 'is open' }],
      components: { feed: { inPerSecond: 10, workP95Ms: 1, lag: null } },
    });
  });

  test('counts retries of calls, dead letters, failed and dropped rows, lag', () => {
    const history = new History();
    for (const second of [0, 2]) {
      const counts = { calls: second, substituted: 0, substitutedBy: {}, suppressed: 0 };
      const policy = { ...counts, attempts: 8 * second, retries: 2 * second, breakers: censusOf() };
      const source = {
        isPaced: true,
        hasEnded: false,
        lag: { value: 77, unit: 'records' as const },
      };
      const given = { policy, source, failed: second, dropped: 3 * second, dead: second };
      const lane = { id: 'main', loopUtilization: 0, queueFill: 0, bottleneck: null };
      history.add(
        at(second, {
          components: [stage(second, given)],
          lanes: [{ ...lane, busyShare: 0.75 }],
        }),
        well,
        1,
      );
    }
    const { series } = history.run('5m');
    expect(series.retryRate.at(-1)).toBe(0.25);
    expect(series.errorRate.at(-1)).toBe(0.1);
    expect(series.deadPerSecond.at(-1)).toBe(1);
    expect(series.laneBusy.at(-1)).toBe(0.75);
    const feed = history.component('5m', 'feed')!.series;
    expect(feed.retriesPerSecond.at(-1)).toBe(2);
    expect(feed.failedPerSecond.at(-1)).toBe(1);
    expect(feed.droppedPerSecond.at(-1)).toBe(3);
    expect(feed.lag.at(-1)).toBe(77);
  });

  test('has the load of each lane, from when it was first there', () => {
    const history = new History();
    const lane = (id: string, busyShare: number | null) =>
      ({ id, busyShare, loopUtilization: 0.5, queueFill: 0, bottleneck: null }) as const;
    history.add(at(0, { lanes: [lane('lane-1', null)] }), well, 1);
    for (let second = 1; second <= 10; second++) {
      const lanes = [lane('lane-1', 0.2), lane('lane-2', second / 10)];
      history.add(at(second, { lanes }), well, 1);
    }
    expect(history.point()!.lanes).toEqual({
      'lane-1': { busyShare: 0.2, loopUtilization: 0.5 },
      'lane-2': { busyShare: 1, loopUtilization: 0.5 },
    });
    const { lanes } = history.run('5m');
    expect(lanes['lane-1']!.busyShare.slice(0, 3)).toEqual([null, 0.2, 0.2]);
    expect(lanes['lane-2']!.busyShare.slice(0, 3)).toEqual([null, 0.1, 0.2]);
    expect(history.run('1h').lanes['lane-2']!.busyShare[0]).toBe(0.5);
  });

  test('tells times by the clock as it stands, and how long ago by none that is set', () => {
    const history = new History();
    const hourMs = 3_600_000;
    for (const [first, stepMs] of [
      [0, 0],
      [60, -hourMs],
      [120, 0],
      [180, hourMs],
    ] as const) {
      for (let second = first; second < first + 60; second++) {
        history.add(at(second, { at: started + 1000 * second + stepMs }), well, 1);
      }
      const seconds = Array.from({ length: first + 60 }, (_, second) => 1000 * second);
      const times = seconds.map((ms) => started + stepMs + ms);
      const run = history.run('5m');
      expect(run.at).toEqual(times);
      expect(run.series.recordsInPerSecond.slice(1).every((rate) => rate === 10)).toBe(true);
      expect(history.component('1h', 'feed')!.at).toEqual(times.filter((_, s) => s % 10 === 9));
      const last = { at: times.at(-1), monotonicMs: 1000 * (first + 59) };
      expect(history.point()).toMatchObject(last);
      expect(run).toMatchObject({ monotonicMs: last.monotonicMs });
    }
    expect(new History().run('5m')).toMatchObject({ at: [], monotonicMs: null });
  });

  test('of 200 components holds 23.4 MB at most, from the first second on', () => {
    const history = new History();
    const components = Array.from({ length: 200 }, (_, index) => componentStats(`stage-${index}`));
    history.add(at(0, { components }), well, 1);
    const bytes = history.heldBytes;
    expect(bytes).toBeLessThan(23_400_000);
    for (let second = 1; second <= 400; second++) history.add(at(second, { components }), well, 1);
    expect(history.heldBytes).toBe(bytes);
  });

  test('of why it was not well twelve hours long holds less than 3 MB', () => {
    const history = historyOf(0);
    const bytes = history.heldBytes;
    for (let second = 1; second < 13 * 3600; second += second < 400 ? 1 : 60) {
      const reasons = Array.from('abcdefghij', (name) => ({
        of: 'degraded' as const,
        component: name,
        text: name.repeat(1000),
      }));
      history.add(at(second), { ...ill(''), reasons }, 1);
    }
    expect(history.heldBytes - bytes).toBeLessThan(3_000_000);
  });
});
