import {
  type Fields,
  MisfitError,
  type RecordOf,
  type Schema,
  Selection,
  takeValues,
} from '../batch/index.ts';
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

type FlatMap = <F extends Fields, A extends Fields>(
  schema: Schema<A>,
  compute: RowFunction<F, Iterable<RecordOf<A>>>,
) => StageComponent<F, A>;

/**
 * Makes any number of records of another schema of each row: `flatMap(schema, function* (r) {…})`.
 * All records of a row go on, or, where one does not fit or the function throws, none.
 */
export const flatMap: StageDefinition & FlatMap = defineStage<FlatMap, [Schema, AnyRowFunction]>({
  name: 'flat-map',
  summary: 'Make any number of records of another schema of each row, by a function.',
  options: (z) =>
    recordFunctionOption(
      z,
      'Makes the records of a row.',
      'a config file has no stage that makes several rows of one',
    ),
  example: null,
  exampleCode: `flatMap(schema({ unit: 'category', value: 'float64' }), function* (row) {
  yield { unit: 'C', value: row.value };
  yield { unit: 'F', value: row.value * 1.8 + 32 };
})`,
  rows: 'expand',
  keeps: () => 'nothing',
  output: (_input, [schema]) => schema,
  create: ([, compute], { input, output, report }) => {
    const runner = new RowRunner(input);
    const failures = new RowFailures(report);
    const records = new RecordCollector(output);
    // Where the records of failed rows stand: [first, behind the last] of each.
    const taken: [number, number][] = [];
    const take = (row: number, products: unknown): void => {
      const first = records.count;
      try {
        if (!isIterable(products)) throw new TypeError('the function gives no iterable of records');
        let ordinal = 0;
        for (const record of products) records.add(record, row, ordinal++);
      } catch (error) {
        taken.push([first, records.count]);
        const reason = isIterable(products) ? reasonFor(error) : 'row.result';
        failures.refuse(row, products, reason, error);
      }
    };
    return (batch) => {
      failures.begin(batch);
      taken.length = 0;
      runner.over(batch, (loops, cursor) => {
        loops.each(cursor, batch.rows, batch.length, compute, take, failures.threw);
      });
      const made = records.expand(batch.origin);
      const selection = withoutRanges(made.rowsStored, taken);
      report.absorbed(batch.length - failures.size);
      report.created(selection?.length ?? made.length);
      if (selection === null) return made;
      const whole = made.select(selection);
      made.release();
      return whole;
    };
  },
});

function reasonFor(error: unknown): string {
  return error instanceof MisfitError ? error.reason : 'row.threw';
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}

/** The rows outside the ranges, which are ascending; null where that is all of them. */
function withoutRanges(rowsStored: number, ranges: readonly [number, number][]): Selection | null {
  if (ranges.every(([first, end]) => first === end)) return null;
  const rows = takeValues(Uint32Array, rowsStored);
  let length = 0;
  let row = 0;
  for (const [first, end] of [...ranges, [rowsStored, rowsStored]] as const) {
    while (row < first) rows[length++] = row++;
    row = end;
  }
  return new Selection(rows, length);
}
