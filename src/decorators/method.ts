import { PipelineError } from '../errors.ts';

/** A method of a class whose instances are `This`. */
export type Method<This, A extends unknown[], R> = (this: This, ...args: A) => R;

const generators = ['GeneratorFunction', 'AsyncGeneratorFunction'];

/** What a decorator is told of its place, as far as it matters here. */
export interface Place {
  readonly kind: string;
  readonly name: string | symbol;
}

/**
 * Throws `ERR_CONFIG_INVALID` where a decorator does not stand before a method that it can wrap.
 * Decorators of the older kind are told a name instead of the place.
 */
export function checkPlace(decorator: string, method: unknown, place: Place | string): void {
  const { kind, name } = Object(place) as Partial<Place>;
  if (kind === undefined) {
    throw misplaced(
      decorator,
      'was called as a decorator of the older kind',
      'turn `experimentalDecorators` off: these are the standard ones',
    );
  }
  if (kind !== 'method' || typeof method !== 'function') {
    const fact = `stands before the ${kind} \`${String(name)}\``;
    throw misplaced(decorator, fact, 'put it before a method');
  }
  if (generators.includes(method.constructor.name)) {
    throw misplaced(
      decorator,
      `stands before the generator \`${String(name)}\`, which is finished for ever once it throws`,
      'put the read inside it into a method of its own, and decorate that',
    );
  }
}

/** Throws `ERR_CONFIG_INVALID` where a decorator was written without the call that makes it. */
export function checkCalled(decorator: string, options: unknown): void {
  if (typeof options !== 'function') return;
  throw misplaced(decorator, 'was given a method for its options', `write \`@${decorator}(…)\``);
}

function misplaced(decorator: string, fact: string, remedy: string): PipelineError {
  return new PipelineError({ code: 'ERR_CONFIG_INVALID', place: `@${decorator}`, fact, remedy });
}
