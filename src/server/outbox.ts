import type { LiveEvent, PublishedDocument, PublishedName, ToServer } from './messages.ts';

const bytesMax = 1_048_576;
const reservedBytes = 65_536;

/**
 * What the pipeline has for the server: bounded whatever the server does. Of documents only the newest
 * waits; of events as many as there is room for, and the others are counted.
 */
export class Outbox {
  readonly #post: (message: ToServer) => void;
  readonly #taken: () => number;
  readonly #sent: number[] = [];
  #sentBytes = 0;
  #takenBefore: number;
  #documents: Partial<Record<PublishedName, PublishedDocument>> = {};
  #events: LiveEvent[] = [];
  #eventBytes = 0;
  #eventsDropped = 0;
  #loopDelayMs = 0;

  /** `taken`: how many messages the server has taken, of all that were posted. */
  constructor(post: (message: ToServer) => void, taken: () => number) {
    this.#post = post;
    this.#taken = taken;
    this.#takenBefore = taken();
  }

  /** Characters that wait here or on their way. */
  get heldBytes(): number {
    return this.#sentBytes + this.#eventBytes;
  }

  get eventsDropped(): number {
    return this.#eventsDropped;
  }

  document(name: PublishedName, document: PublishedDocument): void {
    this.#documents[name] = document;
  }

  /** Notes by how much the loop was late. */
  delayed(ms: number): void {
    this.#loopDelayMs = Math.max(this.#loopDelayMs, ms);
  }

  event(event: LiveEvent): void {
    // However much is logged, there is room for the rest.
    const max = event.type === 'log' ? bytesMax : bytesMax + reservedBytes;
    if (this.heldBytes + event.data.length > max) {
      this.#eventsDropped++;
      return;
    }
    this.#events.push(event);
    this.#eventBytes += event.data.length;
  }

  /** Sends what waits, if the server has taken what was sent before; what is the last goes at once. */
  flush({ isLast = false }: { readonly isLast?: boolean } = {}): void {
    this.#settle();
    const documents = this.#documents;
    const lengths = Object.values(documents).map(copiedLength);
    if (lengths.length === 0 && this.#events.length === 0) return;
    const bytes = lengths.reduce((sum, length) => sum + length, this.#eventBytes);
    if (!isLast && this.#sentBytes > 0 && this.#sentBytes + bytes > bytesMax) return;
    const events = this.#events;
    this.#documents = {};
    this.#events = [];
    this.#eventBytes = 0;
    this.#sent.push(bytes);
    this.#sentBytes += bytes;
    const loopDelayMs = this.#loopDelayMs;
    this.#loopDelayMs = 0;
    const eventsDropped = this.#eventsDropped;
    this.#post({ type: 'published', documents, events, eventsDropped, loopDelayMs });
  }

  #settle(): void {
    const taken = this.#taken();
    for (; this.#takenBefore !== taken && this.#sent.length > 0;) {
      this.#takenBefore = (this.#takenBefore + 1) | 0;
      this.#sentBytes -= this.#sent.shift()!;
    }
  }
}

/** Of what goes as it is there is no copy to hold. */
function copiedLength(document: PublishedDocument): number {
  return typeof document === 'string' ? document.length : 0;
}
