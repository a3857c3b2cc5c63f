import { extname } from 'node:path';

import type { EncodeFormat } from '../../batch/codec.ts';
import { isPipelineError, PipelineError } from '../../errors.ts';

const formats: Readonly<Record<string, EncodeFormat>> = {
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.csv': 'csv',
  '.json': 'json',
};

/** The format that the name of a file tells. */
export function knownFormat(path: string): EncodeFormat | undefined {
  return formats[extname(path).toLowerCase()];
}

/** The format of a file by its name. Throws where the name does not tell, or tells another. */
export function formatOf<T extends EncodeFormat>(path: string, among: readonly T[]): T {
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
