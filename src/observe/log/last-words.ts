import { Buffer } from 'node:buffer';
import { openSync, WriteStream, writeSync } from 'node:fs';

/**
 * The chunks that a stream was given and has not taken. It writes them in later turns of the event
 * loop, of which a process that ends has none.
 */
export class StreamTail {
  readonly #stream: object;
  readonly #chunks: string[] = [];
  /** How many of them a file stream has begun to write: these still reach the file. */
  #begun = 0;

  constructor(stream: object) {
    this.#stream = stream;
    if (!(stream instanceof WriteStream)) return;
    // Once open, it begins all that it was given; so it does with what came during a write.
    if (stream.pending) stream.once('open', () => (this.#begun = this.#chunks.length));
  }

  given(text: string): void {
    this.#chunks.push(text);
    const isIdle = this.#stream instanceof WriteStream && !this.#stream.pending;
    if (this.#chunks.length === 1 && isIdle) this.#begun = 1;
  }

  oneTaken(): void {
    this.#chunks.shift();
    if (this.#stream instanceof WriteStream) this.#begun = this.#chunks.length;
  }

  /** What will not be written; undefined where it is not known how far the stream has come. */
  takeUnwritten(): Buffer | undefined {
    const chunks = this.#chunks.splice(this.#begun);
    if (this.#stream instanceof WriteStream) return Buffer.from(chunks.join(''));
    return unsentOf(this.#stream, chunks);
  }
}

/** A pipe or socket of Node's, with the handle that it has inside. */
interface Pipe {
  readonly writableLength?: unknown;
  readonly bytesWritten?: unknown;
  readonly _handle?: { readonly writeQueueSize?: unknown; readonly bytesWritten?: unknown } | null;
}

/** The end of what a pipe was given that no reader can have: it may have taken a part of a chunk. */
function unsentOf(stream: Pipe, given: readonly string[]): Buffer | undefined {
  const { writableLength, bytesWritten, _handle: handle } = stream;
  if (!writableLength) return Buffer.alloc(0);
  // Of the first it may not have said yet that they are taken.
  let from = given.length;
  let left = Number(writableLength);
  while (left > 0 && from > 0) left -= given[--from]!.length;
  // Where others wrote to it too, it is not known what of it is whose.
  if (left !== 0) return undefined;
  const [queued, sent] = [handle?.writeQueueSize, handle?.bytesWritten];
  const areKnown = [bytesWritten, queued, sent].every((count) => typeof count === 'number');
  if (!areKnown) return undefined;
  // What waits in the handle, and what waits for it.
  const unsent = Number(queued) + Number(bytesWritten) - Number(sent);
  const bytes = Buffer.from(given.slice(from).join(''));
  return bytes.subarray(Math.max(0, bytes.length - unsent));
}

const tryEveryMs = 5;
const triesMax = 200;
/** How long opening a file takes at most, as a rule. */
const openMsMax = 50;

/** Writes without the event loop; false where a stream has no file or pipe that can be written so. */
export function writeAtOnce(stream: object, bytes: Uint8Array): boolean {
  try {
    const descriptor = descriptorOf(stream);
    if (descriptor === undefined) return false;
    writeWhole(descriptor, bytes);
    return true;
  } catch {
    // Full, closed, or never opened: there is nobody left to be told.
    return true;
  }
}

function descriptorOf(stream: object): number | undefined {
  if (stream instanceof WriteStream && stream.pending) return openNow(stream);
  const { fd } = stream as { readonly fd?: unknown };
  return typeof fd === 'number' ? fd : undefined;
}

/** Opens the file of a stream that may be about to, in another thread, which would empty it again. */
function openNow(stream: WriteStream): number {
  const { flags = 'w' } = stream as { readonly flags?: string };
  wait(openMsMax);
  try {
    return openSync(stream.path, flags);
  } catch {
    // It was to be made new, and has been.
    return openSync(stream.path, 'a');
  }
}

/** Stands still: no promise is kept any more. */
function wait(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function writeWhole(descriptor: number, bytes: Uint8Array): void {
  let left = bytes;
  for (let tries = 0; left.length > 0 && tries < triesMax;) {
    try {
      left = left.subarray(writeSync(descriptor, left));
    } catch (error) {
      // A pipe whose reader is slow; nothing else can be done meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      tries++;
      wait(tryEveryMs);
    }
  }
}
