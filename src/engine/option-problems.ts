import type * as zod from 'zod';

import { nearest } from '../batch/nearest.ts';
import { optionMessage } from '../core/index.ts';
import type { Path } from './description.ts';
import type { Problem } from './problem.ts';

type Issue = zod.core.$ZodIssue;

/** What was checked, and by what. */
export interface CheckedOptions {
  /** Of the component, in messages. */
  readonly name: string;
  readonly schema: zod.ZodType;
  readonly options: unknown;
  /** Where the options stand. */
  readonly path: Path;
}

/** The options with their defaults, or what the schema has to say against them. */
export function checkOptions(
  checked: CheckedOptions,
): { readonly value: unknown } | { readonly problems: readonly Problem[] } {
  // A schema checks once for each plan, and would take longer to compile than that takes.
  const params = { error: optionMessage, jitless: true };
  const parsed = checked.schema.safeParse(checked.options, params);
  if (parsed.success) {
    const lost = leftOut(checked.options, parsed.data, []);
    if (lost.length === 0) return { value: parsed.data };
    return { problems: lost.map((within) => impossibleKey(within, checked)) };
  }
  const issues = parsed.error.issues.flatMap(asMeant);
  const told = issues.filter((issue) => !issues.some((other) => isTighter(other, issue)));
  const problems = told.flatMap((issue) => {
    const within = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
    return issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => unknownKey(key, within, checked))
      : [wrongValue(issue, within, checked)];
  });
  return { problems };
}

/** Where maps had the one name that the checker of options leaves out, and says nothing of it. */
function leftOut(given: unknown, left: unknown, path: Path): Path[] {
  // What was taken as it is lost nothing.
  if (given === left || !isMap(given) || !isMap(left)) return [];
  const isLost = Object.hasOwn(given, lostKey) && !Object.hasOwn(left, lostKey);
  const within = Object.keys(given).filter((key) => key !== lostKey);
  return [
    ...(isLost ? [[...path, lostKey]] : []),
    ...within.flatMap((key) => leftOut(given[key], left[key], [...path, key])),
  ];
}

const lostKey = '__proto__';

/** A schema, which options may be made into, is none: it has fields of any name. */
function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Array.isArray(value);
}

function impossibleKey(within: Path, { name, path }: CheckedOptions): Problem {
  const option = within.slice(0, -1).join('.');
  const owner = option === '' ? `\`${name}\`` : `\`${name}\` option \`${option}\``;
  const text = `${owner} cannot have \`${lostKey}\`; take another name`;
  return { kind: 'invalid-option', path: [...path, ...within], text };
}

/** Whether one limit of a value says all that another does. */
function isTighter(limit: Issue, other: Issue): boolean {
  if (limit.path.join('.') !== other.path.join('.')) return false;
  return (
    (limit.code === 'too_big' && other.code === 'too_big' && limit.maximum < other.maximum) ||
    (limit.code === 'too_small' && other.code === 'too_small' && limit.minimum > other.minimum)
  );
}

/** The problems within the one member of a union that takes such a value; else of them all. */
function asMeant(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const members = issue.errors.map((issues) => issues.flatMap(asMeant));
  const [meant, ...others] = members.filter((issues) =>
    issues.every(({ path }) => path.length > 0),
  );
  if (meant === undefined || others.length > 0) return [issue];
  return meant.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
}

/** Options without what a schema has to say against them, and what lacks a part of itself. */
export function withoutWrong(options: unknown, issues: readonly zod.core.$ZodIssue[]): unknown {
  const wrong = issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => [...issue.path, key]);
    const isMissing = valueAt(options, issue.path as Path) === undefined;
    return [isMissing ? issue.path.slice(0, -1) : issue.path];
  });
  const paths = wrong.filter(
    (path, at) => !wrong.some((other, i) => goesWith(path, other, i < at)),
  );
  // From the last to the first, so that places in arrays stay what they are.
  return paths.reduceRight((left: unknown, path) => without(left, path), options);
}

