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
  readonly #head: Uint8Array = new Uint8Array(keptBytesMax);
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
    if (room > 0) this.#head.set(bytes.subarray(from, Math.min(to, from + room)), this.#bytes);
    this.#bytes += to - from;
  }

  /** What is kept of it, once, at its end. */
  kept(): KeptRecord {
    const recordBytes = this.#endsInReturn ? this.#bytes - 1 : this.#bytes;
    const record = this.#head.subarray(0, recordBytes);
    if (recordBytes <= keptBytesMax) return { record, recordBytes };
    return { record, recordBytes, recordSha256: this.#hash.digest('hex') };
  }
}
