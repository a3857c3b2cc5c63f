import { spawn } from 'node:child_process';
import { networkInterfaces } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import process from 'node:process';

import { describe, expect, onTestFinished, test, vi } from 'vitest';

import type { FlightRecord } from '../../src/observe/index.ts';
import { intervalSource } from '../../src/connectors/interval.ts';
import { pipeline } from '../../src/pipeline.ts';
import type { RunHistory } from '../../src/server/api-types.ts';
import { serve } from '../../src/server/index.ts';
import { Watchdog } from '../../src/server/watchdog.ts';
import { scriptedSink } from '../engine/ends.ts';
import { admin, patience, raw, reader, served } from './served.ts';

describe('probes', () => {
  test('say `ok` or `not ready`, and nothing more', async () => {
    const { ask, run } = await served();
    await vi.waitFor(() => expect(run.status).toBe('running'), patience);
    for (const path of ['/livez', '/readyz', '/startupz']) {
      await vi.waitFor(async () => {
        const answer = await ask(path, { token: null });
        expect([path, answer.status, await answer.text()]).toEqual([path, 200, 'ok']);
      }, patience);
    }
    run.pause();
    await vi.waitFor(async () => {
      const answer = await ask('/readyz', { token: null });
      expect([answer.status, await answer.text()]).toEqual([503, 'not ready']);
    }, patience);
    expect((await ask('/livez', { token: null })).status).toBe(200);
    expect((await ask('/startupz', { token: null })).status).toBe(200);
  });

  test('give details to whoever has a token, as lines or as JSON', async () => {
    const { ask, run } = await served();
    await vi.waitFor(() => expect(run.status).toBe('running'), patience);
    run.pause();
    const accept = { headers: { accept: 'application/json' } };
    for (const [path, init] of [
      ['/readyz?verbose', {}],
      ['/readyz', accept],
    ] as const) {
      expect((await ask(path, { ...init, token: null })).status).toBe(401);
    }
    await vi.waitFor(async () => expect((await ask('/readyz')).status).toBe(503), patience);
    const lines = await (await ask('/readyz?verbose', { token: reader })).text();
    expect(lines).toBe('[-]input failed\n    ready: run: the run is paused\n');
    expect(await (await ask('/livez?verbose', { token: reader })).text()).toMatch(
      /^\[\+\]loop ok\n/,
    );
    expect(await (await ask('/readyz', accept)).json()).toEqual({
      ok: false,
      checks: { input: false },
      reasons: [{ of: 'ready', text: 'the run is paused' }],
    });
  });

  test('say at once what a command has done, and that a run has ended', async () => {
    const { ask, run } = await served();
    await vi.waitFor(async () => expect((await ask('/readyz')).status).toBe(200), patience);
    const init = { method: 'POST', headers: { 'content-type': 'application/json' } };
    for (let at = 0; at < 5; at++) {
      expect((await ask('/api/v1/pause', init)).status).toBe(200);
      expect((await ask('/readyz')).status).toBe(503);
      expect((await ask('/api/v1/resume', init)).status).toBe(200);
      expect((await ask('/readyz')).status).toBe(200);
    }
    await run.stop();
    expect((await ask('/readyz')).status).toBe(503);
  });

  test('are not ready as soon as a run drains', async () => {
    const { ask, run } = await served();
    await vi.waitFor(async () => expect((await ask('/readyz')).status).toBe(200), patience);
    void run.stop();
    await vi.waitFor(async () => expect((await ask('/readyz')).status).toBe(503), patience);
  });

  test('are not there for other machines', async ({ skip }) => {
    const { port } = await served();
    const outer = Object.values(networkInterfaces())
      .flatMap((one) => one ?? [])
      .find(({ internal, family }) => !internal && family === 'IPv4');
    if (outer === undefined) return skip('this machine has no address but loopback');
    await expect(raw(port, 'GET /livez HTTP/1.1\r\n\r\n', outer.address)).rejects.toThrow(
      'ECONNREFUSED',
    );
  });
});

test('health is judged by the limits of the pipeline', async () => {
  const health = { queueDepthMax: 1, queueFullMsMax: 1 };
  const run = await pipeline('judged', { health })
    .from(intervalSource({ everyMs: 5 }))
    .to(scriptedSink({ answer: () => new Promise(() => {}) }), { id: 'store' })
    .start();
  run.done.catch(() => {});
  onTestFinished(() => run.abort());
  const server = await serve(run, { port: 0, token: admin, stallDescriptor: null });
  onTestFinished(() => server.close());
  const headers = { authorization: `Bearer ${admin}` };
  await vi.waitFor(async () => {
    const answer = await fetch(`${server.url}/api/v1/health`, { headers });
    expect(await answer.json()).toMatchObject({
      overloaded: true,
      reasons: [{ of: 'overloaded', component: 'store' }],
    });
  }, patience);
});

