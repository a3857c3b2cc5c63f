import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';

import { describe, expect, test, vi } from 'vitest';

import { parseAddress } from '../../src/cli/address.ts';
import type { RunStats } from '../../src/observe/index.ts';
import {
  millrace,
  start,
  type Started,
  type StartOptions,
  temporaryDirectory,
} from './millrace.ts';

const patience = { timeout: 20_000, interval: 20 };
const token = 'an-admin-of-this-test';
const endless =
  'name: served\nsource: { interval: { everyMs: 20 } }\nsink: { file: { path: out.ndjson } }\n';

function startServed(
  words: readonly string[],
  options: StartOptions = {},
): Started & { cwd: string } {
  const cwd = temporaryDirectory();
  writeFileSync(join(cwd, 'p.yaml'), endless);
  return { ...start(['run', 'p.yaml', ...words], { cwd, ...options }), cwd };
}

/** Where it serves, and the URL that signs in. */
async function addressOf({ said }: Started): Promise<{ url: string; launchUrl: string }> {
  return vi.waitFor(() => {
    const line = said.stderr.split('\n').find((text) => text.includes('server.started'));
    expect(line).toBeDefined();
    return JSON.parse(line!) as { url: string; launchUrl: string };
  }, patience);
}

test('`--serve` serves a run, with tokens of its own, and a signal makes it not ready at once', async () => {
  const started = startServed(['--serve', '0', '--report', 'json']);
  const { child, ended, cwd } = started;
  const { url, launchUrl } = await addressOf(started);
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  await vi.waitFor(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200), patience);
  const file = join(cwd, 'state', 'millrace', 'served', 'server-tokens.json');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const tokens = JSON.parse(readFileSync(file, 'utf8')) as { admin: string; read: string };
  const headers = { authorization: `Bearer ${tokens.read}` };
  const metrics = await (await fetch(`${url}/metrics`, { headers })).text();
  expect(metrics).toMatch(/^millrace_build_info\{version="[\d.]+"/m);
  expect(metrics).toMatch(/pipeline="served"/);
  const log = (await (await fetch(`${url}/api/v1/log`, { headers })).json()) as {
    lines: { event: string }[];
  };
  expect(log.lines.map(({ event }) => event)).toContain('run.started');
  expect(JSON.stringify(log)).not.toContain(launchUrl.split('=')[1]);
  const topology = await (await fetch(`${url}/api/v1/topology`, { headers })).text();
  expect(topology).toContain('"id":"interval"');
  expect(await (await fetch(`${url}/api/v1/alerts`, { headers })).json()).toEqual({
    active: [],
    history: [],
  });
  child.kill('SIGTERM');
  const { code, stderr, stdout } = await ended;
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ status: 'stopped' });
  for (const secret of [tokens.admin, tokens.read]) {
    expect(stderr).not.toContain(secret);
    expect(stdout).not.toContain(secret);
  }
  const launch = launchUrl.split('=')[1]!;
  expect(stderr.split(launch)).toHaveLength(2);
  expect(stderr).not.toContain('serving at');
});

describe('in Kubernetes', () => {
  const cluster = { KUBERNETES_SERVICE_HOST: '10.0.0.1' };

  test('a run that is told to end is not ready, and reads and answers for 5 seconds more', async () => {
    const env = { ...cluster, MILLRACE_TOKEN: token };
    const started = startServed(['--serve', '0', '--report', 'json'], { env });
    const { child, ended, said } = started;
    const { url } = await addressOf(started);
    const ready = async (): Promise<number> => (await fetch(`${url}/readyz`)).status;
    await vi.waitFor(async () => expect(await ready()).toBe(200), patience);
    const rows = (): number =>
      readFileSync(join(started.cwd, 'out.ndjson'), 'utf8').split('\n').length;
    child.kill('SIGTERM');
    const toldMs = performance.now();
    await vi.waitFor(async () => expect(await ready()).toBe(503), patience);
    expect(performance.now() - toldMs).toBeLessThan(2500);
    expect(said.stderr).toContain('reading for 5000 ms more');
    const before = rows();
    await vi.waitFor(() => expect(rows()).toBeGreaterThan(before + 50), patience);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    const headers = { authorization: `Bearer ${token}` };
    const snapshot = await (await fetch(`${url}/api/v1/snapshot`, { headers })).json();
    expect((snapshot as RunStats).changes['status']?.entries).toMatchObject([
      { from: 'running', to: 'draining', by: 'SIGTERM' },
    ]);
    const { code, stdout } = await ended;
    expect(performance.now() - toldMs).toBeGreaterThan(4900);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'stopped' });
  });

  test('a second signal does not wait for that, nor does Ctrl+C, nor a pipeline that says so', async () => {
    const runs = (
      [
        ['SIGTERM', 'SIGTERM', [], 143],
        ['SIGINT', undefined, [], 0],
        ['SIGTERM', undefined, ['--set', 'drainDelayMs=0'], 0],
      ] as const
    ).map(async ([first, second, words, code]) => {
      const env = { ...cluster, MILLRACE_TOKEN: token };
      const { child, ended, said } = startServed(words, { env });
      await vi.waitFor(() => expect(said.stderr).toContain('run.started'), patience);
      child.kill(first);
      const toldMs = performance.now();
      await vi.waitFor(() => expect(said.stderr).toContain('stopping'), patience);
      if (second !== undefined) child.kill(second);
      expect((await ended).code).toBe(code);
      return performance.now() - toldMs;
    });
    for (const tookMs of await Promise.all(runs)) expect(tookMs).toBeLessThan(4900);
  });
});

