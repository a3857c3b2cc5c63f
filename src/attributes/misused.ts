import { PipelineError } from '../errors.ts';

/** The error for what is declared wrongly. */
export function misused(place: string, fact: string, remedy: string): PipelineError {
  return new PipelineError({ code: 'ERR_CONFIG_INVALID', place, fact, remedy });
}
