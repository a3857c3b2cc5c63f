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
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { describe, expect, onTestFinished, test } from 'vitest';

import { type Clock, VirtualClock } from '../../src/core/index.ts';
import { MetricsRegistry } from '../../src/observe/index.ts';
import { Access, type AccessParts, digestOf, type Opened } from '../../src/server/access.ts';
import { serve } from '../../src/server/index.ts';
import { routes } from '../../src/server/routes.ts';
import { keptSessionKey } from '../../src/server/session-key.ts';
import { keptTokens } from '../../src/server/tokens.ts';
import { admin, endlessRun, reader, served } from './served.ts';

const wrong = 'a-token-of-nobody-at-all';
const hourMs = 3_600_000;
const ownPage = { 'sec-fetch-site': 'same-origin' };

/** In bytes, of what is still in use. */
function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

function valueOf(opened: Opened): string {
  return (opened as { cookie: string }).cookie.split(';')[0]!;
}

const bodies: Readonly<Record<string, string>> = {
  '/api/v1/log-level': '{"level":"INFO"}',
  '/api/v1/alert-limits': '{"rule":"figure","limits":{"warn":6}}',
};

describe('every route', () => {
  test(
    'asks for the token that it needs, and there are no others',
    { timeout: 120_000 },
    async () => {
      const parts = {
        manifest: () => ({}),
        flightRecorder: () => ({}),
      };
      // The last of them ends the run, and to open a session asks for no token.
      const order = routes.filter(
        ({ method, path }) => !/drain/.test(path) && !(method === 'POST' && /session/.test(path)),
      );
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
        'GET /api/v1/history',
        'GET /api/v1/breakers',
        'GET /api/v1/log',
        'GET /api/v1/flight-recorder',
        'GET /api/v1/data',
        'GET /api/v1/events',
        'GET /api/v1/openapi.json',
        'POST /api/v1/pause',
        'POST /api/v1/resume',
        'POST /api/v1/drain',
        'POST /api/v1/log-level',
        'POST /api/v1/alert-limits',
        'GET /api/v1/session',
        'POST /api/v1/session',
      ]);
    },
  );

  test('has its methods; nothing of a debugger, a heap or a profile is served', async () => {
    const { ask } = await served();
    for (const { path } of routes) {
      const methods = routes.filter((route) => route.path === path).map(({ method }) => method);
      const other = ['GET', 'POST', 'PUT'].find((method) => !methods.includes(method as 'GET'))!;
      const answer = await ask(path, { method: other });
      const allowed = methods.join(', ');
      expect([path, answer.status, answer.headers.get('allow')]).toEqual([path, 405, allowed]);
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
  const sessions = { key: 'a key', cookie };
  const bearer = (token: string) => new Headers({ authorization: `Bearer ${token}` });
  const accessAt = (clock: Clock, parts: Partial<AccessParts> = {}): Access =>
    new Access({ clock, digests, sessions, ...parts });
  const nobody = { role: null };

  test('may be guessed ten times a minute from one address', async () => {
    const clock = new VirtualClock();
    const access = accessAt(clock);
    for (let at = 0; at < 10; at++) expect(access.identify(bearer(wrong), 'a')).toEqual(nobody);
    expect(access.identify(bearer(wrong), 'a')).toBe('limited');
    expect(access.openSession(wrong, 'a')).toBe('limited');
    expect(access.identify(bearer(wrong), 'b')).toEqual(nobody);
    expect(access.identify(bearer(admin), 'a')).toEqual({ role: 'admin', by: 'token' });
    expect(access.openSession('launch', 'a')).toHaveProperty('cookie');
    expect(access.identify(new Headers(), 'a')).toEqual(nobody);
    await clock.sleep(60_001);
    expect(access.identify(bearer(wrong), 'a')).toEqual(nobody);
  });

  test('that is guessed from many addresses takes no more memory for it', () => {
    const access = accessAt(new VirtualClock());
    const before = heapUsed();
    for (let at = 0; at < 50_000; at++) access.identify(bearer(wrong), `address-${at}`);
    expect(heapUsed() - before).toBeLessThan(3e6);
    // What is measured must not be collected before.
    expect(access.identify(bearer(wrong), 'address')).toEqual(nobody);
  });

  test('is swapped for a cookie that scripts and other pages do not have; a launch code once', async () => {
    const clock = new VirtualClock();
    const access = accessAt(clock);
    const opened = access.openSession('launch', 'a');
    expect(opened).toEqual({
      untilMs: clock.now() + 12 * hourMs,
      cookie: expect.stringMatching(
        /^millrace-1=\d+\.\d+\.[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/,
      ) as string,
    });
    expect(access.openSession('launch', 'a')).toBe('nobody');
    const value = (opened as { cookie: string }).cookie.split(';')[0]!;
    const headers = new Headers({ cookie: `other=1; ${value}` });
    const untilMs = clock.now() + 12 * hourMs;
    expect(access.identify(headers, 'a')).toEqual({ role: 'admin', by: 'cookie', untilMs });
    expect(access.identify(new Headers({ cookie: `${value}x` }), 'a')).toEqual({
      role: null,
      lapse: 'foreign',
    });
    await clock.sleep(12 * hourMs + 1);
    expect(access.identify(headers, 'a')).toEqual({ role: null, lapse: 'expired' });
  });

  describe('has sessions', () => {
    const clock = new VirtualClock();
    const cookieOf = (access: Access, secret: string): string =>
      valueOf(access.openSession(secret, 'a'));
    const others = { admin: digestOf('another-admin-of-it'), read: digestOf(reader) };
    const roleOf = (access: Access, value: string): unknown =>
      (access.identify(new Headers({ cookie: value }), 'a') as { role: unknown }).role;
    const foreign = { role: null, lapse: 'foreign' };

    test('that outlive a restart with the same token, each of its role, and die with the token', () => {
      const before = accessAt(clock);
      const values = [admin, reader, 'launch'].map((secret) => cookieOf(before, secret));
      const after = accessAt(clock, { digests: { ...digests, launch: digestOf('another') } });
      expect(values.map((value) => roleOf(after, value))).toEqual(['admin', 'read', 'admin']);
      const changed = accessAt(clock, { digests: others });
      expect(values.map((value) => roleOf(changed, value))).toEqual([null, 'read', null]);
      const elsewhere = accessAt(clock, { sessions: { ...sessions, key: 'another key' } });
      expect(values.map((value) => roleOf(elsewhere, value))).toEqual([null, null, null]);
    });

    test('that do not tell who has the cookie what the token may be', () => {
      // Whoever guesses the token and has the cookie of one server can seal as if there were no key.
      const [one, other] = ['a key', 'another key'].map((key) =>
        cookieOf(accessAt(clock, { sessions: { ...sessions, key } }), admin),
      );
      expect(one!.split('.').slice(0, 2)).toEqual(other!.split('.').slice(0, 2));
      expect(one).not.toBe(other);
    });

    test('that nobody makes, prolongs or takes elsewhere', () => {
      const access = accessAt(clock);
      const value = cookieOf(access, reader);
      const [, opened = '', until = '', seal = ''] = /=(\d+)\.(\d+)\.(.*)$/.exec(value)!;
      const later = Number(until) + 1;
      for (const forged of [
        `${opened}.${later}.${seal}`,
        `${later}.${until}.${seal}`,
        `0${opened}.${until}.${seal}`,
        `${opened}.${until}`,
        `${opened}.${until}.`,
        `.${until}.${seal}`,
        `${until}.${seal}`,
        `${opened}.${until}.${seal.toLowerCase()}`,
        `${opened}.${until}.${seal.slice(0, -1)}`,
        `${opened}.${until}.${seal}=`,
        `${opened}.${until}.${digestOf(reader)}`,
        `${opened}.Infinity.${seal}`,
        '',
      ]) {
        const headers = new Headers({ cookie: `millrace-1=${forged}` });
        expect([forged, access.identify(headers, 'a')]).toEqual([forged, foreign]);
      }
      const named = { ...sessions, cookie: { ...cookie, name: 'millrace-2' } };
      const elsewhere = accessAt(clock, { sessions: named });
      const asked = (text: string) => elsewhere.identify(new Headers({ cookie: text }), 'a');
      expect(asked(value)).toEqual(nobody);
      expect(asked(value.replace('-1=', '-2='))).toEqual(foreign);
    });

    test('whatever else of their name a page of another port has set', () => {
      const access = accessAt(clock);
      const value = cookieOf(access, reader);
      expect(roleOf(access, `millrace-1=junk; ${value}`)).toBe('read');
      expect(roleOf(access, `${value}; millrace-1=junk`)).toBe('read');
      expect(access.identify(new Headers({ cookie: 'millrace-1=junk; millrace-1=' }), 'a')).toEqual(
        foreign,
      );
    });

    test('that go on while they are used, for thirty days', async () => {
      const later = new VirtualClock();
      const access = accessAt(later);
      let value = cookieOf(access, admin);
      const openedMs = later.now();
      const renewed = () => access.renewSession(new Headers({ cookie: value }));
      for (let hours = 6; hours < 30 * 24; hours += 6) {
        await later.sleep(6 * hourMs);
        value = valueOf(renewed());
        const { untilMs } = access.identify(new Headers({ cookie: value }), 'a') as {
          untilMs: number;
        };
        const wholeMs = Math.min(hours + 12, 30 * 24) * hourMs;
        expect([hours, untilMs - openedMs]).toEqual([hours, wholeMs]);
      }
      await later.sleep(6 * hourMs);
      expect(renewed()).toBe('nobody');
      expect(access.renewSession(new Headers())).toBe('nobody');
      expect(access.renewSession(bearer(admin))).toBe('nobody');
    });

    test('that last no longer where the clock is set back', async () => {
      const ahead = new VirtualClock(clock.now() + 24 * hourMs);
      const value = cookieOf(accessAt(ahead), admin);
      const headers = new Headers({ cookie: value });
      expect(accessAt(clock).identify(headers, 'a')).toEqual({ role: null, lapse: 'expired' });
      expect(accessAt(clock).renewSession(headers)).toBe('nobody');
      // A clock is set by seconds now and then.
      const slightly = new VirtualClock(clock.now() + 5000);
      expect(roleOf(accessAt(clock), cookieOf(accessAt(slightly), admin))).toBe('admin');
    });
  });

  test('whose session is over is told why, and is not taken for one that guesses', async () => {
    const { ask } = await served();
    const told = async (cookies: string): Promise<unknown> => {
      const headers = { cookie: cookies };
      return (await ask('/api/v1/session', { token: null, headers })).json();
    };
    const post = (body: object, cookies: string, headers: object = ownPage): Promise<Response> =>
      ask('/api/v1/session', {
        method: 'POST',
        token: null,
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', cookie: cookies, ...headers },
      });
    const opened = await post({ secret: reader }, '');
    const [value = ''] = opened.headers.get('set-cookie')!.split(';');
    const role = { role: 'read', leftMs: expect.closeTo(12 * hourMs, -5) as number };
    expect(await told(value)).toEqual(role);
    expect(await told('')).toEqual({ role: null });
    for (let at = 0; at < 20; at++) {
      expect(await told(`${value}x`)).toEqual({ role: null, lapse: 'foreign' });
    }
    expect((await ask('/api/v1/snapshot', { token: wrong })).status).toBe(401);
    const renewed = await post({}, value);
    expect(await told(renewed.headers.get('set-cookie')!.split(';')[0]!)).toEqual(role);
    // Neither what is no session, nor another page, has one go on.
    expect((await post({}, `${value}x`)).status).toBe(401);
    expect((await post({}, value, { 'sec-fetch-site': 'same-site' })).status).toBe(403);
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

  test('have a key beside them that makes sessions, and is no token', async () => {
    const state = directory();
    const key = await keptSessionKey(state);
    expect(key).toMatch(/^[\w-]{43}$/);
    expect(Object.values(await keptTokens(state))).not.toContain(key);
    expect(await keptSessionKey(state)).toBe(key);
    const file = join(state, 'server-session.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    writeFileSync(file, '{"key":""}');
    await expect(keptSessionKey(state)).rejects.toMatchObject({ place: file });
    chmodSync(file, 0o644);
    await expect(keptSessionKey(state)).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' });
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
