import type * as zod from 'zod';

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
    })
    // `describe` would make a copy, and zod finds no JSON Schema for a copy of such a type.
    .register(z.globalRegistry, { description });
  option._zod.toJSONSchema = () => ({ not: {} });
  return option;
}
