import { describe, expect, test } from 'vitest';

import { raw, served, statusOf } from './served.ts';

const forms: readonly (readonly [hosts: readonly string[], status: number])[] = [
  [['localhost'], 200],
  [['LOCALHOST'], 200],
  [['localhost:7420'], 200],
  [['app.localhost'], 200],
  [['a.b.localhost:1'], 200],
  [['127.0.0.1'], 200],
  [['127.0.0.1:80'], 200],
  [['mill.example'], 200],
  [['Mill.Example:7420'], 200],
  [[], 400],
  [[''], 400],
  [['localhost', 'localhost'], 400],
  [['localhost', 'evil.example'], 400],
  [['evil.example', 'localhost'], 400],
  [['evil.example'], 421],
  [['evil.example:7420'], 421],
  [['localhost.evil.example'], 421],
  [['localhost.'], 421],
  [['evillocalhost'], 421],
  [['.localhost'], 421],
  [['a..localhost'], 421],
  [['evil.example.localhost.'], 421],
  [['127.0.0.2'], 421],
  [['127.1'], 421],
  [['2130706433'], 421],
  [['0x7f.0.0.1'], 421],
  [['0177.0.0.1'], 421],
  [['0.0.0.0'], 421],
  [['[::1]'], 421],
  [['[::ffff:127.0.0.1]'], 421],
  [['[::]'], 421],
  [['::1'], 421],
  [['localhost:'], 421],
  [['localhost:port'], 421],
  [['localhost:7420:7420'], 421],
  [['localhost:123456'], 421],
  [['user@localhost'], 421],
  [['localhost@evil.example'], 421],
  [['localhost/'], 421],
  [['localhost#'], 421],
  [['localhost?x'], 421],
  [['localhost evil.example'], 421],
  [['localhost,evil.example'], 421],
  [['mill.example.evil'], 421],
  [['127.0.0.1.nip.io'], 421],
  [['lоcalhost'], 421],
];

describe('the Host header', () => {
  test(`decides before any route: ${forms.length} forms`, async () => {
    const { port } = await served({ names: ['mill.example'] });
    for (const [hosts, status] of forms) {
      const lines = hosts.map((host) => `Host: ${host}\r\n`).join('');
      for (const [path, found] of [
        ['/livez', 200],
        ['/none', 404],
      ] as const) {
        const answer = await raw(port, `GET ${path} HTTP/1.1\r\n${lines}Connection: close\r\n\r\n`);
        const wanted = status === 200 ? found : status;
        expect([hosts, path, statusOf(answer)]).toEqual([hosts, path, wanted]);
      }
    }
  });

  test('is asked for of upgrades and of HTTP/1.0 too, and paths are to be paths', async () => {
    const { port } = await served();
    const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
    const evil = 'Host: evil.example\r\n';
    expect(statusOf(await raw(port, `GET /api/v1/events HTTP/1.1\r\n${evil}${upgrade}\r\n`))).toBe(
      421,
    );
    expect(statusOf(await raw(port, 'GET /livez HTTP/1.0\r\n\r\n'))).toBe(400);
    const close = 'Host: localhost\r\nConnection: close\r\n\r\n';
    expect(statusOf(await raw(port, `GET http://evil.example/livez HTTP/1.1\r\n${close}`))).toBe(
      400,
    );
    expect(statusOf(await raw(port, `OPTIONS * HTTP/1.1\r\n${close}`))).toBe(400);
    expect(statusOf(await raw(port, `CONNECT evil.example:80 HTTP/1.1\r\n${close}`))).toBe(0);
  });

  test('may be the address that the request came in at', async () => {
    const { port } = await served({ host: '::1' });
    const ask = (host: string): Promise<string> =>
      raw(port, `GET /livez HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`, '::1');
    expect(statusOf(await ask('[::1]:7420'))).toBe(200);
    expect(statusOf(await ask('127.0.0.1'))).toBe(421);
  });
});

test('no path reaches the disk: 500 forms of traversal are not found', async () => {
  const { port } = await served();
  const dots = [
    '..',
    '%2e%2e',
    '%2e.',
    '.%2e',
    '..%00',
    '%252e%252e',
    '..;',
    '....',
    '%c0%ae%c0%ae',
    '%ef%bc%8e%ef%bc%8e',
  ];
  const slashes = ['/', '%2f', '%5c', '\\', '//', '/./', '%252f', '%c0%af', '/;/', '\\/'];
  const roots = ['', '/api/v1', '/launch.js', '/livez', '/assets'];
  const paths = roots.flatMap((root) =>
    dots.flatMap((dot) =>
      slashes.map((slash) => `${root}/${`${dot}${slash}`.repeat(5)}etc/passwd`),
    ),
  );
  expect(paths).toHaveLength(500);
  // The server takes 256 connections at a time.
  const statuses = new Set<number>();
  for (let first = 0; first < paths.length; first += 100) {
    const answers = paths
      .slice(first, first + 100)
      .map((path) =>
        raw(port, `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`),
      );
    for (const answer of await Promise.all(answers)) {
      expect(answer).not.toContain('root:');
      statuses.add(statusOf(answer));
    }
  }
  expect(statuses).toEqual(new Set([404]));
});
