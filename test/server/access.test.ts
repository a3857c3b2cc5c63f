import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, onTestFinished, test } from 'vitest';

import { VirtualClock } from '../../src/core/index.ts';
import { MetricsRegistry } from '../../src/observe/index.ts';
import { Access, digestOf } from '../../src/server/access.ts';
import { serve } from '../../src/server/index.ts';
import { routes } from '../../src/server/routes.ts';
import { keptTokens } from '../../src/server/tokens.ts';
import { admin, endlessRun, reader, served } from './served.ts';

const wrong = 'a-token-of-nobody-at-all';
const bodies: Readonly<Record<string, string>> = {
  '/api/v1/log-level': '{"level":"INFO"}',
  '/api/v1/alert-limits': '{"rule":"figure","limits":{"warn":6}}',
};

describe('every route', () => {
  test('asks for the token that it needs, and there are no others', async () => {
    const parts = {
      manifest: () => ({}),
      flightRecorder: () => ({}),
    };
    // The last of them ends the run, and a session asks for no token.
    const order = routes.filter(({ path }) => !/drain|session/.test(path));
    for (const { method, path, access } of [
      ...order,
      ...routes.filter(({ path }) => /drain/.test(path)),
    ]) {
      // A server for each: wrong tokens are counted.
      const { ask } = await served(parts);
      const statusFor = async (token: string | null): Promise<number> => {
        const body = bodies[path] ?? null;
        const headers = method === 'POST' ? { 'content-type': 'application/json' } : {};
        const answer = await ask(path, { method, token, body, headers });
        await answer.body?.cancel();
        return answer.status;
      };
      const statuses = [
        await statusFor(null),
        await statusFor(wrong),
        await statusFor(reader),
        await statusFor(admin),
      ];
      const wanted = {
        anybody: [200, 200, 200, 200],
        read: [401, 401, 200, 200],
        admin: [401, 401, 403, 200],
      }[access];
      expect([method, path, ...statuses]).toEqual([method, path, ...wanted]);
    }
    expect(routes.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /livez',
      'GET /readyz',
      'GET /startupz',
      'GET /metrics',
      'GET /api/v1/snapshot',
      'GET /api/v1/topology',
      'GET /api/v1/manifest',
      'GET /api/v1/health',
      'GET /api/v1/alerts',
      'GET /api/v1/log',
      'GET /api/v1/flight-recorder',
      'GET /api/v1/events',
      'GET /api/v1/openapi.json',
      'POST /api/v1/pause',
      'POST /api/v1/resume',
      'POST /api/v1/drain',
      'POST /api/v1/log-level',
      'POST /api/v1/alert-limits',
      'POST /api/v1/session',
    ]);
  });

  test('has one method; nothing of a debugger, a heap or a profile is served', async () => {
    const { ask } = await served();
    for (const { method, path } of routes) {
      const other = method === 'GET' ? 'POST' : 'GET';
      const answer = await ask(path, { method: other });
      expect([path, answer.status, answer.headers.get('allow')]).toEqual([path, 405, method]);
    }
    for (const path of [
      '/debug/pprof',
      '/heap',
      '/json/list',
      '/inspector',
      '/api/v1/eval',
      '/healthz',
      '/api/v1/pipelines',
      '/favicon.ico',
    ]) {
      expect((await ask(path)).status).toBe(404);
    }
  });

  test('of a run that has no such thing says so', async () => {
    const { ask } = await served();
    for (const path of ['/api/v1/manifest', '/api/v1/flight-recorder']) {
      const answer = await ask(path);
      expect([path, answer.status]).toEqual([path, 404]);
      expect(await answer.json()).toMatchObject({ error: { code: 'absent' } });
    }
  });
});

test('metrics are public only where that was asked for, in the format that was', async () => {
  const registry = new MetricsRegistry();
  const { ask } = await served({ publicMetrics: true, registries: [registry] });
  const answer = await ask('/metrics', { token: null });
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const text = await answer.text();
  expect(text).toMatch(/^millrace_build_info\{version="[\d.]+",node="24\.[\d.]+"\} 1$/m);
  expect(text).toMatch(/pipeline="served"/);
  const headers = { accept: 'application/openmetrics-text;version=1.0.0' };
  const open = await ask('/metrics', { token: null, headers });
  expect(open.headers.get('content-type')).toContain('application/openmetrics-text');
  expect(await open.text()).toMatch(/# EOF\n$/);
  expect((await ask('/api/v1/snapshot', { token: null })).status).toBe(401);
});

describe('a token', () => {
  const digests = { admin: digestOf(admin), read: digestOf(reader), launch: digestOf('launch') };
  const cookie = { name: 'millrace-1', isSecure: false };
  const bearer = (token: string) => new Headers({ authorization: `Bearer ${token}` });

  test('may be guessed ten times a minute from one address', async () => {
    const clock = new VirtualClock();
    const access = new Access(clock, digests, cookie);
    for (let at = 0; at < 10; at++) expect(access.identify(bearer(wrong), 'a')).toBe('nobody');
    expect(access.identify(bearer(wrong), 'a')).toBe('limited');
    expect(access.openSession(wrong, 'a')).toBe('limited');
    expect(access.identify(bearer(wrong), 'b')).toBe('nobody');
    expect(access.identify(bearer(admin), 'a')).toEqual({ role: 'admin', by: 'token' });
    expect(access.openSession('launch', 'a')).toHaveProperty('cookie');
    expect(access.identify(new Headers(), 'a')).toBe('nobody');
    await clock.sleep(60_001);
    expect(access.identify(bearer(wrong), 'a')).toBe('nobody');
  });

  test('that is guessed from many addresses takes no more memory for it', () => {
    const access = new Access(new VirtualClock(), digests, cookie);
    const before = process.memoryUsage().heapUsed;
    for (let at = 0; at < 50_000; at++) access.identify(bearer(wrong), `address-${at}`);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(30e6);
  });

  test('is swapped for a cookie that scripts and other pages do not have; a launch code once', async () => {
    const clock = new VirtualClock();
    const access = new Access(clock, digests, cookie);
    const opened = access.openSession('launch', 'a');
    expect(opened).toEqual({
      cookie: expect.stringMatching(
        /^millrace-1=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/,
      ) as string,
    });
    expect(access.openSession('launch', 'a')).toBe('nobody');
    const value = (opened as { cookie: string }).cookie.split(';')[0]!;
    const headers = new Headers({ cookie: `other=1; ${value}` });
    expect(access.identify(headers, 'a')).toEqual({ role: 'admin', by: 'cookie' });
    expect(access.identify(new Headers({ cookie: `${value}x` }), 'a')).toBe('nobody');
    await clock.sleep(12 * 3_600_000 + 1);
    expect(access.identify(headers, 'a')).toBe('nobody');
  });

  test('that fails over the wire ten times in a minute is answered with 429', async () => {
    const { ask } = await served();
    for (let at = 0; at < 10; at++) {
      expect((await ask('/api/v1/snapshot', { token: wrong })).status).toBe(401);
    }
    expect((await ask('/api/v1/snapshot')).status).toBe(200);
    const limited = await ask('/api/v1/snapshot', { token: wrong });
    expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '60']);
    // Probes need none, and an attacker takes them from nobody.
    expect((await ask('/livez', { token: null })).status).toBe(200);
  });
});

