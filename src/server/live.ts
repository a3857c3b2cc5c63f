import type { Clock, Timer } from '../core/index.ts';
import { GzipStream, Message } from './gzip.ts';
import { latestOnly, type LiveEvent, type LiveType } from './messages.ts';

/** Limits of the live stream. */
export const liveLimits = {
  clientsMax: 32,
  /** Bytes of events that wait for one client; one that is further behind is cut off. */
  clientBytesMax: 1_048_576,
  /** What a client that comes back may have missed: less, so that it can take in what comes then. */
  keptMax: 1024,
  keptBytesMax: 524_288,
  pingEveryMs: 15_000,
} as const;

interface Kept {
  readonly id: number;
  readonly message: Message;
}

/** What a client asks for. */
export interface StreamOptions {
  /** With `gzip` the stream is compressed, and each event can be read when it comes. */
  readonly encoding?: 'identity' | 'gzip';
  /** The wall time from which on it is told nothing: its stream ends. */
  readonly untilMs?: number | undefined;
}

/** Server-sent events to a bounded number of clients, none of which can make the others wait. */
export class Live {
  readonly #clients = new Set<Client>();
  readonly #epoch: string;
  #kept: Kept[] = [];
  #keptBytes = 0;
  #nextId = 1;
  readonly #clock: Clock;
  readonly #pinging: Timer;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#epoch = clock.now().toString(36);
    this.#pinging = clock.timer(() => this.#ping(), { keepsAlive: false });
  }

  get clients(): number {
    return this.#clients.size;
  }

  /** Bytes that wait for clients, all together. */
  get heldBytes(): number {
    return [...this.#clients].reduce((sum, { heldBytes }) => sum + heldBytes, 0);
  }

  send({ type, data }: LiveEvent): void {
    this.#endLapsed();
    const id = this.#nextId++;
    const message = new Message(`id: ${this.#epoch}-${id}\nevent: ${type}\ndata: ${data}\n\n`);
    const latestOf = latestTypeOf(type);
    if (latestOf === undefined) this.#keep({ id, message });
    for (const client of this.#clients) client.add(message, latestOf);
  }

  /**
   * A stream for one more client, behind the last event that it has seen; undefined where there are
   * too many. `cut`: called when it is too far behind. `latest`: what it is told first.
   */
  connect(
    lastEventId: string | null,
    latest: readonly LiveEvent[],
    cut: () => void,
    { encoding = 'identity', untilMs = Infinity }: StreamOptions = {},
  ): ReadableStream<Uint8Array> | undefined {
    if (this.#clients.size >= liveLimits.clientsMax) return undefined;
    const gone = (): void => {
      this.#clients.delete(client);
      cut();
    };
    const gzip = encoding === 'gzip' ? new GzipStream() : undefined;
    const client = new Client(gone, untilMs, gzip);
    client.add(new Message('retry: 2000\n\n'));
    for (const { type, data } of latest) {
      client.add(new Message(`event: ${type}\ndata: ${data}\n\n`), latestTypeOf(type));
    }
    for (const { message } of this.#missedSince(lastEventId)) client.add(message);
    if (this.#clients.size === 0) this.#pinging.set(this.#nextPing());
    this.#clients.add(client);
    return client.stream;
  }

  /** Ends every stream. */
  close(): void {
    this.#pinging.stop();
    for (const client of this.#clients) client.end();
    this.#clients.clear();
  }

  #missedSince(lastEventId: string | null): readonly Kept[] {
    const [epoch, number] = lastEventId?.split('-') ?? [];
    if (epoch !== this.#epoch) return [];
    const seen = Number(number);
    return this.#kept.filter(({ id }) => id > seen);
  }

  #keep(kept: Kept): void {
    this.#kept.push(kept);
    this.#keptBytes += kept.message.plain.length;
    while (this.#kept.length > liveLimits.keptMax || this.#keptBytes > liveLimits.keptBytesMax) {
      this.#keptBytes -= this.#kept.shift()!.message.plain.length;
    }
  }

  #endLapsed(): void {
    const nowMs = this.#clock.now();
    for (const client of this.#clients) {
      if (nowMs < client.untilMs) continue;
      client.end();
      this.#clients.delete(client);
    }
  }

  #ping(): void {
    this.#endLapsed();
    const ping = new Message(': ping\n\n');
    for (const client of this.#clients) client.add(ping);
    if (this.#clients.size > 0) this.#pinging.set(this.#nextPing());
  }

  #nextPing(): number {
    return this.#clock.monotonic() + liveLimits.pingEveryMs;
  }
}

/** The type, where only the newest of it is needed. */
function latestTypeOf(type: LiveType): LiveType | undefined {
  return latestOnly.has(type) ? type : undefined;
}

/** One client: what waits for it, of some types only the newest. */
class Client {
  readonly stream: ReadableStream<Uint8Array>;
  readonly untilMs: number;
  readonly #gone: () => void;
  readonly #gzip: GzipStream | undefined;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #queue: Message[] = [];
  readonly #latest = new Map<LiveType, Message>();
  #queuedBytes = 0;
  #isWaiting = false;
  #isGone = false;

  constructor(gone: () => void, untilMs: number, gzip: GzipStream | undefined) {
    this.untilMs = untilMs;
    this.#gone = gone;
    this.#gzip = gzip;
    this.stream = new ReadableStream(
      {
        start: (controller) => {
          this.#controller = controller;
          if (gzip !== undefined) controller.enqueue(gzip.head);
        },
        pull: () => this.#pull(),
        cancel: () => this.#leave(),
      },
      { highWaterMark: 0 },
    );
  }

  get heldBytes(): number {
    return [...this.#latest.values()].reduce(
      (sum, { plain }) => sum + plain.length,
      this.#queuedBytes,
    );
  }

  /** `latestOf`: takes the place of what waits of that type. */
  add(message: Message, latestOf?: LiveType): void {
    if (this.#isGone) return;
    if (latestOf === undefined) {
      this.#queue.push(message);
      this.#queuedBytes += message.plain.length;
    } else this.#latest.set(latestOf, message);
    if (this.#isWaiting) this.#pull();
    else if (this.#queuedBytes > liveLimits.clientBytesMax) {
      this.#leave();
      this.#controller.close();
    }
  }

  /** What waits can be read still. */
  end(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    for (const message of [...this.#latest.values(), ...this.#queue]) this.#write(message);
    if (this.#gzip !== undefined) this.#controller.enqueue(this.#gzip.tail);
    this.#controller.close();
  }

  #pull(): void {
    // However much is said, what is newest comes through.
    const [newest] = this.#latest;
    if (newest !== undefined) this.#latest.delete(newest[0]);
    const next = newest?.[1] ?? this.#nextQueued();
    this.#isWaiting = next === undefined;
    if (next !== undefined) this.#write(next);
  }

  #write(message: Message): void {
    this.#controller.enqueue(this.#gzip?.next(message) ?? message.plain);
  }

  #nextQueued(): Message | undefined {
    const next = this.#queue.shift();
    this.#queuedBytes -= next?.plain.length ?? 0;
    return next;
  }

  #leave(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#queue = [];
    this.#latest.clear();
    this.#queuedBytes = 0;
    this.#gone();
  }
}
