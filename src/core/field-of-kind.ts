import type { Field, Kind, Schema } from '../batch/index.ts';
import { PipelineError } from '../errors.ts';

/** The kinds that kernels compute with. */
const numericKinds = ['float64', 'int32', 'timestamp'] as const;

/**
 * The field of that name. Throws `ERR_BATCH_FIELD` where there is none, and `ERR_BATCH_SCHEMA` where
 * its kind is not among `kinds`: those of plain numbers unless given.
 */
export function fieldOfKind(
  input: Schema,
  name: string,
  kinds: readonly Kind[] = numericKinds,
): Field {
  const field = input.field(name);
  if (kinds.includes(field.kind)) return field;
  const fitting = input.fields.filter(({ kind }) => kinds.includes(kind));
  throw new PipelineError({
    code: 'ERR_BATCH_SCHEMA',
    place: name,
    fact: `field \`${name}\` is ${field.kind}, not ${kinds.join(' or ')}`,
    remedy: `fields that are: ${fitting.map((other) => other.name).join(', ') || '(none)'}`,
  });
}
