import { once } from 'node:events';
import { connect } from 'node:net';

import { describe, expect, test, vi } from 'vitest';

import type { RunStats } from '../../src/observe/index.ts';
import { routes } from '../../src/server/routes.ts';
import { admin, patience, raw, reader, type Served, served, statusOf } from './served.ts';

const json = { 'content-type': 'application/json' };

/** Swaps a token for a cookie, as a page of the server does. */
async function cookieOf({ ask, server }: Served): Promise<string> {
  const answer = await ask('/api/v1/session', {
    method: 'POST',
    token: null,
    headers: { ...json, origin: server.url },
    body: JSON.stringify({ secret: admin }),
  });
  expect(answer.status).toBe(200);
  return answer.headers.get('set-cookie')!.split(';')[0]!;
}

describe('a command', () => {
  test('pauses, resumes and drains, and says by whom', async () => {
    const { ask, run, lines } = await served();
    await vi.waitFor(() => expect(run.status).toBe('running'), patience);
    const heard: string[] = [];
    run.listen(({ name }) => heard.push(name));
    const post = (path: string) => ask(path, { method: 'POST', headers: json });
    expect(await (await post('/api/v1/pause')).json()).toEqual({ status: 'paused' });
    expect(run.status).toBe('paused');
    expect(await (await post('/api/v1/resume')).json()).toEqual({ status: 'running' });
    expect(await (await post('/api/v1/drain')).json()).toEqual({ status: 'draining' });
    await run.done;
    const late = await post('/api/v1/pause');
    expect([late.status, await late.json()]).toMatchObject([
      409,
      { error: { code: 'ERR_RUN_CLOSED' } },
    ]);
    // One place has them all: the run.
    expect(heard.filter((name) => name === 'command.received')).toHaveLength(4);
    expect(run.stats().events).toMatchObject({ 'command.received': 4 });
    const said = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(said.find(({ event }) => event === 'command.received')).toMatchObject({
      command: 'pause',
      outcome: 'done',
      role: 'admin',
      by: 'token',
      address: '127.0.0.1',
    });
  });

  test('names the components there are where it sets the level of another', async () => {
    const { ask } = await served();
    const body = JSON.stringify({ level: 'DEBUG', component: 'intervall' });
    const refused = await ask('/api/v1/log-level', { method: 'POST', headers: json, body });
    expect([refused.status, await refused.json()]).toEqual([
      404,
      {
        error: {
          code: 'component',
          message: expect.stringMatching(/^there are interval, /) as string,
        },
      },
    ]);
  });

  test('sets the least level of the log, of one component or of all', async () => {
    const { ask, lines, run } = await served();
    await vi.waitFor(() => expect(run.status).toBe('running'), patience);
    const post = (body: object) =>
      ask('/api/v1/log-level', { method: 'POST', headers: json, body: JSON.stringify(body) });
    expect((await post({ level: 'ERROR' })).status).toBe(200);
    const before = lines.length;
    run.pause();
    expect(lines).toHaveLength(before);
    expect((await post({ level: 'INFO' })).status).toBe(200);
    run.resume();
    expect(lines.length).toBeGreaterThan(before);
    for (const body of [
      {},
      { level: 'LOUD' },
      { level: '__proto__' },
      { level: 'INFO', component: 1 },
      { level: 'INFO', file: '/etc/passwd' },
    ]) {
      expect((await post(body)).status).toBe(400);
    }
  });

  test('judges an alert by other limits', async () => {
    const { ask, run, figure } = await served();
    await vi.waitFor(() => expect(run.status).toBe('running'), patience);
    const post = (body: object) =>
      ask('/api/v1/alert-limits', { method: 'POST', headers: json, body: JSON.stringify(body) });
    figure.value = 4;
    await vi.waitFor(async () => {
      const answer = await post({ rule: 'figure', limits: { warn: 3 } });
      expect(answer.status).toBe(200);
    }, patience);
    await vi.waitFor(
      () => expect(run.stats().alerts).toMatchObject([{ rule: 'figure', limit: 3 }]),
      patience,
    );
    for (const body of [
      {},
      { rule: 'figure' },
      { rule: 'figure', limits: {} },
      { rule: 'figure', limits: { worse: 1 } },
      { rule: 'figure', limits: { warn: '1' } },
      { rule: 'figure', limits: { warn: 1 } },
      { rule: 'nothing', limits: { warn: 1 } },
      { rule: 'figure', limits: { warn: 1 }, file: '/etc/passwd' },
    ]) {
      expect([body, (await post(body)).status]).toEqual([body, 400]);
    }
  });

  test('leaves a trail: who, what, before, after, when', async () => {
    const { ask, run } = await served();
    await vi.waitFor(() => expect(run.status).toBe('running'), patience);
    const post = (path: string, body?: object) =>
      ask(`/api/v1/${path}`, {
        method: 'POST',
        headers: json,
        ...(body && { body: JSON.stringify(body) }),
      });
    await post('pause');
    await post('resume');
    await post('log-level', { level: 'DEBUG' });
    await post('log-level', { level: 'ERROR', component: 'interval' });
    await post('alert-limits', { rule: 'figure', limits: { warn: 3 } });
    // What is refused, or is so already, changes nothing.
    await post('alert-limits', { rule: 'figure', limits: { warn: 1 } });
    await post('log-level', { level: 'DEBUG' });
    const snapshot = await (await ask('/api/v1/snapshot')).json();
    const { changes } = snapshot as RunStats;
    const by = 'admin by token from 127.0.0.1';
    const at = expect.any(Number) as number;
    const one = (from: unknown, to: unknown) => ({
      entries: [{ at, from, to, by }],
      changes: 1,
      discarded: 0,
    });
    expect(changes).toEqual({
      status: {
        entries: [
          { at, from: 'running', to: 'paused', by },
          { at, from: 'paused', to: 'running', by },
        ],
        changes: 2,
        discarded: 0,
      },
      logLevel: one('INFO', 'DEBUG'),
      'logLevel.interval': one('DEBUG', 'ERROR'),
      'alerts.figure.warn': one(5, 3),
    });
    expect(run.stats().changes).toEqual(changes);
  });
});

