import { escapeControls } from '../core/plain-text.ts';
import { PipelineError } from '../errors.ts';

/** The error for what is declared wrongly. Names may hold anything, and the error is one line. */
export function misused(place: string, fact: string, remedy: string): PipelineError {
  return new PipelineError({
    code: 'ERR_CONFIG_INVALID',
    place: escapeControls(place),
    fact: escapeControls(fact),
    remedy: escapeControls(remedy),
  });
}

/** The name of the class of an object, or of a class itself; empty where there is none. */
export function classNameOf(holder: unknown): string {
  let name: unknown;
  try {
    const made = typeof holder === 'function' ? holder : (holder as object).constructor;
    name = made.name;
  } catch {
    // An object without a class.
  }
  return typeof name === 'string' ? name : '';
}
