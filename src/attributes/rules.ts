import type { AttributeSchema } from '../core/attribute.ts';
import { reasonOf } from '../errors.ts';
import { misused } from './misused.ts';
import { createRule, partsOf, type Rule, shownInError } from './rule.ts';
import { acceptor, refused } from './setters.ts';

/** Text with something in it beside white space, which is trimmed. */
export const nonEmptyString: Rule<string> = createRule({
  ruleName: 'nonEmptyString',
  text: 'text that is not empty or blank',
  jsonSchema: { type: 'string', pattern: '\\S' },
  read: (value) => (typeof value === 'string' && trimmed(value)) || refused,
});

/** Most text has nothing to trim, and to see that takes less than to call for it. */
function trimmed(text: string): string {
  const isPlain = isVisible(text.charCodeAt(0)) && isVisible(text.charCodeAt(text.length - 1));
  return isPlain ? text : text.trim();
}

/** Whether it is a character of ASCII that leaves a mark; NaN is none. */
function isVisible(code: number): boolean {
  return code > 32 && code < 127;
}

/** A whole number from 1 to 2^53 − 1; nothing that only looks like one. */
export const positiveInt: Rule<number> = createRule({
  ruleName: 'positiveInt',
  text: `a whole number from 1 to ${Number.MAX_SAFE_INTEGER}`,
  jsonSchema: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
  read: (value) =>
    Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : refused,
});

/** A finite number within limits, both inclusive. Throws where they are none, or in the wrong order. */
export function rangeFloat(min: number, max: number): Rule<number> {
  if (!Number.isFinite(min) || !Number.isFinite(max) || min > max) {
    const fact = `was given the limits ${shownInError(min)} and ${shownInError(max)}`;
    throw misused('rangeFloat', fact, 'give two finite numbers, the lower first');
  }
  return createRule({
    ruleName: 'rangeFloat',
    text: `a finite number from ${min} to ${max}, inclusive`,
    jsonSchema: { type: 'number', minimum: min, maximum: max },
    read: (value) => (typeof value === 'number' && value >= min && value <= max ? value : refused),
  });
}

/** One of the values. Throws where there are none, or one that JSON cannot tell from others. */
export function oneOf<const T extends string | number | boolean | null>(
  values: readonly T[],
): Rule<T> {
  const allowed = new Set<unknown>(Array.isArray(values) ? values : []);
  const isGood = [...allowed].every(
    (value) => Number.isFinite(value) || value === null || /^(string|boolean)$/.test(typeof value),
  );
  if (allowed.size === 0 || !isGood) {
    throw misused('oneOf', 'was given no list of values', "list them: `oneOf(['json', 'csv'])`");
  }
  const list = Object.freeze([...allowed]);
  return createRule({
    ruleName: 'oneOf',
    text: `one of ${list.map((value) => JSON.stringify(value)).join(', ')}`,
    jsonSchema: { enum: list },
    read: (value) => (allowed.has(value) ? (value as T) : refused),
  });
}

/** Text in which the pattern is found; anchor it to match the whole. Its flags `g` and `y` do nothing. */
export function pattern(expression: RegExp): Rule<string> {
  if (!(expression instanceof RegExp)) {
    throw misused('pattern', 'was given no regular expression', 'write `pattern(/^[a-z]+$/)`');
  }
  const { source } = expression;
  const flags = expression.flags.replace(/[gy]/g, '');
  const own = new RegExp(source, flags);
  // A JSON Schema has no place for flags that change what is found.
  const schema = /[imsv]/.test(flags) ? {} : { pattern: source };
  return createRule({
    ruleName: 'pattern',
    text: `text that matches ${String(own)}`,
    jsonSchema: { type: 'string', ...schema },
    read: (value) => (typeof value === 'string' && own.test(value) ? value : refused),
  });
}

