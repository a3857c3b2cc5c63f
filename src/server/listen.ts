import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';

import { getRequestListener } from '@hono/node-server';

import type { createApp } from './app.ts';
import { Connections } from './connections.ts';
import { isHostAllowed } from './host-header.ts';
import { securityHeaders } from './security-headers.ts';
import { readInSlices } from './slices.ts';

/** A certificate and its key, as PEM texts. */
export interface TlsTexts {
  readonly cert: string;
  readonly key: string;
}

/** Limits of connections: those of Node are far wider. */
const limits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 16_384,
  keepAliveTimeout: 5_000,
  // Of TLS, before there is a request to wait for.
  handshakeTimeout: 10_000,
  // Ours says more.
  requireHostHeader: false,
} as const;
const connectionsMax = 256;
/** A connection over which nothing goes for so long is closed; the live stream pings more often. */
const silentMsMax = 60_000;

export interface HttpServerParts {
  /** What the server may be called. */
  readonly names: readonly string[];
  readonly tls: TlsTexts | undefined;
  /** Every path that is served. */
  readonly paths: ReadonlySet<string>;
}

/** A server for the routes that lets only requests through which name this host and a known path. */
export function createHttpServer(
  app: ReturnType<typeof createApp>,
  { names, tls, paths }: HttpServerParts,
): Server {
  const answer = getRequestListener(app);
  const guard = (request: IncomingMessage, response: ServerResponse): void => {
    connections.ask(response, () => {
      const refusal = refusalOf(request, names, paths);
      if (refusal === undefined) void answer(request, response);
      else refuse(response, refusal);
    });
  };
  const server =
    tls === undefined ? createServer(limits, guard) : createTlsServer({ ...limits, ...tls }, guard);
  const connections = new Connections(server, connectionsMax);
  server.on(tls === undefined ? 'connection' : 'secureConnection', readInSlices);
  // What else a client expects we need not do; node would refuse it before anything of ours.
  server.on('checkExpectation', guard);
  server.on('clientError', ({ code = '' }: NodeJS.ErrnoException, socket: Socket) => {
    if (!socket.writable || connections.isAnswering(socket)) socket.destroy();
    else socket.end(rawAnswer(unread[code] ?? refused.unread), () => socket.destroy());
  });
  server.timeout = silentMsMax;
  return server;
}

type Socket = IncomingMessage['socket'];

/** What is told to a client whose request gets no further. */
interface Refused {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

const refused = {
  host: { status: 400, code: 'host', message: 'the request is to name one host, and a path' },
  name: { status: 421, code: 'host', message: 'this server has another name' },
  path: { status: 404, code: 'not-found', message: 'there is nothing here' },
  unread: { status: 400, code: 'request', message: 'this is no request' },
} as const satisfies Readonly<Record<string, Refused>>;

/** What node could not read, by its codes; what is not here is no request. */
const unread: Readonly<Record<string, Refused>> = {
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, code: 'slow', message: 'the request took too long' },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, code: 'size', message: 'a chunk is too large' },
  HPE_HEADER_OVERFLOW: {
    status: 431,
    code: 'size',
    message: 'the headers are larger than 16 KiB',
  },
};

/** Before any routing, and from what came over the wire: what follows sees it tidied up. */
function refusalOf(
  { rawHeaders, url = '', socket }: IncomingMessage,
  names: readonly string[],
  paths: ReadonlySet<string>,
): Refused | undefined {
  const hosts = rawHeaders.filter(
    (_, at) => at % 2 === 1 && rawHeaders[at - 1]!.toLowerCase() === 'host',
  );
  const [host] = hosts;
  if (hosts.length !== 1 || host === '') return refused.host;
  if (!isHostAllowed(host!, socket.localAddress, names)) return refused.name;
  if (!url.startsWith('/')) return refused.host;
  return paths.has(url.split('?', 1)[0]!) ? undefined : refused.path;
}

/** All that is told, and how. */
function answerOf({ code, message }: Refused): { headers: Record<string, string>; body: string } {
  const body = JSON.stringify({ error: { code, message } });
  const headers = {
    ...securityHeaders,
    'content-type': 'application/json',
    'content-length': String(body.length),
    connection: 'close',
  };
  return { headers, body };
}

/** The same as it goes over the wire, where there is no request to answer to. */
function rawAnswer(one: Refused): string {
  const { headers, body } = answerOf(one);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${one.status} ${STATUS_CODES[one.status]}\r\n${lines.join('')}\r\n${body}`;
}

function refuse(response: ServerResponse, one: Refused): void {
  const { headers, body } = answerOf(one);
  response.writeHead(one.status, headers).end(body);
}
