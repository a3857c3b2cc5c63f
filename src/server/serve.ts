import process from 'node:process';
import { Worker } from 'node:worker_threads';

import { randomSecret, systemClock } from '../core/index.ts';
import { stateDirectory } from '../core/state-directory.ts';
import { within } from '../core/within.ts';
import type { Run } from '../engine/index.ts';
import { PipelineError } from '../errors.ts';
import type { HealthSettings } from '../observe/health-settings.ts';
import { ownProgram } from '../own-files.ts';
import { digestOf } from './access.ts';
import { isLoopback, literalOf } from './host-header.ts';
import { type Answer, type FromServer, Pulse, type ToServer } from './messages.ts';
import type { ObservationParts } from './parts.ts';
import { Publisher } from './publisher.ts';
import { checkServeOptions, type ServeOptions } from './serve-options.ts';
import { KeptAddress } from './served-address.ts';
import { keptSessionKey } from './session-key.ts';
import type { ThreadSettings } from './thread.ts';
import { checkTokens, keptTokens, type Tokens } from './tokens.ts';

/** What serves a run, in a thread of its own. It does not keep the process alive. */
export interface Server extends AsyncDisposable {
  /** `http://127.0.0.1:7420` */
  readonly url: string;
  /** Opens a session in a browser, as admin, once. */
  readonly launchUrl: string;
  /** Characters that wait for the server's thread: at most about 2 MiB, whatever it does. */
  readonly heldBytes: number;
  /** Ends every connection and the thread. */
  close(): Promise<void>;
}

export const defaultPort = 7420;

/** What is to be served, before it runs. */
export interface ServedPipeline {
  /** The name of the pipeline: its state directory keeps the tokens. */
  readonly pipeline: string;
  readonly healthSettings: HealthSettings;
}

/**
 * An address that is listened at, for a run that is yet to begin. Disposed of, it is given up, and
 * the server of a run that was attached is closed.
 */
export interface Listening extends AsyncDisposable {
  /** Serves the run. To be called once, and soon: until then nothing but probes is answered. */
  attach(run: Run, parts?: Pick<ObservationParts, 'flightRecorder'>): Server;
}

/**
 * Serves probes, metrics and the API of a run. Throws `ERR_CONFIG_INVALID` for what is not safe, and
 * `ERR_SERVER_LISTEN` where it cannot listen.
 */
export async function serve(run: Run, options: ServeOptions = {}): Promise<Server> {
  const { healthSettings } = run;
  const listening = await listen({ pipeline: run.stats().pipeline, healthSettings }, options);
  try {
    return listening.attach(run);
  } catch (error) {
    await listening[Symbol.asyncDispose]();
    throw error;
  }
}

/** Does all of `serve` that may fail, before there is a run: throws the same. */
export async function listen(
  { pipeline, healthSettings }: ServedPipeline,
  options: ServeOptions = {},
): Promise<Listening> {
  checkServeOptions(options);
  const { host = '127.0.0.1', port = defaultPort, tls } = options;
  const given = givenTokens(options);
  checkExposure(host, given, options);
  const early = new EarlyLines(options.log);
  try {
    const tokens = given ?? (await keptTokens(stateDirectory(process.env, pipeline)));
    const launch = randomSecret();
    const pulse = new Pulse();
    const settings: ThreadSettings = {
      memory: pulse.memory,
      host: host === 'localhost' ? '127.0.0.1' : host,
      port,
      tls,
      names: options.names ?? [],
      origins: options.origins ?? [],
      publicMetrics: options.publicMetrics ?? false,
      digests: {
        admin: digestOf(tokens.admin),
        read: tokens.read === undefined ? undefined : digestOf(tokens.read),
        launch: digestOf(launch),
      },
      sessionKey: await sessionKeyOf(pipeline, given === undefined),
      limits: healthSettings,
      stallDescriptor:
        options.stallDescriptor === null ? undefined : (options.stallDescriptor ?? 2),
    };
    const thread = new ServerThread(pulse, settings);
    const scheme = tls === undefined ? 'http' : 'https';
    const url = `${scheme}://${shownHost(settings)}:${await thread.port}`;
    let kept: KeptAddress | undefined;
    const close = async (): Promise<void> => {
      // First: whoever listens there next is not to be given a token of this run.
      try {
        await kept?.[Symbol.asyncDispose]();
      } finally {
        await thread.close();
      }
    };
    return {
      attach: (run, parts) => {
        early[Symbol.dispose]();
        thread.attach(run, { ...options, ...parts }, early.lines);
        kept = keepAddress(pipeline, url, given === undefined, (error) => thread.failed(error));
        return serverOf(thread, url, `${url}/#launch=${launch}`, close);
      },
      [Symbol.asyncDispose]: () => {
        early[Symbol.dispose]();
        return close();
      },
    };
  } catch (error) {
    early[Symbol.dispose]();
    throw error;
  }
}

/** With tokens that were given there may be no place to keep a key: sessions end with the process. */
async function sessionKeyOf(pipeline: string, hasKeptTokens: boolean): Promise<string> {
  try {
    return await keptSessionKey(stateDirectory(process.env, pipeline));
  } catch (error) {
    if (hasKeptTokens) throw error;
    return randomSecret();
  }
}

/**
 * Keeps where a run is served, for who looks at it from this machine. With tokens that were given
 * there may be no place to keep anything, and the server needs none.
 */
