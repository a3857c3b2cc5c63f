import { write } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';

import { systemClock as clock } from '../core/clock.ts';
import { reasonOf } from '../errors.ts';
import { Emitter } from '../observe/emitter.ts';
import type { HealthSettings } from '../observe/health.ts';
import { StructuredLogger } from '../observe/log.ts';
import { loopStalled } from '../observe/server-events.ts';
import { Access, type Digests } from './access.ts';
import { createApp } from './app.ts';
import { Board } from './board.ts';
import { createHttpServer, type TlsTexts } from './listen.ts';
import { type FromServer, Pulse, type ToServer } from './messages.ts';
import { Questions } from './questions.ts';
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
  readonly digests: Digests;
  /** The name of the session cookie. */
  readonly cookie: string;
  /** Of health. */
  readonly limits: HealthSettings;
  /** Where a stall is told of while it lasts: nobody else of the process can speak then. */
  readonly stallDescriptor: number | undefined;
}

function serveFrom(port: MessagePort, settings: ThreadSettings): void {
  const { host, names, tls, digests } = settings;
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
  const access = new Access(clock, digests, { name: settings.cookie, isSecure: tls !== undefined });
  const app = createApp({
    ...settings,
    board,
    identify: (request, address) => access.identify(request.headers, address),
    openSession: (secret, address) => access.openSession(secret, address),
    basePath: '/',
    failed: (error) => post({ type: 'failed', error: toldOf(error) }),
  });
  const server = createHttpServer(app, { names, tls });
  server.once('error', ({ code = '', message }: NodeJS.ErrnoException) =>
    post({ type: 'refused', code, message }),
  );
  server.listen(settings.port, host, () => {
    post({ type: 'listening', port: (server.address() as AddressInfo).port });
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
  port.on('message', (message: ToServer) => {
    if (message.type === 'published') {
      board.take(message);
      pulse.take();
    } else if (message.type === 'answer') questions.answer(message.id, message.answer);
    else {
      looking.stop();
      board.close();
      server.close(() => port.close());
      server.closeAllConnections();
    }
  });
}

/** As text: not every error can be sent. */
function toldOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : reasonOf(error);
}

serveFrom(parentPort!, workerData as ThreadSettings);
