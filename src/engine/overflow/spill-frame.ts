import { Buffer } from 'node:buffer';
import { deserialize, serialize } from 'node:v8';
import { crc32 } from 'node:zlib';

import type { Batch } from '../../batch/index.ts';
import { type BatchMessage, BatchReceiver, BatchSender } from '../../batch/transfer.ts';
import type { FileHandle } from '../../core/index.ts';
import { readFully } from '../../core/record-file.ts';

/** Before each batch: a mark, the bytes and the rows that follow, a checksum of all of it. */
const headerBytes = 16;
const mark = 0x4d52_5331;

/** What tells of one batch in a segment; of no bytes: of all before it, at the end. */
interface Header {
  readonly payloadBytes: number;
  readonly rows: number;
  readonly checksum: number;
}

/** Makes bytes of the batches of one segment, as they go between threads. */
export class FrameWriter {
  readonly #sender = new BatchSender();

  /** The batch stays with the caller. */
  encode(batch: Batch): Buffer {
    const { message } = this.#sender.toMessage(batch.retain());
    return frameOf(message.rows, serialize(message));
  }
}

/** Ends a segment that is whole, with its number of rows: nobody need count them. */
export function footerOf(rows: number): Buffer {
  return frameOf(rows, Buffer.alloc(0));
}

/** The length of what `footerOf` gives. */
export const footerBytes: number = headerBytes;

function frameOf(rows: number, payload: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes + payload.length);
  writeHead(frame, payload.length, rows);
  frame.writeUInt32BE(crc32(payload, crc32(frame.subarray(0, 12))), 12);
  payload.copy(frame, headerBytes);
  return frame;
}

function writeHead(into: Buffer, payloadBytes: number, rows: number): void {
  into.writeUInt32BE(mark, 0);
  into.writeUInt32BE(payloadBytes, 4);
  into.writeUInt32BE(rows, 8);
}

function checksumOf({ payloadBytes, rows }: Header, payload: Buffer): number {
  const head = Buffer.allocUnsafe(12);
  writeHead(head, payloadBytes, rows);
  return crc32(payload, crc32(head));
}

/** Reads the batches of one segment, in order. A read that fails can be made again. */
export class FrameReader {
  readonly #handle: FileHandle;
  readonly #sizeBytes: number;
  readonly #receiver = new BatchReceiver();
  #offset = 0;

  constructor(handle: FileHandle, sizeBytes: number) {
    this.#handle = handle;
    this.#sizeBytes = sizeBytes;
  }

  /** Where the next frame begins. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * The next batch that begins at `from` or behind it: those before are passed. `end` behind the
   * last; `damaged` where the bytes are not what was written.
   */
  async next(from = 0): Promise<Batch | 'end' | 'damaged'> {
    for (;;) {
      const isBefore = this.#offset < from;
      const batch = await this.#next();
      if (typeof batch === 'string' || !isBefore) return batch;
      // Those behind it need its dictionaries.
      batch.release();
    }
  }

  async #next(): Promise<Batch | 'end' | 'damaged'> {
    if (this.#offset === this.#sizeBytes) return 'end';
    const header = await this.#header(this.#offset);
    if (header === undefined) return 'damaged';
    const payload = Buffer.allocUnsafe(header.payloadBytes);
    const start = this.#offset + headerBytes;
    if ((await readFully(this.#handle, payload, start)) < payload.length) return 'damaged';
    if (checksumOf(header, payload) !== header.checksum) return 'damaged';
    if (payload.length === 0) return start === this.#sizeBytes ? 'end' : 'damaged';
    try {
      const batch = this.#receiver.fromMessage(deserialize(payload) as BatchMessage);
      this.#offset = start + payload.length;
      return batch;
    } catch {
      // Its bytes are right, and another version wrote them.
      return 'damaged';
    }
  }

  /** The rows of all of it, as far as that can be known without reading it. */
  async countRows(): Promise<number> {
    const last = await this.#header(this.#sizeBytes - headerBytes);
    const isFooter =
      last?.payloadBytes === 0 && checksumOf(last, Buffer.alloc(0)) === last.checksum;
    if (isFooter) return last.rows;
    let rows = 0;
    for (let at = 0, header; (header = await this.#header(at)) && header.payloadBytes > 0;) {
      rows += header.rows;
      at += headerBytes + header.payloadBytes;
    }
    return rows;
  }

  async #header(offset: number): Promise<Header | undefined> {
    const bytes = Buffer.allocUnsafe(headerBytes);
    const left = this.#sizeBytes - offset;
    if (offset < 0 || left < headerBytes) return undefined;
    if ((await readFully(this.#handle, bytes, offset)) < headerBytes) return undefined;
    const payloadBytes = bytes.readUInt32BE(4);
    if (bytes.readUInt32BE(0) !== mark || payloadBytes > left - headerBytes) return undefined;
    return { payloadBytes, rows: bytes.readUInt32BE(8), checksum: bytes.readUInt32BE(12) };
  }
}
