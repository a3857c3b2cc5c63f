import type * as zod from 'zod';

import { nearest, type Schema } from '../batch/index.ts';

/**
 * What can be said of the rows behind a stage with a problem: the fields that came in, and the
 * names in its options, which it may have added. Enough to find misspelt fields further on.
 */
export interface Presumed {
  readonly schema: Schema;
  readonly named: ReadonlySet<string>;
}

/** Adds the names that options hold, as keys or as text. */
export function alsoNaming({ schema, named }: Presumed, options: unknown): Presumed {
  return { schema, named: new Set([...named, ...namesIn(options)]) };
}

/** True for a name that is none of the fields but much like one. */
export function isMisspelt(name: string, { schema, named }: Presumed): boolean {
  return !schema.has(name) && !named.has(name) && nearest(name, schema.names) !== undefined;
}

/** Options without what a schema has to say against them. */
export function withoutWrong(options: unknown, issues: readonly zod.core.$ZodIssue[]): unknown {
  const paths = issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => [...issue.path, key])
      : [issue.path],
  );
  // From the last to the first, so that places in arrays stay what they are.
  return paths.reduceRight((left: unknown, path) => without(left, path), options);
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

function namesIn(options: unknown): string[] {
  if (typeof options === 'string') return [options];
  if (typeof options !== 'object' || options === null) return [];
  const own = Array.isArray(options) ? [] : Object.keys(options);
  return [...own, ...Object.values(options).flatMap(namesIn)];
}
