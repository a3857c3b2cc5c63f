import {
  type Bitmap,
  type FieldOf,
  type Fields,
  type FixedColumn,
  getBit,
  Selection,
  takeValues,
} from '../batch/index.ts';
import {
  defineStage,
  fieldOfKind,
  type StageComponent,
  type StageDefinition,
} from '../core/index.ts';

const kinds = ['float64', 'int32', 'int64', 'timestamp'] as const;

/** The bounds of `threshold`: one of them at least. */
export interface ThresholdOptions<N extends string = string> {
  /** The number field to compare. */
  readonly field: N;
  /** The least value that passes; no lower bound unless given. */
  readonly min?: number | undefined;
  /** The greatest value that passes; no upper bound unless given. */
  readonly max?: number | undefined;
}

type Threshold = StageDefinition &
  (<F extends Fields, const N extends FieldOf<F, (typeof kinds)[number]>>(
    options: ThresholdOptions<N>,
  ) => StageComponent<F, F>);

/** Keeps the rows whose field is within bounds, both inclusive. Null and NaN never pass. */
export const threshold: Threshold = defineStage<Threshold, ThresholdOptions>({
  name: 'threshold',
  summary: 'Keep rows whose field is within bounds.',
  example: { field: 'value', min: 10, max: 90 },
  options: (z) =>
    z
      .strictObject({
        field: z.string().describe('Number field to compare.'),
        min: z.number().describe('Least value that passes.').optional(),
        max: z.number().describe('Greatest value that passes.').optional(),
      })
      .refine(({ min, max }) => min !== undefined || max !== undefined, 'give `min`, `max` or both')
      .refine(({ min = -Infinity, max = Infinity }) => min <= max, '`min` is greater than `max`'),
  rows: 'fewer',
  keeps: () => 'nothing',
  changes: () => [],
  keepsFields: true,
  output: (input, { field }) => {
    fieldOfKind(input, field, kinds);
    return input;
  },
  create:
    ({ field, min = -Infinity, max = Infinity }, { report }) =>
    (batch) => {
      const { rows, length } = batch;
      const { values, validity } = batch.column(field) as FixedColumn<
        Float64Array | Int32Array | BigInt64Array
      >;
      const kept = takeValues(Uint32Array, length);
      let count = rowsWithin(values, rows, length, min, max, kept);
      if (validity !== null) count = withoutNulls(kept, count, validity);
      const selection = new Selection(kept, count);
      if (count < length) return report.keep(batch, selection, 'threshold');
      selection.release();
      return batch;
    },
});

/**
 * Writes the rows within bounds to `kept`, which has room for all, and gives their number. Without
 * a branch, which would often be guessed wrong: three times as fast. One function for all kinds,
 * since V8 is late to optimise the loop of a function so small that it is inlined at first.
 */
function rowsWithin(
  values: Float64Array | Int32Array | BigInt64Array,
  rows: Uint32Array,
  length: number,
  min: number,
  max: number,
  kept: Uint32Array,
): number {
  let count = 0;
  if (values instanceof BigInt64Array) {
    for (let at = 0; at < length; at++) {
      const row = rows[at]!;
      const value = values[row]!;
      kept[count] = row;
      // A bigint compares with a number exactly.
      count += Number(value >= min) & Number(value <= max);
    }
  } else {
    for (let at = 0; at < length; at++) {
      const row = rows[at]!;
      const value = values[row]!;
      kept[count] = row;
      count += Number(value >= min) & Number(value <= max);
    }
  }
  return count;
}

function withoutNulls(kept: Uint32Array, candidates: number, validity: Bitmap): number {
  let count = 0;
  for (let at = 0; at < candidates; at++) {
    const row = kept[at]!;
    kept[count] = row;
    if (getBit(validity, row)) count++;
  }
  return count;
}
