import type { Fields } from '../batch/index.ts';
import {
  checkEach,
  defineStage,
  type StageComponent,
  type StageDefinition,
} from '../core/index.ts';

/** The fields of `F` that are named by `N`. */
export type SelectedFields<F extends Fields, N extends keyof F> = { [K in N]: F[K] };

/** Which fields `select` keeps. */
export interface SelectOptions<N extends string> {
  /** Fields to keep, in this order. */
  readonly fields: readonly N[];
}

type Select = <F extends Fields, const N extends keyof F & string>(
  options: SelectOptions<N>,
) => StageComponent<F, SelectedFields<F, N>>;

/** Keeps some fields and lets the others go. */
export const select: StageDefinition & Select = defineStage<Select, SelectOptions<string>>({
  name: 'select',
  summary: 'Keep some fields, in the order given.',
  options: (z) =>
    z.strictObject({
      fields: z.array(z.string()).min(1).describe('Fields to keep, in this order.'),
    }),
  example: { fields: ['sensorId', 'timestamp', 'value'] },
  rows: 'same',
  keeps: () => 'nothing',
  changes: () => [],
  output: (input, { fields }) => {
    checkEach(fields, (name) => input.field(name));
    return input.pick(fields);
  },
  create: ({ fields }, { input, output }) => {
    const indexes = fields.map((name) => input.indexOf(name));
    return (batch) =>
      batch.withColumns(
        output,
        indexes.map((index) => batch.columns[index]!),
      );
  },
});
