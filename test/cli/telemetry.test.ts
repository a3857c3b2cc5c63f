import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test, vi } from 'vitest';

import { attributesOf, otlpReceiver } from '../observe/otlp-receiver.ts';
import { millrace, start, temporaryDirectory } from './millrace.ts';

const patience = { timeout: 20_000, interval: 20 };
const rows = Array.from({ length: 100 }, (_, at) => `{"value":${at}}\n`).join('');
const config = `name: sent
source: { file: { path: in.ndjson, schema: { value: float64 } } }
stages: [{ threshold: { field: value, min: 10, max: 90 } }]
sink: { file: { path: out.ndjson } }
`;

function directoryWith(pipeline: string = config): string {
  const cwd = temporaryDirectory();
  writeFileSync(join(cwd, 'in.ndjson'), rows);
  writeFileSync(join(cwd, 'p.yaml'), pipeline);
  return cwd;
}

test('a run sends its spans and its last figures where the environment says', async () => {
  await using receiver = await otlpReceiver();
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_TRACES_SAMPLER: 'always_on',
    OTEL_RESOURCE_ATTRIBUTES: 'service.version=7.1',
  };
  const { code, stderr } = await millrace(['run', 'p.yaml'], { cwd: directoryWith(), env });
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(stderr).not.toContain('telemetry');
  expect(receiver.spans.map(({ name }) => name)).toEqual([
    'receive file',
    'process threshold',
    'send file-2',
  ]);
  const [{ resourceSpans }] = receiver.requests
    .filter(({ path }) => path === '/v1/traces')
    .map(({ body }) => body) as [(typeof receiver.requests)[number]['body']];
  expect(attributesOf(resourceSpans![0]!.resource.attributes)).toMatchObject({
    'service.name': 'millrace',
    // That of the user's service: Millrace's own is that of the scope.
    'service.version': '7.1',
  });
  expect(resourceSpans![0]!.scopeSpans[0]!.scope).toEqual({
    name: 'millrace',
    version: expect.stringMatching(/^\d+\.\d+\.\d+/) as string,
  });
  const rowsOut = receiver.metrics.find(({ name }) => name === 'millrace.rows_out')!;
  expect(
    rowsOut.sum!.dataPoints.map(({ attributes, asInt }) => [
      attributesOf(attributes)['kind'],
      asInt,
    ]),
  ).toEqual([
    ['source', 100],
    ['stage', 81],
    ['sink', 81],
  ]);
});

test('it is the same run where nobody listens, and says what did not arrive', async () => {
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
    OTEL_TRACES_SAMPLER: 'always_on',
  };
  const words = ['run', 'p.yaml', '--report', 'json'];
  const { code, stdout, stderr } = await millrace(words, { cwd: directoryWith(), env });
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ recordsIn: 100, recordsOut: 81 });
  const lines = stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.filter(({ event }) => event === 'telemetry.lost')).toMatchObject([
    { component: 'otel', level: 'WARNING', signal: 'traces', failed: 3 },
    { component: 'otel', level: 'WARNING', signal: 'metrics' },
  ]);
});

test('a receiver that takes nothing holds up the end of a run for seconds, and no longer', async () => {
  await using receiver = await otlpReceiver(() => {});
  const endless =
    'name: sent\nsource: { interval: { everyMs: 20 } }\nsink: { file: { path: out.ndjson } }\n';
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_TRACES_SAMPLER: 'always_on',
    OTEL_BSP_SCHEDULE_DELAY: '20',
  };
  const { child, ended } = start(['run', 'p.yaml'], { cwd: directoryWith(endless), env });
  await vi.waitFor(() => expect(receiver.requests.length).toBeGreaterThan(0), patience);
  child.kill('SIGINT');
  const { code } = await ended;
  expect(code).toBe(0);
});
