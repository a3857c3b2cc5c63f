import { expect, test } from 'vitest';

import { Histogram } from '../../src/observe/histogram.ts';
import {
  MetricsRegistry,
  metricsRegistry,
  metricsTable,
  observe,
} from '../../src/observe/index.ts';

function histogramOf(...seconds: number[]): Histogram {
  const histogram = new Histogram();
  for (const value of seconds) histogram.record(value);
  return histogram;
}

test('a name has what was registered under it, added up', () => {
  const registry = new MetricsRegistry();
  registry.register('filter', { in: 10, out: 4, busyMs: 1000, latency: histogramOf(0.002) });
  registry.register('filter', { in: 10, out: 4, busyMs: 3000, errors: 1, latency: 0.004 });
  const [filter] = registry.report().stages;
  expect(filter).toMatchObject({
    name: 'filter',
    in: 20,
    out: 8,
    ratio: 0.4,
    errors: 1,
    throughput: 2,
    count: 2,
    meanMs: 3,
    maxMs: 4,
  });
  expect(filter!.p50Ms! / 2).toBeCloseTo(1, 1);
  expect(filter!.p99Ms! / 4).toBeCloseTo(1, 1);
});

test('what was not measured is null, and so is the ratio of nothing', () => {
  const registry = new MetricsRegistry();
  registry.register('timed', { latency: 0.001 });
  registry.register('source', { in: 0, out: 5 });
  const [timed, source] = registry.report().stages;
  expect(timed).toMatchObject({ in: null, out: null, ratio: null, throughput: null, count: 1 });
  expect(source).toMatchObject({ in: 0, out: 5, ratio: null, throughput: null, meanMs: null });
  expect(source).toMatchObject({ p50Ms: null, p95Ms: null, p99Ms: null, maxMs: null });
});

test('a report is frozen and prints as a table', () => {
  const registry = new MetricsRegistry();
  registry.register('normalize', { in: 5000, out: 2500, busyMs: 100, latency: 0.0000005 });
  registry.register('never', {});
  const report = registry.report();
  expect(Object.isFrozen(report) && report.stages.every(Object.isFrozen)).toBe(true);
  expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  expect(metricsTable(report)).toBe(
    [
      'stage         in    out  ratio  errors   out/s    mean     p50     p95     p99',
      'normalize  5,000  2,500  0.500       0  25,000  500 ns  500 ns  500 ns  500 ns',
      'never          -      -      -       0       -       -       -       -       -',
      '',
    ].join('\n'),
  );
});

test('events are bounded, too', () => {
  const registry = new MetricsRegistry();
  for (let at = 0; at < 5000; at++) registry.countEvent(`event-${at}`);
  const { events } = registry.report();
  expect(Object.keys(events).length).toBe(1000);
  expect(events['overflow']).toBe(4001);
});

test('what was not measured is not known, nor what would be divided by it', () => {
  const registry = new MetricsRegistry();
  registry.register('in', { in: 1 });
  registry.register('timed', { latency: 0.5 });
  expect(registry.report().stages).toMatchObject([
    { in: 1, out: null, ratio: null, busyMs: null, throughput: null },
    { in: null, out: null, ratio: null, busyMs: null, throughput: null, sumMs: 500 },
  ]);
});

test('a name stays in its line of the table', () => {
  const registry = new MetricsRegistry();
  registry.register('a\nb\u2028', { in: 1 });
  expect(metricsTable(registry.report()).split('\n')).toHaveLength(3);
  expect(metricsTable(registry.report())).toContain('a\\u000ab\\u2028');
});

test('it is bounded: beyond 1,000 names they share one entry', () => {
  const registry = new MetricsRegistry();
  for (let at = 0; at < 5000; at++) registry.register(`stage-${at}`, { in: 1, out: 1 });
  const { stages } = registry.report();
  expect(stages.length).toBe(1000);
  expect(stages.at(-1)).toMatchObject({ name: 'overflow', in: 4001, out: 4001 });
});

test('the process has one of its own, which keeps what is given no other', () => {
  const own = new MetricsRegistry();
  observe(() => 1, { name: 'of-the-process' })();
  observe(() => 1, { name: 'of-its-own', registry: own })();
  const namesIn = (registry: MetricsRegistry) => registry.report().stages.map(({ name }) => name);
  expect(namesIn(metricsRegistry)).toEqual(['of-the-process']);
  expect(namesIn(own)).toEqual(['of-its-own']);
});
