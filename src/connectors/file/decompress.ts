import { GzipStreams } from './decompress/gzip.ts';
import type { Decompressor } from './decompress/streams.ts';
import { ZstdStreams } from './decompress/zstd.ts';
import type { Compression } from './format.ts';

/** A decompressor for a file of that name. `mayEnd`: whether it is asked what ends a stream within. */
export function createDecompressor(
  compression: Exclude<Compression, 'none'>,
  path: string,
  { mayEnd = false }: { readonly mayEnd?: boolean } = {},
): Decompressor {
  return compression === 'gzip' ? new GzipStreams(path) : new ZstdStreams(path, mayEnd);
}
