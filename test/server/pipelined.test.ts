import { EventEmitter } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';

import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { Connections } from '../../src/server/connections.ts';
import { patience, raw, reader, served } from './served.ts';

const fresh = { token: null, headers: { connection: 'close' } };

/** Requests that are sent in one go over each of some connections, on which nothing is read. */
function unread(port: number, count: number, text: string): Socket[] {
  const sockets = Array.from({ length: count }, () => connect({ port, host: '127.0.0.1' }));
  onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
  for (const socket of sockets) {
    socket.on('error', () => {});
    socket.on('connect', () => socket.write(text));
  }
  return sockets;
}

const get = (path: string, more = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;

describe('requests that are sent ahead of the answers', () => {
  test('are answered in their order, eight at a time', async () => {
    const { port } = await served();
    const paths = Array.from({ length: 7 }, (_, at) => ['/livez', '/api/v1/health'][at % 2]!);
    const text = paths.map((path) => get(path)).join('');
    const answers = await raw(port, text + get('/none'));
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual([
      ...paths.map((path) => (path === '/livez' ? 'HTTP/1.1 200' : 'HTTP/1.1 401')),
      'HTTP/1.1 404',
    ]);
    expect(await raw(port, text + get('/livez').repeat(2))).toBe('');
  });

  test.each([
    ['the page', '/', ''],
    ['a path that there is not', '/none', ''],
    ['a document', '/api/v1/topology', `Authorization: Bearer ${reader}\r\n`],
  ])('keep no probe out, nor grow memory, where nobody reads: %s', async (_, path, more) => {
    const { ask, port } = await served();
    const [rss, waits]: [number[], number[]] = [[], []];
    for (let burst = 0; burst < 6; burst++) {
      const sockets = unread(port, 20, get(path, more).repeat(12_000));
      const beganMs = performance.now();
      expect(await (await ask('/livez', fresh)).text()).toBe('ok');
      waits.push(performance.now() - beganMs);
      await vi.waitFor(() => expect(sockets.every(({ closed }) => closed)).toBe(true), patience);
      rss.push(process.memoryUsage().rss);
    }
    // However busy the machine is.
    expect(Math.min(...waits)).toBeLessThan(1000);
    // What it takes to read them it takes at once.
    expect(Math.max(...rss.slice(3)) - Math.max(...rss.slice(0, 3))).toBeLessThan(32 * 2 ** 20);
  });
});

test('who asks ahead gives way to who comes; who waits for one answer does not', () => {
  const server = new EventEmitter();
  const connections = new Connections(server as Server, 2);
  const connected = (remotePort: number) => {
    const socket = Object.assign(new EventEmitter(), {
      remoteAddress: '127.0.0.1',
      remotePort,
      destroyed: false,
      destroy: () => (socket.destroyed = true),
    });
    server.emit('connection', socket);
    return socket;
  };
  const asks = (socket: EventEmitter, answered: string[], path: string): void => {
    const req = { socket, complete: true };
    const response = Object.assign(new EventEmitter(), { req, writableFinished: false });
    connections.ask(response as unknown as ServerResponse, () => answered.push(path));
  };
  const answered: string[] = [];
  const [waiting, ahead] = [connected(1), connected(2)];
  asks(waiting, answered, 'a');
  for (const path of ['b', 'c', 'd']) asks(ahead, answered, path);
  // What is behind another waits.
  expect(answered).toEqual(['a', 'b']);
  const third = connected(3);
  expect([waiting, ahead, third].map(({ destroyed }) => destroyed)).toEqual([false, true, false]);
  asks(third, answered, 'e');
  expect(connected(4).destroyed).toBe(true);
});
