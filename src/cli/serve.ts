import { readFile } from 'node:fs/promises';

import { silentLogger, systemClock } from '../core/index.ts';
import type { Plan, Run } from '../engine/index.ts';
import type { BufferedStructuredLogger } from '../observe/log.ts';
import type { FlightRecorder } from '../observe/flight-recorder.ts';
import { serverStarted } from '../observe/server-events.ts';
import { builtins } from '../pipeline.ts';
import type { Server, ServeOptions } from '../server/index.ts';
import type { Address } from './address.ts';
import { UsageError } from './failure.ts';
import { createLogger } from './log.ts';
import type { Terminal } from './terminal.ts';

export interface ServeCommandOptions {
  readonly serve?: Address;
  readonly serveName?: readonly string[];
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly insecureHttp?: boolean;
  readonly publicMetrics?: boolean;
}

/** The certificate and its key, where they were named. */
async function tlsOf({
  tlsCert,
  tlsKey,
}: ServeCommandOptions): Promise<{ tls?: { cert: string; key: string } }> {
  if (tlsCert === undefined && tlsKey === undefined) return {};
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new UsageError('--tls-cert and --tls-key go together');
  }
  const [cert, key] = await Promise.all([readFile(tlsCert, 'utf8'), readFile(tlsKey, 'utf8')]);
  return { tls: { cert, key } };
}

/** A server that was asked for: it listens already, before anything of the pipeline is open. */
export interface Serving extends AsyncDisposable {
  /** Serves a run, and says where: also how to sign in, once. */
  start(run: Run, recorder: FlightRecorder): Server;
}

/** Undefined where no server was asked for. */
export async function prepareServing(
  options: ServeCommandOptions,
  { name, settings }: Plan,
  log: BufferedStructuredLogger,
  terminal: Terminal,
): Promise<Serving | undefined> {
  const { serve: address } = options;
  if (address === undefined) return undefined;
  const { listen } = await import('../server/index.ts');
  const served: ServeOptions = {
    ...address,
    ...(await tlsOf(options)),
    names: options.serveName ?? [],
    insecureHttp: options.insecureHttp ?? false,
    publicMetrics: options.publicMetrics ?? false,
    log,
    manifest: () => builtins().generateManifest(),
  };
  const listening = await listen({ pipeline: name, healthSettings: settings.health }, served);
  return {
    start: (run, recorder) => {
      const server = listening.attach(run, { flightRecorder: () => recorder.record() });
      tellOf(server, run, terminal);
      return server;
    },
    [Symbol.asyncDispose]: () => listening[Symbol.asyncDispose](),
  };
}

/** How to sign in is for whoever started it: neither followers of the log nor files get it. */
function tellOf({ url, launchUrl }: Server, run: Run, terminal: Terminal): void {
  const isTerminal = terminal.err.isTTY;
  if (isTerminal) terminal.complain(`serving at ${url}; sign in, once: ${launchUrl}`);
  const log = isTerminal
    ? silentLogger
    : createLogger(terminal, systemClock, 'INFO').bindContext({ launchUrl });
  run.emit(serverStarted, { url }, { log });
}