describe('tokens that are kept', () => {
  const directory = (): string => {
    const made = mkdtempSync(join(tmpdir(), 'millrace-tokens-'));
    onTestFinished(() => rmSync(made, { recursive: true, force: true }));
    return join(made, 'state');
  };

  test('are made once, for their owner alone', async () => {
    const state = directory();
    const tokens = await keptTokens(state);
    expect(tokens.admin).toMatch(/^[\w-]{43}$/);
    expect(tokens.read).toMatch(/^[\w-]{43}$/);
    expect(tokens.read).not.toBe(tokens.admin);
    expect(await keptTokens(state)).toEqual(tokens);
    const file = join(state, 'server-tokens.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(state).mode & 0o777).toBe(0o700);
  });

  test.each([
    ['may be read by others', (file: string) => chmodSync(file, 0o644), 'open to other users'],
    ['hold nothing', (file: string) => writeFileSync(file, '{}'), 'holds no tokens'],
    [
      'may be guessed',
      (file: string) => writeFileSync(file, '{"admin":"short"}'),
      'at least 16 characters',
    ],
    [
      'are the same',
      (file: string) => writeFileSync(file, JSON.stringify({ admin, read: admin })),
      'that of an admin',
    ],
    ['are no JSON', (file: string) => writeFileSync(file, 'hunter2'), 'holds no tokens'],
    [
      'are a link',
      (file: string) => {
        const text = readFileSync(file);
        writeFileSync(`${file}.other`, text, { mode: 0o600 });
        rmSync(file);
        symlinkSync(`${file}.other`, file);
      },
      'is a link',
    ],
  ])('and %s are refused', async (_, spoil, fact) => {
    const state = directory();
    await keptTokens(state);
    spoil(join(state, 'server-tokens.json'));
    await expect(keptTokens(state)).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      place: join(state, 'server-tokens.json'),
      fact: expect.stringContaining(fact) as string,
    });
  });

  test('in a directory that everybody may write to are refused', async () => {
    const state = directory();
    await keptTokens(state);
    chmodSync(state, 0o777);
    await expect(keptTokens(state)).rejects.toThrow();
  });
});

describe('an address that other machines reach', () => {
  test.each([
    ['without a token', { token: undefined }],
    ['with a token and without TLS', { token: admin }],
    ['with a token that may be guessed', { token: 'short', insecureHttp: true }],
    ['with one token for both roles', { token: admin, readToken: admin, insecureHttp: true }],
    ['with a blank in the token', { token: 'a token of this test', insecureHttp: true }],
    ['without a token, though HTTP is allowed', { token: undefined, insecureHttp: true }],
  ])('%s is refused', async (_, { token, ...options }) => {
    const { run } = await endlessRun();
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'mill.example']) {
      const refused = serve(run, {
        host,
        port: 0,
        ...(token !== undefined && { token }),
        ...options,
      });
      await expect(refused).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' });
    }
  });

  test('with a token and the word for it is served, at all names that it has', async () => {
    const { server, ask } = await served({ host: '0.0.0.0', insecureHttp: true });
    expect(server.url).toMatch(/^http:\/\/localhost:\d+$/);
    expect((await ask('/livez')).status).toBe(200);
    const port = new URL(server.url).port;
    expect((await fetch(`http://127.0.0.1:${port}/livez`)).status).toBe(200);
  });

  test('and is taken, or not ours, is told as that', async () => {
    const { port, run } = await served();
    await expect(serve(run, { port, token: admin })).rejects.toMatchObject({
      code: 'ERR_SERVER_LISTEN',
      fact: 'another server listens there',
    });
    const elsewhere = { host: '192.0.2.1', port: 0, token: admin, insecureHttp: true };
    await expect(serve(run, elsewhere)).rejects.toMatchObject({ code: 'ERR_SERVER_LISTEN' });
  });
});
