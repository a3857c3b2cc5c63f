import type { Clock } from '../core/index.ts';
import {
  type Health,
  type HealthSettings,
  type HealthStats,
  health,
  QueuePressure,
  RecentStats,
} from '../observe/health.ts';
import type { RunStats, RunStatus } from '../observe/snapshot.ts';
import { Live } from './live.ts';
import type { Answer, LiveEvent, Published, PublishedName, Question } from './messages.ts';

/** What a board knows of the pipeline without being told. */
export interface Vitals {
  readonly status: RunStatus;
  /** For how long the loop has stood still. */
  readonly stalledMs: number;
}

export interface BoardParts {
  readonly clock: Clock;
  readonly vitals: () => Vitals;
  /** Asks the pipeline's thread. */
  readonly ask: (question: Question) => Promise<Answer>;
  readonly limits: HealthSettings;
}

const logLinesMax = 1000;
const logBytesMax = 1_048_576;

/** All that the routes answer from: what the pipeline published last, and what is known meanwhile. */
export class Board {
  readonly live: Live;
  readonly #parts: BoardParts;
  readonly #documents = new Map<PublishedName, { readonly text: string; readonly atMs: number }>();
  readonly #pressure: QueuePressure;
  readonly #recent = new RecentStats();
  #queueFullMs: Readonly<Record<string, number>> = {};
  #stats: RunStats | undefined;
  #before: HealthStats | undefined;
  #log: string[] = [];
  #logBytes = 0;
  #eventsDropped = 0;
  #hasStarted = false;
  #told = '';
  #isClosed = false;

  constructor(parts: BoardParts) {
    this.#parts = parts;
    this.#pressure = new QueuePressure(parts.limits);
    this.live = new Live(parts.clock);
  }

  /** Takes what the pipeline has published. */
  take({ documents, events, eventsDropped }: Published): void {
    this.#eventsDropped = eventsDropped;
    for (const [name, text] of Object.entries(documents) as [PublishedName, string][]) {
      this.#documents.set(name, { text, atMs: this.#parts.clock.monotonic() });
      if (name === 'snapshot') this.#takeStats(JSON.parse(text) as RunStats);
      if (name === 'snapshot' || name === 'alerts') this.live.send({ type: name, data: text });
    }
    for (const event of events) this.tell(event);
    this.look();
  }

  /** Takes one thing that happened. */
  tell(event: LiveEvent): void {
    if (event.type === 'log') this.#keepLine(event.data);
    this.live.send(event);
  }

  /** Tells the clients where health has changed; to be called a few times a second. */
  look(): void {
    const { alive, ready, overloaded, degraded, reasons } = this.health();
    const causes = reasons.map(({ of, component = '' }) => `${of} ${component}`);
    const now = JSON.stringify([alive, ready, overloaded, degraded, causes]);
    if (now === this.#told) return;
    this.#told = now;
    this.live.send({ type: 'health', data: JSON.stringify(this.health()) });
  }

  /** Ends every stream: from now on nothing new is known of the pipeline. */
  close(): void {
    this.#isClosed = true;
    this.live.close();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  document(name: PublishedName): string | undefined {
    return this.#documents.get(name)?.text;
  }

  /** How long ago the pipeline sent a document that there is. */
  ageMs(name: PublishedName): number {
    const nowMs = this.#parts.clock.monotonic();
    return nowMs - (this.#documents.get(name)?.atMs ?? nowMs);
  }

  /** What a client is told first. */
  get latest(): LiveEvent[] {
    const snapshot = this.document('snapshot');
    const alerts = this.document('alerts');
    return [
      { type: 'health', data: JSON.stringify(this.health()) },
      ...(snapshot === undefined ? [] : [{ type: 'snapshot', data: snapshot } as const]),
      ...(alerts === undefined ? [] : [{ type: 'alerts', data: alerts } as const]),
    ];
  }

  health(): Health {
    const { status, stalledMs: loopStallMs } = this.#parts.vitals();
    const stats = this.#stats ?? { components: [], degraded: {} };
    return health(
      {
        stats: { ...stats, status },
        before: this.#before,
        loopStallMs,
        queueFullMs: this.#queueFullMs,
      },
      this.#parts.limits,
    );
  }

  /** Whether everything was open once. */
  get hasStarted(): boolean {
    this.#hasStarted ||= this.#parts.vitals().status !== 'starting';
    return this.#hasStarted;
  }

  /** Log lines and events that there was no room for on their way here. */
  get eventsDropped(): number {
    return this.#eventsDropped;
  }

  /** The last log lines, newest last. */
  get log(): readonly string[] {
    return this.#log;
  }

  ask(question: Question): Promise<Answer> {
    return this.#parts.ask(question);
  }

  #takeStats(stats: RunStats): void {
    this.#before = this.#recent.look(stats, stats.monotonicMs);
    this.#stats = stats;
    this.#queueFullMs = this.#pressure.look(stats.queues, stats.monotonicMs);
  }

  #keepLine(line: string): void {
    this.#log.push(line);
    this.#logBytes += line.length;
    while (this.#log.length > logLinesMax || this.#logBytes > logBytesMax) {
      this.#logBytes -= this.#log.shift()!.length;
    }
  }
}
