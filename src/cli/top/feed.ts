import type { Clock, Network } from '../../core/index.ts';
import { escapeControls, mapTexts } from '../../core/plain-text.ts';
import { type Topology } from '../../engine/index.ts';
import { reasonOf } from '../../errors.ts';
import type { Health } from '../../observe/health.ts';
import type { RunStats } from '../../observe/snapshot.ts';
import { liveLimits } from '../../server/live.ts';
import { exitCodes, NoAnswerError } from '../failure.ts';
import { RecentRows, type Row } from './figures.ts';
import { serverEvents } from './server-events.ts';
import { serveIt, type Target } from './target.ts';

/** What is known of a run that is looked at: no text in it has a control character. */
export interface Seen {
  readonly stats: RunStats;
  readonly rows: readonly Row[];
  readonly health: Health | undefined;
  readonly topology: Topology | undefined;
  /** How old the figures are. */
  readonly ageMs: number;
  /** Since when, by the wall clock here, there is no connection, and why. */
  readonly away: { readonly sinceMs: number; readonly forMs: number; readonly why: string } | null;
}

export interface FeedParts {
  /** Where to ask, and as whom: looked up for each connection, as a run may come back elsewhere. */
  readonly target: () => Promise<Target>;
  readonly clock: Clock;
  readonly network: Network;
  /** Called when something is known that was not. */
  readonly changed: () => void;
}

const answerMsMax = 5000;
/** Two signs of life that did not come. */
const silenceMsMax = 2 * liveLimits.pingEveryMs + answerMsMax;
const waitMsMin = 250;
const waitMsMax = 5000;

/** The figures of a served run, as they come, from a server that may go away and come back. */
export class Feed {
  readonly #parts: FeedParts;
  #recent = new RecentRows();
  #stats: RunStats | undefined;
  #rows: readonly Row[] = [];
  #health: Health | undefined;
  #topology: Topology | undefined;
  #takenMs = 0;
  #away: { sinceMs: number; sinceMonotonicMs: number; why: string } | null = null;

  constructor(parts: FeedParts) {
    this.#parts = parts;
  }

  /** Undefined while no figures have come. */
  get seen(): Seen | undefined {
    if (this.#stats === undefined) return undefined;
    const nowMs = this.#parts.clock.monotonic();
    return {
      stats: this.#stats,
      rows: this.#rows,
      health: this.#health,
      topology: this.#topology,
      ageMs: nowMs - this.#takenMs,
      away: this.#away && { ...this.#away, forMs: nowMs - this.#away.sinceMonotonicMs },
    };
  }

  /**
   * Takes what comes until it is told to end. Rejects with a `NoAnswerError` where the server does
   * not answer at first, or does not allow it; later it is asked again.
   */
  async follow(signal: AbortSignal): Promise<void> {
    const { clock, changed } = this.#parts;
    let waitMs = waitMsMin;
    while (!signal.aborted) {
      try {
        await this.#connect(signal, () => (waitMs = waitMsMin));
        throw new NoAnswerError(exitCodes.unreachable, 'it has ended the connection');
      } catch (error) {
        if (signal.aborted) return;
        const isRefused = error instanceof NoAnswerError && error.exitCode === exitCodes.notAllowed;
        if (isRefused || this.#stats === undefined) throw error;
        this.#lost(error instanceof NoAnswerError ? error.fact : reasonOf(error));
      }
      changed();
      await clock.sleep(waitMs, { signal }).catch(() => {});
      waitMs = Math.min(waitMsMax, waitMs * 2);
    }
  }

  #lost(why: string): void {
    const { clock } = this.#parts;
    const since = this.#away ?? { sinceMs: clock.now(), sinceMonotonicMs: clock.monotonic() };
    this.#away = { ...since, why: escapeControls(why) };
  }

  async #connect(signal: AbortSignal, connected: () => void): Promise<void> {
    const { clock } = this.#parts;
    const target = await this.#parts.target();
    const over = new AbortController();
    const silence = new NoAnswerError(exitCodes.unreachable, 'it says nothing any more');
    const silent = clock.timer(() => over.abort(silence));
    silent.set(clock.monotonic() + answerMsMax);
    const ends = AbortSignal.any([signal, over.signal]);
    try {
      const response = await this.#ask(target, '/api/v1/events', ends);
      const toldMs = Date.parse(response.headers.get('date') ?? '');
      let isFirst = true;
      const heard = (): void => {
        if (!isFirst) silent.set(clock.monotonic() + silenceMsMax);
      };
      for await (const { type, data } of serverEvents(response.body!, heard)) {
        if (type === 'health') this.#health = parsed(data) as Health;
        else if (type === 'snapshot') {
          // The first may be from before a stall; both times are the server's own.
          const stats = statsOf(parsed(data), target);
          const ageMs = isFirst && toldMs > stats.at ? toldMs - stats.at : 0;
          if (isFirst) {
            // Of a run that begins it is there once there are figures.
            const topology = await this.#ask(target, '/api/v1/topology', ends);
            this.#topology = parsed(await topology.text()) as Topology;
          }
          this.#take(stats, isFirst, ageMs);
          isFirst = false;
          silent.set(clock.monotonic() + silenceMsMax);
          connected();
        } else continue;
        this.#parts.changed();
      }
    } finally {
      silent.stop();
      over.abort();
    }
  }

