import type { Clock } from '../core/index.ts';
import {
  type Health,
  type HealthFacts,
  health,
  QueuePressure,
  RecentStats,
} from '../observe/health.ts';
import type { HealthSettings } from '../observe/health-settings.ts';
import { runEndings, type RunStats, type RunStatus } from '../observe/snapshot.ts';
import { History } from './history.ts';
import { KeptLines } from './kept-lines.ts';
import { Live } from './live.ts';
import type {
  Answer,
  LiveEvent,
  Published,
  PublishedDocument,
  PublishedName,
  Question,
} from './messages.ts';

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

/** A document, and when it came. */
interface Kept {
  readonly document: PublishedDocument;
  readonly atMs: number;
}

const transitionsMax = 1000;

/** All that the routes answer from: what the pipeline published last, and what is known meanwhile. */
export class Board {
  readonly live: Live;
  readonly log: KeptLines = new KeptLines();
  readonly history: History = new History();
  readonly #parts: BoardParts;
  readonly #documents = new Map<PublishedName, Kept>();
  readonly #pressure: QueuePressure;
  readonly #recent = new RecentStats();
  #queueFullMs: Readonly<Record<string, number>> = {};
  #stats: RunStats | undefined;
  #earlier: Pick<HealthFacts, 'before' | 'since'> = {};
  /** By how much the clock of this thread is ahead of that of the run. */
  #clockAheadMs = 0;
  /** The longest by which the loop was late since the last point. */
  #loopDelayMs = 0;
  readonly #transitions: string[] = [];
  #transitionsDropped = 0;
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
  take({ documents, events, eventsDropped, loopDelayMs }: Published): void {
    this.#eventsDropped = eventsDropped;
    this.#loopDelayMs = Math.max(this.#loopDelayMs, loopDelayMs);
    const entries = Object.entries(documents) as [PublishedName, PublishedDocument][];
    for (const [name, document] of entries) {
      this.#documents.set(name, { document, atMs: this.#parts.clock.monotonic() });
      if (name === 'snapshot') {
        this.#takeStats(
          (typeof document === 'string' ? JSON.parse(document) : document) as RunStats,
        );
      }
      if ((name === 'snapshot' || name === 'alerts') && this.live.clients > 0) {
        this.live.send({ type: name, data: this.document(name)! });
      }
    }
    for (const event of events) this.tell(event);
    this.look();
  }

  /** Takes one thing that happened. */
  tell(event: LiveEvent): void {
    if (event.type === 'log') this.log.add(event.data);
    if (event.type === 'breaker') this.#keepTransition(event.data);
    this.live.send(event);
  }

  /** Tells the clients where health has changed; to be called a few times a second. */
  look(): void {
    const health = this.health();
    this.history.judge(health, this.#parts.clock.monotonic() - this.#clockAheadMs);
    const { reasons, ...words } = health;
    const causes = reasons.map(({ of, component, overSince }) => [of, component, overSince]);
    const now = JSON.stringify([words, causes]);
    if (now === this.#told) return;
    this.#told = now;
    this.live.send({ type: 'health', data: JSON.stringify(health) });
  }

  /** Ends every stream: from now on nothing new is known of the pipeline. */
  close(): void {
    this.#isClosed = true;
    this.live.close();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** As JSON text. */
  document(name: PublishedName): string | undefined {
    const kept = this.#documents.get(name);
    if (kept === undefined) return undefined;
    const { document, atMs } = kept;
    if (typeof document === 'string') return document;
    const text = JSON.stringify(document);
    this.#documents.set(name, { document: text, atMs });
    return text;
  }

  /** The wall time here, as that until which a session lasts. */
  get nowMs(): number {
    return this.#parts.clock.now();
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
        ...this.#earlier,
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

  ask(question: Question): Promise<Answer> {
    return this.#parts.ask(question);
  }

  /** The last changes of breakers, newest last, as JSON text. */
  get breakers(): string {
    return `{"transitions":[${this.#transitions.join(',')}],"dropped":${this.#transitionsDropped}}`;
  }

  #takeStats(stats: RunStats): void {
    const isOver =
      this.#stats?.status !== stats.status && runEndings.some((one) => one === stats.status);
    this.#earlier = this.#recent.look(stats, stats.monotonicMs, stats.at);
    this.#stats = stats;
    this.#queueFullMs = this.#pressure.look(stats.queues, stats.monotonicMs);
    this.#clockAheadMs = this.#parts.clock.monotonic() - stats.monotonicMs;
    if (!this.history.add(stats, this.health(), this.#loopDelayMs) && !isOver) return;
    this.#loopDelayMs = 0;
    if (this.live.clients === 0) return;
    this.live.send({ type: 'point', data: JSON.stringify(this.history.point()) });
  }

  #keepTransition(transition: string): void {
    this.#transitions.push(transition);
    if (this.#transitions.length <= transitionsMax) return;
    this.#transitions.shift();
    this.#transitionsDropped++;
  }
}
