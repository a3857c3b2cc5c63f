import type { ZodType } from 'zod';

import { type FieldSpec, type FieldType, type Kind, kinds } from '../batch/index.ts';
import type { Zod } from './component.ts';
import { meantBy, shownValue } from './option-message.ts';

const fieldTypes = kinds.flatMap((kind): FieldType[] => [kind, `${kind}?`]);

/** An option that names a kind: `float64`. */
export function kindOption(z: Zod): ZodType<Kind> {
  return z.enum(kinds, { error: ({ input }) => noKind(input, kinds, kinds.join(', ')) });
}

/** An option that names a kind, with `?` where null is allowed: `float64?`. */
export function fieldTypeOption(z: Zod): ZodType<FieldType> {
  return z.enum(fieldTypes, { error: ({ input }) => noType(input) });
}

/** An option that describes a field: `float64?`, or `{ kind: float64, sensitive: true }`. */
export function fieldSpecOption(z: Zod): ZodType<FieldSpec> {
  const type = fieldTypeOption(z);
  const spec = z.strictObject({ kind: type, sensitive: sensitiveOption(z) });
  const isMap = (input: unknown): boolean => typeof input === 'object' && input !== null;
  return z.union([type, spec], {
    error: ({ input }) => (isMap(input) ? undefined : noType(input)),
  });
}

/** An option that says whether the values of a field are shown to nobody but an admin. */
export function sensitiveOption(z: Zod): ZodType<boolean | undefined> {
  return z.boolean().optional().describe('Whether its values are shown to nobody but an admin.');
}

function noType(input: unknown): string {
  return noKind(input, fieldTypes, `${kinds.join(', ')}, with ? where null is allowed`);
}

function noKind(input: unknown, names: readonly string[], known: string): string {
  const meant = meantBy(input, names);
  const hint = meant === undefined ? '.' : `, did you mean \`${meant}\`?`;
  return `takes a kind, not ${shownValue(input)}${hint} Kinds: ${known}`;
}
