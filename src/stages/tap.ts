import type { Fields } from '../batch/index.ts';
import {
  type AnyRowFunction,
  defineStage,
  functionOption,
  RowFailures,
  type RowFunction,
  RowRunner,
  type StageComponent,
  type StageDefinition,
} from '../core/index.ts';

type Tap = <F extends Fields>(see: RowFunction<F, void>) => StageComponent<F, F>;

/** Shows each row to a function and lets it go on unchanged. A throw costs its row. */
export const tap: StageDefinition & Tap = defineStage<Tap, AnyRowFunction>({
  name: 'tap',
  summary: 'Show each row to a function; it goes on unchanged.',
  details: 'A row on which the function throws fails (`row.threw`), as `onRowError` says.',
  options: (z) => functionOption(z, 'Sees each row.', 'in a config file add a `console` sink'),
  example: null,
  exampleCode: 'tap((row) => console.log(row.sensorId, row.value))',
  rows: 'same',
  keeps: () => 'nothing',
  changes: () => [],
  keepsFields: true,
  output: (input) => input,
  create: (see, { input, report }) => {
    const runner = new RowRunner(input);
    const failures = new RowFailures(report);
    const take = (row: number, result: unknown): void => {
      if (result instanceof Promise) failures.refuse(row, result, 'row.result', undefined);
    };
    return (batch) => {
      failures.begin(batch);
      runner.over(batch, (loops, cursor) => {
        loops.each(cursor, batch.rows, batch.length, see, take, failures.threw);
      });
      return failures.size === 0 ? batch : failures.leaveOut(batch.retain());
    };
  },
});
