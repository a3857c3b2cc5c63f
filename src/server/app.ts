import { Hono, type Context, type MiddlewareHandler } from 'hono';

import { isLogLevel, logLevels } from '../core/index.ts';
import type { Identity, Known, Opened } from './access.ts';
import type { Asset } from './assets.ts';
import type { Board } from './board.ts';
import { onlyFields, readBody } from './body.ts';
import { takesGzip } from './gzip.ts';
import { isHistorySpan } from './history.ts';
import {
  type Asker,
  type Command,
  internalFailure,
  type PublishedName,
  type Question,
} from './messages.ts';
import { openApi } from './openapi.ts';
import { Refusal, refusedWith } from './refusal.ts';
import { type ChangePath, type LookPath, type Route, routes } from './routes.ts';
import { securityHeaders } from './security-headers.ts';

/** What a server of ours passes beside the request. */
export interface NodeBindings {
  readonly incoming?: { readonly socket: { readonly remoteAddress?: string | undefined } };
  readonly outgoing?: { destroy(): void };
}

export interface AppParts {
  readonly board: Board;
  readonly identify: (request: Request, address: string) => Identity | Promise<Identity>;
  /** Swaps a secret, or a session that goes on, for a cookie; absent, cookies are the host's affair. */
  readonly sessions?: {
    open(secret: string, address: string): Opened;
    renew(headers: Headers): Opened;
  };
  /** Origins of other pages that may call with a token. */
  readonly origins: readonly string[];
  /** The files of the page, by their paths; none where a host has pages of its own. */
  readonly assets?: ReadonlyMap<string, Asset>;
  /** Whether `/metrics` needs no token. */
  readonly publicMetrics: boolean;
  /** What stands before every path. */
  readonly basePath: string;
  /** Is told why a request could not be answered, where that is our own fault. */
  readonly failed: (error: unknown) => void;
}

interface Env {
  Bindings: NodeBindings;
  Variables: { identity: Identity; address: string };
}
type C = Context<Env>;

/** The routes as a function of a request, whoever listens for it. */
export function createApp(
  parts: AppParts,
): (request: Request, bindings?: NodeBindings) => Promise<Response> {
  const app = new Hono<Env>({ strict: true }).basePath(parts.basePath);
  app.use('*', withHeaders(parts.origins));
  app.onError((error) => {
    if (error instanceof Refusal) return refusedWith(error);
    parts.failed(error);
    const { status, code, message } = internalFailure;
    return refusedWith(new Refusal(status, code, message));
  });
  app.notFound(() => refusedWith(new Refusal(404, 'not-found', 'there is nothing here')));
  const hasSessions = parts.sessions !== undefined;
  const served = routes.filter(({ needs }) => needs === undefined || hasSessions);
  for (const route of served) {
    const handle = route.method === 'GET' ? looks[route.path] : changes[route.path];
    app.on(route.method, route.path, admit(route, parts), async (c) => handle(c, parts));
  }
  for (const [path, asset] of parts.assets ?? []) {
    app.get(path, (c) => assetAnswer(c, asset));
    app.all(path, () => refusedWith(notAllowed('GET')));
  }
  for (const { path } of served) {
    const allowed = served.filter((route) => route.path === path).map(({ method }) => method);
    app.all(path, () => refusedWith(notAllowed(allowed.join(', '))));
  }
  return async (request, bindings = {}) => app.fetch(request, bindings);
}

function notAllowed(allow: string): Refusal {
  return new Refusal(405, 'method', `use ${allow}`, { allow });
}

function assetAnswer(c: C, { type, text, gzip, isHashed }: Asset): Response {
  const kept = { 'cache-control': 'private, max-age=31536000, immutable' };
  const headers = { 'content-type': type, vary: 'accept-encoding', ...(isHashed && kept) };
  return takesGzip(c.req.header('accept-encoding'))
    ? new Response(gzip, { headers: { ...headers, 'content-encoding': 'gzip' } })
    : new Response(text, { headers });
}