describe('the watchdog', () => {
  test('tells of a stall that is as long as it is given', () => {
    const watchdog = new Watchdog(500);
    const looks = [1, 2, 3].map((at) => watchdog.look(1, 250 * at));
    watchdog.look(1, 1000);
    expect(looks).toEqual([undefined, undefined, { began: 500 }]);
  });

  test('tells of a stall once while it lasts, and once how long it was', () => {
    const watchdog = new Watchdog();
    let nowMs = 0;
    const look = (beats: number) => watchdog.look(beats, (nowMs += 250));
    expect([look(1), look(2), look(3)]).toEqual([undefined, undefined, undefined]);
    const told = Array.from({ length: 44 }, () => look(3)).filter((one) => one !== undefined);
    expect(told).toEqual([{ began: 1000 }]);
    expect(watchdog.stalledMs).toBe(11_000);
    expect(look(4)).toEqual({ ended: 11_000 });
    expect([look(5), watchdog.stalledMs]).toEqual([undefined, 0]);
  });

  test('takes a pause of the whole process for none', () => {
    const watchdog = new Watchdog();
    watchdog.look(1, 0);
    expect(watchdog.look(1, 60_000)).toBeUndefined();
    expect(watchdog.stalledMs).toBeLessThanOrEqual(500);
  });
});

test('a loop that stands still for 15 s is told of within 2 s and answered for all the time', async () => {
  const script = fileURLToPath(new URL('stalling-process.ts', import.meta.url));
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const said: { atMs: number; line: string }[] = [];
  createInterface(child.stderr).on('line', (line) => said.push({ atMs: performance.now(), line }));
  const [url] = (await new Promise<string[]>((resolve) =>
    createInterface(child.stdout).once('line', (line) => resolve(line.split(' '))),
  )) as [string];
  const statusAt = async (path: string): Promise<number> => (await fetch(url + path)).status;
  await vi.waitFor(async () => expect(await statusAt('/readyz')).toBe(200), patience);
  const beganMs = performance.now();
  child.stdin.write('stall\n');
  await vi.waitFor(
    () => expect(said.some(({ line }) => line.includes('loop.stalled'))).toBe(true),
    {
      timeout: 5000,
      interval: 20,
    },
  );
  const told = said.find(({ line }) => line.includes('loop.stalled'))!;
  expect(told.atMs - beganMs).toBeLessThan(2000);
  expect(JSON.parse(told.line)).toMatchObject({ level: 'WARNING', component: 'server' });
  // It is alive for ten seconds of the stall, and shown meanwhile as what it is.
  expect(await statusAt('/livez')).toBe(200);
  const headers = { authorization: `Bearer ${admin}` };
  const health = await fetch(`${url}/api/v1/health`, { headers });
  expect(await health.json()).toMatchObject({ alive: true, overloaded: true });
  const snapshot = await fetch(`${url}/api/v1/snapshot`, { headers });
  expect([snapshot.status, Number(snapshot.headers.get('age'))]).toEqual([200, expect.any(Number)]);
  expect(Number(snapshot.headers.get('age'))).toBeGreaterThanOrEqual(1);
  const asked = await fetch(`${url}/api/v1/pause`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
  });
  expect([asked.status, await asked.json()]).toMatchObject([504, { error: { code: 'stalled' } }]);
  await vi.waitFor(async () => expect(await statusAt('/livez')).toBe(503), {
    timeout: 12_000,
    interval: 100,
  });
  expect(performance.now() - beganMs).toBeGreaterThan(9500);
  expect(await statusAt('/readyz')).toBe(503);
  await vi.waitFor(async () => expect(await statusAt('/livez')).toBe(200), patience);
  await vi.waitFor(
    () => expect(said.some(({ line }) => line.includes('loop.resumed'))).toBe(true),
    patience,
  );
  expect(said.filter(({ line }) => line.includes('loop.stalled'))).toHaveLength(1);
  const history = await fetch(`${url}/api/v1/history`, { headers });
  const { series, state } = (await history.json()) as RunHistory;
  // The seconds of the stall are empty, and say how the run was.
  const stall = state.flatMap((one, at) => (series.recordsInPerSecond[at] === null ? [one] : []));
  expect(stall.slice(1).length).toBeGreaterThanOrEqual(12);
  expect(stall).toEqual(expect.arrayContaining([1, 3]));
  expect(Math.max(...series.loopDelayMs.map((ms) => ms ?? 0))).toBeGreaterThan(14_000);
  const record = await fetch(`${url}/api/v1/flight-recorder`, { headers });
  const { events } = (await record.json()) as FlightRecord;
  expect(events.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['loop.stalled', 'loop.resumed']),
  );
  // What was asked for meanwhile is done now.
  await vi.waitFor(async () => expect(await statusAt('/readyz')).toBe(503), patience);
}, 40_000);
