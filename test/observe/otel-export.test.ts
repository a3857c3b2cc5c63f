import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterEach, describe, expect, test, vi } from 'vitest';

import { silentLogger, systemClock } from '../../src/core/index.ts';
import { ExportCounter } from '../../src/observe/otel/exporting.ts';
import { otelPeers } from '../../src/observe/otel/peers.ts';
import { settingsOf } from '../../src/observe/otel/settings.ts';
import { createTelemetry, type Telemetry, type TelemetryOptions } from '../../src/observe/otel.ts';
import { Emitter } from '../../src/observe/emitter.ts';
import type { RunStats, Tracing } from '../../src/observe/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { otlpReceiver, type OtlpReceiver, rememberingLogger } from './otlp-receiver.ts';
import { runStats } from './run-stats.ts';

const root = join(import.meta.dirname, '../..');
const patience = { timeout: 20_000, interval: 10 };

afterEach(() => void vi.unstubAllEnvs());

/** As many spans, each of a batch of its own. */
function makeSpans(tracing: Tracing, count: number): void {
  const run = tracing.start({ pipeline: 'p', version: '1.0.0', ...virtualOutside() });
  const source = { id: 'in', name: 'file', kind: 'source' } as const;
  for (let at = 0; at < count; at++) run.read(source, { startMs: at, endMs: at + 1, rows: 1 });
}

function telemetryTo(url: string, options: TelemetryOptions = {}): Promise<Telemetry> {
  return createTelemetry({ endpoint: url, sampleRatio: 1, ...options });
}

