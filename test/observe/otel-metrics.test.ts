import { afterEach, describe, expect, test, vi } from 'vitest';

import { Histogram } from '../../src/observe/histogram.ts';
import { latencyOf } from '../../src/observe/meter.ts';
import { MetricsRegistry, prometheusText } from '../../src/observe/index.ts';
import type { RunStats } from '../../src/observe/index.ts';
import { sumOfBuckets } from '../../src/observe/histogram.ts';
import { createTelemetry, type TelemetryOptions } from '../../src/observe/otel.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { numbered, readings, scriptedSink, scriptedSource, testPipeline } from '../engine/ends.ts';
import { attributesOf, type OtlpMetric, otlpReceiver, type OtlpRequest } from './otlp-receiver.ts';
import { censusOf, componentStats, runOf, runStats } from './run-stats.ts';

interface Sent {
  readonly metrics: readonly OtlpMetric[];
  readonly request: OtlpRequest;
}

/** What a receiver gets of these figures. */
async function sent(stats: readonly RunStats[], options: TelemetryOptions = {}): Promise<Sent> {
  await using receiver = await otlpReceiver();
  const { clock } = virtualOutside();
  await using telemetry = await createTelemetry({ endpoint: receiver.url, clock, ...options });
  for (const one of stats) telemetry.watch({ stats: () => one });
  await telemetry.close();
  const request = receiver.requests.findLast(({ path }) => path === '/v1/metrics')!;
  return { metrics: receiver.metrics, request };
}

const work = new Histogram();
for (const seconds of [0, 0.001, 0.0015, 0.25, 3]) work.record(seconds);
const stats = runStats(60, {
  pipeline: 'boiler "room"\n',
  components: [
    componentStats('clean', {
      in: 10,
      out: 9,
      dropped: 1,
      droppedBy: { 'out of range': 1 },
      busyMs: 1500,
      work: latencyOf(work, { exponential: true }),
    }),
  ],
  queues: { clean: { depth: 2, rows: 20, bytes: 4096, fill: 0.25, isPaced: true } },
  events: { 'run.started': 1 },
});
const startTimeUnixNano = String(BigInt(Date.UTC(2026, 0, 1)) * 1_000_000n);
const timeUnixNano = String(BigInt(Date.UTC(2026, 0, 1) + 60_000) * 1_000_000n);
const times = { startTimeUnixNano, timeUnixNano };

function pointsOf(metric: OtlpMetric | undefined): unknown[] {
  const points = metric?.sum ?? metric?.gauge ?? metric?.exponentialHistogram;
  return points!.dataPoints.map(({ attributes, ...point }) => ({
    ...point,
    attributes: attributesOf(attributes),
  }));
}

