import type { Buffer } from 'node:buffer';
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

import { PipelineError } from '../../../errors.ts';

/** The packages that Parquet needs, each with the range that this is written for. */
export const parquetPeers = { hyparquet: '^1.31', 'hyparquet-writer': '~0.17' } as const;

/** What reads Parquet. Throws `ERR_PEER_MISSING`. */
export function loadHyparquet(): Promise<typeof readingPackage> {
  return load(() => import('hyparquet'), 'hyparquet');
}

/** What writes Parquet. Throws `ERR_PEER_MISSING`. */
export function loadHyparquetWriter(): Promise<typeof writingPackage> {
  return load(() => import('hyparquet-writer'), 'hyparquet-writer');
}

async function load<T>(loading: () => Promise<T>, name: keyof typeof parquetPeers): Promise<T> {
  try {
    return await loading();
  } catch (cause) {
    throw new PipelineError({
      code: 'ERR_PEER_MISSING',
      place: 'file',
      fact: `cannot load \`${name}\`, which Parquet needs`,
      remedy: `npm i ${name}@${parquetPeers[name]}`,
      cause,
    });
  }
}

/** What undoes each compression; `sizeBytes`, which the page says, is all that it may grow to. */
export const decompressors: Partial<
  Record<CompressionCodec, (input: Uint8Array, sizeBytes: number) => Uint8Array>
> = {
  GZIP: (input, sizeBytes) => plain(gunzipSync(input, limit(sizeBytes))),
  ZSTD: (input, sizeBytes) => plain(zstdDecompressSync(input, limit(sizeBytes))),
  BROTLI: (input, sizeBytes) => plain(brotliDecompressSync(input, limit(sizeBytes))),
};

/** The compressions that can be read; Snappy is in the reader itself. */
export const readableCodecs: ReadonlySet<CompressionCodec> = new Set<CompressionCodec>([
  'UNCOMPRESSED',
  'SNAPPY',
  ...(Object.keys(decompressors) as CompressionCodec[]),
]);

/** Compresses a page, with a checksum: a byte that changed is found, and not read as another value. */
export function compressZstd(input: Uint8Array): Uint8Array {
  return plain(zstdCompressSync(input, { params: { [constants.ZSTD_c_checksumFlag]: 1 } }));
}

// Node refuses a limit of 0.
function limit(sizeBytes: number): { readonly maxOutputLength: number } {
  return { maxOutputLength: Math.max(1, sizeBytes) };
}

// The slices of a Buffer are views, and those of an array are copies, which is what is asked for.
function plain({ buffer, byteOffset, length }: Buffer): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}
