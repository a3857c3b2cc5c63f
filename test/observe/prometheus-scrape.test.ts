import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';

import {
  expositionFormat,
  type ExpositionFormat,
  expositionTypes,
  MetricsRegistry,
  prometheusText,
} from '../../src/observe/index.ts';
import { debianPrometheus } from './debian-prometheus.ts';

const deadlineMs = 25_000;
const { prometheus, missing } = { prometheus: '', ...debianPrometheus() };
const registry = new MetricsRegistry();
registry.register('parse "json"\n', { in: 5000, out: 4000, errors: 7, latency: 0.25 });

const served = new Map<string, ExpositionFormat>();
let metrics: Server;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-prometheus-'));
  metrics = createServer(({ url = '', headers }, response) => {
    const format = url === '/text' ? 'text' : expositionFormat(headers.accept);
    served.set(url, format);
    response.setHeader('content-type', expositionTypes[format]);
    response.end(prometheusText(registry, { format }));
  });
  metrics.listen(0, '127.0.0.1');
  await once(metrics, 'listening');
});

afterAll(async () => {
  metrics.closeAllConnections();
  metrics.close();
  await rm(directory, { recursive: true, force: true });
});

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** One that is free now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}

function configuration(target: number): string {
  const job = (name: string, path: string): string =>
    `  - { job_name: ${name}, metrics_path: ${path}, static_configs: [{ targets: ['127.0.0.1:${target}'] }] }`;
  return [
    'global: { scrape_interval: 200ms, scrape_timeout: 200ms }',
    'scrape_configs:',
    job('negotiated', '/metrics'),
    job('text', '/text'),
    '',
  ].join('\n');
}

interface Answer {
  readonly data: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly value: readonly [number, string];
    }[];
  };
}

async function queried(port: number, query: string): Promise<Answer['data']['result']> {
  const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`;
  const response = await fetch(url).catch(() => undefined);
  if (response?.ok !== true) return [];
  return ((await response.json()) as Answer).data.result;
}

test.skipIf(missing !== undefined)(
  `Debian's Prometheus scrapes both formats${missing === undefined ? '' : ` (${missing})`}`,
  async () => {
    const port = await freePort();
    const config = join(directory, 'prometheus.yml');
    await writeFile(config, configuration(portOf(metrics)));
    const child = spawn(
      prometheus,
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(directory, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const ended = once(child, 'exit');
    try {
      const endMs = performance.now() + deadlineMs;
      const errors = 'millrace_observed_errors_total';
      while ((await queried(port, errors)).length < 2) {
        if (performance.now() > endMs || child.exitCode !== null) throw new Error(said);
        await pause(50);
      }
      expect(Object.fromEntries(served)).toEqual({ '/metrics': 'openmetrics', '/text': 'text' });
      const up = await queried(port, 'up');
      expect(up.map(({ value }) => value[1])).toEqual(['1', '1']);
      for (const job of ['negotiated', 'text']) {
        const one = async (query: string): Promise<Answer['data']['result'][number]> =>
          (await queried(port, query))[0]!;
        const { metric, value } = await one(`${errors}{job="${job}"}`);
        expect([metric['stage'], value[1]]).toEqual(['parse "json"\n', '7']);
        const bucket = `millrace_observed_seconds_bucket{job="${job}",le="0.25"}`;
        expect((await one(bucket)).value[1]).toBe('1');
        expect((await one(`millrace_observed_in_total{job="${job}"}`)).value[1]).toBe('5000');
      }
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
  },
);
