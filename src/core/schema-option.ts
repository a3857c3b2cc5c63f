import type { ZodType } from 'zod';

import { type Fields, type FieldType, kinds, Schema, schema } from '../batch/index.ts';
import type { Zod } from './component.ts';

const fieldTypes = kinds.flatMap((kind): FieldType[] => [kind, `${kind}?`]);

// zod leaves out a key `__proto__`; a field may be named so.
const hiddenName = '\u0000__proto__';

/** An option that takes a `Schema` from code and `{ value: float64 }` from config files. */
export function schemaOption(z: Zod): ZodType<Schema> {
  const fields = z.record(
    z.string(),
    z.enum(fieldTypes, {
      error: 'expected a kind such as `float64`, or `float64?` where null is allowed',
    }),
  );
  return z.preprocess(
    (value) => renameKey(value instanceof Schema ? value.toJSON() : value, '__proto__', hiddenName),
    fields.transform((written) => schema(renameKey(written, hiddenName, '__proto__') as Fields)),
  ) as ZodType<Schema>;
}

function renameKey(value: unknown, from: string, to: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, from)) return value;
  const entries = Object.entries(value);
  return Object.fromEntries(entries.map(([key, kind]) => [key === from ? to : key, kind]));
}
