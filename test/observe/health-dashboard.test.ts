import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { VirtualClock } from '../../src/core/index.ts';
import {
  MetricsRegistry,
  PipelineHealthDashboard,
  type PipelineHealthDashboardOptions,
} from '../../src/observe/index.ts';
import { circuitBreaker, consecutiveFailures, lastKnownGood } from '../../src/resilience/index.ts';

function createDashboard(options: PipelineHealthDashboardOptions = {}) {
  const clock = new VirtualClock();
  const registry = new MetricsRegistry({ clock });
  const rssBytes = () => 64 * 2 ** 20;
  const dashboard = new PipelineHealthDashboard({ registry, clock, rssBytes, ...options });
  /** A batch: of each stage the records in and out, and the milliseconds of work. */
  const run = (stages: Readonly<Record<string, readonly [number, number, number]>>) => {
    for (const [name, [rowsIn, rowsOut, busyMs]] of Object.entries(stages)) {
      const latency = busyMs / 1000;
      registry.register(name, { in: rowsIn, out: rowsOut, busyMs, latency });
    }
    return dashboard.collect();
  };
  return { clock, registry, dashboard, run };
}

describe('a report', () => {
  test('is of its batch alone', () => {
    const { clock, run } = createDashboard();
    run({ parse: [1000, 1000, 500], score: [1000, 900, 100] });
    const report = run({ parse: [1000, 1000, 1000], score: [1000, 800, 4000] });
    expect(report).toMatchObject({
      batch: 2,
      at: clock.now(),
      status: 'HEALTHY',
      reasons: [],
      recordsIn: 1000,
      recordsOut: 800,
      busyMs: 5000,
      inPerSecond: 200,
      bottleneck: 'score',
      memoryMb: 64,
      unresolvedAlerts: 0,
      consecutiveDegradedCount: 0,
    });
    expect(report.stages).toMatchObject([
      { stage: 'parse', in: 1000, out: 1000, busyMs: 1000, inPerSecond: 1000, meanMs: 1000 },
      { stage: 'score', in: 1000, out: 800, busyMs: 4000, inPerSecond: 250, meanMs: 4000 },
    ]);
    expect(report.stages[0]!.p99Ms).toBeCloseTo(1000, -2);
  });

  test('a stage that is only timed is judged by the time of its calls', () => {
    const clock = new VirtualClock();
    const registry = new MetricsRegistry({ clock });
    const thresholds = { minHealthyRps: 100 };
    const dashboard = new PipelineHealthDashboard({ registry, clock, thresholds });
    registry.register('quick', { in: 10, out: 10, busyMs: 10 });
    registry.register('timed', { latency: 0.02 });
    registry.register('timed', { latency: 0.04 });
    const report = dashboard.collect();
    const [quick, timed] = report.stages;
    expect(quick).toMatchObject({ busyMs: 10, inPerSecond: 1000, meanMs: null });
    expect(timed).toMatchObject({ in: 2, busyMs: null });
    expect(timed!.meanMs).toBeCloseTo(30);
    expect(timed!.inPerSecond).toBeCloseTo(2 / 0.06);
    expect(report.bottleneck).toBe('timed');
    expect(dashboard.checkThresholds(report)).toMatchObject([
      { thresholdName: 'minHealthyRps', stage: 'timed' },
    ]);
  });

  test.each([
    ['an object without a text', Object.create(null)],
    [
      'one whose text throws',
      {
        toString() {
          throw new Error('nested');
        },
      },
    ],
    ['nothing', undefined],
  ])('a stage may fail with %s', (_, error) => {
    const report = new PipelineHealthDashboard().collect({ stage: 'parse', error });
    expect(report).toMatchObject({ status: 'DEGRADED', reasons: [{ component: 'parse' }] });
  });

  test('what cannot be asked is not known', () => {
    const broken = (): never => {
      throw new Error('no figures');
    };
    const dashboard = new PipelineHealthDashboard({ rssBytes: broken, unresolvedAlerts: broken });
    expect(dashboard.collect()).toMatchObject({ memoryMb: null, unresolvedAlerts: null });
  });

  test('has of breakers and fallbacks that throw what they said last', () => {
    let isBroken = false;
    const figure = <T>(value: T): T => {
      if (isBroken) throw new Error('no figures');
      return value;
    };
    let interpolated = 0;
    const metrics = { openCount: 1, fastFail: 0 };
    const breaker = {
      name: 'own',
      get state() {
        return figure('open' as const);
      },
      metrics,
    };
    const fallback = { summary: () => figure({ stale: 0, interpolated, constant: 0 }) };
    const { dashboard } = createDashboard({ breakers: [breaker], fallbacks: [fallback] });
    isBroken = true;
    expect(dashboard.collect()).toMatchObject({
      breakers: [{ name: 'own', state: 'open' }],
      reasons: [{ text: 'the breaker `own` is open' }],
    });
    [isBroken, interpolated] = [false, 3];
    const texts = dashboard.collect().reasons.map(({ text }) => text);
    expect(texts).toContain('a fallback gave 3 results');
  });

  test('leaves out what was measured before the dashboard was there', () => {
    const registry = new MetricsRegistry();
    registry.register('parse', { in: 7, out: 7, busyMs: 7 });
    const dashboard = new PipelineHealthDashboard({ registry });
    registry.register('parse', { in: 1, out: 1, busyMs: 2 });
    expect(dashboard.collect().stages).toMatchObject([{ in: 1, out: 1, busyMs: 2 }]);
  });

  test('is frozen, and JSON as it is', () => {
    const { run } = createDashboard();
    const report = run({ parse: [10, 10, 1] });
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    for (const part of [report, report.reasons, report.stages, report.stages[0], report.breakers]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  test('asks the process for its memory where nothing else is given', () => {
    const dashboard = new PipelineHealthDashboard({ registry: new MetricsRegistry() });
    expect(dashboard.collect().memoryMb).toBeGreaterThan(1);
  });
});

describe('rates where there are none', () => {
  test('an empty batch, and one that no stage ran in', () => {
    const { dashboard, run } = createDashboard({ thresholds: { minHealthyRps: 500 } });
    const empty = run({ parse: [0, 0, 3] });
    expect(empty).toMatchObject({ inPerSecond: null, bottleneck: null, status: 'HEALTHY' });
    expect(dashboard.checkThresholds(empty)).toEqual([]);
    expect(dashboard.collect()).toMatchObject({ recordsIn: 0, busyMs: 0, inPerSecond: null });
  });

  test('work too quick to be measured is not slow, and no bottleneck', () => {
    const { dashboard, run } = createDashboard({ thresholds: { minHealthyRps: 500 } });
    const report = run({ parse: [1000, 1000, 0], score: [1000, 1000, 10] });
    expect(report.stages[0]!.inPerSecond).toBeNull();
    expect(report.bottleneck).toBe('score');
    expect(dashboard.checkThresholds(report)).toEqual([]);
  });

  test('a batch that is dropped whole: what came after had nothing to do', () => {
    const { run } = createDashboard();
    const report = run({ parse: [1000, 0, 100], score: [0, 0, 0] });
    expect(report).toMatchObject({ recordsIn: 1000, recordsOut: 0, bottleneck: 'parse' });
    expect(report.stages[1]!.inPerSecond).toBeNull();
  });

  test('of stages alike the first is the bottleneck', () => {
    const { run } = createDashboard();
    expect(run({ a: [10, 10, 1], b: [10, 10, 5], c: [10, 10, 5] }).bottleneck).toBe('b');
  });

  test('figures that are no numbers are not known', () => {
    const { dashboard } = createDashboard({
      thresholds: { maxMemoryMb: 1, maxAlertQueueSize: 0 },
      rssBytes: () => NaN,
      unresolvedAlerts: () => NaN,
    });
    const report = dashboard.collect();
    expect(report).toMatchObject({ memoryMb: null, unresolvedAlerts: null });
    expect(dashboard.checkThresholds(report)).toEqual([]);
  });
});

describe('DEGRADED', () => {
  const fail = () => Promise.reject(new Error('no'));
  const createBreaker = (clock: VirtualClock) =>
    circuitBreaker({
      name: 'lookup',
      opens: consecutiveFailures(1),
      openMs: 100,
      successesToClose: 1,
      clock,
    });

  test('while a breaker is open, and in the batch that it opened in; 0 in a row once healthy', async () => {
    const clock = new VirtualClock();
    const breaker = createBreaker(clock);
    const { dashboard } = createDashboard({ breakers: [breaker], clock });
    expect(dashboard.collect().status).toBe('HEALTHY');
    await breaker.execute(fail).catch(() => {});
    const open = dashboard.collect();
    expect(open).toMatchObject({
      status: 'DEGRADED',
      reasons: [{ of: 'degraded', text: 'the breaker `lookup` is open' }],
      breakers: [{ name: 'lookup', state: 'open', opens: 1, refused: 0 }],
      consecutiveDegradedCount: 1,
    });
    expect(dashboard.checkThresholds(open)).toMatchObject([
      { thresholdName: 'openBreakers', severity: 'CRITICAL' },
    ]);
    expect(dashboard.collect().consecutiveDegradedCount).toBe(2);
    await clock.sleep(100);
    await breaker.execute(() => Promise.resolve());
    expect(dashboard.collect()).toMatchObject({ status: 'HEALTHY', consecutiveDegradedCount: 0 });
    // Opened and closed again within one batch.
    await breaker.execute(fail).catch(() => {});
    await clock.sleep(100);
    await breaker.execute(() => Promise.resolve());
    expect(dashboard.collect()).toMatchObject({
      status: 'DEGRADED',
      reasons: [{ text: 'the breaker `lookup` was open' }],
    });
    expect(dashboard.consecutiveDegradedCount).toBe(1);
    expect(dashboard.histogram.toString()).toBe('Batch 1-5: #..#.  (2 HEALTHY, 3 DEGRADED)');
  });

  test('any breaker will do that has a name, a state and these metrics', () => {
    const breaker = {
      name: 'own',
      state: 'open' as const,
      metrics: { openCount: 1, fastFail: 0 },
    };
    const { dashboard } = createDashboard({ breakers: [breaker] });
    expect(dashboard.collect().status).toBe('DEGRADED');
  });

  test('where a fallback was used in the batch', () => {
    const strategy = lastKnownGood<{ value: number }>({ clock: new VirtualClock() });
    strategy.recordSuccess('a', { value: 1 });
    strategy.handleFailure('a', new Error('before'));
    const { dashboard } = createDashboard({ fallbacks: [strategy] });
    expect(dashboard.collect().status).toBe('HEALTHY');
    strategy.handleFailure('a', new Error('no'));
    strategy.handleFailure('a', new Error('no'));
    expect(dashboard.collect()).toMatchObject({
      status: 'DEGRADED',
      reasons: [{ text: 'a fallback gave 2 results' }],
    });
    strategy.recordSuccess('a', { value: 2 });
    expect(dashboard.collect().status).toBe('HEALTHY');
  });

  test('not by low throughput alone: that warns', () => {
    const { dashboard, run } = createDashboard({ thresholds: { minHealthyRps: 500 } });
    const report = run({ parse: [100, 100, 1000] });
    expect(report.status).toBe('HEALTHY');
    expect(dashboard.checkThresholds(report)).toMatchObject([
      { severity: 'WARNING', stage: 'parse', actualValue: 100 },
    ]);
  });

  test('by a stage that failed', () => {
    const { dashboard } = createDashboard();
    expect(dashboard.collect({ stage: 'parse', error: new TypeError('no') })).toMatchObject({
      status: 'DEGRADED',
      reasons: [{ component: 'parse', text: 'it failed: no' }],
    });
    expect(dashboard.collect().status).toBe('HEALTHY');
  });
});

test('figures and counter agree with a simple oracle, whatever comes', () => {
  const batch = fc.record({
    in: fc.nat(1000),
    out: fc.nat(1000),
    busyMs: fc.nat(1000),
    isOpen: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(batch, { maxLength: 120 }),
      fc.integer({ min: 1, max: 60 }),
      (all, size) => {
        let isOpen = false;
        const breaker = {
          name: 'own',
          get state() {
            return isOpen ? ('open' as const) : ('closed' as const);
          },
          metrics: { openCount: 0, fastFail: 0 },
        };
        const { dashboard, run } = createDashboard({ breakers: [breaker], histogramSize: size });
        let inRow = 0;
        for (const [at, { in: rowsIn, out, busyMs, isOpen: opens }] of all.entries()) {
          isOpen = opens;
          inRow = opens ? inRow + 1 : 0;
          const report = run({ only: [rowsIn, out, busyMs] });
          const rate = rowsIn > 0 && busyMs > 0 ? (rowsIn * 1000) / busyMs : null;
          expect(report).toMatchObject({
            batch: at + 1,
            status: opens ? 'DEGRADED' : 'HEALTHY',
            consecutiveDegradedCount: inRow,
            recordsIn: rowsIn,
            recordsOut: out,
            inPerSecond: rate,
          });
        }
        expect(dashboard.consecutiveDegradedCount).toBe(inRow);
        const marks = all.slice(-size).map(({ isOpen: opens }) => (opens ? '.' : '#'));
        expect(
          dashboard.histogram
            .rows()
            .map((row) => row.marks)
            .join(''),
        ).toBe(marks.join(''));
      },
    ),
    { numRuns: 100 },
  );
});

describe('refuses', () => {
  test.each([
    [{ thresholds: { minHealthyRps: NaN } }, 'thresholds.minHealthyRps'],
    [{ thresholds: { maxMemoryMb: -1 } }, 'thresholds.maxMemoryMb'],
    [{ thresholds: { maxMemory: 1 } }, 'has no limit `maxMemory`'],
    [{ histogramSize: 0 }, 'DegradationHistogram.size'],
    [{ breaker: [] }, 'has no option `breaker`'],
    [{ breakers: {} }, 'PipelineHealthDashboard.breakers] is no list'],
    [{ breakers: [{}] }, 'PipelineHealthDashboard.breakers] has an item 1 that is no breaker'],
    [{ breakers: [circuitBreaker(), null] }, 'has an item 2 that is no breaker'],
    [{ breakers: [{ name: 'x', state: 'open', metrics: {} }] }, 'item 1 that is no breaker'],
    [{ fallbacks: 5 }, 'PipelineHealthDashboard.fallbacks] is no list'],
    [{ fallbacks: [{}] }, 'PipelineHealthDashboard.fallbacks] has an item 1 that is no fallback'],
  ])('%o', (options, message) => {
    expect(() => new PipelineHealthDashboard(options as object)).toThrow(message);
  });

  test('two breakers of one name', () => {
    const breakers = [circuitBreaker(), circuitBreaker()];
    expect(() => new PipelineHealthDashboard({ breakers })).toThrow(
      'has two breakers of the name `breaker`',
    );
  });
});
