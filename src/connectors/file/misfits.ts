import { Buffer } from 'node:buffer';

import { keepRecord, type KeptRecord } from '../../batch/codec/kept-record.ts';
import { type Batch, type Column, Selection, takeValues } from '../../batch/index.ts';
import type { FileToRead } from './file-format.ts';

/** Why a row of a file is no row of the schema. */
export interface Misfit {
  readonly reason: string;
  readonly message: string;
}

/** The batch without the rows that are none of its schema, which become dead letters. Takes it over. */
export function withoutMisfits(
  batch: Batch,
  misfits: ReadonlyMap<number, Misfit>,
  { path, refused }: Pick<FileToRead, 'path' | 'refused'>,
): Batch {
  if (misfits.size === 0) return batch;
  const kept = takeValues(Uint32Array, batch.rowsStored);
  let count = 0;
  for (let row = 0; row < batch.rowsStored; row++) {
    const misfit = misfits.get(row);
    if (misfit === undefined) {
      kept[count++] = row;
      continue;
    }
    const position = batch.origin.position(row);
    const where = { position, partition: path, quotesRecord: false };
    refused.failed({ ...misfit, ...where, ...recordOf(batch, row) });
  }
  const selected = batch.select(new Selection(kept, count));
  batch.release();
  return selected;
}

/** A row as JSON, as far as it could be read, for its dead letter. */
function recordOf(batch: Batch, row: number): KeptRecord {
  const values = batch.schema.names.map((name, at) => [name, valueOf(batch.columns[at]!, row)]);
  const text = JSON.stringify(Object.fromEntries(values), (_, value: unknown) => {
    if (typeof value === 'bigint') return String(value);
    return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
  });
  const bytes = Buffer.from(text);
  return keepRecord(bytes, 0, bytes.length);
}

/** Null for a value that is none of its kind. */
function valueOf(column: Column, row: number): unknown {
  try {
    return column.value(row);
  } catch {
    return null;
  }
}
