import { onTestFinished, vi } from 'vitest';

/** An answer of the API that is yet to be given. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  answer(document: object, status?: number): void;
}

/** The live stream, as the page opens it. */
export class StubbedStream extends EventTarget {
  static readonly CLOSED = 2;
  static all: StubbedStream[] = [];
  readyState = 0;

  constructor() {
    super();
    StubbedStream.all.push(this);
  }

  close(): void {
    this.readyState = StubbedStream.CLOSED;
  }

  tell(type: string, document: object): void {
    this.readyState = 1;
    this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(document) }));
  }
}

export interface Browser {
  /** What was asked of the API and has no answer yet, the first first. */
  readonly asked: Asked[];
  readonly streams: readonly StubbedStream[];
}

/** As much of a browser as modules of the page need that show nothing; its time stands still. */
export function stubBrowser(hash: string = ''): Browser {
  vi.useFakeTimers();
  vi.resetModules();
  StubbedStream.all = [];
  const asked: Asked[] = [];
  const location = { hash, pathname: '/' };
  vi.stubGlobal('location', location);
  vi.stubGlobal('history', {
    replaceState: (_: unknown, __: string, to: string) => (location.hash = to.replace(/^\//, '')),
  });
  vi.stubGlobal('addEventListener', () => {});
  vi.stubGlobal('EventSource', StubbedStream);
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const { method = 'GET', body = null, signal } = init;
    signal?.addEventListener('abort', () => reject(signal.reason as Error));
    asked.push({
      method,
      path: url.replace('api/v1/', ''),
      body: typeof body === 'string' ? JSON.parse(body) : undefined,
      answer: (document, status = 200) => {
        asked.splice(asked.indexOf(one), 1);
        resolve(Response.json(document, { status }));
      },
    });
    const one = asked.at(-1)!;
    return promise;
  });
  onTestFinished(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });
  return {
    asked,
    get streams() {
      return StubbedStream.all;
    },
  };
}
