import type * as zod from 'zod';

import { nearest } from '../batch/nearest.ts';

type Issue = zod.core.$ZodIssue;
type UnionIssue = Extract<Issue, { code: 'invalid_union' }>;

const shownCharactersMax = 40;
const choicesMax = 12;

/** What was found where an option was read: the value itself, as far as it is short. */
export function shownValue(value: unknown): string {
  if (typeof value === 'string') {
    // Never a part: where the value is a secret, that would not be known as one.
    const { length } = value;
    return length <= shownCharactersMax ? JSON.stringify(value) : `text of ${length} characters`;
  }
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'function') return 'a function';
  return typeof value === 'object' && value !== null ? 'a map' : String(value);
}

/**
 * An error map for zod: what is wrong with an option as "takes a number, not "2"". What a schema
 * says in words of its own stands. Hand it to `parse` and `safeParse` as `error`.
 */
export function optionMessage(raw: zod.core.$ZodRawIssue): string {
  const issue = raw as Issue;
  if (issue.code === 'unrecognized_keys') return `has no option \`${issue.keys.join('`, `')}\``;
  if (issue.code === 'invalid_key') {
    return issue.issues[0]?.message ?? `takes no such name`;
  }
  const allowed = allowedBy(issue);
  if (allowed === undefined) return `does not take ${shownValue(issue.input)}`;
  const meant = meantBy(issue.input, valuesOf(issue));
  const hint = meant === undefined ? '' : `, did you mean \`${meant}\`?`;
  const found = isDeeper(issue) ? 'this one' : shownValue(issue.input);
  return `takes ${oneOf(allowed)}, not ${found}${hint}`;
}

/** The value of an enumeration that a misspelt one is most like. */
export function meantBy(found: unknown, values: readonly unknown[]): string | undefined {
  const names = values.filter((value) => typeof value === 'string');
  return typeof found === 'string' ? nearest(found, names) : undefined;
}

const typeNames: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
  object: 'a map',
  record: 'a map',
  string: 'text',
  tuple: 'a list',
};

/** Each thing that is allowed; undefined where the schema says something else. */
function allowedBy(issue: Issue): string[] | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return [typeNames[issue.expected] ?? issue.expected];
    case 'invalid_value':
      return issue.values.map((value) => `\`${String(value)}\``);
    case 'invalid_union':
      return allowedByUnion(issue);
    case 'invalid_format':
      return [issue.pattern === undefined ? issue.format : `text that matches ${issue.pattern}`];
    case 'not_multiple_of':
      return [`multiples of ${issue.divisor}`];
    case 'too_small': {
      const { minimum, inclusive = true, exact = false } = issue;
      return [limited(issue.origin, minimum, exact ? '' : inclusive ? 'at least' : 'more than')];
    }
    case 'too_big': {
      const { maximum, inclusive = true, exact = false } = issue;
      return [limited(issue.origin, maximum, exact ? '' : inclusive ? 'at most' : 'less than')];
    }
    default:
      return undefined;
  }
}

/** What the members take; undefined where one of them says something else. */
function allowedByUnion({ errors, input }: UnionIssue): string[] | undefined {
  const members = errors.map((issues) => allowedByMember(issues, input));
  const known = members.filter((member) => member !== undefined);
  return known.length === 0 || known.length < members.length ? undefined : known.flat();
}

function allowedByMember(issues: readonly Issue[], input: unknown): string[] | undefined {
  const [issue] = issues.toSorted((a, b) => a.path.length - b.path.length);
  if (issue === undefined) return undefined;
  const whole = Array.isArray(input) ? 'a list' : 'a map';
  if (issue.code === 'unrecognized_keys')
    return [`${whole} without \`${issue.keys.join('`, `')}\``];
  const allowed = allowedBy(issue);
  if (issue.path.length === 0 || allowed === undefined) return allowed;
  return [`${whole} whose \`${issue.path.join('.')}\` is ${oneOf(allowed)}`];
}

/** Whether some member of a union takes such a list or map, but not with what is in this one. */
function isDeeper(issue: Issue): boolean {
  if (issue.code !== 'invalid_union') return false;
  return issue.errors.some((issues) =>
    issues.every(({ code, path }) => path.length > 0 || code === 'unrecognized_keys'),
  );
}

/** The values that an enumeration has, or those in a union. */
function valuesOf(issue: Issue): readonly unknown[] {
  if (issue.code === 'invalid_value') return issue.values;
  return issue.code === 'invalid_union' ? issue.errors.flat().flatMap(valuesOf) : [];
}

function limited(origin: string, limit: number | bigint, relation: string): string {
  const bound = relation === '' ? `${limit}` : `${relation} ${limit}`;
  const plural = limit === 1 ? '' : 's';
  if (origin === 'string') return `text of ${bound} character${plural}`;
  if (origin === 'array' || origin === 'set') return `${bound} item${plural}`;
  return bound;
}

function oneOf(names: readonly string[]): string {
  const distinct = [...new Set(names)];
  const shown = distinct.slice(0, choicesMax);
  const last = shown.pop() ?? '';
  if (distinct.length > choicesMax) return `${[...shown, last].join(', ')} …`;
  return shown.length === 0 ? last : `${shown.join(', ')} or ${last}`;
}