test('the same tokens are kept for the next start, and the launch code is another', async () => {
  const cwd = temporaryDirectory();
  writeFileSync(join(cwd, 'p.yaml'), endless);
  const urls: string[] = [];
  const kept: string[] = [];
  for (let at = 0; at < 2; at++) {
    const started = start(['run', 'p.yaml', '--serve', '0'], { cwd });
    urls.push((await addressOf(started)).launchUrl.split('=')[1]!);
    kept.push(readFileSync(join(cwd, 'state/millrace/served/server-tokens.json'), 'utf8'));
    started.child.kill('SIGTERM');
    await started.ended;
  }
  expect(kept[0]).toBe(kept[1]);
  expect(urls[0]).not.toBe(urls[1]);
});

test.skipIf(process.getuid?.() === undefined)(
  'a run that was given its token is served where there is no place to keep its address',
  async () => {
    const cwd = temporaryDirectory();
    writeFileSync(join(cwd, 'p.yaml'), endless);
    writeFileSync(join(cwd, 'no-directory'), '');
    const env = { MILLRACE_TOKEN: token, XDG_STATE_HOME: join(cwd, 'no-directory') };
    const started = start(['run', 'p.yaml', '--serve', '0'], { cwd, env });
    const { url } = await addressOf(started);
    const headers = { authorization: `Bearer ${token}` };
    expect((await fetch(`${url}/api/v1/snapshot`, { headers })).status).toBe(200);
    started.child.kill('SIGTERM');
    expect((await started.ended).code).toBe(0);
    expect(started.said.stderr).not.toContain('server.failed');
  },
);

test('where it serves is kept beside its tokens for as long as it does, and of a run that was killed', async () => {
  const cwd = temporaryDirectory();
  writeFileSync(join(cwd, 'p.yaml'), endless);
  const file = join(cwd, 'state/millrace/served/server-address.json');
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const started = start(['run', 'p.yaml', '--serve', '0'], { cwd });
    const { url } = await addressOf(started);
    const { child, ended } = started;
    const kept = { url, pid: child.pid };
    await vi.waitFor(
      () => expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject(kept),
      patience,
    );
    expect(statSync(file).mode & 0o777).toBe(0o600);
    child.kill(signal);
    await ended;
    expect(existsSync(file)).toBe(signal === 'SIGKILL');
  }
});

test.each([
  [['--serve', '0.0.0.0:0'], {}, 78, 'no token was given'],
  [['--serve', '0.0.0.0:0', '--insecure-http'], {}, 78, 'no token was given'],
  [['--serve', '0.0.0.0:0'], { MILLRACE_TOKEN: token }, 78, '--insecure-http'],
  [['--serve', '[::]:0'], { MILLRACE_TOKEN: token }, 78, '--insecure-http'],
  [['--serve', '0'], { MILLRACE_TOKEN: 'short' }, 78, 'at least 16 characters'],
  [['--serve', 'x:y'], {}, 2, 'Write a port'],
  [['--serve', '0', '--tls-cert', 'p.yaml'], {}, 2, '--tls-cert and --tls-key go together'],
] as const)('%s %s ends with %i before anything flows', async (words, env, code, text) => {
  const { ended, cwd } = startServed(words, { env });
  const { code: ended_, stderr } = await ended;
  expect(stderr).toContain(text);
  expect(ended_).toBe(code);
  expect(existsSync(join(cwd, 'out.ndjson'))).toBe(false);
});

