import { Buffer } from 'node:buffer';

import type * as lz4Package from 'lz4-napi';

import { loadPeer } from './load-peer.ts';
import { plainBytes } from './plain-bytes.ts';

export const lz4Range = '^2.10';

/** What undoes LZ4. */
export type Lz4 = typeof lz4Package;

/** Throws `ERR_PEER_MISSING`. */
export function loadLz4(): Promise<Lz4> {
  const peer = { name: 'lz4-napi', range: lz4Range, neededBy: 'LZ4' };
  return loadPeer(() => import('lz4-napi'), peer);
}

/** No byte of LZ4 becomes more than these: a length that it is said to have is no more than that. */
const growthMax = 255;
/** The length of a block, before it. */
const lengthBytes = 4;
/** What a frame begins with. */
const frameMark = 0x184d_2204;

/** Undoes a block that stands by itself, as in Parquet; `sizeBytes` is what it becomes. */
export function decompressBlock(lz4: Lz4, block: Uint8Array, sizeBytes: number): Uint8Array {
  if (sizeBytes === 0) return new Uint8Array(0);
  if (sizeBytes > growthMax * block.length) {
    throw new Error(`${block.length} bytes of LZ4 cannot become ${sizeBytes}`);
  }
  const sized = Buffer.allocUnsafe(lengthBytes + block.length);
  sized.writeUInt32LE(sizeBytes);
  sized.set(block, lengthBytes);
  const bytes = lz4.uncompressSync(sized);
  if (bytes.length === sizeBytes) return plainBytes(bytes);
  throw new Error(`LZ4 became ${bytes.length} bytes, and is said to become ${sizeBytes}`);
}

/** Undoes a frame, as in Arrow. Throws where it may become more than `bytesMax`. */
export function decompressFrame(lz4: Lz4, frame: Uint8Array, bytesMax: number): Uint8Array {
  const most = frameBytesMax(frame);
  if (most > bytesMax) throw new Error(`a frame of LZ4 may become ${most} bytes`);
  return plainBytes(
    lz4.decompressFrameSync(Buffer.from(frame.buffer, frame.byteOffset, frame.length)),
  );
}

/**
 * What a frame becomes at most: the package itself knows no limit. The layout is that of LZ4's frame
 * format 1.6.4 (lz4_Frame_format.md).
 */
function frameBytesMax(frame: Uint8Array): number {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  if (frame.length < 7 || view.getUint32(0, true) !== frameMark) {
    throw new Error('it is no frame of LZ4');
  }
  const [flags, sizes] = [frame[4]!, frame[5]!];
  const has = (bit: number): boolean => (flags & (1 << bit)) !== 0;
  const blockBytesMax = 2 ** (8 + 2 * ((sizes >> 4) & 7));
  // Behind the two: a length and the id of a dictionary, where they are given, and a checksum.
  let at = 6 + (has(3) ? 8 : 0) + (has(0) ? 4 : 0) + 1;
  const checksumBytes = has(4) ? 4 : 0;
  let most = 0;
  while (at + lengthBytes <= frame.length) {
    const length = view.getUint32(at, true);
    if (length === 0) break;
    // The highest bit says that a block is as it was.
    const bytes = length & 0x7fff_ffff;
    most += length === bytes ? Math.min(blockBytesMax, growthMax * bytes) : bytes;
    at += lengthBytes + bytes + checksumBytes;
  }
  return most;
}