describe('a request from another page', () => {
  const sites: readonly (readonly [headers: Record<string, string>, status: number])[] = [
    [{ 'sec-fetch-site': 'same-origin' }, 200],
    [{ 'sec-fetch-site': 'none' }, 200],
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ 'sec-fetch-site': 'same-site' }, 403],
    [{ origin: 'own' }, 200],
    [{ origin: 'own', 'sec-fetch-site': 'cross-site' }, 403],
    [{ origin: 'http://evil.example' }, 403],
    [{ origin: 'http://localhost:1' }, 403],
    [{ origin: 'null' }, 403],
    [{}, 403],
  ];

  test('changes nothing by a cookie', async () => {
    const all = await served();
    const { ask, server } = all;
    const cookie = await cookieOf(all);
    for (const [given, status] of sites) {
      const origin = given['origin'] === 'own' ? { origin: server.url } : {};
      const headers = { ...json, cookie, ...given, ...origin };
      const answer = await ask('/api/v1/resume', { method: 'POST', token: null, headers });
      expect([given, answer.status]).toEqual([given, status]);
    }
    // Nor by a token, where it says that it is another page.
    const foreign = { ...json, origin: 'http://evil.example' };
    expect((await ask('/api/v1/resume', { method: 'POST', headers: foreign })).status).toBe(403);
  });

  test('opens no session', async () => {
    const { ask } = await served();
    for (const given of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'http://evil.example' }]) {
      const init = {
        method: 'POST',
        token: null,
        headers: { ...json, ...given },
        body: JSON.stringify({ secret: admin }),
      };
      const answer = await ask('/api/v1/session', init);
      expect([answer.status, answer.headers.get('set-cookie')]).toEqual([403, null]);
    }
  });

  test('is told apart from a program, which opens a session as it says nothing of a page', async () => {
    const { ask } = await served();
    const init = { method: 'POST', token: null, headers: json };
    const opened = await ask('/api/v1/session', {
      ...init,
      body: JSON.stringify({ secret: admin }),
    });
    expect(opened.status).toBe(200);
    const cookie = opened.headers.get('set-cookie')!.split(';')[0]!;
    const refused = await ask('/api/v1/resume', { ...init, headers: { ...json, cookie } });
    expect([refused.status, await refused.json()]).toMatchObject([
      403,
      { error: { code: 'forged', message: expect.stringContaining('Origin') as string } },
    ]);
  });

  test('finds no CORS header, whatever its origin; a preflight neither', async () => {
    const { ask } = await served();
    const origins = [
      'null',
      'http://evil.example',
      'https://localhost.evil.example',
      'http://localhost:1',
      'http://127.0.0.1',
      'file://',
      'http://[::1]',
      'http://a.localhost',
      'chrome-extension://x',
      'about:blank',
      'http://localhost@evil.example',
      'HTTP://EVIL.EXAMPLE',
      'http://evil.example:7420',
      '*',
      'http://*',
      'x',
      '',
      'http://0.0.0.0',
      'data:text/html,x',
      'http://127.0.0.1:65535',
    ];
    expect(origins).toHaveLength(20);
    for (const origin of origins) {
      for (const method of ['GET', 'OPTIONS']) {
        const headers = { origin, 'access-control-request-method': 'POST' };
        const answer = await ask('/api/v1/snapshot', { method, headers });
        const cors = [...answer.headers.keys()].filter((name) => name.startsWith('access-control'));
        expect([origin, method, cors]).toEqual([origin, method, []]);
        expect(answer.status).toBeGreaterThanOrEqual(400);
      }
    }
  });

  test('that is configured may ask with a token, and is named exactly', async () => {
    const origin = 'https://board.example';
    const { ask } = await served({ origins: [origin] });
    const preflight = await ask('/api/v1/pause', {
      method: 'OPTIONS',
      token: null,
      headers: { origin },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe(origin);
    const answer = await ask('/api/v1/snapshot', { headers: { origin } });
    expect([
      answer.status,
      answer.headers.get('access-control-allow-origin'),
      answer.headers.get('vary'),
    ]).toEqual([200, origin, 'origin']);
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    const other = await ask('/api/v1/snapshot', { headers: { origin: `${origin}.evil.example` } });
    expect([other.status, other.headers.get('access-control-allow-origin')]).toEqual([403, null]);
  });
});

