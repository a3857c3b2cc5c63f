import type { LiveEvent, PublishedName, ToServer } from './messages.ts';

const bytesMax = 1_048_576;

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
  #documents: Partial<Record<PublishedName, string>> = {};
  #events: LiveEvent[] = [];
  #eventBytes = 0;
  #eventsDropped = 0;

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

  document(name: PublishedName, text: string): void {
    this.#documents[name] = text;
  }

  event(event: LiveEvent): void {
    if (this.heldBytes + event.data.length > bytesMax) {
      this.#eventsDropped++;
      return;
    }
    this.#events.push(event);
    this.#eventBytes += event.data.length;
  }

  /** Sends what waits, if the server has taken what was sent before. */
  flush(): void {
    this.#settle();
    const documents = this.#documents;
    const texts = Object.values(documents);
    if (texts.length === 0 && this.#events.length === 0) return;
    const bytes = texts.reduce((sum, { length }) => sum + length, this.#eventBytes);
    if (this.#sentBytes > 0 && this.#sentBytes + bytes > bytesMax) return;
    const events = this.#events;
    this.#documents = {};
    this.#events = [];
    this.#eventBytes = 0;
    this.#sent.push(bytes);
    this.#sentBytes += bytes;
    this.#post({ type: 'published', documents, events, eventsDropped: this.#eventsDropped });
  }

  #settle(): void {
    const taken = this.#taken();
    for (; this.#takenBefore !== taken && this.#sent.length > 0;) {
      this.#takenBefore = (this.#takenBefore + 1) | 0;
      this.#sentBytes -= this.#sent.shift()!;
    }
  }
}
