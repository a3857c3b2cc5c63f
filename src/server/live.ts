import type { Clock, Timer } from '../core/index.ts';
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
  readonly bytes: Uint8Array;
}

const encoder = new TextEncoder();

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
    const id = this.#nextId++;
    const text = `id: ${this.#epoch}-${id}\nevent: ${type}\ndata: ${data}\n\n`;
    const bytes = encoder.encode(text);
    const latestOf = latestTypeOf(type);
    if (latestOf === undefined) this.#keep({ id, bytes });
    for (const client of this.#clients) client.add(bytes, latestOf);
  }

  /**
   * A stream for one more client, behind the last event that it has seen; undefined where there are
   * too many. `cut`: called when it is too far behind. `latest`: what it is told first.
   */
  connect(
    lastEventId: string | null,
    latest: readonly LiveEvent[],
    cut: () => void,
  ): ReadableStream<Uint8Array> | undefined {
    if (this.#clients.size >= liveLimits.clientsMax) return undefined;
    const client = new Client(() => {
      this.#clients.delete(client);
      cut();
    });
    client.add(encoder.encode('retry: 2000\n\n'));
    for (const { type, data } of latest) {
      client.add(encoder.encode(`event: ${type}\ndata: ${data}\n\n`), latestTypeOf(type));
    }
    for (const { bytes } of this.#missedSince(lastEventId)) client.add(bytes);
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
    this.#keptBytes += kept.bytes.length;
    while (this.#kept.length > liveLimits.keptMax || this.#keptBytes > liveLimits.keptBytesMax) {
      this.#keptBytes -= this.#kept.shift()!.bytes.length;
    }
  }

  #ping(): void {
    for (const client of this.#clients) client.add(encoder.encode(': ping\n\n'));
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
  readonly #gone: () => void;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #queue: Uint8Array[] = [];
  readonly #latest = new Map<LiveType, Uint8Array>();
  #queuedBytes = 0;
  #isWaiting = false;
  #isGone = false;

  constructor(gone: () => void) {
    this.#gone = gone;
    this.stream = new ReadableStream(
      {
        start: (controller) => void (this.#controller = controller),
        pull: () => this.#pull(),
        cancel: () => this.#leave(),
      },
      { highWaterMark: 0 },
    );
  }

  get heldBytes(): number {
    return [...this.#latest.values()].reduce((sum, { length }) => sum + length, this.#queuedBytes);
  }

  /** `latestOf`: takes the place of what waits of that type. */
  add(bytes: Uint8Array, latestOf?: LiveType): void {
    if (this.#isGone) return;
    if (latestOf === undefined) {
      this.#queue.push(bytes);
      this.#queuedBytes += bytes.length;
    } else this.#latest.set(latestOf, bytes);
    if (this.#isWaiting) this.#pull();
    else if (this.#queuedBytes > liveLimits.clientBytesMax) {
      this.#leave();
      this.#controller.close();
    }
  }

  end(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#controller.close();
  }

  #pull(): void {
    // However much is said, what is newest comes through.
    const [newest] = this.#latest;
    if (newest !== undefined) this.#latest.delete(newest[0]);
    const next = newest?.[1] ?? this.#nextQueued();
    this.#isWaiting = next === undefined;
    if (next === undefined) return;
    this.#controller.enqueue(next);
  }

  #nextQueued(): Uint8Array | undefined {
    const next = this.#queue.shift();
    this.#queuedBytes -= next?.length ?? 0;
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
