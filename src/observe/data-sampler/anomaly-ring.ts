import { Buffer } from 'node:buffer';

import type { Batch, FixedColumn, Schema } from '../../batch/index.ts';
import type { AnomalyFlag } from '../../core/index.ts';
import type { DataAnomaly } from '../data-report.ts';
import { type Moment, wallTimeOf } from '../moment.ts';
import type { SinkKeys } from './sink-keys.ts';

const anomaliesMax = 500;

/** Of one batch: where everything stands out, nothing does. */
const perBatchMax = 64;

const byLengthMax = 64;

interface Kept {
  /** Monotonic. */
  readonly ms: number;
  readonly told: Omit<DataAnomaly, 'at'>;
  /** The number of the key that it is of; -1 where that is not kept. */
  readonly key: number;
}

/** The last rows that a flag marks. */
export class AnomalyRing {
  readonly #flagAt: number;
  /** Whose value it is; -1 where there is no such field, or it is not for everybody. */
  readonly #byAt: number;
  readonly #keys: SinkKeys | undefined;
  #kept: Kept[] = [];

  constructor(schema: Schema, { flag, by }: AnomalyFlag, keys: SinkKeys | undefined) {
    this.#flagAt = schema.indexOf(flag);
    const isShown = by !== undefined && schema.has(by) && schema.field(by).sensitive !== true;
    this.#byAt = isShown ? schema.indexOf(by) : -1;
    this.#keys = keys;
  }

  /** `numbers`: the field that the flag judges. */
  take(batch: Batch, numbers: FixedColumn, ms: number): void {
    const column = batch.columns[this.#flagAt] as FixedColumn;
    const flags = column.values as Uint8Array;
    const { rows, length, rowsStored } = batch;
    // Most batches have none. A buffer finds that twenty times as soon as an array.
    if (Buffer.from(flags.buffer, flags.byteOffset, rowsStored).indexOf(1) === -1) return;
    const found: Kept[] = [];
    for (let at = length - 1; at >= 0 && found.length < perBatchMax; at--) {
      const row = rows[at]!;
      if (flags[row] !== 1 || column.isNull(row)) continue;
      const value = Number(numbers.value(row));
      if (!Number.isFinite(value)) continue;
      const key = this.#keys?.of(batch, row) ?? -1;
      found.push({ ms, told: { value, ...this.#whose(batch, row) }, key });
    }
    if (found.length > 0) this.#kept = [...this.#kept, ...found.reverse()].slice(-anomaliesMax);
  }

  /** The oldest first; those of one key where its number is given. */
  list(now: Moment, ofKey?: number): DataAnomaly[] {
    return this.#kept
      .filter(({ key }) => ofKey === undefined || key === ofKey)
      .map(({ ms, told }) => ({ at: wallTimeOf(now, ms), ...told }));
  }

  #whose(batch: Batch, row: number): { readonly by?: string } {
    const by = this.#byAt === -1 ? null : batch.columns[this.#byAt]!.value(row);
    return by === null ? {} : { by: String(by).slice(0, byLengthMax) };
  }
}
