import { Buffer } from 'node:buffer';

import { Xxh64 } from '../../../batch/codec/xxh64.ts';
import { zstdEnd } from '../compress.ts';
import { outputBytes, Pump, zlib } from './pump.ts';
import { Streams } from './streams.ts';

const skippableMagic = 0x184d2a50;
const zstdMagic = 0xfd2fb528;

/** Frames of RFC 8878. Node's own stream does not tell where a frame ends: its blocks do. */
export class ZstdStreams extends Streams {
  protected readonly magicBytes = 4;
  readonly #pump = new Pump(zlib().createZstdDecompress({ chunkSize: outputBytes }));
  /** How many of the next bytes belong to what has begun. */
  #bytesLeft = 0;
  #next: 'header' | 'block' | 'checksum' | 'end' = 'header';
  #hasChecksum = false;
  #isSkipped = false;
  /** Unknown until the first block. */
  #isOurs: boolean | undefined;
  #isReading = false;
  /** Of what came out of the frame, where it may have to be ended. */
  #checksum: Xxh64 | undefined;
  readonly #mayEnd: boolean;

  constructor(path: string, mayEnd: boolean) {
    super(path);
    this.#mayEnd = mayEnd;
  }

  protected isMagic(bytes: Uint8Array): boolean {
    const magic = Buffer.alloc(4);
    magic.writeUInt32LE(zstdMagic);
    if (bytes.every((byte, at) => byte === magic[at])) return true;
    magic.writeUInt32LE(skippableMagic);
    return bytes.every((byte, at) => (at === 0 ? byte & 0xf0 : byte) === magic[at]);
  }

  protected async advance(): Promise<Uint8Array | undefined> {
    if (this.#isReading) {
      const bytes = await this.#pump.read();
      if (bytes !== undefined) {
        this.#checksum?.update(bytes);
        return bytes;
      }
      this.#isReading = false;
    }
    const length = this.#walk(this.rest);
    if (length > 0) {
      if (!this.#isSkipped) {
        this.#pump.feed(this.rest.subarray(0, length));
        this.#isReading = true;
      }
      this.consume(length);
    }
    if (this.#next === 'end' && this.#bytesLeft === 0 && !this.#isReading) {
      this.#next = 'header';
      this.isInside = false;
    }
    return undefined;
  }

  close(): void {
    this.#pump.close();
  }

  // Its blocks are told by their headers, so any number of bytes will do that ends none beyond.
  partEnd(bytes: Uint8Array): number {
    if (this.#bytesLeft > 0) return Math.min(this.#bytesLeft, bytes.length);
    return 1;
  }

  protected endInside(): Uint8Array | undefined {
    const isBetween = this.#next === 'block' && this.#bytesLeft === 0;
    if (!isBetween || this.#isOurs !== true) return undefined;
    if (!this.#hasChecksum) return zstdEnd();
    return this.#checksum && zstdEnd(this.#checksum.digest32());
  }

  /** How many of the bytes belong to the frame, as far as its parts are all there to be told. */
  #walk(bytes: Uint8Array): number {
    let at = Math.min(this.#bytesLeft, bytes.length);
    this.#bytesLeft -= at;
    while (this.#bytesLeft === 0 && this.#next !== 'end') {
      const length = this.#lengthOf(bytes.subarray(at));
      if (length < 0) break;
      const taken = Math.min(length, bytes.length - at);
      this.#bytesLeft = length - taken;
      at += taken;
    }
    return at;
  }

  /** The length of the part that begins here; −1 where more of it is needed to tell. */
  #lengthOf(bytes: Uint8Array): number {
    if (this.#next === 'header') return this.#headerLength(bytes);
    if (this.#next === 'checksum') {
      this.#next = 'end';
      return 4;
    }
    if (bytes.length < 3) return -1;
    const header = bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16);
    this.#isOurs ??= header === 0;
    if ((header & 1) === 1) this.#next = this.#hasChecksum ? 'checksum' : 'end';
    const isRepeated = ((header >>> 1) & 3) === 1;
    return 3 + (isRepeated ? 1 : header >>> 3);
  }

  #headerLength(bytes: Uint8Array): number {
    if (bytes.length < 5) return -1;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#isSkipped = view.getUint32(0, true) !== zstdMagic;
    if (this.#isSkipped) {
      if (bytes.length < 8) return -1;
      this.#next = 'end';
      return 8 + view.getUint32(4, true);
    }
    const descriptor = bytes[4]!;
    const isSingle = (descriptor & 0x20) !== 0;
    const sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][descriptor >>> 6]!;
    const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
    this.#hasChecksum = (descriptor & 4) !== 0;
    this.#checksum = this.#hasChecksum && this.#mayEnd ? new Xxh64() : undefined;
    this.#next = 'block';
    this.#isOurs = undefined;
    return 5 + (isSingle ? 0 : 1) + dictionaryBytes + sizeBytes;
  }
}
