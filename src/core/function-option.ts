import type * as zod from 'zod';

import { Schema } from '../batch/index.ts';
import type { Zod } from './component.ts';
import type { AnyRowFunction } from './row-function.ts';

/** An option that takes a function, and so only from code. `instead`: what a config file can do. */
export function functionOption(
  z: Zod,
  description: string,
  instead: string,
): zod.ZodType<AnyRowFunction> {
  const option = z
    .custom<AnyRowFunction>((value) => typeof value === 'function', {
      error: `takes a function, so it works from code only; ${instead}`,
      params: { fromCodeOnly: true },
    })
    // `describe` would make a copy, and zod finds no JSON Schema for a copy of such a type.
    .register(z.globalRegistry, { description });
  option._zod.toJSONSchema = () => ({ not: {} });
  return option;
}

/** The options of a stage that takes a schema, and a function that makes records of it. */
export function recordFunctionOption(
  z: Zod,
  description: string,
  instead: string,
): zod.ZodType<[Schema, AnyRowFunction]> {
  return z.tuple(
    [
      z.instanceof(Schema, { error: 'takes a schema first' }),
      functionOption(z, description, instead),
    ],
    { error: `takes a schema and a function, so it works from code only; ${instead}` },
  );
}
