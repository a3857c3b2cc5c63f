import type { Buffer } from 'node:buffer';
import type { Transform } from 'node:stream';
import type * as Zlib from 'node:zlib';

/** What comes out at a time: memory is bounded by a few of these, however much a byte stands for. */
export const outputBytes = 131_072;

/** Loaded with the first file that is compressed. */
export function zlib(): typeof Zlib {
  return process.getBuiltinModule('node:zlib');
}

/** One of Node's decompressing streams, read and written by turns. */
export class Pump {
  readonly #stream: Transform & { readonly bytesWritten: number };
  #fed = 0;
  #isWriting = false;
  #failure: Error | undefined;
  #wake: () => void = () => {};

  constructor(stream: Transform & { readonly bytesWritten: number }) {
    this.#stream = stream;
    stream.on('readable', () => this.#wake());
    stream.on('end', () => this.#done());
    stream.on('error', (error) => {
      this.#failure = error;
      this.#wake();
    });
  }

  /** How many of the bytes that it was fed lie behind the end of its stream. */
  get bytesLeft(): number {
    return this.#fed - this.#stream.bytesWritten;
  }

  feed(bytes: Uint8Array): void {
    this.#fed += bytes.length;
    this.#isWriting = true;
    this.#stream.write(bytes, () => this.#done());
  }

  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const bytes = this.#stream.read() as Buffer | null;
      if (bytes !== null) return bytes;
      if (this.#failure !== undefined) throw this.#failure;
      if (!this.#isWriting) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    this.#stream.destroy();
  }

  #done(): void {
    this.#isWriting = false;
    this.#wake();
  }
}
