import type { Fields, NumericField, Schema } from '../../batch/index.ts';
import { fieldOfKind } from '../../core/index.ts';
import type { Computed } from '../../core/rolling.ts';

/**
 * What can be computed of the rows of a window: `count()` of the rows, `count(value)` of the numbers
 * in a field, `sum`, `mean`, `min`, `max`, `stddev` (over n), and percentiles, as `p95(value)`.
 */
export type Computation<F extends Fields> =
  | 'count()'
  | `${'count' | 'sum' | 'mean' | 'min' | 'max' | 'stddev'}(${NumericField<F>})`
  | `p${number}(${NumericField<F>})`;

/** The type of what is computed: null or NaN stand for nothing to compute from, as in the field. */
export type ComputedBy<F extends Fields, C> = C extends `count(${string})`
  ? 'float64'
  : C extends `${string}(${infer N extends keyof F & string})`
    ? Computed<F[N]>
    : never;

const functions = ['count', 'sum', 'mean', 'min', 'max', 'stddev'] as const;

/** A computation that was read. */
export interface ParsedComputation {
  readonly of: (typeof functions)[number] | 'percentile';
  /** Empty for `count()`. */
  readonly field: string;
  /** Of a percentile. */
  readonly percent: number;
}

/** What one of a name is called in a message. */
export const computationForms =
  'count(), count(f), sum(f), mean(f), min(f), max(f), stddev(f), p95(f)';

/** Undefined where it is none. */
export function parseComputation(text: string): ParsedComputation | undefined {
  const [, name = '', field = ''] = /^([a-z]+|p\d+(?:\.\d+)?)\((.*)\)$/s.exec(text) ?? [];
  const known = functions.find((one) => one === name);
  if (known !== undefined) {
    return field === '' && known !== 'count' ? undefined : { of: known, field, percent: 0 };
  }
  const percent = Number(name.slice(1));
  const isPercentile = /^p\d/.test(name) && field !== '' && percent > 0 && percent <= 100;
  return isPercentile ? { of: 'percentile', field, percent } : undefined;
}

/** The field that holds what is computed. Throws where the input does not fit. */
export function computedField(
  input: Schema,
  { of, field }: ParsedComputation,
): { readonly nullable: boolean; readonly sensitive?: true } {
  if (field === '') return { nullable: false };
  const { nullable, sensitive } = fieldOfKind(input, field);
  return { nullable: nullable && of !== 'count', ...(sensitive === true && { sensitive }) };
}
