import type { Batch } from '../../batch/index.ts';
import type { FailedRow } from '../../core/index.ts';

const microsecondsMax = 2 ** 63;

/** The rows with a time that 64 bits of microseconds do not hold. */
export function timesBeyond(batch: Batch): FailedRow[] {
  const failed: FailedRow[] = [];
  for (const [at, column] of batch.columns.entries()) {
    if (column.kind !== 'timestamp') continue;
    const values = column.values as Float64Array;
    const { name } = batch.schema.fields[at]!;
    for (let index = 0; index < batch.length; index++) {
      const row = batch.rows[index]!;
      if (column.isNull(row) || Math.abs(values[row]! * 1000) < microsecondsMax) continue;
      const message = `field \`${name}\` is a time beyond those that the file can hold`;
      failed.push({ row, reason: 'number.range', message });
    }
  }
  return failed;
}
