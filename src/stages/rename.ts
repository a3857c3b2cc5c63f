import { type Fields, Schema } from '../batch/index.ts';
import {
  checkEach,
  defineStage,
  type StageComponent,
  type StageDefinition,
  type UnknownFields,
} from '../core/index.ts';
import { PipelineError } from '../errors.ts';

/** `F` with the names that `M` gives. */
export type RenamedFields<F extends Fields, M> = {
  [N in keyof F & string as N extends keyof M ? (M[N] extends string ? M[N] : N) : N]: F[N];
};

/** Which fields `rename` names anew. */
export interface RenameOptions<M> {
  /** The new name of each field, by its old one. */
  readonly fields: M;
}

type Rename = <F extends Fields, const M extends { readonly [N in keyof F]?: string }>(
  options: RenameOptions<M & UnknownFields<F, M>>,
) => StageComponent<F, RenamedFields<F, M>>;

/** Gives fields other names; their order and values stay. Names may be exchanged. */
export const rename: StageDefinition & Rename = defineStage<
  Rename,
  RenameOptions<Readonly<Record<string, string>>>
>({
  name: 'rename',
  summary: 'Give fields other names.',
  options: (z) =>
    z.strictObject({
      fields: z
        .record(z.string(), z.string().min(1))
        .describe('The new name of each field, by its old one.'),
    }),
  example: { fields: { value: 'celsius' } },
  rows: 'same',
  keeps: () => 'nothing',
  changes: ({ fields }) => Object.entries(fields).flat(),
  output: (input, { fields }) => {
    const renamed = new Map(Object.entries(fields));
    const taken = new Set(input.names.filter((name) => !renamed.has(name)));
    checkEach(renamed, ([from, to]) => {
      input.field(from);
      if (taken.has(to)) throw nameTaken(from, to);
      taken.add(to);
    });
    return new Schema(
      input.fields.map((field) => ({ ...field, name: renamed.get(field.name) ?? field.name })),
    );
  },
  renames: ({ fields }) => fields,
  create:
    (_options, { output }) =>
    (batch) =>
      batch.withColumns(output, batch.columns),
});

function nameTaken(from: string, to: string): PipelineError {
  return new PipelineError({
    code: 'ERR_BATCH_SCHEMA',
    place: to,
    fact: `field \`${from}\` cannot be called \`${to}\`: another is`,
    remedy: 'give each field its own name',
  });
}