describe('metrics', () => {
  test('have every field: counters, gauges and times, in units of UCUM', async () => {
    const { metrics, request } = await sent([stats]);
    const of = (name: string): OtlpMetric => metrics.find((metric) => metric.name === name)!;
    const attributes = { pipeline: 'boiler "room"\n', stage: 'clean', kind: 'stage' };
    expect(of('millrace.rows_in')).toEqual({
      name: 'millrace.rows_in',
      description: 'Rows that came in; for a source, records read.',
      unit: '{record}',
      sum: {
        aggregationTemporality: 2,
        isMonotonic: true,
        dataPoints: [
          {
            ...times,
            attributes: [
              { key: 'pipeline', value: { stringValue: 'boiler "room"\n' } },
              { key: 'stage', value: { stringValue: 'clean' } },
              { key: 'kind', value: { stringValue: 'stage' } },
            ],
            asInt: 10,
          },
        ],
      },
    });
    expect(pointsOf(of('millrace.rows_dropped'))).toEqual([
      { ...times, attributes: { ...attributes, reason: 'out of range' }, asInt: 1 },
    ]);
    expect(of('millrace.time')).toMatchObject({ unit: 's', sum: { isMonotonic: true } });
    expect(pointsOf(of('millrace.time'))[0]).toEqual({
      ...times,
      attributes: { ...attributes, state: 'busy' },
      asDouble: 1.5,
    });
    expect(of('millrace.queue')).toMatchObject({ unit: 'By', gauge: {} });
    expect(pointsOf(of('millrace.queue_fill'))).toEqual([
      { ...times, attributes: { pipeline: 'boiler "room"\n', queue: 'clean' }, asDouble: 0.25 },
    ]);
    expect(of('millrace.queue_fill').unit).toBe('1');
    expect(of('v8js.memory.heap.used')).toMatchObject({ unit: 'By' });
    expect(of('nodejs.eventloop.utilization')).toMatchObject({ unit: '1' });
    expect(of('process.memory.usage')).toMatchObject({ unit: 'By' });
    expect(of('millrace.runs_started')).toMatchObject({ unit: '{event}' });
    expect(request.path).toBe('/v1/metrics');
    expect(request.headers).toMatchObject({
      'content-type': 'application/json',
      'content-encoding': 'gzip',
    });
    expect(request.body.resourceMetrics!.flatMap(({ scopeMetrics }) => scopeMetrics)).toMatchObject(
      [{ scope: { name: 'millrace', version: stats.versions.millrace } }],
    );
  });

  test('of times are exponential histograms, bucket for bucket', async () => {
    const { metrics } = await sent([stats]);
    const { scale, zeroCount, offset, counts } = work.exponentialBuckets();
    const metric = metrics.find(({ name }) => name === 'millrace.work')!;
    expect(metric.unit).toBe('s');
    expect(metric.exponentialHistogram!.aggregationTemporality).toBe(2);
    const [point, ...others] = metric.exponentialHistogram!.dataPoints;
    expect(others).toEqual([]);
    expect(point).toMatchObject({
      ...times,
      count: 5,
      max: 3,
      scale,
      zeroCount,
      positive: { offset, bucketCounts: counts },
      negative: { bucketCounts: [] },
    });
    expect(point!.sum).toBeCloseTo(3.2525, 12);
    const inBuckets = point!.positive!.bucketCounts.reduce((sum, count) => sum + count, 0);
    expect(inBuckets + Number(point!.zeroCount)).toBe(5);
    // The bounds hold what was recorded: 2^(index/32).
    const last = offset + counts.length;
    expect([2 ** ((last - 1) / 32), 2 ** (last / 32)]).toSatisfy(
      ([below, upTo]: number[]) => below! < 3 && 3 <= upTo!,
    );
  });

  test('are all that Prometheus reads, under the same names once these are translated', async () => {
    const registry = new MetricsRegistry();
    registry.register('parse', { in: 5, out: 4, errors: 1, latency: 0.25 });
    const { metrics } = await sent([stats], { registry });
    const translated = metrics.map(({ name, unit, sum }) => {
      const suffix = { s: '_seconds', By: '_bytes', '1': '_ratio' }[unit] ?? '';
      return `${name.replaceAll('.', '_')}${suffix}${sum === undefined ? '' : '_total'}`;
    });
    const text = prometheusText([runOf(stats), registry]);
    const described = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!);
    // What runs is told by the scope.
    const exposed = described.filter((name) => name !== 'millrace_build_info');
    const own: Record<string, string> = {
      v8js_memory_heap_used_bytes: 'millrace_heap_used_bytes',
      nodejs_eventloop_utilization_ratio: 'millrace_event_loop_utilization_ratio',
      process_memory_usage_bytes: 'millrace_resident_memory_bytes',
    };
    expect(translated.map((name) => own[name] ?? name)).toEqual(exposed);
    expect(exposed.length).toBeGreaterThan(30);
  });

  test('have at most 1,000 label sets each; beyond them counts and buckets add up', async () => {
    const many = runStats(60, {
      components: Array.from({ length: 1010 }, (_, at) =>
        componentStats(`stage-${at}`, { in: 2, work: latencyOf(work, { exponential: true }) }),
      ),
    });
    const { metrics } = await sent([many]);
    const rows = pointsOf(metrics.find(({ name }) => name === 'millrace.rows_in'));
    expect(rows).toHaveLength(1000);
    expect(rows.at(-1)).toMatchObject({ attributes: { stage: 'overflow' }, asInt: 22 });
    const beyond = pointsOf(metrics.find(({ name }) => name === 'millrace.work')).at(-1);
    const { counts } = work.exponentialBuckets();
    expect(beyond).toMatchObject({
      count: 55,
      zeroCount: 11,
      positive: { bucketCounts: counts.map((count) => count * 11) },
    });
  });

  test('of several runs keep when each began, whatever the wall clock does', async () => {
    await using receiver = await otlpReceiver();
    const { clock } = virtualOutside();
    await using telemetry = await createTelemetry({ endpoint: receiver.url, clock });
    let now = runStats(10, { pipeline: 'first' });
    telemetry.watch({ stats: () => now });
    const end = telemetry.watch({ stats: () => runStats(60, { pipeline: 'second' }) });
    await telemetry.flush();
    const startsOf = (): unknown[] =>
      receiver.metrics
        .find(({ name }) => name === 'millrace.dead_letters')!
        .sum!.dataPoints.map((point) => [
          attributesOf(point.attributes)['pipeline'],
          point.startTimeUnixNano,
        ]);
    expect(startsOf()).toEqual([
      ['first', startTimeUnixNano],
      ['second', startTimeUnixNano],
    ]);
    now = { ...runStats(20, { pipeline: 'first' }), at: now.at + 3_600_000 };
    end();
    await telemetry.flush();
    expect(startsOf()).toEqual([['first', startTimeUnixNano]]);
  });

  test('of a real run end with what its report has', async () => {
    await using receiver = await otlpReceiver();
    const outside = virtualOutside();
    await using telemetry = await createTelemetry({ endpoint: receiver.url, clock: outside.clock });
    const run = await testPipeline({}, [], outside)
      .from(scriptedSource({ schema: readings, batches: [numbered(10), numbered(5)] }))
      .to(scriptedSink({ answer: () => outside.clock.sleep(250) }))
      .start();
    telemetry.watch(run);
    const report = await run.done;
    await telemetry.close();
    const inOf = receiver.metrics
      .find(({ name }) => name === 'millrace.rows_in')!
      .sum!.dataPoints.map(({ attributes, asInt }) => [attributesOf(attributes)['stage'], asInt]);
    expect(inOf).toEqual(report.components.map((component) => [component.id, component.in]));
    const [write] = receiver.metrics
      .find(({ name }) => name === 'millrace.end_to_end')!
      .exponentialHistogram!.dataPoints.filter(
        ({ attributes }) => attributesOf(attributes)['kind'] === 'sink',
      );
    expect(write).toMatchObject({ count: 2, sum: 0.75, max: 0.5, scale: 5 });
    expect(run.stats().components[0]!.work.exponential).toBeUndefined();
  });
});