/** A list of which each item passes a rule. A frozen copy is kept: no later push gets round the rule. */
export function arrayOf<T>(item: Rule<T>): Rule<readonly T[]> {
  const { ruleName, text, jsonSchema, isOptional, read } = partsOf('arrayOf', item);
  if (isOptional) {
    const fact = `was given \`${ruleName}\` for its items, which JSON cannot leave unset`;
    throw misused('arrayOf', fact, 'give a rule that takes no undefined');
  }
  const acceptItem = acceptor({
    read,
    refuse: (value, at: number, reason) => {
      const why = reason === undefined ? '' : `: ${reasonOf(reason)}`;
      return new TypeError(`item ${at} is ${shownInError(value)}${why}`);
    },
  });
  return createRule({
    ruleName: `arrayOf(${ruleName})`,
    text: `a list of which each item is ${text}`,
    jsonSchema: { type: 'array', items: jsonSchema },
    read: (value) => {
      if (!Array.isArray(value)) return refused;
      // By number, so that what is left out is an item as well.
      return Object.freeze(Array.from(value as unknown[], acceptItem));
    },
  });
}

/** What a rule of one's own says of itself. */
export interface CustomOptions {
  /** What it takes, as errors and documents say it: `an even number`. */
  readonly text?: string | undefined;
  /** What it takes, as JSON Schema; anything unless given. */
  readonly jsonSchema?: AttributeSchema | undefined;
}

/** A rule of one's own that keeps each value for which `accepts` is true. */
export interface CustomJudge<A extends (value: unknown) => boolean> extends CustomOptions {
  readonly accepts: A;
  readonly parse?: never;
}

/** A rule of one's own that keeps what `parse` makes; what it throws is the reason of a refusal. */
export interface CustomParser<T> extends CustomOptions {
  readonly parse: (value: unknown) => T;
  readonly accepts?: never;
}

/** A rule of one's own that judges the value, and keeps it as it is. */
export function custom<T>(
  name: string,
  judge: CustomJudge<(value: unknown) => value is T>,
): Rule<T>;
export function custom(
  name: string,
  judge: CustomJudge<(value: unknown) => boolean>,
): Rule<unknown>;
/** A rule of one's own that keeps what it makes of the value. */
export function custom<T>(name: string, parser: CustomParser<T>): Rule<T>;
export function custom(
  name: string,
  given: CustomJudge<(value: unknown) => boolean> | CustomParser<unknown>,
): Rule<unknown> {
  const {
    accepts,
    parse,
    text = `what \`${name}\` takes`,
    jsonSchema = {},
  } = Object(given) as typeof given;
  const isOne =
    typeof (accepts ?? parse) === 'function' && (accepts === undefined) !== (parse === undefined);
  if (typeof name !== 'string' || name.trim() === '' || !isOne) {
    const fact = 'was not given a name, and one of `accepts` and `parse`';
    throw misused('custom', fact, "write `custom('even', { accepts: (value) => … })`");
  }
  if (typeof jsonSchema !== 'object' || jsonSchema === null || Array.isArray(jsonSchema)) {
    const fact = 'was given a `jsonSchema` that is no object';
    throw misused('custom', fact, "write `jsonSchema: { type: 'number' }`, or leave it out");
  }
  const read = accepts === undefined ? parserOf(parse) : judgeOf(accepts);
  return createRule({ ruleName: name, text, jsonSchema, read });
}

function judgeOf(accepts: (value: unknown) => unknown): (value: unknown) => unknown {
  return (value) => {
    const answer = accepts(value);
    if (answer === true) return value;
    if (answer === false) return refused;
    checkNoPromise(answer);
    throw new TypeError('the rule answered neither true nor false');
  };
}

function parserOf(parse: (value: unknown) => unknown): (value: unknown) => unknown {
  return (value) => {
    const kept = parse(value);
    if (kept === undefined) throw new TypeError('the rule gave nothing back');
    checkNoPromise(kept);
    return kept;
  };
}

function checkNoPromise(answer: unknown): void {
  if (!(answer instanceof Promise)) return;
  // It is refused; what it comes to is nobody's.
  answer.catch(() => undefined);
  throw new TypeError('the rule answered with a promise');
}
