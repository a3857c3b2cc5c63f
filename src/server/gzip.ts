import { constants, crc32, deflateRawSync } from 'node:zlib';

/** Whether a client takes gzip, by its `Accept-Encoding`. */
export function takesGzip(acceptEncoding: string | undefined): boolean {
  return /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:,|\s|$))/i.test(acceptEncoding ?? '');
}

/** Smaller ones, such as lines of a log, stay as they are: many come, and little is to be saved. */
const storedBytesMax = 1024;

/** What is told to any number of clients: compressed once for all of them, when one takes it so. */
export class Message {
  readonly plain: Uint8Array;
  #blocks: Uint8Array | undefined;

  constructor(text: string) {
    this.plain = Buffer.from(text);
  }

  /** As whole blocks of a deflate stream, which refer to nothing in front of them. */
  get blocks(): Uint8Array {
    this.#blocks ??=
      this.plain.length < storedBytesMax
        ? storedBlock(this.plain)
        : deflateRawSync(this.plain, { finishFlush: constants.Z_SYNC_FLUSH });
    return this.#blocks;
  }
}

/**
 * A gzip stream of messages, each of which can be read as soon as it is there: which of them, and
 * in what order, differs from client to client.
 */
export class GzipStream {
  /** RFC 1952: deflate, no name, no time, of no known system. */
  readonly head: Uint8Array = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255);
  #sum = 0;
  #length = 0;

  next({ plain, blocks }: Message): Uint8Array {
    this.#sum = crc32(plain, this.#sum);
    this.#length = (this.#length + plain.length) >>> 0;
    return blocks;
  }

  /** A last block with nothing in it, the sum and the length. */
  get tail(): Uint8Array {
    const tail = Buffer.from([3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    tail.writeUInt32LE(this.#sum, 2);
    tail.writeUInt32LE(this.#length, 6);
    return tail;
  }
}

function storedBlock(plain: Uint8Array): Uint8Array {
  const block = Buffer.alloc(5 + plain.length);
  block.writeUInt16LE(plain.length, 1);
  block.writeUInt16LE(~plain.length & 0xffff, 3);
  block.set(plain, 5);
  return block;
}