/** Puts the headers on every answer, and lets through what other pages may ask. */
function withHeaders(origins: readonly string[]): MiddlewareHandler<Env> {
  return async (c, next) => {
    const { remoteAddress = 'unknown' } = c.env.incoming?.socket ?? {};
    c.set('address', remoteAddress);
    const origin = c.req.header('origin');
    const isListed = origin !== undefined && origins.includes(origin);
    if (isListed && c.req.method === 'OPTIONS') c.res = new Response(null, { status: 204 });
    else if (origin !== undefined && !isListed && !isOwnOrigin(c, origin)) {
      c.res = refusedWith(new Refusal(403, 'origin', 'this page may not ask here'));
    } else await next();
    for (const [name, value] of Object.entries(securityHeaders)) {
      if (!c.res.headers.has(name)) c.res.headers.set(name, value);
    }
    if (!isListed) return;
    c.res.headers.set('access-control-allow-origin', origin);
    c.res.headers.set('access-control-allow-methods', 'GET, POST');
    c.res.headers.set('access-control-allow-headers', 'authorization, content-type, last-event-id');
    c.res.headers.append('vary', 'origin');
  };
}

function isOwnOrigin(c: C, origin: string): boolean {
  const host = c.req.header('host') ?? new URL(c.req.url).host;
  return URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}

/** Lets a request through to its route, or refuses it. */
function admit(route: Route, parts: AppParts): MiddlewareHandler<Env> {
  const { identify, publicMetrics, board, origins } = parts;
  return async (c, next) => {
    const isOpen = route.access === 'anybody' || (publicMetrics && route.path === '/metrics');
    const identity = isOpen ? { role: null } : await identify(c.req.raw, c.get('address'));
    c.set('identity', identity);
    if (!isOpen) assertMay(identity, route.access);
    if (route.method === 'POST') assertNotForged(c, identity, origins);
    if (board.isClosed) throw new Refusal(503, 'closed', 'this run is watched no more');
    await next();
  };
}

function assertMay(identity: Identity, access: Route['access']): void {
  const { role } = knownOf(identity);
  if (access === 'admin' && role !== 'admin') {
    throw new Refusal(403, 'role', 'this needs the token of an admin');
  }
}

function knownOf(identity: Identity): Known {
  if (identity === 'limited') throw tooMany();
  if (identity.role === null) throw unknown();
  return identity;
}

function tooMany(): Refusal {
  const message = 'too many wrong tokens; wait a minute';
  return new Refusal(429, 'limited', message, { 'retry-after': '60' });
}

function unknown(): Refusal {
  const challenge = { 'www-authenticate': 'Bearer realm="millrace"' };
  return new Refusal(401, 'token', 'this needs a token', challenge);
}

/**
 * Only a token is known to come from whoever asks: what a cookie vouches for, or a host in a way of
 * its own, may come from any page that a browser shows.
 */
function assertNotForged(c: C, identity: Identity, origins: readonly string[]): void {
  const by = identity === 'limited' || identity.role === null ? 'nobody' : identity.by;
  if (by === 'token') return;
  const site = c.req.header('sec-fetch-site');
  const origin = c.req.header('origin');
  if (site === undefined && origin === undefined) {
    // A program: a browser says at least one of them of a POST. It has no cookie but by hand.
    if (by !== 'cookie') return;
    throw new Refusal(403, 'forged', 'with a cookie, say by Origin which page asks');
  }
  if (by === 'host' && origins.includes(origin ?? '')) return;
  const isOwn = origin !== undefined && isOwnOrigin(c, origin);
  if (site === undefined ? isOwn : site === 'same-origin' || site === 'none') return;
  throw new Refusal(403, 'forged', 'another page asked for this');
}

type Handle = (c: C, parts: AppParts) => Response | Promise<Response>;

