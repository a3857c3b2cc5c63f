import { type Fields, MisfitError, type RecordOf, type Schema } from '../batch/index.ts';
import {
  type AnyRowFunction,
  defineStage,
  RecordCollector,
  recordFunctionOption,
  RowFailures,
  type RowFunction,
  RowRunner,
  type StageComponent,
  type StageDefinition,
} from '../core/index.ts';

type MapRows = <F extends Fields, A extends Fields>(
  schema: Schema<A>,
  compute: RowFunction<F, RecordOf<A>>,
) => StageComponent<F, A>;

/**
 * Makes one record of another schema of each row: `map(schema, (r) => ({ … }))`. A row whose
 * function throws, or gives a record that does not fit, fails.
 */
export const map: StageDefinition & MapRows = defineStage<MapRows, [Schema, AnyRowFunction]>({
  name: 'map',
  summary: 'Make one record of another schema of each row, by a function.',
  options: (z) =>
    recordFunctionOption(
      z,
      'Makes the record of a row.',
      'in a config file use `derive` and `select`',
    ),
  example: null,
  exampleCode: `map(schema({ sensorId: 'category', kelvin: 'float64' }), (row) => ({
  sensorId: row.sensorId,
  kelvin: row.value + 273.15,
}))`,
  rows: 'same',
  keeps: () => 'nothing',
  output: (_input, [schema]) => schema,
  create: ([, compute], { input, output, report }) => {
    const runner = new RowRunner(input);
    const failures = new RowFailures(report);
    const records = new RecordCollector(output);
    const take = (row: number, record: unknown): void => {
      try {
        records.add(record, row);
      } catch (error) {
        if (!(error instanceof MisfitError)) throw error;
        failures.refuse(row, record, error.reason, error);
      }
    };
    return (batch) => {
      failures.begin(batch);
      runner.over(batch, (loops, cursor) => {
        loops.each(cursor, batch.rows, batch.length, compute, take, failures.threw);
      });
      return records.replace(batch.origin);
    };
  },
});
