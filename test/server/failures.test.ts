import { connect } from 'node:net';

import { describe, expect, test, vi } from 'vitest';

import { logAt } from '../../src/core/index.ts';
import { BufferedStructuredLogger } from '../../src/observe/index.ts';
import { observationRoutes } from '../../src/server/index.ts';
import { FailureReports } from '../../src/server/failure-reports.ts';
import { virtualOutside } from '../../src/testing/index.ts';
import { admin, endlessRun, patience, raw, served, statusOf } from './served.ts';

const post =
  'POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';

/** Opens a connection, says so much, and is gone. */
function leave(port: number, text: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () =>
      socket.write(text, () => socket.resetAndDestroy()),
    );
    socket.on('error', () => {}).on('close', () => resolve());
  });
}

describe('a body that cannot be read', () => {
  test('is the failure of the client: no line of the log says it', async () => {
    const { ask, port, run, lines } = await served();
    for (let at = 0; at < 30; at++) await leave(port, `${post}Content-Length: 50\r\n\r\n{`);
    const chunked = await raw(port, `${post}Transfer-Encoding: chunked\r\n\r\n2\r\n{"\r\nzz\r\n`);
    expect([0, 400]).toContain(statusOf(chunked));
    // What the thread said before this answer has come.
    expect((await ask('/metrics')).status).toBe(200);
    expect(lines.filter((line) => line.includes('server.failed'))).toEqual([]);
    expect(run.stats().events['server.failed']).toBeUndefined();
  });

  test('is so too in a server of the host, but for one that the host has read itself', async () => {
    const { run, log, lines } = await endlessRun();
    using routes = observationRoutes(run, { token: admin, log });
    const ask = (body: ReadableStream | string): Request =>
      new Request('http://host.example/api/v1/pause', {
        method: 'POST',
        body,
        duplex: 'half',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${admin}` },
      } as RequestInit);
    const gone = new ReadableStream({ pull: (control) => control.error(new Error('gone')) });
    const answer = await routes(ask(gone));
    expect([answer.status, await answer.json()]).toEqual([
      400,
      { error: { code: 'body', message: 'the body ends before its end' } },
    ]);
    const failed = (): string[] => lines.filter((line) => line.includes('server.failed'));
    expect(failed()).toEqual([]);
    const taken = ask('{}');
    await taken.text();
    expect((await routes(taken)).status).toBe(500);
    expect(failed()).toHaveLength(1);
  });
});

describe('a failure of the server', () => {
  test('that comes again and again is said ten times a minute; of the rest the last, and how many', async () => {
    const { clock } = virtualOutside();
    const said: unknown[] = [];
    using reports = new FailureReports(clock, (error, leftOut) => said.push([error, leftOut]));
    for (let at = 0; at < 500; at++) reports.tell(at);
    expect(said).toEqual(Array.from({ length: 10 }, (_, at) => [at, 0]));
    await clock.sleep(60_000);
    expect(said.slice(10)).toEqual([[499, 489]]);
    await clock.sleep(60_000);
    expect(said).toHaveLength(11);
    for (let at = 0; at < 11; at++) reports.tell(at);
    expect(said.slice(11)).toHaveLength(10);
    reports[Symbol.dispose]();
    expect(said.slice(21)).toEqual([[10, 0]]);
  });

  test('makes no batch wait for whoever reads the log', async () => {
    const { run } = await endlessRun();
    const stream = { write: () => false, on: () => {}, writableLength: 1 };
    const log = new BufferedStructuredLogger({ stream, maxBuffer: 1 });
    for (let at = 0; log.droppedLines === 0; at++) log.info('much', { at, text: 'x'.repeat(4000) });
    const fail = (): never => {
      throw new Error('the recorder is broken');
    };
    run.listen(({ name, level, fields }) => logAt(log, level, name, fields));
    using routes = observationRoutes(run, { authorize: () => 'admin', flightRecorder: fail });
    const request = new Request('http://host.example/api/v1/flight-recorder');
    expect((await routes(request)).status).toBe(500);
    expect(run.stats().events['server.failed']).toBe(1);
    expect(log.blocked).toBeUndefined();
    await vi.waitFor(() => expect(run.status).toBe('running'), patience);
  });
});
