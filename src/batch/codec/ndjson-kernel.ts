import { Buffer } from 'node:buffer';

import type { Fields, Schema } from '../schema.ts';
import { KernelRows } from './kernel-rows.ts';
import type { Kernels } from './kernels.ts';
import type { RowColumns } from './row-columns.ts';

/** What changes how lines are read without the slow path. */
export interface NdjsonKernelOptions {
  readonly recordBytesMax: number;
  /** Whether text beyond ASCII is for the slow path. */
  readonly ascii: boolean;
  readonly refuseExtra: boolean;
}

/** Parses lines by the kernels into the rows of a batch; null where the schema does not fit. */
export function ndjsonKernel<F extends Fields>(
  kernels: Kernels,
  schema: Schema<F>,
  rows: RowColumns<F>,
  { recordBytesMax, ascii, refuseExtra }: NdjsonKernelOptions,
): KernelRows<F> | null {
  const { exports } = kernels;
  const keys = schema.names.map((name) => Buffer.from(name));
  const isPlain = (name: string): boolean =>
    name.isWellFormed() && (!ascii || /^[\0-\x7f]*$/.test(name));
  if (!schema.names.every(isPlain)) return null;
  const keyBytes = keys.reduce((sum, key) => sum + key.length + 15, 16);
  if (keyBytes > exports.KEYS_SIZE.value) return null;
  const configure = (): void => {
    exports.beginNdjson(lines.rowsMax, recordBytesMax, Number(ascii), Number(refuseExtra));
    for (const [field, key] of keys.entries()) {
      lines.input.set(key);
      const { nullable } = schema.fields[field]!;
      exports.addNdjsonField(lines.kinds[field]!, Number(nullable), key.length);
    }
  };
  const lines = new KernelRows(kernels, schema, rows, configure);
  return lines.rowsMax === 0 ? null : lines;
}
