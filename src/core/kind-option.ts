import type { ZodType } from 'zod';

import { type FieldType, type Kind, kinds } from '../batch/index.ts';
import type { Zod } from './component.ts';
import { meantBy, shownValue } from './option-message.ts';

const fieldTypes = kinds.flatMap((kind): FieldType[] => [kind, `${kind}?`]);

/** An option that names a kind: `float64`. */
export function kindOption(z: Zod): ZodType<Kind> {
  return z.enum(kinds, { error: ({ input }) => noKind(input, kinds, kinds.join(', ')) });
}

/** An option that names a kind, with `?` where null is allowed: `float64?`. */
export function fieldTypeOption(z: Zod): ZodType<FieldType> {
  const known = `${kinds.join(', ')}, with ? where null is allowed`;
  return z.enum(fieldTypes, { error: ({ input }) => noKind(input, fieldTypes, known) });
}

function noKind(input: unknown, names: readonly string[], known: string): string {
  const meant = meantBy(input, names);
  const hint = meant === undefined ? '.' : `, did you mean \`${meant}\`?`;
  return `takes a kind, not ${shownValue(input)}${hint} Kinds: ${known}`;
}
