import type * as zod from 'zod';

import type { Zod } from '../component.ts';

// A JavaScript Map holds no more.
const keysMaxMost = 16_000_000;

/** The options `by` and `keysMax`, as every stage has them that can keep state for each key. */
export function keyOptions(z: Zod): {
  by: zod.ZodOptional<zod.ZodUnion<readonly [zod.ZodString, zod.ZodArray<zod.ZodString>]>>;
  keysMax: zod.ZodDefault<zod.ZodNumber>;
} {
  const describedBy =
    'Field or fields with a state of its own for each value; one for all rows unless given.';
  return {
    by: z
      .union([z.string(), z.array(z.string()).min(1)])
      .describe(describedBy)
      .optional(),
    keysMax: keysMaxOption(z),
  };
}

/** The option `keysMax` alone. */
export function keysMaxOption(z: Zod): zod.ZodDefault<zod.ZodNumber> {
  return z
    .int()
    .min(1)
    .max(keysMaxMost)
    .describe('Keys to keep state for; beyond it the least recently used is forgotten and counted.')
    .default(100_000);
}
