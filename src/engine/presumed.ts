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

function namesIn(options: unknown): string[] {
  if (typeof options === 'string') return [options];
  if (typeof options !== 'object' || options === null) return [];
  const own = Array.isArray(options) ? [] : Object.keys(options);
  return [...own, ...Object.values(options).flatMap(namesIn)];
}
