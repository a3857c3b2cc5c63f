import { deepStrictEqual, strictEqual } from 'node:assert/strict';

import { bitmapBytes } from '../batch/bitmap.ts';
import type { Batch, Column } from '../batch/index.ts';

/** What a batch was made of at some time, to compare it with later. */
export class BatchCopy {
  readonly #batch: Batch;
  readonly #columns: readonly unknown[];
  readonly #rows: Uint32Array;
  readonly #holders: number;

  /** Holds the batch until `release`. */
  constructor(batch: Batch) {
    this.#batch = batch.retain();
    this.#columns = batch.columns.map((column) => partsOf(column, batch.rowsStored));
    this.#rows = batch.rows.slice(0, batch.length);
    this.#holders = batch.holders;
  }

  /** Throws where the batch, its columns or its selection changed. */
  assertUnchanged(): void {
    const { columns, rows, rowsStored, length } = this.#batch;
    const names = this.#batch.schema.names;
    for (const [index, column] of columns.entries()) {
      const message = `the column \`${names[index]}\` of an input batch was written to`;
      deepStrictEqual(partsOf(column, rowsStored), this.#columns[index], message);
    }
    deepStrictEqual(rows.slice(0, length), this.#rows, 'the selection of an input batch changed');
  }

  /** Throws where somebody still holds what was handed over, or released what was not theirs. */
  assertGivenBack(): void {
    const { columns, selection, holders } = this.#batch;
    strictEqual(holders, this.#holders - 1, 'holders of an input batch, beside the test');
    for (const column of columns) strictEqual(column.holders, 1, 'holders of an input column');
    if (selection !== null) strictEqual(selection.holders, 1, 'holders of an input selection');
  }

  release(): void {
    this.#batch.release();
  }
}

function partsOf(column: Column, rows: number): unknown {
  const validity = column.validity?.slice(0, bitmapBytes(rows)) ?? null;
  switch (column.kind) {
    case 'category':
      return { validity, codes: column.codes.slice(0, rows), dictionary: column.dictionary.id };
    case 'text':
    case 'bytes':
    case 'json': {
      const { offsets, data } = column;
      const bytes = new Uint8Array(data.subarray(offsets[0], offsets[rows]));
      return { validity, offsets: offsets.slice(0, rows + 1), bytes };
    }
    default:
      return { validity, values: column.values.slice(0, rows) };
  }
}
