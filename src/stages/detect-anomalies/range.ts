import { type FixedColumn, getBit } from '../../batch/index.ts';
import { type Detector, scoreMax } from './detector.ts';

export interface RangeOptions {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** Finds values outside inclusive bounds; the score is 1 + the distance from them. */
export function createRange(
  field: string,
  { min = -Infinity, max = Infinity }: RangeOptions,
): Detector {
  return ({ batch }, scores) => {
    const { rows, length } = batch;
    const { values, validity } = batch.column(field) as FixedColumn<Float64Array | Int32Array>;
    for (let at = 0; at < length; at++) {
      const row = rows[at]!;
      const beyond = Math.max(min - values[row]!, values[row]! - max);
      const isNull = validity !== null && !getBit(validity, row);
      scores[at] = !isNull && beyond > 0 ? Math.min(scoreMax, 1 + beyond) : 0;
    }
  };
}
