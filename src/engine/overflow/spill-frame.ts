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

/** What tells of one batch in a segment. */
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
    const payload = serialize(message);
    const frame = Buffer.allocUnsafe(headerBytes + payload.length);
    frame.writeUInt32BE(mark, 0);
    frame.writeUInt32BE(payload.length, 4);
    frame.writeUInt32BE(message.rows, 8);
    frame.writeUInt32BE(crc32(payload, crc32(frame.subarray(0, 12))), 12);
    payload.copy(frame, headerBytes);
    return frame;
  }
}

/** Reads the batches of one segment, in order. */
export class FrameReader {
  readonly #handle: FileHandle;
  readonly #sizeBytes: number;
  readonly #receiver = new BatchReceiver();
  #offset = 0;

  constructor(handle: FileHandle, sizeBytes: number) {
    this.#handle = handle;
    this.#sizeBytes = sizeBytes;
  }

  /** The next batch; `end` behind the last; `damaged` where the bytes are not what was written. */
  async next(): Promise<Batch | 'end' | 'damaged'> {
    if (this.#offset === this.#sizeBytes) return 'end';
    const header = await this.#header();
    if (header === undefined) return 'damaged';
    const payload = Buffer.allocUnsafe(header.payloadBytes);
    const start = this.#offset + headerBytes;
    if ((await readFully(this.#handle, payload, start)) < payload.length) return 'damaged';
    const head = Buffer.allocUnsafe(12);
    head.writeUInt32BE(mark, 0);
    head.writeUInt32BE(header.payloadBytes, 4);
    head.writeUInt32BE(header.rows, 8);
    if (crc32(payload, crc32(head)) !== header.checksum) return 'damaged';
    this.#offset = start + payload.length;
    try {
      return this.#receiver.fromMessage(deserialize(payload) as BatchMessage);
    } catch {
      // Its bytes are right, and another version wrote them.
      return 'damaged';
    }
  }

  /** The rows of what is left, as far as its headers can be read. */
  async rowsLeft(): Promise<number> {
    let rows = 0;
    for (let header = await this.#header(); header; header = await this.#header()) {
      rows += header.rows;
      this.#offset += headerBytes + header.payloadBytes;
    }
    return rows;
  }

  async #header(): Promise<Header | undefined> {
    const bytes = Buffer.allocUnsafe(headerBytes);
    const left = this.#sizeBytes - this.#offset;
    if (left < headerBytes) return undefined;
    if ((await readFully(this.#handle, bytes, this.#offset)) < headerBytes) return undefined;
    const payloadBytes = bytes.readUInt32BE(4);
    if (bytes.readUInt32BE(0) !== mark || payloadBytes > left - headerBytes) return undefined;
    return { payloadBytes, rows: bytes.readUInt32BE(8), checksum: bytes.readUInt32BE(12) };
  }
}