/** Where nothing listens. */
async function closedUrl(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

function pathsOf({ requests }: OtlpReceiver): string[] {
  return requests.map(({ path }) => path).sort();
}

describe('a receiver', () => {
  test('that says 429 is asked again after its `Retry-After`, with the same', async () => {
    const answer = (response: ServerResponse, request: number): void => {
      if (request > 0) return void response.end('{}');
      response.writeHead(429, { 'retry-after': '1' }).end();
    };
    await using receiver = await otlpReceiver(answer);
    await using telemetry = await telemetryTo(receiver.url);
    makeSpans(telemetry.tracing, 3);
    await telemetry.close();
    const [first, second, ...more] = receiver.requests.filter(({ path }) => path === '/v1/traces');
    expect(more).toEqual([]);
    expect(second!.body).toEqual(first!.body);
    // Its timer may go off a little early.
    expect(second!.atMs - first!.atMs).toBeGreaterThan(990);
    expect(telemetry.counts.traces).toEqual({ sent: 3, failed: 0, rejected: 0, dropped: 0 });
  });

  test.each([400, 401, 500])('that says %d is not asked again', async (status) => {
    await using receiver = await otlpReceiver((response) => response.writeHead(status).end());
    const log = rememberingLogger();
    await using telemetry = await telemetryTo(receiver.url, { log });
    makeSpans(telemetry.tracing, 3);
    await telemetry.close();
    expect(receiver.requests.filter(({ path }) => path === '/v1/traces')).toHaveLength(1);
    expect(telemetry.counts.traces).toEqual({ sent: 0, failed: 3, rejected: 0, dropped: 0 });
    expect(log.lines).toMatchObject([
      {
        event: 'telemetry.failed',
        signal: 'traces',
        items: 3,
        reason: expect.any(String) as string,
      },
      { event: 'telemetry.lost', signal: 'traces', dropped: 0, failed: 3, rejected: 0 },
    ]);
  });

  test('that takes only a part says how much it rejected', async () => {
    const partialSuccess = { rejectedSpans: '2', errorMessage: 'too old' };
    await using receiver = await otlpReceiver((response) =>
      response.end(JSON.stringify({ partialSuccess })),
    );
    const log = rememberingLogger();
    await using telemetry = await telemetryTo(receiver.url, { log });
    makeSpans(telemetry.tracing, 5);
    await telemetry.close();
    expect(telemetry.counts.traces).toEqual({ sent: 3, failed: 0, rejected: 2, dropped: 0 });
    expect(log.lines).toEqual([
      { event: 'telemetry.failed', signal: 'traces', items: 2, reason: 'too old' },
      { event: 'telemetry.lost', signal: 'traces', dropped: 0, failed: 0, rejected: 2 },
    ]);
  });

  test('that takes only a part of the metrics, too', async () => {
    const partialSuccess = { rejectedDataPoints: 4, errorMessage: 'out of order' };
    await using receiver = await otlpReceiver((response) =>
      response.end(JSON.stringify({ partialSuccess })),
    );
    await using telemetry = await telemetryTo(receiver.url);
    telemetry.watch({ stats: () => runStats(10) });
    await telemetry.close();
    const { rejected, sent } = telemetry.counts.metrics;
    const points = receiver.metrics.flatMap(
      (metric) => (metric.sum ?? metric.gauge ?? metric.exponentialHistogram)!.dataPoints,
    );
    expect(rejected).toBe(4);
    expect(sent).toBe(points.length - 4);
  });

  test('that is down is given up within `closeMsMax`, and everything is counted', async () => {
    const log = rememberingLogger();
    const telemetry = await telemetryTo(await closedUrl(), { log, spansMax: 10, closeMsMax: 50 });
    // Ten are on their way and ten wait.
    makeSpans(telemetry.tracing, 25);
    const startMs = systemClock.monotonic();
    await telemetry.close();
    expect(systemClock.monotonic() - startMs).toBeLessThan(1000);
    expect(telemetry.counts.traces).toEqual({ sent: 0, failed: 20, rejected: 0, dropped: 5 });
    expect(log.lines.at(-1)).toEqual({
      event: 'telemetry.lost',
      signal: 'traces',
      dropped: 5,
      failed: 20,
      rejected: 0,
    });
  });

  test('that is slow fills a queue that is bounded, and what is beyond is dropped and counted', async () => {
    const held: ServerResponse[] = [];
    await using receiver = await otlpReceiver((response) => void held.push(response));
    await using telemetry = await telemetryTo(receiver.url, { spansMax: 8 });
    // A queue that is full is sent at once.
    makeSpans(telemetry.tracing, 8);
    await vi.waitFor(() => expect(held).toHaveLength(1), patience);
    makeSpans(telemetry.tracing, 20);
    expect(telemetry.counts.traces.dropped).toBe(12);
    const closed = telemetry.close();
    held[0]!.end('{}');
    await vi.waitFor(() => expect(held.length).toBeGreaterThan(1), patience);
    for (const response of held.slice(1)) response.end('{}');
    await closed;
    expect(telemetry.counts.traces).toEqual({ sent: 16, failed: 0, rejected: 0, dropped: 12 });
    expect(receiver.spans).toHaveLength(16);
  });

  test('that is there again is sent what there is now, and how often it failed', async () => {
    const answer = (response: ServerResponse, request: number): void =>
      void response.writeHead(request === 0 ? 500 : 200).end('{}');
    await using receiver = await otlpReceiver(answer);
    await using telemetry = await telemetryTo(receiver.url);
    const emitter = new Emitter(silentLogger, systemClock);
    const stats = (): RunStats => ({
      ...runStats(10),
      events: Object.fromEntries(emitter.counts),
    });
    const heard: string[] = [];
    emitter.listen(({ name }) => heard.push(name));
    telemetry.watch({ stats, emit: emitter.emit });
    await telemetry.flush();
    await telemetry.flush();
    // The run that it is of hears of it, and counts it.
    expect(heard).toEqual(['telemetry.failed']);
    const failures = receiver.metrics.find(({ name }) => name === 'millrace.telemetry_failures');
    expect(failures!.sum!.dataPoints).toMatchObject([{ asInt: 1 }]);
  });
});

test('an exporter that does not tell what is refused is said so of, once', async () => {
  const told: unknown[] = [];
  const counter = new ExportCounter<unknown[]>(
    ({ length }) => length,
    (items, reason) => told.push([items, reason]),
  );
  const exporter = {
    export: (_: unknown[], done: (result: { code: number }) => void) => done({ code: 0 }),
  };
  counter.count(exporter);
  for (let at = 0; at < 3; at++) exporter.export([1, 2], () => {});
  expect(told).toEqual([[0, expect.stringContaining('counts as sent')]]);
  expect(counter.sent).toBe(6);
});

describe('the environment', () => {
  test('names receivers, headers and compression, in all and for each signal', async () => {
    await using receiver = await otlpReceiver();
    await using own = await otlpReceiver();
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', receiver.url);
    vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', 'x-key=of-all,x-tenant=plant%201');
    vi.stubEnv('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', `${own.url}/intake`);
    vi.stubEnv('OTEL_EXPORTER_OTLP_TRACES_HEADERS', 'x-key=of-traces');
    vi.stubEnv('OTEL_EXPORTER_OTLP_TRACES_COMPRESSION', 'none');
    await using telemetry = await createTelemetry({ sampleRatio: 1 });
    telemetry.watch({ stats: () => runStats(10) });
    makeSpans(telemetry.tracing, 1);
    await telemetry.close();
    expect(pathsOf(receiver)).toEqual(['/v1/metrics']);
    expect(pathsOf(own)).toEqual(['/intake']);
    expect(receiver.requests[0]!.headers).toMatchObject({
      'x-key': 'of-all',
      'x-tenant': 'plant 1',
      'content-encoding': 'gzip',
    });
    expect(own.requests[0]!.headers).toMatchObject({ 'x-key': 'of-traces', 'x-tenant': 'plant 1' });
    expect(own.requests[0]!.headers['content-encoding']).toBeUndefined();
  });

  test('of a timeout limits an export with its retries', async () => {
    const held: ServerResponse[] = [];
    await using receiver = await otlpReceiver((response) => void held.push(response));
    vi.stubEnv('OTEL_EXPORTER_OTLP_TIMEOUT', '50');
    await using telemetry = await telemetryTo(receiver.url);
    makeSpans(telemetry.tracing, 2);
    await telemetry.flush();
    expect(telemetry.counts.traces).toMatchObject({ sent: 0, failed: 2 });
  });

  test('says that nothing is sent, or one signal only', () => {
    const url = 'http://127.0.0.1:4318';
    const sends = (env: Record<string, string>, options: TelemetryOptions = {}) =>
      settingsOf(options, env).sends;
    const both = { traces: true, metrics: true };
    expect(sends({})).toEqual(both);
    expect(sends({ OTEL_EXPORTER_OTLP_ENDPOINT: url })).toEqual(both);
    expect(sends({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: url })).toEqual({
      traces: false,
      metrics: true,
    });
    expect(sends({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: url }, { endpoint: url })).toEqual(both);
    expect(sends({ OTEL_TRACES_EXPORTER: 'none' })).toEqual({ traces: false, metrics: true });
    expect(sends({ OTEL_METRICS_EXPORTER: 'none' })).toEqual({ traces: true, metrics: false });
    expect(sends({ OTEL_SDK_DISABLED: 'true' }, { endpoint: url })).toEqual({
      traces: false,
      metrics: false,
    });
  });

  test('has a share of the batches and the times between exports', () => {
    const of = (env: Record<string, string>) => {
      const { sampleRatio, metricsEveryMs, spansEveryMs, spansMax } = settingsOf({}, env);
      return { sampleRatio, metricsEveryMs, spansEveryMs, spansMax };
    };
    const usual = { sampleRatio: 0.1, metricsEveryMs: 60_000, spansEveryMs: 5000, spansMax: 2048 };
    expect(of({})).toEqual(usual);
    expect(of({ OTEL_TRACES_SAMPLER: 'always_on' }).sampleRatio).toBe(1);
    expect(of({ OTEL_TRACES_SAMPLER: 'parentbased_always_off' }).sampleRatio).toBe(0);
    expect(
      of({
        OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
        OTEL_TRACES_SAMPLER_ARG: '0.5',
        OTEL_METRIC_EXPORT_INTERVAL: '1000',
        OTEL_BSP_SCHEDULE_DELAY: '200',
        OTEL_BSP_MAX_QUEUE_SIZE: '64',
      }),
    ).toEqual({ sampleRatio: 0.5, metricsEveryMs: 1000, spansEveryMs: 200, spansMax: 64 });
    expect(of({ OTEL_METRIC_EXPORT_INTERVAL: 'soon' })).toEqual(usual);
    expect(of({ OTEL_TRACES_SAMPLER: 'xray' })).toEqual(usual);
  });

  test('disabled, it sends nothing at all', async () => {
    await using receiver = await otlpReceiver();
    vi.stubEnv('OTEL_SDK_DISABLED', 'true');
    await using telemetry = await telemetryTo(receiver.url);
    telemetry.watch({ stats: () => runStats(10) });
    makeSpans(telemetry.tracing, 5);
    await telemetry.close();
    expect(receiver.requests).toEqual([]);
  });
});

test.each([
  [{ sampleRatio: 1.5 }, 'ERR_CONFIG_INVALID [otel] `sampleRatio` cannot be 1.5'],
  [{ spansMax: 0 }, 'ERR_CONFIG_INVALID [otel] `spansMax` cannot be 0'],
  [{ timeoutMs: Number.NaN }, 'ERR_CONFIG_INVALID [otel] `timeoutMs` cannot be NaN'],
  [{ endpoint: 'localhost' }, 'ERR_CONFIG_INVALID [otel] `endpoint` cannot be localhost'],
])('%j is refused', async (options, message) => {
  await expect(createTelemetry(options)).rejects.toThrow(message);
});

describe('the packages', () => {
  test('are optional peers, in the ranges that the source has', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      peerDependencies: Record<string, string>;
      peerDependenciesMeta: Record<string, unknown>;
      devDependencies: Record<string, string>;
    };
    const ours = ([name]: readonly [string, unknown]): boolean =>
      name.startsWith('@opentelemetry/');
    const of = (table: object) => Object.fromEntries(Object.entries(table).filter(ours));
    expect(of(manifest.peerDependencies)).toEqual(otelPeers);
    const optional = Object.keys(otelPeers).map((name) => [name, { optional: true }] as const);
    expect(of(manifest.peerDependenciesMeta)).toEqual(Object.fromEntries(optional));
    expect(Object.keys(of(manifest.devDependencies))).toEqual(Object.keys(otelPeers));
  });

  test('that are missing are named, with what installs them', async () => {
    const code = `
      import { registerHooks } from 'node:module';
      registerHooks({
        resolve(name, context, next) {
          if (name !== '@opentelemetry/sdk-trace') return next(name, context);
          throw new Error("Cannot find package '" + name + "' imported from here");
        },
      });
      const { createTelemetry } = await import('${join(root, 'src/observe/otel.ts')}');
      process.stdout.write(await createTelemetry().catch(({ message }) => message));`;
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--input-type=module',
      '-e',
      code,
    ]);
    const packages = Object.entries(otelPeers).map(([name, range]) => `${name}@${range}`);
    expect(stdout).toBe(
      `ERR_PEER_MISSING [otel] cannot load \`@opentelemetry/sdk-trace\`; npm i ${packages.join(' ')}`,
    );
  });
});
