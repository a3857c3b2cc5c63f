import type { Fields } from '../batch/index.ts';
import {
  type AnyRowFunction,
  defineStage,
  functionOption,
  letGo,
  type RowFunction,
  RowRunner,
  type StageComponent,
  type StageDefinition,
} from '../core/index.ts';
import { reasonOf } from '../errors.ts';

type Tap = <F extends Fields>(see: RowFunction<F, void>) => StageComponent<F, F>;

/**
 * Shows each row to a function and lets it go on unchanged. A throw costs nothing but a log line
 * for its batch; throws are counted as `tap.threw`.
 */
export const tap: StageDefinition & Tap = defineStage<Tap, AnyRowFunction>({
  name: 'tap',
  summary: 'Show each row to a function; every row goes on.',
  options: (z) => functionOption(z, 'Sees each row.', 'in a config file add a `console` sink'),
  example: null,
  exampleCode: 'tap((row) => console.log(row.sensorId, row.value))',
  rows: 'same',
  keepsFields: true,
  output: (input) => input,
  create: (see, { input, report, log }) => {
    const runner = new RowRunner(input);
    return (batch) => {
      let threw = 0;
      let first: unknown;
      const failed = (_row: number, thrown: unknown): void => {
        if (threw++ === 0) first = thrown;
      };
      const take = (row: number, result: unknown): void => {
        if (letGo(result))
          failed(row, 'the function gave a promise, and a row is gone when it waits');
      };
      runner.over(batch, (loops, cursor) => {
        loops.each(cursor, batch.rows, batch.length, see, take, failed);
      });
      if (threw > 0) {
        report.counted('tap.threw', threw);
        log.warning('tap.failed', { rows: threw, message: reasonOf(first) });
      }
      return batch;
    };
  },
});
