import { duplexPair, type Duplex } from 'node:stream';

import type { Network } from '../core/index.ts';

/** Answers a request as the far end. */
export type FetchHandler = (request: Request) => Response | Promise<Response>;

/** A network in memory: far ends are functions, looked up by origin or by host and port. */
export class VirtualNetwork implements Network {
  readonly #handlers = new Map<string, FetchHandler>();
  readonly #listeners = new Map<string, (connection: Duplex) => void>();

  /** Answers every request to an origin, as `http://sensors.test`. */
  answer(origin: string, handler: FetchHandler): void {
    this.#handlers.set(new URL(origin).origin, handler);
  }

  /** Takes connections to `host:port`. */
  listen(host: string, port: number, connected: (connection: Duplex) => void): void {
    this.#listeners.set(`${host}:${port}`, connected);
  }

  async fetch(url: string | URL, init?: RequestInit): Promise<Response> {
    init?.signal?.throwIfAborted();
    const request = new Request(url, init);
    const handler = this.#handlers.get(new URL(request.url).origin);
    if (handler === undefined) throw new TypeError('fetch failed', { cause: refused(request.url) });
    return handler(request);
  }

  async connect(
    { host, port }: { readonly host: string; readonly port: number },
    signal: AbortSignal,
  ): Promise<Duplex> {
    signal.throwIfAborted();
    const connected = this.#listeners.get(`${host}:${port}`);
    if (connected === undefined) throw refused(`${host}:${port}`);
    const [near, far] = duplexPair();
    connected(far);
    return near;
  }
}

function refused(address: string): Error {
  return Object.assign(new Error(`connect ECONNREFUSED ${address}`), { code: 'ECONNREFUSED' });
}
