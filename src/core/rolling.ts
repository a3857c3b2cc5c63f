import {
  type Bitmap,
  clearBit,
  createBitmap,
  FixedColumn,
  getBit,
  type Schema,
  takeValues,
} from '../batch/index.ts';
import type { Batch, Column, Fields, FieldType } from '../batch/index.ts';
import { fieldOfKind } from './field-of-kind.ts';

export { ExponentialMean } from './rolling/exponential-mean.ts';
export { RollingExtreme } from './rolling/extremes.ts';
export { RateOfChange } from './rolling/rate.ts';
export { RollingMean } from './rolling/mean.ts';
export { RollingMedian } from './rolling/median.ts';
export { RollingMoments } from './rolling/moments.ts';
export { addMoment, deviationOf, joinMoments, momentsWidth } from './rolling/parts.ts';
export { RollingSlope } from './rolling/slope.ts';
export { SortedNumbers } from './rolling/sorted.ts';
export { TimedMedian } from './rolling/timed-median.ts';
export { TimedStatistic } from './rolling/timed.ts';

/** The type of a number computed from a field: nullable exactly where the field is. */
export type Computed<T extends FieldType> = T extends `${string}?` ? 'float64?' : 'float64';

/** `input` with fields computed from `field` added, each float64, and nullable and sensitive where it is. */
export function withComputed(input: Schema, field: string, added: readonly string[]): Schema {
  const type: FieldType = fieldOfKind(input, field).nullable ? 'float64?' : 'float64';
  return input.with(Object.fromEntries(added.map((name) => [name, type])) as Fields, field);
}

/**
 * Reads a numeric field of a batch into one array in the order of its rows, for kernels: null, NaN
 * and the infinities become NaN, which never enters state. Valid until the next call.
 */
export class NumberReader {
  readonly #field: string;
  #numbers: Float64Array = new Float64Array(0);

  constructor(field: string) {
    this.#field = field;
  }

  read(batch: Batch): Float64Array {
    const { rows, length } = batch;
    if (this.#numbers.length < length) this.#numbers = new Float64Array(Math.max(4096, length));
    const numbers = this.#numbers;
    const { values, validity } = batch.column(this.#field) as FixedColumn<
      Float64Array | Int32Array
    >;
    if (values instanceof Int32Array)
      for (let at = 0; at < length; at++) numbers[at] = values[rows[at]!]!;
    else readFinite(values, rows, length, numbers);
    if (validity !== null) {
      for (let at = 0; at < length; at++) if (!getBit(validity, rows[at]!)) numbers[at] = NaN;
    }
    return numbers;
  }

  /**
   * The same for kernels that skip the infinities themselves, without a copy where there is none to
   * make. Valid as long as the batch is, too.
   */
  look(batch: Batch): Float64Array {
    const values = batch.selection === null ? plainValues(batch, this.#field) : undefined;
    return values ?? this.read(batch);
  }
}

/** The values of a numeric field by stored row, where they are float64 without nulls. */
export function plainValues(batch: Batch, field: string): Float64Array | undefined {
  const { values, validity } = batch.column(field) as FixedColumn<Float64Array | Int32Array>;
  return validity === null && values instanceof Float64Array ? values : undefined;
}

function readFinite(
  values: Float64Array,
  rows: Uint32Array,
  length: number,
  to: Float64Array,
): void {
  for (let at = 0; at < length; at++) {
    const value = values[rows[at]!]!;
    to[at] = value - value === 0 ? value : NaN;
  }
}

/** An array for a computed column of a batch. */
export function takeNumbers(batch: Batch): Float64Array {
  return takeValues(Float64Array, batch.rowsStored);
}

/** A float64 column of computed numbers: where the field is nullable, NaN becomes null. */
export function computedColumn(
  numbers: Float64Array,
  batch: Pick<Batch, 'rows' | 'length' | 'rowsStored'>,
  nullable: boolean,
): FixedColumn {
  let validity: Bitmap | null = null;
  if (nullable) {
    const { rows, length, rowsStored } = batch;
    for (let at = 0; at < length; at++) {
      const row = rows[at]!;
      const number = numbers[row]!;
      if (number === number) continue;
      validity ??= createBitmap(rowsStored, true);
      clearBit(validity, row);
    }
  }
  return new FixedColumn('float64', numbers, validity);
}

/** The batch under `output`, with the given columns added or put in the place of others. */
export function withColumns(batch: Batch, output: Schema, columns: Record<string, Column>): Batch {
  const all = [...batch.columns];
  for (const [name, column] of Object.entries(columns)) all[output.indexOf(name)] = column;
  return batch.withColumns(output, all);
}
