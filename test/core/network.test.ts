import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

import { describe, expect, it } from 'vitest';

import { systemNetwork } from '../../src/core/index.ts';
import { VirtualNetwork } from '../../src/testing/virtual-network.ts';

const signal = new AbortController().signal;

async function listen(
  connected: (socket: Socket) => void,
): Promise<{ server: Server; port: number }> {
  const server = createServer(connected).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as { port: number }).port };
}

describe('the system network', () => {
  it('connects both ways', async () => {
    const { server, port } = await listen((socket) => void socket.pipe(socket));
    const connection = await systemNetwork.connect({ host: '127.0.0.1', port }, signal);
    connection.end('hello');
    expect(Buffer.concat(await connection.toArray()).toString()).toBe('hello');
    server.close();
  });

  it('says that nobody listens', async () => {
    const { server, port } = await listen(() => {});
    server.close();
    await once(server, 'close');
    await expect(systemNetwork.connect({ host: '127.0.0.1', port }, signal)).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
  });

  it('gives up when told to, before and while connecting', async () => {
    const { server, port } = await listen(() => {});
    const address = { host: '127.0.0.1', port };
    await expect(
      systemNetwork.connect(address, AbortSignal.abort(new Error('no'))),
    ).rejects.toThrow('no');
    const aborting = new AbortController();
    const connecting = systemNetwork.connect(address, aborting.signal);
    aborting.abort(new Error('enough'));
    await expect(connecting).rejects.toThrow('enough');
    server.close();
  });
});

describe('the virtual network', () => {
  it('answers requests by their origin', async () => {
    const network = new VirtualNetwork();
    network.answer('http://sensors.test', async (request) =>
      Response.json({ path: new URL(request.url).pathname, body: await request.text() }),
    );
    const response = await network.fetch('http://sensors.test/a', { method: 'POST', body: 'x' });
    expect(await response.json()).toEqual({ path: '/a', body: 'x' });
    await expect(network.fetch('http://other.test/')).rejects.toMatchObject({
      message: 'fetch failed',
      cause: { code: 'ECONNREFUSED' },
    });
    const aborted = { signal: AbortSignal.abort(new Error('no')) };
    await expect(network.fetch('http://sensors.test/', aborted)).rejects.toThrow('no');
  });

  it('connects to who listens', async () => {
    const network = new VirtualNetwork();
    network.listen('broker.test', 1883, (far) => void far.pipe(far));
    const near = await network.connect({ host: 'broker.test', port: 1883 }, signal);
    near.end('hello');
    expect(Buffer.concat(await near.toArray()).toString()).toBe('hello');
    await expect(network.connect({ host: 'broker.test', port: 1 }, signal)).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
  });
});
