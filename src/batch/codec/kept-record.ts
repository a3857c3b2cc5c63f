import type { Hash } from 'node:crypto';

import { createSha256 } from '../hash.ts';
import type { UndecodedRecord } from './contract.ts';

/** How much of a refused record is kept. */
const keptBytesMax = 65_536;
const carriageReturn = 13;

/** What is kept of a refused record. */
export type KeptRecord = Pick<UndecodedRecord, 'record' | 'recordBytes' | 'recordSha256'>;

/** Keeps `bytes[start … end)`, a record without its line end. */
export function keepRecord(bytes: Uint8Array, start: number, end: number): KeptRecord {
  const recordBytes = end - start;
  const record = new Uint8Array(bytes.subarray(start, Math.min(end, start + keptBytesMax)));
  if (recordBytes <= keptBytesMax) return { record, recordBytes };
  const recordSha256 = createSha256().update(bytes.subarray(start, end)).digest('hex');
  return { record, recordBytes, recordSha256 };
}

/** A record that is too long to be carried from chunk to chunk: it is hashed and measured. */
export class LongRecord {
  /** The parts of what is kept, no more than it takes: there may be many such records. */
  readonly #head: Uint8Array[] = [];
  readonly #hash: Hash = createSha256();
  #bytes = 0;
  /** Whether the last byte was a CR, which may belong to the line end. */
  #endsInReturn = false;

  /** Takes its next part, `bytes[from … to)`, at the most up to its LF. */
  take(bytes: Uint8Array, from: number, to: number): void {
    if (from === to) return;
    if (this.#endsInReturn) this.#hash.update('\r');
    this.#endsInReturn = bytes[to - 1] === carriageReturn;
    this.#hash.update(bytes.subarray(from, this.#endsInReturn ? to - 1 : to));
    const room = keptBytesMax - this.#bytes;
    if (room > 0) this.#head.push(new Uint8Array(bytes.subarray(from, Math.min(to, from + room))));
    this.#bytes += to - from;
  }

  /** What is kept of it, once, at its end. */
  kept(): KeptRecord {
    const recordBytes = this.#endsInReturn ? this.#bytes - 1 : this.#bytes;
    const record = joined(this.#head, Math.min(recordBytes, keptBytesMax));
    if (recordBytes <= keptBytesMax) return { record, recordBytes };
    return { record, recordBytes, recordSha256: this.#hash.digest('hex') };
  }
}

/** The first `length` bytes of some parts, in an array of their own. */
function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part.subarray(0, length - at), at);
    at += part.length;
  }
  return all;
}
