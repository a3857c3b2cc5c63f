import { PipelineError, reasonOf } from '../errors.ts';
import { describe } from './options.ts';

/**
 * What a call ends with when a function that its policy was given throws, as `retryOn` or a strategy.
 * `about`: the error that it was asked about.
 */
export function functionFailed(place: string, thrown: unknown, about?: unknown): PipelineError {
  return new PipelineError({
    code: 'ERR_POLICY_FUNCTION',
    place,
    fact: `threw${whenAsked(about)}: ${reasonOf(thrown)}`,
    remedy: 'let it return, whatever it is given',
    cause: thrown,
  });
}

/** The same when it answers with a promise, which would be a yes whatever it resolves to. */
export function functionAsync(place: string, about: unknown): PipelineError {
  return new PipelineError({
    code: 'ERR_POLICY_FUNCTION',
    place,
    fact: `answered with a promise${whenAsked(about)}`,
    remedy: 'let it answer true or false at once',
  });
}

function whenAsked(about: unknown): string {
  return about === undefined ? '' : ` when asked about \`${reasonOf(about)}\``;
}

/** What a policy says that is given no function to `execute` or to `wrap`. */
export function noFunction(
  policy: string,
  method: 'execute' | 'wrap',
  given: unknown,
): PipelineError {
  return new PipelineError({
    code: 'ERR_CONFIG_INVALID',
    place: `${policy}.${method}`,
    fact: `cannot be given ${describe(given)}`,
    remedy: 'give a function',
  });
}

/** Throws `ERR_CONFIG_INVALID` where `wrap` is given no function, or a generator. */
export function checkWrapped(policy: string, given: unknown): void {
  if (typeof given !== 'function') throw noFunction(policy, 'wrap', given);
  if (!isGenerator(given)) return;
  const name = given.name === '' ? '' : `, \`${given.name}\``;
  throw new PipelineError({
    code: 'ERR_CONFIG_INVALID',
    place: `${policy}.wrap`,
    fact: `cannot be given a generator${name}, which is finished for ever once it throws`,
    remedy: 'put the read inside it into a function of its own, and wrap that',
  });
}

const generators: readonly unknown[] = ['GeneratorFunction', 'AsyncGeneratorFunction'];

/** Whether a function is a generator, asynchronous or not, also one that is bound. */
export function isGenerator(given: object): boolean {
  return generators.includes((given as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag]);
}