function keepAddress(
  pipeline: string,
  url: string,
  hasKeptTokens: boolean,
  failed: (error: unknown) => void,
): KeptAddress | undefined {
  const place = (): string => stateDirectory(process.env, pipeline);
  if (hasKeptTokens) return new KeptAddress(place(), { url, tokens: 'kept' }, failed);
  try {
    return new KeptAddress(place(), { url, tokens: 'given' }, () => {});
  } catch {
    return undefined;
  }
}

function serverOf(
  thread: ServerThread,
  url: string,
  launchUrl: string,
  close: () => Promise<void>,
): Server {
  return {
    url,
    launchUrl,
    get heldBytes() {
      return thread.heldBytes;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** By what a browser here reaches it: no request may name the address that stands for all. */
function shownHost({ host, names }: ThreadSettings): string {
  const isEvery = host === '0.0.0.0' || host === '::';
  return isEvery ? (names[0] ?? 'localhost') : literalOf(host)!;
}

function givenTokens({ token, readToken }: ServeOptions): Tokens | undefined {
  const admin = token ?? process.env['MILLRACE_TOKEN'];
  const read = readToken ?? process.env['MILLRACE_READ_TOKEN'];
  return admin === undefined ? undefined : checkTokens({ admin, read });
}

function checkExposure(host: string, given: Tokens | undefined, options: ServeOptions): void {
  if (isLoopback(host)) return;
  const refuse = (fact: string, remedy: string): never => {
    throw new PipelineError({ code: 'ERR_CONFIG_INVALID', place: `serve ${host}`, fact, remedy });
  };
  if (given === undefined) {
    refuse('other machines reach this address, and no token was given', 'set `MILLRACE_TOKEN`');
  }
  if (options.tls === undefined && options.insecureHttp !== true) {
    const remedy = 'give a certificate and its key, or allow it (`--insecure-http`)';
    refuse('other machines reach this address, and everybody between reads the token', remedy);
  }
}

const earlyMax = 100;

/** What is logged while there is no thread yet: the run has begun by then. */
class EarlyLines implements Disposable {
  readonly lines: string[] = [];
  #end: (() => void) | undefined;

  constructor(log: ServeOptions['log']) {
    this.#end = log?.follow((line) => {
      if (this.lines.length < earlyMax) this.lines.push(line);
    });
  }

  [Symbol.dispose](): void {
    this.#end?.();
    this.#end = undefined;
  }
}

/** Until there is a run to ask. */
const noRunYet: Answer = { status: 503, code: 'starting', message: 'the run has not begun yet' };

/** The thread and the pipeline's side of it. */
class ServerThread {
  readonly port: Promise<number>;
  readonly #worker: Worker;
  readonly #pulse: Pulse;
  #publisher: Publisher | undefined;
  #isClosing = false;
  readonly #ended: Promise<void>;

  constructor(pulse: Pulse, settings: ThreadSettings) {
    this.#pulse = pulse;
    this.#worker = new Worker(ownProgram('server/thread'), {
      name: 'millrace-server',
      workerData: settings,
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: 128 },
    });
    const listening = Promise.withResolvers<number>();
    this.port = listening.promise;
    this.#worker.on('message', (message: FromServer) => {
      if (message.type === 'listening') {
        this.#worker.unref();
        listening.resolve(message.port);
      } else if (message.type === 'refused') listening.reject(this.#refused(settings, message));
      else if (message.type === 'question') {
        const answer = this.#publisher?.answer(message.question) ?? noRunYet;
        this.#post({ type: 'answer', id: message.id, answer });
      } else if (message.type === 'stalled') this.#publisher?.resumed(message.stalledMs);
      else this.#publisher?.failed(message.error);
    });
    this.#ended = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
    this.#worker.on('error', (error) => {
      listening.reject(error);
      // The pipeline goes on without it.
      if (!this.#isClosing) this.#publisher?.ended(error);
    });
    listening.promise.catch(() => void this.close());
  }

  /** Publishes a run from now on. */
  attach(run: Run, parts: ObservationParts, early: readonly string[]): void {
    const publisher = new Publisher({
      run,
      parts,
      early,
      clock: systemClock,
      post: (message) => this.#post(message),
      written: (figures) => JSON.stringify(figures),
      taken: () => this.#pulse.taken,
      beat: () => this.#pulse.beat(),
      stands: (status) => (this.#pulse.status = status),
    });
    this.#publisher = publisher;
    void this.#ended.then(() => publisher.stop());
  }

  get heldBytes(): number {
    return this.#publisher?.heldBytes ?? 0;
  }

  /** Tells the log of the run what did not work beside it. */
  failed(error: unknown): void {
    this.#publisher?.failed(error);
  }

  async close(): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true;
      this.#publisher?.stop();
      this.#worker.ref();
      this.#post({ type: 'close' });
      await within({ clock: systemClock, limitMs: closeMsMax }, this.#ended, () => {});
      await this.#worker.terminate();
    }
    await this.#ended;
  }

  #post(message: ToServer): void {
    this.#worker.postMessage(message);
  }

  #refused(
    { host, port }: ThreadSettings,
    { code, message }: FromServer & { type: 'refused' },
  ): PipelineError {
    const fact = listenFacts[code] ?? message;
    return new PipelineError({
      code: 'ERR_SERVER_LISTEN',
      place: `${literalOf(host)}:${port}`,
      fact,
      remedy: 'choose another address, or port 0 for any that is free',
    });
  }
}

const closeMsMax = 2000;

const listenFacts: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another server listens there',
  EACCES: 'this user may not listen there',
  EADDRNOTAVAIL: 'this machine does not have the address',
  ENOTFOUND: 'there is no such host',
};
