import {
  type Batch,
  type Bitmap,
  clearBit,
  type Column,
  createBitmap,
  type Field,
  type Fields,
  FixedColumn,
  type RecordOf,
  type Schema,
  takeValues,
} from '../batch/index.ts';
import {
  bindRow,
  createCallbackRow,
  createRowLoops,
  type Row,
  type RowLoops,
  unbindRow,
} from '../batch/row.ts';
import { createColumnFill, misfitOf } from './column-fill.ts';
import type { RowFailures } from './row-failures.ts';

/** A user's function of one row. What it is given is valid until it returns. */
export type RowFunction<F extends Fields, R> = (row: RecordOf<NoInfer<F>>) => R;

/** A user's function of any row, where its type is no longer known. */
export type AnyRowFunction = (row: never) => unknown;

/** Makes a column for the rows of a batch; rows that it cannot make are in `failures`. */
export type ComputeColumn = (batch: Batch, failures: RowFailures) => Column;

/** A cursor and loops for one user's function over batches of one schema. */
export class RowRunner {
  readonly #schema: Schema;
  readonly #cursor: Row;
  readonly #loops: RowLoops;

  constructor(schema: Schema) {
    this.#schema = schema;
    this.#cursor = createCallbackRow(schema);
    this.#loops = createRowLoops();
  }

  /** Lets `use` run its loop over the rows of a batch. */
  over<R>(batch: Batch, use: (loops: RowLoops, cursor: Row) => R): R {
    bindRow(this.#cursor, batch.columns);
    try {
      return use(this.#loops, this.#cursor);
    } finally {
      unbindRow(this.#cursor, this.#schema);
    }
  }
}

/** The column that a function of a row fills, of the field's kind. */
export function columnOfRowFunction(
  compute: AnyRowFunction,
  input: Schema,
  field: Field,
): ComputeColumn {
  const runner = new RowRunner(input);
  if (field.kind === 'float64') return floatColumn(compute, runner, field);
  const fill = createColumnFill(field);
  return (batch, failures) => {
    fill.begin(batch.rowsStored);
    const take = (row: number, result: unknown): void => {
      if (!fill.put(row, result))
        failures.refuse(row, result, 'row.result', misfitOf(field, result));
    };
    runner.over(batch, (loops, cursor) => {
      loops.each(cursor, batch.rows, batch.length, compute, take, failures.threw);
    });
    return fill.finish();
  };
}

function floatColumn(compute: AnyRowFunction, runner: RowRunner, field: Field): ComputeColumn {
  return (batch, failures) => {
    const { rows, length, rowsStored } = batch;
    const values = takeValues(Float64Array, rowsStored);
    let validity: Bitmap | null = null;
    const other = (row: number, result: unknown): void => {
      if (field.nullable && (result === null || result === undefined)) {
        validity ??= createBitmap(rowsStored, true);
        clearBit(validity, row);
      } else failures.refuse(row, result, 'row.result', misfitOf(field, result));
    };
    runner.over(batch, (loops, cursor) => {
      loops.numbers(cursor, rows, length, compute, values, other, failures.threw);
    });
    return new FixedColumn('float64', values, validity);
  };
}
