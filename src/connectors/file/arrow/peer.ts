import { zstdDecompressSync } from 'node:zlib';

import type * as arrowPackage from 'apache-arrow';

import { loadArrow } from '../../../batch/arrow/to-arrow.ts';
import { decompressFrame, loadLz4 } from '../lz4.ts';

/** The package of Arrow. */
export type ArrowPackage = typeof arrowPackage;

/** What reads and writes Arrow. Throws `ERR_PEER_MISSING`. */
export async function loadPackage(): Promise<ArrowPackage> {
  return (await loadArrow()) as ArrowPackage;
}

/** What the buffer of a column may become. */
const decompressedBytesMax = 1_073_741_824;

/** Lets buffers that are compressed with zstd be read, unless somebody has seen to that. */
export function readZstd({ compressionRegistry, CompressionType }: ArrowPackage): void {
  if (compressionRegistry.get(CompressionType.ZSTD)?.decode !== undefined) return;
  const decode = (bytes: Uint8Array): Uint8Array =>
    zstdDecompressSync(bytes, { maxOutputLength: decompressedBytesMax });
  compressionRegistry.set(CompressionType.ZSTD, { decode });
}

/** The same of LZ4. Throws `ERR_PEER_MISSING`. */
export async function readLz4({
  compressionRegistry,
  CompressionType,
}: ArrowPackage): Promise<void> {
  if (compressionRegistry.get(CompressionType.LZ4_FRAME)?.decode !== undefined) return;
  const lz4 = await loadLz4();
  const decode = (bytes: Uint8Array): Uint8Array =>
    decompressFrame(lz4, bytes, decompressedBytesMax);
  compressionRegistry.set(CompressionType.LZ4_FRAME, { decode });
}
