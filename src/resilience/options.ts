import { nearest } from '../batch/nearest.ts';
import type { Clock, Random } from '../core/index.ts';
import { PipelineError } from '../errors.ts';
import { isPolicy, kindOf, type PolicyOptions } from './policy.ts';

/** What a number that limits something may be. */
export type NumberRule = 'positive' | 'not negative' | 'positive integer' | 'whole' | 'share';

const rules: Readonly<Record<NumberRule, [allowed: string, holds: (value: number) => boolean]>> = {
  positive: ['a finite number above 0', (value) => value > 0 && value < Infinity],
  'not negative': ['a finite number, 0 or more', (value) => value >= 0 && value < Infinity],
  'positive integer': [
    'a whole number, 1 or more',
    (value) => Number.isSafeInteger(value) && value >= 1,
  ],
  whole: ['a whole number, 0 or more', (value) => Number.isSafeInteger(value) && value >= 0],
  share: ['a number above 0 and at most 1', (value) => value > 0 && value <= 1],
};

/** Throws `ERR_CONFIG_INVALID` where an option is not such a number. */
export function requireNumber(
  policy: string,
  option: string,
  value: unknown,
  rule: NumberRule,
): void {
  const [allowed, holds] = rules[rule];
  if (typeof value !== 'number' || !holds(value)) throw badOption(policy, option, value, allowed);
}

/** The same for an option that may be left out. */
export function checkNumber(
  policy: string,
  option: string,
  value: unknown,
  rule: NumberRule,
): void {
  if (value !== undefined) requireNumber(policy, option, value, rule);
}

/** Throws `ERR_CONFIG_INVALID` where an option that is given is not one of a few words. */
export function checkWord(
  policy: string,
  option: string,
  value: unknown,
  words: readonly string[],
): void {
  if (value !== undefined) requireWord(policy, option, value, words);
}

/** Throws `ERR_CONFIG_INVALID` where an option is not one of a few words. */
export function requireWord(
  policy: string,
  option: string,
  value: unknown,
  words: readonly string[],
): void {
  if (words.includes(value as string)) return;
  throw badOption(policy, option, value, words.map((word) => `\`${word}\``).join(', '));
}

/** Throws `ERR_CONFIG_INVALID` where the options are no object, or have one of another name. */
export function checkNames(
  policy: string,
  options: unknown,
  names: readonly string[],
): asserts options is PolicyOptions {
  if (
    typeof options !== 'object' ||
    options === null ||
    Array.isArray(options) ||
    isPolicy(options)
  ) {
    throw badOption(policy, 'options', options, `an object of ${names.join(', ')}`);
  }
  checkShared(policy, options);
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    const meant = nearest(name, names);
    throw new PipelineError({
      code: 'ERR_CONFIG_INVALID',
      place: policy,
      fact: `has no option \`${name}\``,
      remedy: `${meant === undefined ? '' : `did you mean \`${meant}\`? `}its options: ${names.join(', ')}`,
    });
  }
}

/** What every policy may be told, where it is. */
function checkShared(policy: string, { name, onEvent, clock, random }: PolicyOptions): void {
  checkName(policy, name);
  if (onEvent !== undefined && typeof onEvent !== 'function') {
    throw badOption(policy, 'onEvent', onEvent, 'a function of the event');
  }
  if (clock !== undefined && typeof (clock as Clock | null)?.monotonic !== 'function') {
    throw badOption(policy, 'clock', clock, 'a clock, as `new VirtualClock()`');
  }
  if (random !== undefined && typeof (random as Random | null)?.next !== 'function') {
    throw badOption(policy, 'random', random, 'what gives chance, as `seededRandom(1)`');
  }
}

/** Throws `ERR_CONFIG_INVALID` where a name that is given says nothing. */
export function checkName(policy: string, name: unknown): void {
  if (name === undefined || (typeof name === 'string' && name.trim() !== '')) return;
  throw badOption(policy, 'name', name, 'a text that is not blank');
}

/** Options to be shown: without those that were not given and have no default. */
export function shownOptions(options: Readonly<Record<string, unknown>>): object {
  const entries = Object.entries(options);
  return Object.fromEntries(
    entries.filter(([, value]) => value !== undefined && value !== Infinity),
  );
}

/** A function that was given, by its name. */
export function shownFunction({ name }: { readonly name: string }): string {
  return name === '' ? '[function]' : name;
}

/** An option that is not what it may be: what was given, what is allowed. */
export function badOption(
  policy: string,
  option: string,
  given: unknown,
  allowed: string,
): PipelineError {
  return new PipelineError({
    code: 'ERR_CONFIG_INVALID',
    place: `${policy}.${option}`,
    fact: `cannot be ${describe(given)}`,
    remedy: `give ${allowed}`,
  });
}

/** What was given, in words. */
export function describe(given: unknown): string {
  if (isPolicy(given)) {
    const kind = kindOf(given);
    return kind === undefined ? 'a policy' : `what \`${kind}()\` made`;
  }
  if (typeof given === 'string') return JSON.stringify(given);
  if (typeof given === 'object' && given !== null) return isList(given) ? 'a list' : 'an object';
  return typeof given === 'function' ? 'a function' : String(given);
}

function isList(given: object): boolean {
  try {
    return Array.isArray(given);
  } catch {
    // A proxy whose target is gone.
    return false;
  }
}
