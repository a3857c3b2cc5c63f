import { gzipEnd } from '../compress.ts';
import { outputBytes, Pump, zlib } from './pump.ts';
import { Streams } from './streams.ts';

const flag = { headerSum: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 } as const;
const trailerBytes = 8;
const headerBytesMax = 1_048_576;

/** Members of RFC 1952. Node's own `Gunzip` does not tell where a member ends. */
export class GzipStreams extends Streams {
  protected readonly magicBytes = 3;
  #body: Pump | undefined;
  #isBehindBody = false;
  #isFed = false;
  #checksum = 0;
  #size = 0;
  #lastBytes = 0xffffffff;
  #isOurs = false;

  protected isMagic(bytes: Uint8Array): boolean {
    return bytes.every((byte, at) => byte === [0x1f, 0x8b, 8][at]);
  }

  protected async advance(): Promise<Uint8Array | undefined> {
    if (this.#isBehindBody) return this.#endMember();
    if (this.#body === undefined) {
      const length = this.#headerLength(this.rest);
      if (length < 0) return undefined;
      this.consume(length);
      const { createInflateRaw } = zlib();
      this.#body = new Pump(createInflateRaw({ chunkSize: outputBytes }));
    }
    if (!this.#isFed && this.rest.length > 0) {
      this.#body.feed(this.rest);
      this.#isFed = true;
    }
    const bytes = await this.#body.read();
    if (bytes !== undefined) {
      this.#checksum = zlib().crc32(bytes, this.#checksum);
      this.#size = (this.#size + bytes.length) >>> 0;
      return bytes;
    }
    this.#isFed = false;
    const { bytesLeft } = this.#body;
    this.consume(this.rest.length - bytesLeft);
    if (bytesLeft > 0) {
      this.close();
      this.#isBehindBody = true;
      return this.#endMember();
    }
    return undefined;
  }

  close(): void {
    this.#body?.close();
    this.#body = undefined;
  }

  // The mark of a flush may be in the middle of something too, and then nothing ends there.
  partEnd(bytes: Uint8Array): number {
    for (let at = 0; at < bytes.length; at++) {
      this.#lastBytes = ((this.#lastBytes << 8) | bytes[at]!) >>> 0;
      if (this.#lastBytes === 0x0000ffff) return at + 1;
    }
    return bytes.length;
  }

  protected endInside(): Uint8Array | undefined {
    if (this.#body === undefined || this.#lastBytes !== 0x0000ffff) return undefined;
    this.#isOurs ||= this.#size === 0;
    return this.#isOurs ? gzipEnd(this.#checksum, this.#size) : undefined;
  }

  #endMember(): undefined {
    if (this.rest.length < trailerBytes) return undefined;
    const trailer = new DataView(this.rest.buffer, this.rest.byteOffset, trailerBytes);
    const checksum = trailer.getUint32(0, true);
    const size = trailer.getUint32(4, true);
    if (checksum !== this.#checksum) throw new Error('its checksum is not that of its data');
    if (size !== this.#size) throw new Error('its length is not that of its data');
    this.consume(trailerBytes);
    this.#checksum = this.#size = 0;
    this.#isBehindBody = this.isInside = this.#isOurs = false;
    return undefined;
  }

  /** How long the header of a member is; −1 where it goes on behind `bytes`. */
  #headerLength(bytes: Uint8Array): number {
    if (bytes.length > headerBytesMax) throw new Error('its header does not end');
    if (bytes.length < 10) return -1;
    const flags = bytes[3]!;
    if ((flags & flag.reserved) !== 0) throw new Error('its header has flags that are unknown');
    let at = 10;
    if ((flags & flag.extra) !== 0) {
      if (bytes.length < at + 2) return -1;
      at += 2 + bytes[at]! + 256 * bytes[at + 1]!;
    }
    for (const text of [flag.name, flag.comment]) {
      if ((flags & text) === 0) continue;
      const end = bytes.indexOf(0, at);
      if (end < 0) return -1;
      at = end + 1;
    }
    if ((flags & flag.headerSum) !== 0) at += 2;
    return at <= bytes.length ? at : -1;
  }
}
