import { connect } from 'node:net';

import { describe, expect, test } from 'vitest';

import { served } from './served.ts';

/** What the server answers to a GET, head and body, as bytes. */
async function got(port: number, path: string, accepted: string): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: ${accepted}\r\nConnection: close\r\n\r\n`,
  );
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe('the files of the page', () => {
  test('are compressed for whoever takes that, and kept by browsers where their name tells their content', async () => {
    const { server, port, ask } = await served();
    const page = await ask('/', { token: null });
    expect(page.headers.get('cache-control')).toBe('no-store');
    const script = /"\.(\/assets\/[\w-]+\.js)"/.exec(await page.text())![1]!;
    const plain = await got(port, script, 'identity');
    const small = await got(port, script, 'gzip, br');
    expect(small.length).toBeLessThan(plain.length / 2);
    expect(small.toString('latin1')).toMatch(/^content-encoding: gzip\r$/im);
    for (const accepted of ['', 'br', 'gzip;q=0', 'gzip; q=0.0, br']) {
      const answer = (await got(port, script, accepted)).toString('latin1');
      expect([accepted, /content-encoding/i.test(answer)]).toEqual([accepted, false]);
    }
    const through = await fetch(server.url + script);
    expect(through.headers.get('cache-control')).toBe('private, max-age=31536000, immutable');
    expect(plain.toString('utf8')).toContain(await through.text());
  });
});
