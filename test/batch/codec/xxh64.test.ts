import { Buffer } from 'node:buffer';
import { constants, zstdCompressSync } from 'node:zlib';

import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { loadKernels } from '../../../src/batch/codec/kernels.ts';
import { Xxh64 } from '../../../src/batch/codec/xxh64.ts';

/** By the library itself, which puts it behind each frame. */
function checksumOf(bytes: Uint8Array): number {
  const frame = zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
  return frame.readUInt32LE(frame.length - 4);
}

const { exports } = loadKernels()!;

test('blocks are as large as the room that the kernel has for them', () => {
  expect(exports.HASHED_SIZE.value).toBe(16_384);
});

test.each([
  ['the kernel', loadKernels()],
  ['its twin', null],
])('by %s it is that of zstd, wherever the bytes are parted', (_, kernels) => {
  const size = fc.oneof(fc.nat(100), fc.integer({ min: 16_300, max: 70_000 }));
  const property = fc.property(size, fc.array(fc.nat(40_000)), fc.nat(255), (bytes, cuts, seed) => {
    const all = Buffer.from(Array.from({ length: bytes }, (_, at) => (at * at + seed * at) >>> 3));
    const hash = new Xxh64(kernels);
    let at = 0;
    for (const cut of [...cuts, bytes].map((end) => Math.min(end, bytes))) {
      hash.update(all.subarray(at, cut));
      at = Math.max(at, cut);
      expect(hash.digest32()).toBe(checksumOf(all.subarray(0, at)));
    }
  });
  fc.assert(property);
});

test('of nothing is what is published', () => {
  expect(new Xxh64().digest32()).toBe(0x51d8e999);
});
