import { zstdDecompressSync } from 'node:zlib';

import type * as arrowPackage from 'apache-arrow';

import { loadArrow } from '../../../batch/arrow/to-arrow.ts';

/** The package of Arrow. */
export type ArrowPackage = typeof arrowPackage;

/** What reads and writes Arrow. Throws `ERR_PEER_MISSING`. */
export async function loadPackage(): Promise<ArrowPackage> {
  return (await loadArrow()) as ArrowPackage;
}

const decompressedBytesMax = 1_073_741_824;

/** Lets buffers that are compressed with zstd be read, unless somebody has seen to that. */
export function readZstd({ compressionRegistry, CompressionType }: ArrowPackage): void {
  if (compressionRegistry.get(CompressionType.ZSTD)?.decode !== undefined) return;
  const decode = (bytes: Uint8Array): Uint8Array =>
    zstdDecompressSync(bytes, { maxOutputLength: decompressedBytesMax });
  compressionRegistry.set(CompressionType.ZSTD, { decode });
}
