import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';

import { getRequestListener } from '@hono/node-server';

import { type createApp, paths } from './app.ts';
import { isHostAllowed } from './host-header.ts';
import { securityHeaders } from './security-headers.ts';

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
  // Ours says more.
  requireHostHeader: false,
} as const;
const connectionsMax = 256;
/** A connection over which nothing goes for so long is closed; the live stream pings more often. */
const silentMsMax = 60_000;

/** A server for the routes that lets only requests through which name this host and a known path. */
export function createHttpServer(
  app: ReturnType<typeof createApp>,
  { names, tls }: { readonly names: readonly string[]; readonly tls: TlsTexts | undefined },
): Server {
  const answer = getRequestListener(app);
  const guard = (request: IncomingMessage, response: ServerResponse): void => {
    const status = refusalOf(request, names);
    if (status === undefined) void answer(request, response);
    else refuse(response, status);
  };
  const server =
    tls === undefined ? createServer(limits, guard) : createTlsServer({ ...limits, ...tls }, guard);
  server.maxConnections = connectionsMax;
  server.timeout = silentMsMax;
  return server;
}

const refusals = {
  400: ['host', 'the request is to name one host, and a path'],
  404: ['not-found', 'there is nothing here'],
  421: ['host', 'this server has another name'],
} as const;

/** Before any routing, and from what came over the wire: what follows sees it tidied up. */
function refusalOf(
  { rawHeaders, url = '', socket }: IncomingMessage,
  names: readonly string[],
): keyof typeof refusals | undefined {
  const hosts = rawHeaders.filter(
    (_, at) => at % 2 === 1 && rawHeaders[at - 1]!.toLowerCase() === 'host',
  );
  const [host] = hosts;
  if (hosts.length !== 1 || host === '') return 400;
  if (!isHostAllowed(host!, socket.localAddress, names)) return 421;
  if (!url.startsWith('/')) return 400;
  return paths.has(url.split('?', 1)[0]!) ? undefined : 404;
}

function refuse(response: ServerResponse, status: keyof typeof refusals): void {
  const [code, message] = refusals[status];
  response.writeHead(status, {
    ...securityHeaders,
    'content-type': 'application/json',
    connection: 'close',
  });
  response.end(JSON.stringify({ error: { code, message } }));
}
