import { Buffer, isUtf8 } from 'node:buffer';

import type { TextEncoding } from './contract.ts';
import { UndecodableError } from './undecodable.ts';

/**
 * Where the multi-byte sequence that starts at `at` ends, or −1 where it is not valid UTF-8. Needs a
 * byte below 0x80 somewhere behind it. Ranges of the Unicode standard, table 3-7.
 */
export function sequenceEnd(bytes: Uint8Array, at: number): number {
  const lead = bytes[at]!;
  const second = bytes[at + 1]!;
  if (lead < 0xe0) return lead >= 0xc2 && isTail(second) ? at + 2 : -1;
  if (lead < 0xf0) {
    if (second < (lead === 0xe0 ? 0xa0 : 0x80) || second > (lead === 0xed ? 0x9f : 0xbf)) return -1;
    return isTail(bytes[at + 2]!) ? at + 3 : -1;
  }
  if (lead > 0xf4) return -1;
  if (second < (lead === 0xf0 ? 0x90 : 0x80) || second > (lead === 0xf4 ? 0x8f : 0xbf)) return -1;
  return isTail(bytes[at + 2]!) && isTail(bytes[at + 3]!) ? at + 4 : -1;
}

function isTail(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/**
 * The text of `bytes[start … end)`. Throws `UndecodableError` (`text.encoding`, naming the offset in
 * the stream) where it is not valid UTF-8; `position` is the offset of `start`.
 */
export function decodeText(
  bytes: Uint8Array,
  start: number,
  end: number,
  encoding: TextEncoding,
  position: number,
): string {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  if (encoding === 'latin1') return view.toString('latin1');
  if (encoding === 'utf-8' && !isUtf8(view)) {
    const offset = position + firstInvalid(bytes, start, end) - start;
    throw new UndecodableError('text.encoding', `invalid UTF-8 at byte ${offset}`);
  }
  return view.toString();
}

function firstInvalid(bytes: Uint8Array, start: number, end: number): number {
  // A zero behind the last byte stops a sequence that is cut off.
  const padded = new Uint8Array(end - start + 1);
  padded.set(bytes.subarray(start, end));
  let at = 0;
  while (at < padded.length) {
    const next = padded[at]! < 0x80 ? at + 1 : sequenceEnd(padded, at);
    if (next < 0) break;
    at = next;
  }
  return start + at;
}
