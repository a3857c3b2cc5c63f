import { PipelineError } from '../../errors.ts';

interface Why {
  readonly cause?: unknown;
  readonly remedy?: string;
}

/** A file that cannot be read as what it is said to be. */
export function unreadable(
  path: string,
  fact: string,
  { cause, remedy = 'write it anew, or leave it out' }: Why = {},
): PipelineError {
  return new PipelineError({ code: 'ERR_CODEC_FORMAT', place: path, fact, remedy, cause });
}

/** A file whose columns are not those of the schema. */
export function misfit(path: string, fact: string): PipelineError {
  return unreadable(path, fact, {
    remedy: 'correct `schema`, or leave it out: it is found in the file',
  });
}
