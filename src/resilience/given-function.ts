import { PipelineError, reasonOf } from '../errors.ts';

/**
 * What a call ends with when a function that its policy was given throws, as `retryOn` or a strategy.
 * `about`: the error that it was asked about.
 */
export function functionFailed(place: string, thrown: unknown, about?: unknown): PipelineError {
  const asked = about === undefined ? '' : ` when asked about \`${reasonOf(about)}\``;
  return new PipelineError({
    code: 'ERR_POLICY_FUNCTION',
    place,
    fact: `threw${asked}: ${reasonOf(thrown)}`,
    remedy: 'let it return, whatever it is given',
    cause: thrown,
  });
}
