import type { ZodType } from 'zod';

import { type Fields, type FieldType, kinds, Schema, schema } from '../batch/index.ts';
import type { Zod } from './component.ts';

const fieldTypes = kinds.flatMap((kind): FieldType[] => [kind, `${kind}?`]);

/** An option that takes a `Schema` from code and `{ value: float64 }` from config files. */
export function schemaOption(z: Zod): ZodType<Schema> {
  const fields = z.record(
    z.string(),
    z.enum(fieldTypes, {
      error: 'expected a kind such as `float64`, or `float64?` where null is allowed',
    }),
  );
  return z.preprocess(
    (value) => (value instanceof Schema ? value.toJSON() : value),
    fields.transform((written) => schema(written as Fields)),
  ) as ZodType<Schema>;
}
