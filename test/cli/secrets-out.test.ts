import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { expect, test, vi } from 'vitest';

import { otlpReceiver } from '../observe/otlp-receiver.ts';
import { canaries, canaryEnvironment, expectNoCanary } from './canaries.ts';
import { start, temporaryDirectory } from './millrace.ts';

const patience = { timeout: 20_000, interval: 50 };
const token = 'an-admin-of-this-test';

/** Ends the process from outside of any component, with every canary in its message. */
const crash = `import { existsSync } from 'node:fs';
setInterval(() => {
  if (!existsSync('crash-now')) return;
  const all = Object.keys(process.env).filter((name) => name.startsWith('CANARY_'));
  throw new Error('crashed by ' + all.map((name) => process.env[name]).join(' and '));
}, 20);`;

const config = `name: canaries
source: { interval: { everyMs: 5 } }
stages:
  - rename: { fields: { tick: "\${env:CANARY_0}" } }
${canaries.map((_, at) => `  - derive: { v${at}: { kind: float64, value: '1' } }\n  - rename: { fields: { v${at}: "f\${env:CANARY_${at}}" } }`).join('\n')}
sinks:
  main: { file: { path: out.ndjson } }
  lost:
    file: { path: "no/such/${canaries.map((_, at) => `\${env:CANARY_${at}}`).join('/')}/out.ndjson" }
    required: false
    overflow: dropOldest
    resilience: { breaker: { opens: { consecutiveFailures: 1 } } }
`;

/** What of a stream came until it has that text. */
async function streamUntil(stream: ReadableStream<Uint8Array>, until: string): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes(until)) break;
  }
  return text;
}

test('a run that fails, and then crashes, tells no resolved value in any way out', async () => {
  await using receiver = await otlpReceiver();
  const cwd = temporaryDirectory();
  mkdirSync(join(cwd, 'no'));
  writeFileSync(join(cwd, 'no', 'such'), 'not a directory');
  writeFileSync(join(cwd, 'p.yaml'), config);
  writeFileSync(join(cwd, 'crash.mjs'), crash);
  const { ended, said } = start(['run', 'p.yaml', '--serve', '0', '--log-level', 'debug'], {
    cwd,
    env: {
      ...canaryEnvironment,
      MILLRACE_TOKEN: token,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_TRACES_SAMPLER: 'always_on',
      OTEL_METRIC_EXPORT_INTERVAL: '200',
      OTEL_BSP_SCHEDULE_DELAY: '100',
      NODE_OPTIONS: `--import ${pathToFileURL(join(cwd, 'crash.mjs')).href}`,
    },
  });
  const url = await vi.waitFor(() => /"url":"([^"]+)"/.exec(said.stderr)![1]!, patience);
  const ask = (path: string): Promise<Response> =>
    fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } });
  const textOf = async (path: string): Promise<string> => (await ask(path)).text();

  await vi.waitFor(async () => {
    expect(await textOf('/api/v1/snapshot')).toContain('"degraded":{"lost"');
  }, patience);
  const live = await ask('/api/v1/events');
  const heard = streamUntil(live.body!, 'run.paused');
  await fetch(`${url}/api/v1/pause`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  });
  const paths = ['snapshot', 'topology', 'manifest', 'health', 'alerts', 'log', 'flight-recorder'];
  const answers = await Promise.all([
    ...paths.map((path) => textOf(`/api/v1/${path}`)),
    textOf('/metrics'),
    heard,
  ]);
  expect(answers[6]).toContain('component.degraded');
  await vi.waitFor(() => {
    const sent = new Set(receiver.requests.map(({ path }) => path));
    expect(sent).toEqual(new Set(['/v1/traces', '/v1/metrics']));
  }, patience);

  writeFileSync(join(cwd, 'crash-now'), '');
  const { code, stdout, stderr } = await ended;
  expect(code).toBe(1);
  const flights = join(cwd, 'state', 'millrace', 'canaries', 'flight');
  expect(existsSync(flights)).toBe(true);
  const files = readdirSync(flights).map((name) => readFileSync(join(flights, name), 'utf8'));
  expect(files.at(-1)).toContain('crashed by ${env:CANARY_0} and ');
  const received = receiver.requests.map(({ body }) => JSON.stringify(body));
  expectNoCanary([...answers, ...files, ...received, stdout, stderr]);
});
