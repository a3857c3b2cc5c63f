import { type ColumnWriter, createColumnWriter } from '../../batch/column-writer.ts';
import {
  Batch,
  FixedColumn,
  type JsonValue,
  Origin,
  type Schema,
  takeValues,
} from '../../batch/index.ts';
import { allRows } from '../../batch/selection.ts';
import { encodeKey, type Key } from '../../core/keyed.ts';
import { computedColumn } from '../../core/rolling.ts';
import type { Result } from './cells.ts';

/** A window that is given out. */
export interface Given {
  readonly key: Key;
  readonly startMs: number;
  readonly endMs: number;
  readonly cell: number;
  /** Which of those that are given before their time it is, where it is one. */
  readonly partial: number | undefined;
}

/** Builds the batches of windows that are given out. */
export class OutputRows {
  readonly #output: Schema;
  readonly #stage: string;
  readonly #rowsMax: number;
  readonly #results: readonly Result[];
  readonly #valuesOf: (key: Key) => readonly Key[];
  readonly #writers: readonly ColumnWriter[];
  #starts!: Float64Array;
  #ends!: Float64Array;
  #computed!: Float64Array[];
  #partials!: Uint8Array;
  #keys: JsonValue[] = [];
  #ready: Batch[] = [];

  /** `valuesOf`: those of the fields that a key is made of, the first of the output. */
  constructor(
    {
      output,
      id,
      rowsMax,
    }: { readonly output: Schema; readonly id: string; readonly rowsMax: number },
    results: readonly Result[],
    valuesOf: (key: Key) => readonly Key[],
  ) {
    this.#output = output;
    this.#stage = id;
    this.#rowsMax = rowsMax;
    this.#results = results;
    this.#valuesOf = valuesOf;
    const keyFields = output.fields.slice(0, output.indexOf('start'));
    this.#writers = keyFields.map((field) => createColumnWriter(field));
  }

  /** Gives how many results are none, since they went beyond the greatest number. */
  add({ key, startMs, endMs, cell, partial }: Given): number {
    const row = this.#keys.length;
    if (row === 0) this.#begin();
    let overflows = 0;
    const values = this.#valuesOf(key);
    for (let index = 0; index < this.#writers.length; index++) {
      this.#writers[index]!.write(row, values[index]);
    }
    this.#starts[row] = startMs;
    this.#ends[row] = endMs;
    for (let index = 0; index < this.#results.length; index++) {
      const result = this.#results[index]!(cell);
      if (result === Infinity) overflows++;
      this.#computed[index]![row] = result === Infinity ? NaN : result;
    }
    this.#partials[row] = partial === undefined ? 0 : 1;
    // What is given before its time, once or more, and again at it, are so many records.
    const name = encodeKey(key);
    this.#keys.push(partial === undefined ? name : ['partial', name, partial]);
    if (this.#keys.length >= this.#rowsMax) this.#finish();
    return overflows;
  }

  /** The batches of what was added since this was last asked. */
  *take(): Generator<Batch> {
    if (this.#keys.length > 0) this.#finish();
    try {
      for (let batch = this.#ready.shift(); batch; batch = this.#ready.shift()) yield batch;
    } finally {
      for (const batch of this.#ready.splice(0)) batch.release();
    }
  }

  #begin(): void {
    const rows = this.#rowsMax;
    this.#starts = takeValues(Float64Array, rows);
    this.#ends = takeValues(Float64Array, rows);
    this.#computed = this.#results.map(() => takeValues(Float64Array, rows));
    this.#partials = takeValues(Uint8Array, rows);
  }

  #finish(): void {
    const rows = this.#keys.length;
    const output = this.#output;
    const first = this.#writers.length + 2;
    const all = { rows: allRows(rows), length: rows, rowsStored: rows };
    const columns = [
      ...this.#writers.map((writer) => writer.finish(rows)),
      new FixedColumn('timestamp', this.#starts),
      new FixedColumn('timestamp', this.#ends),
      ...this.#computed.map((numbers, index) =>
        computedColumn(numbers, all, output.fields[first + index]!.nullable),
      ),
      new FixedColumn('bool', this.#partials),
    ];
    const origin = new Origin(this.#stage, '', this.#starts.slice(0, rows), [], this.#keys);
    this.#ready.push(new Batch(output, columns, rows, origin));
    this.#keys = [];
  }
}