describe('an answer', () => {
  test('tells browsers to trust nothing, whatever it is', async () => {
    const { ask } = await served();
    for (const path of [
      '/',
      '/launch.js',
      '/livez',
      '/api/v1/snapshot',
      '/none',
      '/api/v1/events',
      '/metrics',
    ]) {
      const answer = await ask(path);
      await answer.body?.cancel();
      const { headers } = answer;
      expect([path, headers.get('content-security-policy')]).toEqual([
        path,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'",
      ]);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
      expect(headers.get('cache-control')).toBe('no-store');
      expect([headers.get('server'), headers.get('x-powered-by')]).toEqual([null, null]);
    }
  });

  test('to a body that is none is an error and nothing more', async () => {
    const { ask } = await served();
    const bodies: readonly (readonly [body: string, type: string, status: number])[] = [
      ['{}', 'text/plain', 415],
      ['a=1', 'application/x-www-form-urlencoded', 415],
      ['{}', 'multipart/form-data; boundary=x', 415],
      ['{}', 'application/json5', 415],
      ['{}', 'application/json; charset=utf-8', 200],
      ['{', 'application/json', 400],
      ['[]', 'application/json', 400],
      ['null', 'application/json', 400],
      ['"x"', 'application/json', 400],
      ['{"path":"/etc/passwd"}', 'application/json', 400],
      ['{"__proto__":{"role":"admin"}}', 'application/json', 400],
      [`{"x":"${'x'.repeat(1_048_576)}"}`, 'application/json', 413],
    ];
    for (const [body, type, status] of bodies) {
      const answer = await ask('/api/v1/resume', {
        method: 'POST',
        headers: { 'content-type': type },
        body,
      });
      expect([body.slice(0, 40), type, answer.status]).toEqual([body.slice(0, 40), type, status]);
      const said = await answer.json();
      if (status !== 200) expectError(said);
    }
    expect(Object.hasOwn(Object.prototype, 'role')).toBe(false);
  });

  test('to whatever is not understood has the shape of an error, and no stack, path or version', async () => {
    const { ask } = await served();
    let seed = 7;
    const next = (count: number): number => (seed = (seed * 48_271) % 2_147_483_647) % count;
    const words = [
      '%00',
      '"',
      '{',
      '\u0000',
      '../',
      'x'.repeat(2000),
      '__proto__',
      '-1',
      'NaN',
      '1e999',
      '\u2028',
      '<script>',
      'DEBUG',
    ];
    const word = (): string => encodeURIComponent(words[next(words.length)]!);
    for (let at = 0; at < 300; at++) {
      const { method, path } = routes[next(routes.length)]!;
      if (/events|session/.test(path)) continue;
      const query = `?${word()}=${word()}&lines=${word()}&level=${word()}&verbose`;
      const init =
        method === 'GET' ? {} : { method, headers: json, body: decodeURIComponent(word()) };
      const answer = await ask(path + query, init);
      if (answer.ok || path.endsWith('z')) continue;
      expectError(await answer.json());
    }
  });

  test('that node would give itself is as all others are', async () => {
    const { port } = await served();
    const get = 'GET /livez HTTP/1.1\r\nHost: localhost\r\n';
    for (const [request, status] of [
      ['GET /livez HTTP/9.9\r\n\r\n', 400],
      ['nonsense\r\n\r\n', 400],
      [`${get}Content-Length: x\r\n\r\n`, 400],
      [`${get}X: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
      [`GET /livez HTTP/1.1\r\nHost: evil.example\r\nExpect: foo\r\n\r\n`, 421],
      [`GET /none HTTP/1.1\r\nHost: localhost\r\nExpect: foo\r\n\r\n`, 404],
    ] as const) {
      const answer = await raw(port, request);
      const [head = '', body = ''] = answer.split('\r\n\r\n');
      expect([request.slice(0, 80), statusOf(answer)]).toEqual([request.slice(0, 80), status]);
      expect(head.toLowerCase()).toContain("content-security-policy: default-src 'none';");
      expect(head.toLowerCase()).toContain('x-content-type-options: nosniff');
      expectError(JSON.parse(body));
    }
    const expecting = await raw(port, `${get}Expect: foo\r\nConnection: close\r\n\r\n`);
    expect(statusOf(expecting)).toBe(200);
    // Nothing is said in the middle of an answer that has begun.
    const events = `GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${reader}\r\n\r\n`;
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(events));
    let heard = '';
    socket.setEncoding('utf8').on('data', (text: string) => (heard += text));
    await vi.waitFor(() => expect(heard).toContain('event: health'), patience);
    const closed = once(socket, 'close');
    socket.write('nonsense\r\n\r\n');
    await closed;
    expect(heard.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200']);
  });

  test('is described: the OpenAPI document has every route, and its log is the log', async () => {
    const { ask, run } = await served();
    await vi.waitFor(() => expect(run.status).toBe('running'), patience);
    const document = (await (await ask('/api/v1/openapi.json', { token: reader })).json()) as {
      openapi: string;
      paths: Record<string, Record<string, unknown>>;
    };
    expect(document.openapi).toBe('3.1.0');
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described).toEqual(routes.map(({ method, path }) => `${method} ${path}`));
    run.pause();
    await vi.waitFor(async () => {
      const log = (await (await ask('/api/v1/log?lines=5&level=INFO')).json()) as {
        lines: { event: string }[];
      };
      expect(log.lines.map(({ event }) => event)).toContain('run.paused');
    }, patience);
    const none = (await (await ask('/api/v1/log?level=CRITICAL')).json()) as object;
    expect(none).toEqual({ dropped: 0, leftOut: 0, lines: [] });
    for (const query of ['lines=0', 'lines=1001', 'lines=x', 'level=LOUD']) {
      expect((await ask(`/api/v1/log?${query}`)).status).toBe(400);
    }
  });

  test('to a HEAD has no body, and the snapshot is that of the run', async () => {
    const { ask } = await served();
    const head = await ask('/livez', { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    // Nothing comes behind the head of a stream, and so nobody listens.
    for (let at = 0; at < 40; at++) {
      const { status, headers } = await ask('/api/v1/events', { method: 'HEAD' });
      expect([status, headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    }
    const events = await ask('/api/v1/events');
    expect(events.status).toBe(200);
    await events.body!.cancel();
    const snapshot = (await (await ask('/api/v1/snapshot')).json()) as object;
    expect(snapshot).toMatchObject({ pipeline: 'served', delivery: 'best-effort' });
  });
});

/** An error as the document says, with nothing of what is behind it. */
function expectError(said: unknown): void {
  expect(said).toEqual({
    error: {
      code: expect.stringMatching(/^[\w-]+$/) as string,
      message: expect.stringMatching(/^[^\n]{1,120}$/) as string,
    },
  });
  expect(JSON.stringify(said)).not.toMatch(/\/src\/|\.ts|at \w|node:|v\d+\.\d+|__proto__|<script>/);
}

test('an alert is shown when it fires, and among those resolved when it is', async () => {
  const { ask, figure } = await served();
  const alerts = async (): Promise<unknown> => (await ask('/api/v1/alerts')).json();
  await vi.waitFor(
    async () => expect(await alerts()).toEqual({ active: [], history: [] }),
    patience,
  );
  figure.value = 7;
  await vi.waitFor(
    async () =>
      expect(await alerts()).toMatchObject({
        active: [{ rule: 'figure', state: 'firing', value: 7 }],
      }),
    patience,
  );
  figure.value = 0;
  await vi.waitFor(
    async () =>
      expect(await alerts()).toMatchObject({
        active: [],
        history: [{ rule: 'figure', state: 'resolved', value: 0 }],
      }),
    patience,
  );
});