test('an address that other machines reach is served with a token and the word for it', async () => {
  const started = startServed(['--serve', '0.0.0.0:0', '--insecure-http'], {
    env: { MILLRACE_TOKEN: token },
  });
  const { url } = await addressOf(started);
  const headers = { authorization: `Bearer ${token}` };
  await vi.waitFor(
    async () => expect((await fetch(`${url}/api/v1/snapshot`, { headers })).status).toBe(200),
    patience,
  );
  expect(existsSync(join(started.cwd, 'state/millrace/served/server-tokens.json'))).toBe(false);
});

test('a port that is taken ends it with 1 before anything is opened, and says what to do', async () => {
  const first = startServed(['--serve', '0']);
  const { url } = await addressOf(first);
  const { host, port } = new URL(url);
  const cwd = temporaryDirectory();
  writeFileSync(join(cwd, 'p.yaml'), endless);
  writeFileSync(join(cwd, 'out.ndjson'), 'of an earlier run\n');
  const words = ['run', 'p.yaml', '--serve', port, '--report-file', 'report.json'];
  const { code, stderr, stdout } = await millrace(words, { cwd });
  const text = `millrace: ERR_SERVER_LISTEN [${host}] another server listens there; choose another address, or port 0 for any that is free\n`;
  expect([code, stdout, stderr]).toEqual([1, '', text]);
  expect(readFileSync(join(cwd, 'out.ndjson'), 'utf8')).toBe('of an earlier run\n');
  expect(existsSync(join(cwd, 'report.json'))).toBe(false);
});

test('tokens that others may read end it with 78 before anything is opened', async () => {
  const cwd = temporaryDirectory();
  writeFileSync(join(cwd, 'p.yaml'), endless);
  const directory = join(cwd, 'state/millrace/served');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(join(directory, 'server-tokens.json'), '{}', { mode: 0o644 });
  const { code, stderr } = await millrace(['run', 'p.yaml', '--serve', '0'], { cwd });
  expect([code, stderr]).toEqual([78, expect.stringContaining('is open to other users')]);
  expect(existsSync(join(cwd, 'out.ndjson'))).toBe(false);
});

const hasOpenssl = existsSync('/usr/bin/openssl');

test.skipIf(!hasOpenssl)('a certificate and its key make it HTTPS', async () => {
  const cwd = temporaryDirectory();
  writeFileSync(join(cwd, 'p.yaml'), endless);
  execFileSync(
    'openssl',
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 1 -subj /CN=localhost'.split(
      ' ',
    ),
    { cwd, stdio: 'ignore' },
  );
  const words = ['run', 'p.yaml', '--serve', '0', '--tls-cert', 'cert.pem', '--tls-key', 'key.pem'];
  const started = start(words, { cwd });
  const { url } = await addressOf(started);
  expect(url).toMatch(/^https:/);
  const ca = readFileSync(join(cwd, 'cert.pem'));
  const options = { ca, servername: 'localhost', headers: { host: 'localhost' } };
  const status = await new Promise((resolve, reject) => {
    request(`${url}/livez`, options, ({ statusCode }) => resolve(statusCode))
      .on('error', reject)
      .end();
  });
  expect(status).toBe(200);
});

test('without `--serve` nothing listens and no token is made', async () => {
  const cwd = temporaryDirectory();
  writeFileSync(join(cwd, 'p.yaml'), endless);
  const { code, stderr } = await millrace(['run', 'p.yaml', '--max-records', '5'], { cwd });
  expect([code, stderr.includes('serving')]).toEqual([0, false]);
  expect(existsSync(join(cwd, 'state/millrace/served/server-tokens.json'))).toBe(false);
});

test.each([
  ['7420', { host: '127.0.0.1', port: 7420 }],
  ['0.0.0.0:1', { host: '0.0.0.0', port: 1 }],
  ['[::1]:65535', { host: '::1', port: 65_535 }],
  ['mill.example:80', { host: 'mill.example', port: 80 }],
  ['65536', undefined],
  ['', undefined],
  [':80', undefined],
  ['::1:80', undefined],
  ['http://localhost:80', undefined],
  ['-1', undefined],
])('an address is written as `[host:]port`: %j', (text, address) => {
  expect(parseAddress(text)).toEqual(address);
});
