import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import process from 'node:process';

import { expect, onTestFinished, test, vi } from 'vitest';

import { admin, patience, served } from './served.ts';

const nightly = process.env['MILLRACE_NIGHTLY'] !== undefined;

/** A socket that begins a request and never ends it. */
function slowSocket(port: number): Socket {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
  onTestFinished(() => void socket.destroy());
  return socket;
}

test('slow sockets are closed after ten seconds, are 256 at most, and slow no pipeline', async () => {
  const { port, run, ask } = await served();
  await vi.waitFor(() => expect(run.status).toBe('running'), patience);
  const count = nightly ? 1000 : 300;
  const sockets = Array.from({ length: count }, () => slowSocket(port));
  let closed = 0;
  for (const socket of sockets) socket.on('close', () => closed++);
  // What is above the limit is cut off at once.
  await vi.waitFor(() => expect(closed).toBeGreaterThanOrEqual(count - 256), patience);
  const before = run.stats().recordsOut;
  const beganMs = performance.now();
  const drip = (): void => {
    for (const socket of sockets) if (!socket.destroyed) socket.write('x');
    expect(closed).toBe(count);
  };
  await vi.waitFor(drip, { timeout: 25_000, interval: 500 });
  const seconds = (performance.now() - beganMs) / 1000;
  expect(seconds).toBeLessThan(20);
  // A tick each 20 ms, as if nobody were there.
  const perSecond = (run.stats().recordsOut - before) / seconds;
  expect(perSecond).toBeGreaterThan(30);
  expect((await ask('/livez')).status).toBe(200);
}, 60_000);

test('a thousand probes a second leave the pipeline its pace', async () => {
  const { ask, run, port } = await served();
  await vi.waitFor(() => expect(run.status).toBe('running'), patience);
  const before = run.stats().recordsOut;
  const beganMs = performance.now();
  let answers = 0;
  while (performance.now() - beganMs < (nightly ? 60_000 : 2000)) {
    const round = await Promise.all(
      Array.from({ length: 20 }, () => ask('/livez', { token: null })),
    );
    for (const answer of round) {
      answers += answer.status === 200 ? 1 : 0;
      await answer.text();
    }
  }
  const seconds = (performance.now() - beganMs) / 1000;
  expect(answers / seconds).toBeGreaterThan(100);
  expect((run.stats().recordsOut - before) / seconds).toBeGreaterThan(30);
  expect(port).toBeGreaterThan(0);
}, 90_000);

const canHaveNamespaces = process.getuid?.() === 0 && existsSync('/usr/sbin/ip');

test.skipIf(!canHaveNamespaces)('no other host reaches the default address', async () => {
  const { port } = await served();
  const name = `millrace-${process.pid}`;
  const ip = (words: string): number => spawnSync('/usr/sbin/ip', words.split(' ')).status ?? 1;
  if (ip(`netns add ${name}`) !== 0) return;
  const here = `mr${process.pid % 10_000}h`;
  const there = `mr${process.pid % 10_000}t`;
  onTestFinished(() => {
    ip(`netns del ${name}`);
    ip(`link del ${here}`);
  });
  expect(ip(`link add ${here} type veth peer name ${there} netns ${name}`)).toBe(0);
  ip(`addr add 10.255.97.1/30 dev ${here}`);
  ip(`link set ${here} up`);
  ip(`netns exec ${name} /usr/sbin/ip addr add 10.255.97.2/30 dev ${there}`);
  ip(`netns exec ${name} /usr/sbin/ip link set ${there} up`);
  const script = `require('net').connect({ port: ${port}, host: '10.255.97.1' })
    .on('connect', () => process.exit(0)).on('error', ({ code }) => process.exit(code === 'ECONNREFUSED' ? 61 : 1))`;
  const words = ['netns', 'exec', name, process.execPath, '-e', script];
  expect(spawnSync('/usr/sbin/ip', words, { timeout: 10_000 }).status).toBe(61);
});

test('a body that never ends is cut off', async () => {
  const { port } = await served();
  const socket = connect({ port, host: '127.0.0.1' });
  onTestFinished(() => void socket.destroy());
  let answer = '';
  let isClosed = false;
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
  socket.on('close', () => (isClosed = true)).on('error', () => {});
  socket.write(
    `POST /api/v1/resume HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${admin}\r\n` +
      'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
  );
  const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
  await vi.waitFor(() => {
    for (let at = 0; at < 4 && !isClosed; at++) socket.write(chunk);
    expect(answer).toContain('413');
  }, patience);
  await vi.waitFor(() => expect(isClosed).toBe(true), patience);
});
