import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { observationRoutes, type ObservationRoutesOptions } from '../../src/server/index.ts';
import { admin, endlessRun, patience, reader } from './served.ts';

async function embedded(options: ObservationRoutesOptions = { token: admin, readToken: reader }) {
  const { run, log, lines } = await endlessRun();
  const routes = observationRoutes(run, { log, ...options });
  onTestFinished(() => routes[Symbol.dispose]());
  const ask = (path: string, token?: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`);
    return routes(new Request(`http://host.example${path}`, { ...init, headers }));
  };
  return { run, routes, ask, lines };
}

const command = { method: 'POST', headers: { 'content-type': 'application/json' } };

describe('routes in a server of the host', () => {
  test('answer as those of a server of ours, by the same tokens', async () => {
    const { run, ask } = await embedded();
    await vi.waitFor(() => expect(run.status).toBe('running'), patience);
    expect(await (await ask('/livez')).text()).toBe('ok');
    expect(await (await ask('/readyz')).text()).toBe('ok');
    expect((await ask('/api/v1/snapshot')).status).toBe(401);
    expect(await (await ask('/api/v1/snapshot', reader)).json()).toMatchObject({
      pipeline: 'served',
    });
    expect(await (await ask('/metrics', reader)).text()).toMatch(/pipeline="served"/);
    expect((await ask('/api/v1/pause', reader, command)).status).toBe(403);
    expect(await (await ask('/api/v1/pause', admin, command)).json()).toEqual({ status: 'paused' });
    expect(await (await ask('/readyz')).text()).toBe('not ready');
    // There is no page, and so no cookie of ours.
    expect((await ask('/', admin)).status).toBe(404);
    expect(
      (await ask('/api/v1/session', admin, { ...command, body: '{"secret":"x"}' })).status,
    ).toBe(405);
    expect(await (await ask('/api/v1/session', admin)).json()).toEqual({ role: 'admin' });
    expect((await ask('/else', admin)).status).toBe(404);
  });

  test('let the host decide who may do what', async () => {
    const { ask } = await embedded({
      authorize: ({ headers }) => (headers.get('x-user') === 'ann' ? 'read' : undefined),
    });
    const ann = { headers: { 'x-user': 'ann' } };
    expect((await ask('/api/v1/health', undefined, ann)).status).toBe(200);
    expect((await ask('/api/v1/health', admin)).status).toBe(401);
    const pause = { method: 'POST', headers: { ...command.headers, ...ann.headers } };
    expect((await ask('/api/v1/pause', undefined, pause)).status).toBe(403);
  });

  test.each([
    [null],
    [false],
    [''],
    [0],
    [true],
    ['root'],
    [{ role: 'admin' }],
    ['Admin'],
    [['read']],
  ])('take %j of the host for nobody', async (role) => {
    const { ask } = await embedded({ authorize: async () => role as never });
    expect((await ask('/api/v1/health')).status).toBe(401);
    expect((await ask('/readyz?verbose')).status).toBe(401);
    expect((await ask('/api/v1/resume', undefined, command)).status).toBe(401);
  });

  test('let no other page ask for a change by the way in which the host knows its users', async () => {
    const board = 'https://board.example';
    const { ask } = await embedded({ authorize: () => 'admin', origins: [board] });
    const own = 'http://host.example';
    const cases: readonly (readonly [headers: Record<string, string>, status: number])[] = [
      [{}, 200],
      [{ 'sec-fetch-site': 'same-origin' }, 200],
      [{ 'sec-fetch-site': 'none' }, 200],
      [{ origin: own }, 200],
      [{ origin: own, 'sec-fetch-site': 'same-origin' }, 200],
      [{ origin: board, 'sec-fetch-site': 'cross-site' }, 200],
      [{ 'sec-fetch-site': 'cross-site' }, 403],
      [{ 'sec-fetch-site': 'same-site' }, 403],
      [{ origin: own, 'sec-fetch-site': 'cross-site' }, 403],
      [{ origin: 'http://evil.example' }, 403],
      [{ origin: 'null' }, 403],
    ];
    for (const [given, status] of cases) {
      const headers = { ...command.headers, ...given };
      const answer = await ask('/api/v1/resume', undefined, { ...command, headers });
      expect([given, answer.status]).toEqual([given, status]);
    }
  });

  test('are refused where nothing says who may ask', async () => {
    const { run } = await endlessRun();
    expect(() => observationRoutes(run)).toThrow('ERR_CONFIG_INVALID');
    expect(() => observationRoutes(run, { token: 'short' })).toThrow('ERR_CONFIG_INVALID');
  });

  test('stand below a path of hono and of node:http, and stream', async () => {
    const { routes } = await embedded({ token: admin, basePath: '/pipeline' });
    const app = new Hono();
    app.get('/', (c) => c.text('the host'));
    app.all('/pipeline/*', (c) => routes(c.req.raw));
    expect(await (await app.request('/')).text()).toBe('the host');
    expect(await (await app.request('/pipeline/livez')).text()).toBe('ok');
    const listener = getRequestListener((request) => routes(request));
    const server = createServer((request, response) => void listener(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/pipeline`;
    const headers = { authorization: `Bearer ${admin}` };
    const events = await fetch(`${url}/api/v1/events`, { headers });
    const stream = events.body!.getReader();
    const decoder = new TextDecoder();
    let text = '';
    while (!text.includes('event: snapshot')) {
      const { value } = await stream.read();
      text += decoder.decode(value, { stream: true });
    }
    await stream.cancel();
  });

  test('watch nothing any more once they are disposed of', async () => {
    const { routes, ask } = await embedded();
    const events = await ask('/api/v1/events', admin);
    routes[Symbol.dispose]();
    const reading = events.body!.getReader();
    for (;;) if ((await reading.read()).done) break;
    for (const path of ['/livez', '/readyz', '/startupz', '/api/v1/snapshot', '/api/v1/events']) {
      const late = await ask(path, admin);
      expect([path, late.status, late.headers.get('cache-control')]).toEqual([
        path,
        503,
        'no-store',
      ]);
      expect(await late.json()).toMatchObject({ error: { code: 'closed' } });
    }
    expect((await ask('/api/v1/pause', admin, command)).status).toBe(503);
    expect((await ask('/api/v1/snapshot')).status).toBe(401);
  });

  test('end a stream that was asked for while they were disposed of', async () => {
    const { promise, resolve } = Promise.withResolvers<'read'>();
    const { routes, ask } = await embedded({ authorize: () => promise });
    const answer = ask('/api/v1/events');
    routes[Symbol.dispose]();
    resolve('read');
    expect((await answer).status).toBe(503);
  });

  test('show at once that a run was stopped by its own program', async () => {
    const { run, ask, lines } = await embedded();
    await vi.waitFor(() => expect(run.status).toBe('running'), patience);
    const stopped = run.stop({ delayMs: 200 });
    const snapshot = await ask('/api/v1/snapshot', reader);
    expect(await snapshot.json()).toMatchObject({
      status: 'draining',
      changes: { status: { entries: [{ from: 'running', to: 'draining' }] } },
    });
    expect(lines.filter((line) => line.includes('"run.stop-requested"'))).toHaveLength(1);
    await stopped;
  });

  test('make texts of figures for whoever asks, and for nobody else', async () => {
    const { run, ask } = await embedded();
    await vi.waitFor(() => expect(run.status).toBe('running'), patience);
    const stringify = vi.spyOn(JSON, 'stringify');
    onTestFinished(() => stringify.mockRestore());
    const texts = (): unknown[] =>
      stringify.mock.calls.filter(([value]) => 'lastFailures' in Object(value));
    run.pause();
    run.resume();
    expect(texts()).toEqual([]);
    run.pause();
    const snapshot = await ask('/api/v1/snapshot', reader);
    expect(await snapshot.json()).toMatchObject({ status: 'paused' });
    expect(texts()).toHaveLength(1);
  });

  test('end no run whose figures cannot be read, and say why', async () => {
    const { run, ask, lines } = await embedded();
    const stats = vi.spyOn(run, 'stats').mockImplementation(() => {
      throw new Error('no figures');
    });
    onTestFinished(() => stats.mockRestore());
    run.pause();
    const isTold = (line: string): boolean =>
      line.includes('"server.failed"') && line.includes('no figures');
    await vi.waitFor(() => expect(lines.some(isTold)).toBe(true), patience);
    expect(run.status).toBe('paused');
    expect(await (await ask('/livez')).text()).toBe('ok');
    expect((await ask('/metrics', reader)).status).toBe(500);
  });

  test('say in the log why they could not answer, and nothing to who asked', async () => {
    const fail = (fact: string) => (): never => {
      throw new Error(fact);
    };
    const { ask, lines } = await embedded({
      authorize: ({ headers }) =>
        headers.has('x-user') ? 'admin' : fail('nobody knows who that is')(),
      flightRecorder: fail('the recorder is broken'),
    });
    const failed = { error: { code: 'internal' } };
    const first = await ask('/api/v1/flight-recorder', undefined, { headers: { 'x-user': 'ann' } });
    const second = await ask('/api/v1/health');
    for (const answer of [first, second]) {
      expect(answer.status).toBe(500);
      const text = await answer.text();
      expect(JSON.parse(text)).toMatchObject(failed);
      expect(text).not.toContain('recorder');
      expect(text).not.toContain('nobody');
    }
    const told = lines.filter((line) => line.includes('"server.failed"'));
    expect(told).toHaveLength(2);
    expect(told[0]).toContain('the recorder is broken');
    expect(told[1]).toContain('nobody knows who that is');
  });
});