/** Whether what stands at a path is gone where another is. `orSame`: also where that is the same. */
function goesWith(
  path: readonly PropertyKey[],
  other: readonly PropertyKey[],
  orSame: boolean,
): boolean {
  const isShorter = other.length < path.length || (orSame && other.length === path.length);
  // Nothing is gone with the whole, which stays.
  return other.length > 0 && isShorter && other.every((part, at) => part === path[at]);
}

function without(value: unknown, [key, ...rest]: readonly PropertyKey[]): unknown {
  if (typeof value !== 'object' || value === null || key === undefined) return value;
  if (Array.isArray(value)) {
    const at = Number(key);
    return rest.length === 0 ? value.toSpliced(at, 1) : value.with(at, without(value[at], rest));
  }
  const { [key]: inner, ...others } = value as Record<PropertyKey, unknown>;
  return rest.length === 0 ? others : { ...value, [key]: without(inner, rest) };
}

function unknownKey(key: string, within: Path, { name, schema, path }: CheckedOptions): Problem {
  // Another member of a union may have the very key.
  const known = keysAt(schema, within).filter((other) => other !== key);
  const meant = nearest(key, known);
  const owner = [`\`${name}\``, ...(within.length > 0 ? [`option \`${within.join('.')}\``] : [])];
  const hint =
    meant !== undefined
      ? `, did you mean \`${meant}\`?`
      : known.length > 0
        ? `, options: ${known.join(', ')}`
        : '; it takes none';
  const text = `${owner.join(' ')} has no option \`${key}\`${hint}`;
  return { kind: 'unknown-key', path: [...path, ...within, key], text };
}

function wrongValue(issue: Issue, within: Path, { name, options, path }: CheckedOptions): Problem {
  const option = within.join('.');
  const place = [...path, ...within];
  if (within.length > 0 && valueAt(options, within) === undefined && !isFromCodeOnly(issue)) {
    const text = `\`${name}\` needs the option \`${option}\``;
    return { kind: 'missing-option', path: place, text };
  }
  const owner = option === '' ? `\`${name}\`` : `\`${name}\` option \`${option}\``;
  return { kind: 'invalid-option', path: place, text: `${owner}: ${issue.message}` };
}

/** Whether no config could give what is missing. */
function isFromCodeOnly(issue: Issue): boolean {
  return issue.code === 'custom' && issue.params?.['fromCodeOnly'] === true;
}

function valueAt(options: unknown, path: Path): unknown {
  let value = options;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}

/** The keys that an object within a schema may have, as far as they can be told. */
function keysAt(schema: zod.core.$ZodType, path: Path): string[] {
  const objects = schemasAt(schema, path).filter(({ _zod }) => _zod.def.type === 'object');
  const keys = objects.flatMap(({ _zod }) =>
    Object.keys((_zod.def as zod.core.$ZodObjectDef).shape),
  );
  return [...new Set(keys)];
}

/** What a schema says of the value at a path: several schemas where it leaves a choice. */
export function schemasAt(schema: zod.core.$ZodType, path: Path): zod.core.$ZodType[] {
  const inner = unwrapped(schema);
  const { def } = inner._zod;
  const [part, ...rest] = path;
  if (def.type === 'union') {
    const { options } = def as zod.core.$ZodUnionDef;
    return options.flatMap((option) => schemasAt(option, path));
  }
  if (part === undefined) return [inner];
  if (def.type === 'object') {
    const { shape } = def as zod.core.$ZodObjectDef;
    const next = Object.hasOwn(shape, part) ? shape[part] : undefined;
    return next === undefined ? [] : schemasAt(next, rest);
  }
  if (def.type === 'array') return schemasAt((def as zod.core.$ZodArrayDef).element, rest);
  if (def.type === 'record') return schemasAt((def as zod.core.$ZodRecordDef).valueType, rest);
  return [];
}

/** The schema under `optional`, `default`, `transform`, `preprocess` and their like. */
function unwrapped(schema: zod.core.$ZodType): zod.core.$ZodType {
  const {
    innerType,
    in: input,
    out,
  } = schema._zod.def as Partial<Record<'innerType' | 'in' | 'out', zod.core.$ZodType>>;
  const inner = innerType ?? (input?._zod.def.type === 'transform' ? out : input);
  return inner === undefined ? schema : unwrapped(inner);
}
