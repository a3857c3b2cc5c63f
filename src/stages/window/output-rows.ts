import { type ColumnWriter, createColumnWriter } from '../../batch/column-writer.ts';
import {
  Batch,
  type Field,
  FixedColumn,
  type JsonValue,
  Origin,
  takeValues,
} from '../../batch/index.ts';
import { allRows } from '../../batch/selection.ts';
import type { StageContext } from '../../core/index.ts';
import { encodeKey, type Key } from '../../core/keyed.ts';
import { computedColumn } from '../../core/rolling.ts';
import type { Cells } from './cells.ts';
import type { Span } from './windows.ts';

/** So many rows are computed at a time: few enough for their records to be at hand for each result. */
const pendingMax = 256;

type OutputContext = Pick<StageContext, 'output' | 'id' | 'batchLimits' | 'report'>;

/** Builds the batches of windows that are given out. */
export class OutputRows {
  readonly #context: OutputContext;
  readonly #cells: Cells;
  readonly #valuesOf: (key: Key) => readonly Key[];
  readonly #writers: readonly ColumnWriter[];
  readonly #computedFields: readonly Field[];
  #starts!: Float64Array;
  #ends!: Float64Array;
  #computed!: Float64Array[];
  #partials!: Uint8Array;
  /** The cells of the last `#pending` rows, of which nothing is computed yet. */
  readonly #cellsPending: Int32Array = new Int32Array(pendingMax);
  #pending = 0;
  #keys: JsonValue[] = [];
  #ready: Batch[] = [];

  /** `valuesOf`: those of the fields that a key is made of, the first of the output. */
  constructor(context: OutputContext, cells: Cells, valuesOf: (key: Key) => readonly Key[]) {
    this.#context = context;
    this.#cells = cells;
    this.#valuesOf = valuesOf;
    const { output } = context;
    const keyFields = output.fields.slice(0, output.indexOf('start'));
    this.#writers = keyFields.map((field) => createColumnWriter(field));
    this.#computedFields = output.fields.slice(output.indexOf('end') + 1, -1);
  }

  /**
   * Adds a window whose numbers are in a cell, to which nothing is added any more. `partial`: which of
   * those that are given before their time it is, where it is one.
   */
  add(key: Key, { startMs, endMs }: Span, cell: number, partial: number | undefined): void {
    const row = this.#keys.length;
    if (row === 0) this.#begin();
    this.#writeKey(row, key);
    this.#starts[row] = startMs;
    this.#ends[row] = endMs;
    this.#cellsPending[this.#pending++] = cell;
    this.#partials[row] = partial === undefined ? 0 : 1;
    // What is given before its time, once or more, and again at it, are so many records.
    const name = encodeKey(key);
    this.#keys.push(partial === undefined ? name : ['partial', name, partial]);
    if (this.#keys.length >= this.#context.batchLimits.rowsMax) this.#finish();
    else if (this.#pending === pendingMax) this.#compute();
  }

  /** The batches of what was added since this was last asked. */
  *take(): Generator<Batch> {
    if (this.#keys.length > 0) this.#finish();
    this.#cells.reclaim();
    try {
      for (let batch = this.#ready.shift(); batch; batch = this.#ready.shift()) yield batch;
    } finally {
      for (const batch of this.#ready.splice(0)) batch.release();
    }
  }

  #writeKey(row: number, key: Key): void {
    const writers = this.#writers;
    if (writers.length === 1) {
      writers[0]!.write(row, key);
      return;
    }
    const values = this.#valuesOf(key);
    for (let index = 0; index < writers.length; index++) writers[index]!.write(row, values[index]);
  }

  #begin(): void {
    const { rowsMax } = this.#context.batchLimits;
    this.#starts = takeValues(Float64Array, rowsMax);
    this.#ends = takeValues(Float64Array, rowsMax);
    this.#computed = this.#computedFields.map(() => takeValues(Float64Array, rowsMax));
    this.#partials = takeValues(Uint8Array, rowsMax);
  }

  /** Computes the results of the rows that have none yet. */
  #compute(): void {
    const [pending, first] = [this.#pending, this.#keys.length - this.#pending];
    let overflows = 0;
    for (const [index, numbers] of this.#computed.entries()) {
      overflows += this.#cells.compute(index, this.#cellsPending, pending, numbers, first);
    }
    if (overflows > 0) this.#context.report.counted('window.overflow', overflows);
    this.#pending = 0;
    this.#cells.reclaim();
  }

  #finish(): void {
    this.#compute();
    const rows = this.#keys.length;
    const { output, id, report } = this.#context;
    const all = { rows: allRows(rows), length: rows, rowsStored: rows };
    const columns = [
      ...this.#writers.map((writer) => writer.finish(rows)),
      new FixedColumn('timestamp', this.#starts),
      new FixedColumn('timestamp', this.#ends),
      ...this.#computedFields.map(({ nullable }, index) =>
        computedColumn(this.#computed[index]!, all, nullable),
      ),
      new FixedColumn('bool', this.#partials),
    ];
    const origin = new Origin(id, '', this.#starts.slice(0, rows), [], this.#keys);
    this.#ready.push(new Batch(output, columns, rows, origin));
    this.#keys = [];
    report.created(rows);
  }
}
