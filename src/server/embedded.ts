import process from 'node:process';

import { systemClock as clock } from '../core/index.ts';
import type { Run } from '../engine/index.ts';
import { PipelineError } from '../errors.ts';
import { checkOptions, type Checks, isFunction, isText } from '../observe/checked-options.ts';
import { Access, digestOf } from './access.ts';
import type { createApp, NodeBindings } from './app.ts';
import { Board } from './board.ts';
import { sharedChecks } from './check-options.ts';
import type { ObservationParts } from './parts.ts';
import { Publisher } from './publisher.ts';
import type { Role } from './routes.ts';
import { checkTokens } from './tokens.ts';

/** How the routes are embedded in a server of the host's own. */
export interface ObservationRoutesOptions extends ObservationParts {
  /** What stands before every path, as `/pipeline`; nothing unless given. */
  readonly basePath?: string;
  /** Of an admin; unless given that in `MILLRACE_TOKEN`. */
  readonly token?: string;
  /** Of whoever may only look; unless given that in `MILLRACE_READ_TOKEN`. */
  readonly readToken?: string;
  /** Decides in place of tokens who may do what; undefined: nobody. */
  readonly authorize?: (request: Request) => Role | undefined | Promise<Role | undefined>;
  /** Origins of other pages that may call with a token; none unless given. */
  readonly origins?: readonly string[];
  /** Gives `/metrics` to whoever asks. */
  readonly publicMetrics?: boolean;
}

const checks: Checks<ObservationRoutesOptions> = {
  ...sharedChecks,
  basePath: [(value) => isText(value) && isPath(value), 'a path, as `/pipeline`'],
  authorize: [isFunction, 'a function of the request'],
};

/** A path as it comes in a request. */
function isPath(text: string): boolean {
  if (text === '' || text === '/') return true;
  return /^(\/[\w.~-]+)+\/?$/.test(text) && URL.parse(text, 'http://host')?.pathname === text;
}

/**
 * Answers a request for one of the routes; every other with 404. Disposed of, it watches no more,
 * and answers with 503.
 */
export interface ObservationRoutes extends Disposable {
  (request: Request, bindings?: NodeBindings): Promise<Response>;
}

/**
 * The routes of a run as a function, for hono, express or `node:http`. They are answered by the loop
 * of the pipeline itself, so that nothing answers while it stalls, and the host's server sees to
 * addresses, host names, limits and TLS. Throws `ERR_CONFIG_INVALID` where nothing says who may ask.
 */
export function observationRoutes(
  run: Run,
  options: ObservationRoutesOptions = {},
): ObservationRoutes {
  checkOptions('observationRoutes', options, checks);
  const identify = identifierOf(options);
  let taken = 0;
  const board: Board = new Board({
    clock,
    vitals: () => ({ status: run.status, stalledMs: 0 }),
    ask: (question) => Promise.resolve(publisher.answer(question)),
    limits: run.healthSettings,
  });
  const publisher = new Publisher({
    run,
    parts: options,
    clock,
    post: (message) => {
      taken++;
      if (message.type === 'published') board.take(message);
    },
    written: (figures) => figures,
    taken: () => taken,
    beat: () => {},
    // It is asked where it stands.
    stands: () => {},
  });
  const { origins = [], publicMetrics = false, basePath = '/' } = options;
  const failed = (error: unknown): void => publisher.failed(error);
  let app: Promise<ReturnType<typeof createApp>> | undefined;
  const answer = async (request: Request, bindings?: NodeBindings): Promise<Response> => {
    app ??= import('./app.ts').then((module) =>
      module.createApp({ board, identify, origins, publicMetrics, basePath, failed }),
    );
    return (await app)(request, bindings);
  };
  const stop = (): void => {
    publisher.stop();
    board.close();
  };
  return Object.assign(answer, { [Symbol.dispose]: stop });
}

function identifierOf({
  authorize,
  token = process.env['MILLRACE_TOKEN'],
  readToken = process.env['MILLRACE_READ_TOKEN'],
}: ObservationRoutesOptions): Parameters<typeof createApp>[0]['identify'] {
  if (authorize !== undefined) {
    return async (request) => {
      const role = await authorize(request);
      // Whatever else is given in JavaScript, as by `isUser && 'read'`, is nobody too.
      return role === 'read' || role === 'admin' ? { role, by: 'host' } : { role: null };
    };
  }
  if (token === undefined) {
    throw new PipelineError({
      code: 'ERR_CONFIG_INVALID',
      place: 'observationRoutes',
      fact: 'nothing says who may ask',
      remedy: 'give `token` or `authorize`, or set `MILLRACE_TOKEN`',
    });
  }
  const { admin, read } = checkTokens({ admin: token, read: readToken });
  const digests = {
    admin: digestOf(admin),
    ...(read !== undefined && { read: digestOf(read) }),
  };
  const access = new Access({ clock, digests });
  return (request, address) => access.identify(request.headers, address);
}
