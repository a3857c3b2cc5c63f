import { write } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';

import { systemClock as clock } from '../core/clock.ts';
import { reasonOf } from '../errors.ts';
import { Emitter } from '../observe/emitter.ts';
import type { HealthSettings } from '../observe/health-settings.ts';
import { StructuredLogger } from '../observe/log.ts';
import { loopStalled } from '../observe/server-events.ts';
import { Access, type Digests } from './access.ts';
import { createApp } from './app.ts';
import { readAssets } from './assets.ts';
import { Board } from './board.ts';
import { createHttpServer, type TlsTexts } from './listen.ts';
import { type FromServer, Pulse, type ToServer } from './messages.ts';
import { Questions } from './questions.ts';
import { routes } from './routes.ts';
import { lookEveryMs, Watchdog } from './watchdog.ts';

/** All that the thread of the server is started with. */
export interface ThreadSettings {
  readonly memory: SharedArrayBuffer;
  readonly host: string;
  readonly port: number;
  readonly tls: TlsTexts | undefined;
  readonly names: readonly string[];
  readonly origins: readonly string[];
  readonly publicMetrics: boolean;
  /** This and the key of sessions open the server: neither is told to anybody, or logged. */
  readonly digests: Digests;
  readonly sessionKey: string;
  /** Of health. */
  readonly limits: HealthSettings;
  /** Where a stall is told of while it lasts: nobody else of the process can speak then. */
  readonly stallDescriptor: number | undefined;
}

function serveFrom(port: MessagePort, settings: ThreadSettings): void {
  const { host, names, tls, digests, sessionKey: key } = settings;
  const post = (message: FromServer): void => port.postMessage(message);
  const pulse = new Pulse(settings.memory);
  const watchdog = new Watchdog(settings.limits.stallMsMin);
  const questions = new Questions(clock, (id, question) =>
    post({ type: 'question', id, question }),
  );
  const board = new Board({
    clock,
    vitals: () => ({ status: pulse.status, stalledMs: watchdog.stalledMs }),
    ask: (question) => questions.ask(question),
    limits: settings.limits,
  });
  const log = new StructuredLogger({
    component: 'server',
    // One stall after another is no repetition.
    collapseMs: 0,
    clock,
    write: (line) => {
      board.tell({ type: 'log', data: line.trimEnd() });
      // Not waited for: whoever should read it may not.
      if (settings.stallDescriptor !== undefined) write(settings.stallDescriptor, line, () => {});
    },
  });
  const emitter = new Emitter(log, clock);
  // Made when the port is known; before, nobody can ask.
  let access!: Access;
  const assets = readAssets();
  const app = createApp({
    ...settings,
    assets,
    board,
    identify: (request, address) => access.identify(request.headers, address),
    sessions: {
      open: (secret, address) => access.openSession(secret, address),
      renew: (headers) => access.renewSession(headers),
    },
    basePath: '/',
    failed: (error) => post({ type: 'failed', error: toldOf(error) }),
  });
  const paths = new Set<string>([...routes.map(({ path }) => path), ...assets.keys()]);
  const server = createHttpServer(app, { names, tls, paths });
  server.once('error', ({ code = '', message }: NodeJS.ErrnoException) =>
    post({ type: 'refused', code, message }),
  );
  server.listen(settings.port, host, () => {
    const { port: bound } = server.address() as AddressInfo;
    // Cookies do not tell ports apart, so the name does.
    const cookie = { name: `millrace-${bound}`, isSecure: tls !== undefined };
    access = new Access({ clock, digests, sessions: { key, cookie } });
    post({ type: 'listening', port: bound });
  });
  const looking = clock.timer(() => {
    const change = watchdog.look(pulse.beats, clock.monotonic());
    if (change !== undefined && 'began' in change)
      emitter.emit(loopStalled, { stalledMs: change.began });
    if (change !== undefined && 'ended' in change)
      post({ type: 'stalled', stalledMs: change.ended });
    board.look();
    looking.set(clock.monotonic() + lookEveryMs);
  });
  looking.set(clock.monotonic() + lookEveryMs);
  // What was said last is read to its end, where it is read.
  const close = (): void => {
    server.close(() => {
      closing.stop();
      port.close();
    });
    const untilMs = clock.monotonic() + lastWordsMsMax;
    const closing = clock.timer(() => {
      if (clock.monotonic() >= untilMs) server.closeAllConnections();
      else server.closeIdleConnections();
      closing.set(clock.monotonic() + closeEveryMs);
    });
    closing.set(clock.monotonic() + closeEveryMs);
  };
  port.on('message', (message: ToServer) => {
    if (message.type === 'published') {
      board.take(message);
      pulse.take();
    } else if (message.type === 'answer') questions.answer(message.id, message.answer);
    else {
      looking.stop();
      board.close();
      close();
    }
  });
}

const closeEveryMs = 20;
/** How long whoever reads may take for what was said last. */
const lastWordsMsMax = 1000;

/** As text: not every error can be sent. */
function toldOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : reasonOf(error);
}

serveFrom(parentPort!, workerData as ThreadSettings);