  #take(stats: RunStats, isFirst: boolean, ageMs: number): void {
    if (isFirst) this.#recent = new RecentRows();
    this.#stats = stats;
    this.#rows = this.#recent.look(stats);
    this.#takenMs = this.#parts.clock.monotonic() - ageMs;
    this.#away = null;
  }

  #ask(target: Target, path: string, signal: AbortSignal): Promise<Response> {
    return ask(this.#parts.network, target, path, signal);
  }
}

/** What a server answers; a `NoAnswerError` where it does not, or not this. */
export async function ask(
  network: Network,
  { url, token }: Target,
  path: string,
  signal: AbortSignal,
): Promise<Response> {
  const headers: Record<string, string> =
    token === undefined ? {} : { authorization: `Bearer ${token}` };
  let response: Response;
  try {
    response = await network.fetch(`${url}${path}`, { headers, signal, redirect: 'manual' });
  } catch (error) {
    const { cause } = error as { readonly cause?: unknown };
    const { code } = (cause ?? error) as NodeJS.ErrnoException;
    const why = facts[code ?? ''] ?? reasonOf(signal.aborted ? signal.reason : (cause ?? error));
    const remedy = code === 'ECONNREFUSED' ? serveIt : undefined;
    throw new NoAnswerError(exitCodes.unreachable, `${url}: ${why}`, remedy);
  }
  if (response.ok) return response;
  const text = await response.text().catch(() => '');
  const { status } = response;
  if (status === 401 || status === 403) {
    const remedy = 'set `MILLRACE_READ_TOKEN`, or name the pipeline or its file';
    const why = token === undefined ? 'it asks for a token' : 'it does not take this token';
    throw new NoAnswerError(exitCodes.notAllowed, `${url}: ${why}`, remedy);
  }
  const why = `answered ${status}${messageOf(text)}`;
  throw new NoAnswerError(exitCodes.unreachable, `${url}: ${why}`);
}

const facts: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection broke',
  UND_ERR_SOCKET: 'the connection broke',
  ENOTFOUND: 'there is no such host',
};

function messageOf(text: string): string {
  const { error } = Object(jsonOf(text)) as { readonly error?: { readonly message?: unknown } };
  return typeof error?.message === 'string' ? `: ${error.message}` : '';
}

/** Undefined where it is none. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** JSON in which no text, nor any name, has what a terminal would take for a command. */
function parsed(json: string): unknown {
  return mapTexts(jsonOf(json), escapeControls);
}

/** Figures that a server gave; throws a `NoAnswerError` where they are none of a run. */
export function statsOf(figures: unknown, { url }: Target): RunStats {
  const { pipeline, components } = Object(figures) as Partial<RunStats>;
  if (typeof pipeline === 'string' && Array.isArray(components)) return figures as RunStats;
  throw new NoAnswerError(exitCodes.unreachable, `${url}: it gives no figures of a run`);
}
