import type { Fields } from '../batch/index.ts';
import {
  type AnyRowTest,
  checkCondition,
  compileCondition,
  condition,
  defineStage,
  RowFailures,
  type RowTest,
  type StageComponent,
  type StageDefinition,
} from '../core/index.ts';

/** Which rows `filter` keeps. */
export interface FilterOptions<F extends Fields> {
  /** Rows for which this is true are kept; null does not hold. */
  readonly where: RowTest<F>;
}

type Filter = <F extends Fields>(options: RowTest<F> | FilterOptions<F>) => StageComponent<F, F>;

/** Keeps the rows that match: `filter((r) => r.value > 50)`, `filter("value > 50")`. */
export const filter: StageDefinition & Filter = defineStage<Filter, { where: AnyRowTest }>({
  name: 'filter',
  summary: 'Keep rows that match a condition.',
  options: (z) =>
    z.preprocess(
      (given) =>
        typeof given === 'string' || typeof given === 'function' ? { where: given } : given,
      z.strictObject({ where: condition(z, 'Which rows are kept.') }),
    ),
  example: { where: "value > 50 && unit == 'C'" },
  exampleCode: "filter((row) => row.value > 50 && row.unit === 'C')",
  rows: 'fewer',
  keeps: () => 'nothing',
  changes: () => [],
  keepsFields: true,
  output: (input, { where }) => {
    checkCondition(where, input, 'where');
    return input;
  },
  create: ({ where }, { input, report }) => {
    const holds = compileCondition(where, input, 'where');
    const failures = new RowFailures(report);
    return (batch) => {
      failures.begin(batch);
      const kept = holds(batch, failures);
      report.dropped('condition', batch.length - kept.length - failures.size);
      if (kept.length < batch.length) return batch.select(kept);
      kept.release();
      return batch;
    };
  },
});
