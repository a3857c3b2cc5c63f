import { extname } from 'node:path';

import type { DecodeFormat, EncodeFormat } from '../../batch/codec/contract.ts';
import { isPipelineError, PipelineError } from '../../errors.ts';

/** The formats that are no text. */
export type ColumnFormat = 'parquet' | 'arrow';

/** One of `readFormats`. */
export type ReadFormat = DecodeFormat | ColumnFormat;
/** What files can be read. */
export const readFormats: readonly ['ndjson', 'csv', 'parquet', 'arrow'] = [
  'ndjson',
  'csv',
  'parquet',
  'arrow',
];

/** One of `writeFormats`. */
export type WriteFormat = EncodeFormat | ColumnFormat;
/** What files can be written. */
export const writeFormats: readonly ['ndjson', 'csv', 'json', 'parquet', 'arrow'] = [
  'ndjson',
  'csv',
  'json',
  'parquet',
  'arrow',
];

const formats: Readonly<Record<string, WriteFormat>> = {
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.csv': 'csv',
  '.json': 'json',
  '.parquet': 'parquet',
  '.arrow': 'arrow',
  '.arrows': 'arrow',
  '.feather': 'arrow',
};

/** How a file is compressed. */
export const compressions = ['none', 'gzip', 'zstd'] as const;
/** One of `compressions`. */
export type Compression = (typeof compressions)[number];

const compressedNames: Readonly<Record<string, Compression>> = { '.gz': 'gzip', '.zst': 'zstd' };

/** The compression that the name of a file tells. */
export function knownCompression(path: string): Compression {
  return compressedNames[extname(path).toLowerCase()] ?? 'none';
}

/** The format that the name of a file tells, compressed or not: `.csv`, `.csv.gz`. */
export function knownFormat(path: string): WriteFormat | undefined {
  const extension = extname(path).toLowerCase();
  if (!(extension in compressedNames)) return formats[extension];
  return formats[extname(path.slice(0, -extension.length)).toLowerCase()];
}

/** The format of a file by its name. Throws where the name does not tell, or tells another. */
export function formatOf<T extends WriteFormat>(path: string, among: readonly T[]): T {
  const format = knownFormat(path);
  const known = among.find((one) => one === format);
  if (known !== undefined) return known;
  throw new PipelineError({
    code: 'ERR_CONFIG_INVALID',
    place: path,
    fact: `the name of \`${path}\` does not tell its format`,
    remedy: `set \`format\` to ${among.join(' or ')}`,
  });
}

/** Calls a codec; what it cannot read at all is an error of the file. */
export function ofFile<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (!isPipelineError(error) || error.code !== 'ERR_CODEC_FORMAT') throw error;
    const { code, fact, remedy } = error;
    throw new PipelineError({
      code,
      place: path,
      fact,
      ...(remedy === undefined ? {} : { remedy }),
    });
  }
}
