import { GzipStreams } from './decompress/gzip.ts';
import type { Decompressor } from './decompress/streams.ts';
import { ZstdStreams } from './decompress/zstd.ts';
import type { Compression } from './format.ts';

/** A decompressor for a file of that name. */
export function createDecompressor(
  compression: Exclude<Compression, 'none'>,
  path: string,
): Decompressor {
  return compression === 'gzip' ? new GzipStreams(path) : new ZstdStreams(path);
}