const looks: Readonly<Record<LookPath, Handle>> = {
  '/livez': (c, parts) => probe(c, parts, 'loop', ({ board }) => board.health().alive),
  '/readyz': (c, parts) => probe(c, parts, 'input', ({ board }) => board.health().ready),
  '/startupz': (c, parts) => probe(c, parts, 'start', ({ board }) => board.hasStarted),
  '/metrics': (c, parts) => ask(parts, { name: 'metrics', accept: c.req.header('accept') ?? '' }),
  '/api/v1/snapshot': published('snapshot'),
  '/api/v1/topology': published('topology'),
  '/api/v1/manifest': published('manifest'),
  '/api/v1/alerts': published('alerts'),
  '/api/v1/health': (_, { board }) => Response.json(board.health()),
  '/api/v1/history': history,
  '/api/v1/breakers': (_, { board }) =>
    new Response(board.breakers, { headers: { 'content-type': 'application/json' } }),
  '/api/v1/log': log,
  '/api/v1/flight-recorder': (_, parts) => ask(parts, { name: 'flight-recorder' }),
  '/api/v1/data': (c, parts) => {
    const [sink, field, key] = ['sink', 'field', 'key'].map((name) => c.req.query(name));
    return ask(parts, { name: 'data', query: { sink, field, key }, role: askerOf(c).role });
  },
  '/api/v1/events': events,
  '/api/v1/openapi.json': () => Response.json(openApi()),
  '/api/v1/session': session,
};

const changes: Readonly<Record<ChangePath, Handle>> = {
  '/api/v1/pause': command('pause', []),
  '/api/v1/resume': command('resume', []),
  '/api/v1/drain': command('drain', []),
  '/api/v1/log-level': command('log-level', ['level', 'component']),
  '/api/v1/alert-limits': command('alert-limits', ['rule', 'limits']),
  '/api/v1/session': openSession,
};

/** `ok` or `not ready`, and nothing more; the checks to whoever has a token and asks for them. */
async function probe(
  c: C,
  parts: AppParts,
  name: string,
  holds: (parts: AppParts) => boolean,
): Promise<Response> {
  const isOk = holds(parts);
  const status = isOk ? 200 : 503;
  const isJson = (c.req.header('accept') ?? '').includes('application/json');
  if (c.req.query('verbose') === undefined && !isJson) {
    return new Response(isOk ? 'ok' : 'not ready', { status });
  }
  assertMay(await parts.identify(c.req.raw, c.get('address')), 'read');
  const { reasons } = parts.board.health();
  if (isJson) return Response.json({ ok: isOk, checks: { [name]: isOk }, reasons }, { status });
  const lines = [
    `[${isOk ? '+' : '-'}]${name} ${isOk ? 'ok' : 'failed'}`,
    ...reasons.map(({ of, component, text }) => `    ${of}: ${component ?? 'run'}: ${text}`),
  ];
  return new Response(`${lines.join('\n')}\n`, { status });
}

function published(name: PublishedName): Handle {
  return (_, { board }) => {
    const text = board.document(name);
    if (text === undefined) throw new Refusal(404, 'absent', `this run has no ${name}`);
    const age = String(Math.floor(board.ageMs(name) / 1000));
    return new Response(text, { headers: { 'content-type': 'application/json', age } });
  };
}

/** Of a route that is not for anybody. */
function askerOf(c: C): Asker {
  const { role, by } = knownOf(c.get('identity'));
  return { role, by, address: c.get('address') };
}

async function ask({ board }: AppParts, question: Question): Promise<Response> {
  const answer = await board.ask(question);
  if ('status' in answer) throw new Refusal(answer.status, answer.code, answer.message);
  return new Response(answer.text, { headers: { 'content-type': answer.type } });
}

function command(name: Command['name'], fields: readonly string[]): Handle {
  return async (c, parts) => {
    const body = await readBody(c.req.raw);
    onlyFields(body, fields);
    if (name === 'log-level') assertLevel(body);
    if (name === 'alert-limits') assertLimits(body);
    return ask(parts, { name, input: body, asker: askerOf(c) });
  };
}

function assertLevel({ level, component }: Readonly<Record<string, unknown>>): void {
  if (!isLogLevel(level)) {
    throw new Refusal(400, 'body', `level is one of ${Object.keys(logLevels).join(', ')}`);
  }
  if (component !== undefined && typeof component !== 'string') {
    throw new Refusal(400, 'body', 'component is the id of a component');
  }
}

