import type { ZodType } from 'zod';

import { type FieldSpec, Schema } from '../batch/index.ts';
import { parseField } from '../batch/schema.ts';
import type { Zod } from './component.ts';
import { fieldSpecOption } from './kind-option.ts';

// Goes before a name that a key of an object would not hold as it is: zod leaves out `__proto__`, and
// JavaScript puts keys that are integers first, where a schema has an order.
const mark = '\u0000';

/**
 * An option that takes a `Schema` from code and `{ value: float64 }` from config files, or
 * `{ value: { kind: float64, sensitive: true } }`.
 */
export function schemaOption(z: Zod): ZodType<Schema> {
  const fields = z.record(z.string(), fieldSpecOption(z));
  return z.preprocess(markNames, fields.transform(toSchema)) as ZodType<Schema>;
}

function markNames(value: unknown): unknown {
  if (value instanceof Schema) {
    const types = value.toJSON();
    return Object.fromEntries(value.names.map((name) => [mark + name, types[name]]));
  }
  if (typeof value !== 'object' || value === null) return value;
  if (!Object.keys(value).some(isMarked)) return value;
  const entries = Object.entries(value);
  return Object.fromEntries(entries.map(([key, kind]) => [isMarked(key) ? mark + key : key, kind]));
}

function isMarked(key: string): boolean {
  return key === '__proto__' || key.startsWith(mark);
}

function toSchema(written: Readonly<Record<string, FieldSpec>>): Schema {
  return new Schema(
    Object.entries(written).map(([key, spec]) =>
      parseField(key.startsWith(mark) ? key.slice(mark.length) : key, spec)!,
    ),
  );
}