afterEach(() => void vi.unstubAllEnvs());

describe('the resource', () => {
  const resourceOf = async (options: TelemetryOptions = {}): Promise<Record<string, unknown>> => {
    const { request } = await sent([stats], options);
    return attributesOf(request.body.resourceMetrics![0]!.resource.attributes);
  };
  const sdk = {
    'telemetry.sdk.language': 'nodejs',
    'telemetry.sdk.name': 'opentelemetry',
    'telemetry.sdk.version': expect.any(String) as string,
  };
  const uuid = expect.stringMatching(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/) as string;

  test('is `millrace` with an id of the process, unless more is said', async () => {
    const first = await resourceOf();
    expect(first).toEqual({ ...sdk, 'service.name': 'millrace', 'service.instance.id': uuid });
    expect(await resourceOf()).toEqual(first);
  });

  test('comes from the environment, and from options before that', async () => {
    vi.stubEnv('OTEL_SERVICE_NAME', 'boilers');
    vi.stubEnv(
      'OTEL_RESOURCE_ATTRIBUTES',
      'service.namespace=plant,service.instance.id=7,deployment.environment.name=test%20bed',
    );
    const environment = {
      ...sdk,
      'service.name': 'boilers',
      'service.namespace': 'plant',
      'service.instance.id': '7',
      'deployment.environment.name': 'test bed',
    };
    expect(await resourceOf()).toEqual(environment);
    const options = {
      serviceName: 'ovens',
      serviceVersion: '2.0.0',
      serviceNamespace: 'bakery',
      attributes: { 'host.name': 'oven-3' },
    };
    expect(await resourceOf(options)).toEqual({
      ...environment,
      'service.name': 'ovens',
      'service.version': '2.0.0',
      'service.namespace': 'bakery',
      'host.name': 'oven-3',
    });
  });
});

test('labels are the same in the text and in what is sent', async () => {
  const labels = { pipeline: 'a"b\\n\\"\n', stage: '', reason: 'x="y",z' };
  const run = runStats(1, {
    pipeline: labels.pipeline,
    components: [componentStats('', { errors: { [labels.reason]: 3 } })],
  });
  expect(prometheusText(runOf(run))).toContain(
    String.raw`millrace_errors_total{pipeline="a\"b\\n\\\"\n",stage="",kind="stage",reason="x=\"y\",z"} 3`,
  );
  const { metrics } = await sent([run]);
  const errors = metrics.find(({ name }) => name === 'millrace.errors');
  expect(pointsOf(errors)).toMatchObject([{ attributes: { ...labels, kind: 'stage' } }]);
});

test('what a breaker refused is counted in calls, and its openings in events', async () => {
  const breakers = [
    { id: 'api', name: 'api', state: 'open', opens: 2, openMs: 5, refused: 7 },
  ] as const;
  const policy = {
    calls: 9,
    attempts: 9,
    substituted: 2,
    substitutedBy: { constant: 2 },
    retries: 0,
    suppressed: 0,
    breakers: censusOf(breakers),
  };
  const { metrics } = await sent([runStats(1, { components: [componentStats('a', { policy })] })]);
  const substituted = metrics.find(({ name }) => name === 'millrace.policy_substituted');
  expect(pointsOf(substituted)).toMatchObject([{ asInt: 2, attributes: { strategy: 'constant' } }]);
  const unitOf = (name: string) => metrics.find((one) => one.name === name)!.unit;
  expect(unitOf('millrace.breaker_refused')).toBe('{call}');
  expect(unitOf('millrace.breaker_opens')).toBe('{event}');
});

test('buckets of two histograms add up as if one had recorded all', () => {
  const [all, one, other] = [new Histogram(), new Histogram(), new Histogram()];
  for (const [index, value] of [0, 1e-5, 0.003, 7, 7.1, 1200].entries()) {
    all.record(value);
    (index % 2 === 0 ? one : other).record(value);
  }
  const whole = all.exponentialBuckets();
  expect(sumOfBuckets(one.exponentialBuckets(), other.exponentialBuckets())).toEqual(whole);
  const zeros = new Histogram();
  zeros.record(0);
  const withZero = { ...whole, zeroCount: 2 };
  expect(sumOfBuckets(zeros.exponentialBuckets(), whole)).toEqual(withZero);
  expect(sumOfBuckets(whole, zeros.exponentialBuckets())).toEqual(withZero);
});
