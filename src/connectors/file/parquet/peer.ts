import {
  brotliDecompressSync,
  constants,
  gunzipSync,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib';

import type * as readingPackage from 'hyparquet';
import type { CompressionCodec } from 'hyparquet';
import type * as writingPackage from 'hyparquet-writer';

import { loadPeer, type Peer } from '../load-peer.ts';
import { decompressBlock, loadLz4 } from '../lz4.ts';
import { plainBytes } from '../plain-bytes.ts';

/** The packages that Parquet needs, each with the range that this is written for. */
export const parquetPeers = { hyparquet: '^1.31', 'hyparquet-writer': '~0.17' } as const;

/** What reads Parquet. Throws `ERR_PEER_MISSING`. */
export function loadHyparquet(): Promise<typeof readingPackage> {
  return loadPeer(() => import('hyparquet'), peer('hyparquet'));
}

/** What writes Parquet. Throws `ERR_PEER_MISSING`. */
export function loadHyparquetWriter(): Promise<typeof writingPackage> {
  return loadPeer(() => import('hyparquet-writer'), peer('hyparquet-writer'));
}

function peer(name: keyof typeof parquetPeers): Peer {
  return { name, range: parquetPeers[name], neededBy: 'Parquet' };
}

/** What undoes each compression; `sizeBytes`, which the page says, is all that it may grow to. */
export type Decompressors = Partial<
  Record<CompressionCodec, (input: Uint8Array, sizeBytes: number) => Uint8Array>
>;

const decompressors: Decompressors = {
  GZIP: (input, sizeBytes) => plainBytes(gunzipSync(input, limit(sizeBytes))),
  ZSTD: (input, sizeBytes) => plainBytes(zstdDecompressSync(input, limit(sizeBytes))),
  BROTLI: (input, sizeBytes) => plainBytes(brotliDecompressSync(input, limit(sizeBytes))),
};

/** The compressions that can be read; Snappy is in the reader itself. */
export const readableCodecs: ReadonlySet<CompressionCodec> = new Set<CompressionCodec>([
  'UNCOMPRESSED',
  'SNAPPY',
  ...(Object.keys(decompressors) as CompressionCodec[]),
  'LZ4_RAW',
]);

/** What undoes these. Throws `ERR_PEER_MISSING`. */
export async function loadDecompressors(
  codecs: ReadonlySet<CompressionCodec>,
): Promise<Decompressors> {
  if (!codecs.has('LZ4_RAW')) return decompressors;
  const lz4 = await loadLz4();
  const LZ4_RAW = (input: Uint8Array, sizeBytes: number): Uint8Array =>
    decompressBlock(lz4, input, sizeBytes);
  return { ...decompressors, LZ4_RAW };
}

/** Compresses a page, with a checksum: a byte that changed is found, and not read as another value. */
export function compressZstd(input: Uint8Array): Uint8Array {
  return plainBytes(zstdCompressSync(input, { params: { [constants.ZSTD_c_checksumFlag]: 1 } }));
}

// Node refuses a limit of 0.
function limit(sizeBytes: number): { readonly maxOutputLength: number } {
  return { maxOutputLength: Math.max(1, sizeBytes) };
}
