import { PipelineError } from '../errors.ts';
import { isGenerator } from '../resilience/given-function.ts';
import { describe } from '../resilience/options.ts';
import { isPolicy, kindOf, type PolicyKind } from '../resilience/policy.ts';

/** A method of a class whose instances are `This`. */
export type Method<This, A extends unknown[], R> = (this: This, ...args: A) => R;

/** What a decorator is told of its place, as far as it matters here. */
export interface Place {
  readonly kind: string;
  readonly name: string | symbol;
}

/** What a decorator is told of a class, as far as it matters here. */
export interface ClassPlace {
  readonly kind: string;
  readonly name: string | undefined;
}

/** Throws `ERR_CONFIG_INVALID` where a decorator of a policy stands before no method, or a generator. */
export function checkPlace(decorator: string, method: unknown, place: Place | string): void {
  checkMethod(decorator, method, place);
  if (!isGenerator(method as object)) return;
  throw misplaced(
    decorator,
    `stands before the generator ${nameIn(place)}, which is finished for ever once it throws`,
    'put the read inside it into a method of its own, and decorate that',
  );
}

/** Throws `ERR_CONFIG_INVALID` where a decorator that is for generators stands before anything else. */
export function checkGenerator(decorator: string, method: unknown, place: Place | string): void {
  checkMethod(decorator, method, place);
  if (isGenerator(method as object)) return;
  throw misplaced(
    decorator,
    `stands before ${nameIn(place)}, which is no generator`,
    'give other methods to `observe`',
  );
}

function nameIn(place: Place | string): string {
  return `\`${String((place as Place).name)}\``;
}

/** Throws `ERR_CONFIG_INVALID` where a decorator that is for classes stands before anything else. */
export function checkClass(decorator: string, component: unknown, place: ClassPlace): void {
  checkKind(decorator, component, place, 'class');
}

function checkMethod(decorator: string, method: unknown, place: Place | string): void {
  checkKind(decorator, method, place, 'method');
}

/** Decorators of the older kind are told a name instead of the place, or nothing. */
function checkKind(
  decorator: string,
  decorated: unknown,
  place: Place | ClassPlace | string,
  due: 'class' | 'method',
): void {
  const { kind, name } = Object(place) as Partial<Place>;
  if (kind === undefined) {
    throw misplaced(
      decorator,
      'was called as a decorator of the older kind',
      'turn `experimentalDecorators` off: these are the standard ones',
    );
  }
  if (kind !== due || typeof decorated !== 'function') {
    const fact = `stands before the ${kind} \`${String(name)}\``;
    throw misplaced(decorator, fact, `put it before a ${due}`);
  }
}

/**
 * Throws `ERR_CONFIG_INVALID` where a decorator was written without the call that makes it, or given
 * neither options nor a policy of its kind.
 */
export function checkGiven(decorator: PolicyKind, given: unknown): void {
  if (typeof given === 'function') {
    throw misplaced(decorator, 'was given a method for its options', `write \`@${decorator}(…)\``);
  }
  const isGood = isPolicy(given)
    ? kindOf(given) === decorator
    : typeof given === 'object' && given !== null && !Array.isArray(given);
  if (isGood) return;
  const remedy = `give options, or what \`${decorator}()\` made`;
  throw misplaced(decorator, `was given ${describe(given)}`, remedy);
}

/** Throws `ERR_CONFIG_INVALID` where a decorator was written without the call that names a stage. */
export function checkName(decorator: string, name: unknown): void {
  if (typeof name === 'string' && name !== '') return;
  const fact = typeof name === 'function' ? 'was given a method for its name' : 'was given no name';
  throw misplaced(decorator, fact, `write \`@${decorator}('name')\``);
}

/** Throws `ERR_CONFIG_INVALID` where a decorator was written without the call that says what a class is. */
export function checkFacts(decorator: string, facts: unknown): void {
  if (typeof facts === 'object' && facts !== null && !Array.isArray(facts)) return;
  const isClass = typeof facts === 'function';
  const fact = isClass ? 'was given a class for its facts' : `was given ${describe(facts)}`;
  throw misplaced(decorator, fact, `write \`@${decorator}({ type: 'stage', summary: '…' })\``);
}

function misplaced(decorator: string, fact: string, remedy: string): PipelineError {
  return new PipelineError({ code: 'ERR_CONFIG_INVALID', place: `@${decorator}`, fact, remedy });
}
