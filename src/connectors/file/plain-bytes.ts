import type { Buffer } from 'node:buffer';

/** The bytes of a buffer: slices of a `Buffer` are views, and those of an array are copies. */
export function plainBytes({ buffer, byteOffset, length }: Buffer): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}
