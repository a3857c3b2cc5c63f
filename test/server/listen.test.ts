import { createServer } from 'node:net';

import { expect, test } from 'vitest';

import { listen, serve } from '../../src/server/index.ts';
import { StructuredLogger } from '../../src/observe/index.ts';
import { admin, endlessRun } from './served.ts';

/** A port that is free, or was just now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Whether nobody listens at a port. */
async function isFree(port: number): Promise<boolean> {
  const url = `http://127.0.0.1:${port}/livez`;
  return fetch(url, { headers: { connection: 'close' } }).then(
    () => false,
    () => true,
  );
}

/** A log that knows who follows it. */
class FollowedLog extends StructuredLogger {
  readonly followers = new Set<() => void>();

  override follow(listener: (line: string) => void): () => void {
    const end = super.follow(listener);
    this.followers.add(end);
    return () => {
      this.followers.delete(end);
      end();
    };
  }
}

const served = { pipeline: 'p', healthSettings: {} };
const options = { token: admin, stallDescriptor: null };

test('an address that no run came to is given up', async () => {
  const port = await freePort();
  const log = new FollowedLog({ write: () => {} });
  {
    await using listening = await listen(served, { ...options, port, log });
    expect(listening).toBeDefined();
    expect([await isFree(port), log.followers.size]).toEqual([false, 1]);
  }
  expect([await isFree(port), log.followers.size]).toEqual([true, 0]);
});

test('an address is given up with the run that came to it', async () => {
  const port = await freePort();
  const log = new FollowedLog({ write: () => {} });
  const { run } = await endlessRun();
  {
    await using listening = await listen(served, { ...options, port, log });
    const server = listening.attach(run);
    expect([await isFree(port), log.followers.size]).toEqual([false, 1]);
    await server.close();
    expect([await isFree(port), log.followers.size]).toEqual([true, 0]);
  }
});

test('what cannot be served leaves no address behind', async () => {
  const port = await freePort();
  const log = new FollowedLog({ write: () => {} });
  const { run } = await endlessRun();
  const manifest = (): never => {
    throw new Error('there is none');
  };
  await expect(serve(run, { ...options, port, log, manifest })).rejects.toThrow('there is none');
  expect([await isFree(port), log.followers.size]).toEqual([true, 0]);
});
