import { Buffer } from 'node:buffer';
import { openSync, WriteStream, writeSync } from 'node:fs';

/**
 * The chunks that a file stream was given and has not begun to write. It writes them in later turns
 * of the event loop, of which a process that ends has none.
 */
export class FileTail {
  readonly #stream: WriteStream | undefined;
  readonly #chunks: string[] = [];
  /** How many of them it has begun to write: these still reach the file. */
  #begun = 0;

  constructor(stream: object) {
    if (!(stream instanceof WriteStream)) return;
    this.#stream = stream;
    // Once open, it begins all that it was given; so it does with what came during a write.
    if (stream.pending) stream.once('open', () => (this.#begun = this.#chunks.length));
  }

  given(text: string): void {
    if (this.#stream === undefined) return;
    this.#chunks.push(text);
    if (this.#chunks.length === 1 && !this.#stream.pending) this.#begun = 1;
  }

  oneTaken(): void {
    this.#chunks.shift();
    this.#begun = this.#chunks.length;
  }

  takeUnwritten(): string {
    return this.#chunks.splice(this.#begun).join('');
  }
}

const tryEveryMs = 5;
const triesMax = 200;
/** How long opening a file takes at most, as a rule. */
const openMsMax = 50;

/** Writes without the event loop; false where a stream has no file or pipe that can be written so. */
export function writeAtOnce(stream: object, text: string): boolean {
  try {
    const descriptor = descriptorOf(stream);
    if (descriptor === undefined) return false;
    writeWhole(descriptor, Buffer.from(text));
    return true;
  } catch {
    // Full, closed, or never opened: there is nobody left to be told.
    return true;
  }
}

interface Descriptor {
  readonly fd?: unknown;
  readonly writableLength?: unknown;
}

function descriptorOf(stream: object): number | undefined {
  if (stream instanceof WriteStream && stream.pending) return openNow(stream);
  const { fd, writableLength } = stream as Descriptor;
  if (typeof fd !== 'number') return undefined;
  // A pipe that has not taken all of the last chunk would have ours in the middle of it.
  return stream instanceof WriteStream || writableLength === 0 ? fd : undefined;
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
