import { Buffer } from 'node:buffer';
import type { Transform } from 'node:stream';

import { Xxh64 } from '../../batch/codec/xxh64.ts';
import type { Clock } from '../../core/index.ts';
import { zlib } from './decompress/pump.ts';
import type { Compression } from './format.ts';

/**
 * Compresses what is added into one stream, which can be ended behind each flush and goes on there all
 * the same: what ends it is cut off again when more comes. So the file is whole at each commit, and
 * yet all of it is compressed with what was before in mind. Each stream begins with a part that is
 * empty, as nobody else's does: where such a stream is cut short, it ends at its last flush.
 */
export interface Compressor {
  /** Takes bytes; what comes of them may wait for `flush`. */
  add(bytes: Uint8Array): Promise<void>;
  /** How many of the bytes added wait for `flush`. */
  readonly bytesWaiting: number;
  /** All that comes of what was added since the last flush. */
  flush(): Promise<Uint8Array>;
  /** What ends the stream behind the last flush. */
  end(): Uint8Array;
  close(): void;
}

/** A compressor of one stream, which begins where it is made. */
export function createCompressor(
  compression: Exclude<Compression, 'none'>,
  clock: Clock,
): Compressor {
  return compression === 'gzip' ? new GzipStream(clock) : new ZstdStream(clock);
}

type Flushing = Transform & { flush(kind: number, done: () => void): void };

abstract class Stream implements Compressor {
  readonly #stream: Flushing;
  readonly #clock: Clock;
  readonly #flushKind: number;
  #parts: Uint8Array[];
  #failure: Error | undefined;
  bytesWaiting = 0;

  constructor(stream: Flushing, clock: Clock, flushKind: number, begin: Uint8Array) {
    this.#stream = stream;
    this.#clock = clock;
    this.#flushKind = flushKind;
    this.#parts = [begin];
    stream.on('data', (part: Uint8Array) => this.#parts.push(part));
    stream.on('error', (error) => (this.#failure = error));
  }

  abstract end(): Uint8Array;

  async add(bytes: Uint8Array): Promise<void> {
    this.bytesWaiting += bytes.length;
    await this.#done((done) => this.#stream.write(bytes, done));
  }

  async flush(): Promise<Uint8Array> {
    if (this.bytesWaiting > 0) {
      await this.#done((done) => this.#stream.flush(this.#flushKind, done));
    }
    this.bytesWaiting = 0;
    return this.flushed(Buffer.concat(this.#parts.splice(0)));
  }

  /** What goes to the file of what came of a flush. */
  protected flushed(bytes: Uint8Array): Uint8Array {
    return bytes;
  }

  close(): void {
    this.#stream.destroy();
  }

  async #done(call: (done: () => void) => void): Promise<void> {
    await this.#clock.hold(new Promise<void>((resolve) => call(() => resolve())));
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** No time, no name, and a first block that is empty. */
const gzipBegin = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 0, 0, 0, 0xff, 0xff);

class GzipStream extends Stream {
  #checksum = 0;
  #size = 0;

  constructor(clock: Clock) {
    const { constants, createDeflateRaw } = zlib();
    super(createDeflateRaw(), clock, constants.Z_SYNC_FLUSH, gzipBegin);
  }

  override add(bytes: Uint8Array): Promise<void> {
    this.#checksum = zlib().crc32(bytes, this.#checksum);
    this.#size = (this.#size + bytes.length) >>> 0;
    return super.add(bytes);
  }

  end(): Uint8Array {
    return gzipEnd(this.#checksum, this.#size);
  }
}

/** What ends a gzip stream between two blocks of it: an empty block, checksum and length. */
export function gzipEnd(checksum: number, size: number): Uint8Array {
  const end = Buffer.alloc(10);
  end[0] = 3;
  end.writeUInt32LE(checksum, 2);
  end.writeUInt32LE(size, 6);
  return end;
}

/** What ends a zstd stream between two blocks of it: an empty block, and the checksum if it has one. */
export function zstdEnd(checksum?: number): Uint8Array {
  const end = Buffer.alloc(checksum === undefined ? 3 : 7);
  end[0] = 1;
  if (checksum !== undefined) end.writeUInt32LE(checksum, 3);
  return end;
}

/** A header for a window of 2 MiB, and nothing more. */
const emptyZstd = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0x58, 1, 0, 0);

const zstdHeaderBytes = 6;
const emptyBlock = Uint8Array.of(0, 0, 0);

class ZstdStream extends Stream {
  readonly #checksum = new Xxh64();
  #isEmpty = true;
  #hasBegun = false;

  constructor(clock: Clock) {
    const { constants, createZstdCompress } = zlib();
    const stream = createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1 } });
    super(stream as Flushing, clock, constants.ZSTD_e_flush, new Uint8Array(0));
  }

  override add(bytes: Uint8Array): Promise<void> {
    this.#checksum.update(bytes);
    this.#isEmpty &&= bytes.length === 0;
    return super.add(bytes);
  }

  // Its header comes with the first bytes.
  protected override flushed(bytes: Uint8Array): Uint8Array {
    if (this.#hasBegun || bytes.length === 0) return bytes;
    this.#hasBegun = true;
    const [header, blocks] = [bytes.subarray(0, zstdHeaderBytes), bytes.subarray(zstdHeaderBytes)];
    return Buffer.concat([header, emptyBlock, blocks]);
  }

  end(): Uint8Array {
    return this.#isEmpty ? emptyZstd : zstdEnd(this.#checksum.digest32());
  }
}
