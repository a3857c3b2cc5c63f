/** A writable stream, as far as a logger asks: one of Node's, or what behaves so. */
export interface LogStream {
  /** False: no more until `drain`. */
  write(text: string, taken?: (error?: Error | null) => void): unknown;
  on(event: 'drain' | 'error' | 'close' | 'open', listener: (error?: Error) => void): unknown;
  off?(event: 'drain' | 'error' | 'close' | 'open', listener: (error?: Error) => void): unknown;
  readonly isTTY?: boolean | undefined;
  /** False: ended or destroyed. */
  readonly writable?: boolean | undefined;
  /** Bytes that it has not taken yet. A stream without it is thought to take what it is given. */
  readonly writableLength?: number | undefined;
}

/** What is told of a stream. */
export interface StreamListener {
  drained(): void;
  failed(error?: Error): void;
  closed(): void;
}

const ears = new WeakMap<LogStream, StreamEars>();

/** Tells of a stream, by one listener on it however many are told. Gives what ends that. */
export function listenTo(stream: LogStream, listener: StreamListener): () => void {
  let known = ears.get(stream);
  if (known === undefined) ears.set(stream, (known = new StreamEars(stream)));
  return known.add(listener);
}

class StreamEars {
  readonly #stream: LogStream;
  readonly #listeners = new Set<StreamListener>();
  #isListening = false;

  constructor(stream: LogStream) {
    this.#stream = stream;
  }

  add(listener: StreamListener): () => void {
    if (!this.#isListening) this.#listen();
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#unlisten();
    };
  }

  #listen(): void {
    this.#isListening = true;
    this.#stream.on('drain', this.#drained);
    this.#stream.on('error', this.#failed);
    this.#stream.on('close', this.#closed);
  }

  /** A stream that cannot be left is listened to for as long as it is there. */
  #unlisten(): void {
    if (!this.#isListening || this.#stream.off === undefined) return;
    this.#isListening = false;
    this.#stream.off('drain', this.#drained);
    this.#stream.off('error', this.#failed);
    this.#stream.off('close', this.#closed);
  }

  readonly #drained = (): void => {
    for (const listener of this.#listeners) listener.drained();
  };

  readonly #failed = (error?: Error): void => {
    for (const listener of this.#listeners) listener.failed(error);
  };

  readonly #closed = (): void => {
    for (const listener of this.#listeners) listener.closed();
  };
}