function assertLimits({ rule, limits }: Readonly<Record<string, unknown>>): void {
  if (typeof rule !== 'string') throw new Refusal(400, 'body', 'rule is the name of an alert');
  const given = typeof limits === 'object' && limits !== null ? Object.entries(limits) : [];
  const areLimits = given.every(
    ([name, value]) => limitNames.includes(name) && typeof value === 'number',
  );
  if (given.length === 0 || !areLimits) {
    throw new Refusal(400, 'body', `limits has numbers for any of ${limitNames.join(', ')}`);
  }
}

const limitNames: readonly string[] = ['warn', 'critical', 'clear'];

const linesMax = 1000;

function log(c: C, { board }: AppParts): Response {
  const count = Number(c.req.query('lines') ?? 100);
  const level = c.req.query('level') ?? 'DEBUG';
  if (!Number.isInteger(count) || count < 1 || count > linesMax) {
    throw new Refusal(400, 'query', `lines is a number from 1 to ${linesMax}`);
  }
  if (!isLogLevel(level)) throw new Refusal(400, 'query', 'level is no level of a log line');
  const lines = board.log.newest(count, level).join(',');
  const { leftOut } = board.log;
  const text = `{"dropped":${board.eventsDropped},"leftOut":${leftOut},"lines":[${lines}]}`;
  return new Response(text, { headers: { 'content-type': 'application/json' } });
}

function history(c: C, { board }: AppParts): Response {
  const { span = '5m', component } = c.req.query();
  if (!isHistorySpan(span)) throw new Refusal(400, 'query', 'span is one of 5m, 1h, 12h');
  const told =
    component === undefined ? board.history.run(span) : board.history.component(span, component);
  if (told !== undefined) return Response.json(told);
  throw new Refusal(404, 'component', `there are ${board.history.components.join(', ')}`);
}

function events(c: C, { board }: AppParts): Response {
  const encoding = takesGzip(c.req.header('accept-encoding')) ? 'gzip' : 'identity';
  const headers = {
    'content-type': 'text/event-stream',
    vary: 'accept-encoding',
    ...(encoding === 'gzip' && { 'content-encoding': encoding }),
  };
  // Nobody would read the stream, or end it.
  if (c.req.method === 'HEAD') return new Response(null, { headers });
  const lastEventId = c.req.header('last-event-id') ?? null;
  // What it is told first is what changes are told against.
  board.look();
  const cut = (): void => c.env.outgoing?.destroy();
  const { untilMs } = knownOf(c.get('identity'));
  const stream = board.live.connect(lastEventId, board.latest, cut, { encoding, untilMs });
  if (stream === undefined) {
    throw new Refusal(503, 'clients', 'too many clients listen', { 'retry-after': '60' });
  }
  return new Response(stream, { headers });
}

/** Also to nobody: a page that has no session yet asks whether it has one, and that is no failure. */
async function session(c: C, { identify, board }: AppParts): Promise<Response> {
  const identity = await identify(c.req.raw, c.get('address'));
  if (identity === 'limited') throw tooMany();
  if (identity.role === null) return Response.json(identity);
  const { role, untilMs } = identity;
  return Response.json({ role, ...(untilMs !== undefined && { leftMs: untilMs - board.nowMs }) });
}

async function openSession(c: C, { sessions, board }: AppParts): Promise<Response> {
  const body = await readBody(c.req.raw);
  onlyFields(body, ['secret']);
  const { secret } = body;
  if (secret !== undefined && typeof secret !== 'string') {
    throw new Refusal(400, 'body', 'secret is a text');
  }
  const opened =
    secret === undefined
      ? sessions!.renew(c.req.raw.headers)
      : sessions!.open(secret, c.get('address'));
  if (opened === 'limited') throw tooMany();
  if (opened === 'nobody') throw unknown();
  const { cookie, untilMs } = opened;
  const told = { ok: true, leftMs: untilMs - board.nowMs };
  return Response.json(told, { headers: { 'set-cookie': cookie } });
}
