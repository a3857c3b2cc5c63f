import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

import { onTestFinished } from 'vitest';

/** What stands between a browser and a server, and can fail. */
export interface Relay {
  readonly url: string;
  /** Breaks every connection, and takes no more. */
  cut(): Promise<void>;
  /** Takes connections again, at the same port. */
  mend(): Promise<void>;
  /** Lets nothing more through on connections that are there, and tells nobody. */
  swallow(): void;
}

/** A relay to the port of a server. Gone after the test. */
export async function relayTo(target: number): Promise<Relay> {
  const pairs = new Set<readonly [Socket, Socket]>();
  const server: Server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const [from, to] of [pair, [far, near] as const]) {
      from.pipe(to);
      from.on('error', () => {});
      from.on('close', () => {
        to.destroy();
        pairs.delete(pair);
      });
    }
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  const cut = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const [near, far] of pairs) {
      near.destroy();
      far.destroy();
    }
    await closed;
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  onTestFinished(async () => {
    if (server.listening) await cut();
  });
  return {
    url: `http://127.0.0.1:${port}`,
    cut,
    mend: () => listen(port),
    swallow: () => {
      for (const [near, far] of pairs) {
        near.unpipe(far);
        far.unpipe(near);
        near.resume();
        far.resume();
      }
    },
  };
}
