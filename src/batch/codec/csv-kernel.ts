import type { Fields, Schema } from '../schema.ts';
import { KernelRows } from './kernel-rows.ts';
import type { Kernels } from './kernels.ts';
import type { RowColumns } from './row-columns.ts';

/** What a CSV is like, and its columns: the fields that they go to, or −1. */
export interface CsvKernelOptions {
  readonly recordBytesMax: number;
  /** Whether text beyond ASCII is for the slow path. */
  readonly ascii: boolean;
  readonly delimiter: string;
  readonly fieldOf: Int32Array;
  /** The fields that have no column. */
  readonly missing: readonly number[];
}

/** Parses records by the kernels into the rows of a batch; null where they do not suit them. */
export function csvKernel<F extends Fields>(
  kernels: Kernels,
  schema: Schema<F>,
  rows: RowColumns<F>,
  { recordBytesMax, ascii, delimiter, fieldOf, missing }: CsvKernelOptions,
): KernelRows<F> | null {
  // What may be part of a number ends none.
  if (/[\w.+-]/.test(delimiter)) return null;
  const { exports } = kernels;
  if ((fieldOf.length + missing.length) * 4 > exports.KEYS_SIZE.value) return null;
  const configure = (): void => {
    exports.beginCsv(records.rowsMax, recordBytesMax, Number(ascii), delimiter.charCodeAt(0));
    for (const [field, { nullable }] of schema.fields.entries()) {
      exports.addCsvField(records.kinds[field]!, Number(nullable));
    }
    for (const field of fieldOf) exports.addCsvColumn(field);
    for (const field of missing) exports.addCsvMissing(field);
  };
  const records = new KernelRows(kernels, schema, rows, configure);
  return records.rowsMax === 0 ? null : records;
}
