import type { Fields } from '../batch/index.ts';
import { defineStage, type StageComponent, type StageDefinition } from '../core/index.ts';

type Merge = <F extends Fields>() => StageComponent<F, F>;

/** Makes one stream of several of equal schema. Batches of one input keep their order. */
export const merge: StageDefinition & Merge = defineStage<Merge, object>({
  name: 'merge',
  summary: 'Make one stream of several that have the same fields.',
  details:
    'Rows of one input keep their order. Between inputs there is none: which comes first ' +
    'may differ from run to run, so give rows a field to sort by where that matters.',
  options: (z) => z.strictObject({}),
  example: {},
  rows: 'same',
  keeps: () => 'nothing',
  changes: () => [],
  keepsFields: true,
  inputs: 'many',
  output: (input) => input,
  create: () => (batch) => batch,
});
