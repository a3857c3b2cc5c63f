import {
  type Batch,
  type Fields,
  FixedColumn,
  giveValues,
  type NumericField,
  takeValues,
  type WithFields,
} from '../batch/index.ts';
import { allRows } from '../batch/selection.ts';
import {
  defineStage,
  type StageComponent,
  type StageContext,
  type StageDefinition,
  type StageInstance,
} from '../core/index.ts';
import { type By, checkBy, KeyedState, keptBy, keyOptions } from '../core/keyed.ts';
import {
  type Computed,
  NumberReader,
  RollingExtreme,
  RollingMoments,
  takeNumbers,
  withColumns,
  withComputed,
} from '../core/rolling.ts';

/** What `normalize` scales, and by what. */
export interface NormalizeOptions<
  N extends string = string,
  B = string | readonly string[],
  I extends string = string,
> {
  /** The number field to scale. */
  readonly field: N;
  /** `min-max` (default): (x − min) / (max − min). `z-score`: (x − mean) / standard deviation. */
  readonly method?: 'min-max' | 'z-score' | undefined;
  /** Fixed bounds of `min-max`; what goes beyond them goes beyond 0 … 1. */
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  /** Fixed mean and standard deviation of `z-score`. */
  readonly mean?: number | undefined;
  readonly stdDev?: number | undefined;
  /** Without fixed bounds: over this many last values, 50 unless given, the one in hand among them. */
  readonly window?: number | undefined;
  /** Field or fields with a window of its own for each value. */
  readonly by?: B | undefined;
  /** Field to write to; the field itself unless given, which then is float64. */
  readonly into?: I | undefined;
  /** Keys to keep state for: 100,000 unless given. */
  readonly keysMax?: number | undefined;
}

type Normalize = StageDefinition &
  (<F extends Fields, const N extends NumericField<F>, const I extends string = N>(
    options: NormalizeOptions<N, By<F>, I>,
  ) => StageComponent<F, WithFields<F, { readonly [K in I]: Computed<F[N]> }>>);

type Parsed = NormalizeOptions & {
  readonly method: 'min-max' | 'z-score';
  readonly window: number;
  readonly keysMax: number;
};

/**
 * Brings a field to a common scale, by fixed bounds or by those of its last values. Where these are
 * all equal the result is 0. Null stays null; NaN and the infinities stay what they are and never
 * enter the window.
 */
export const normalize: Normalize = defineStage<Normalize, Parsed>({
  name: 'normalize',
  summary: 'Bring a field to a common scale.',
  example: { field: 'value', min: 10, max: 90, into: 'normalized' },
  options: (z) =>
    z
      .strictObject({
        field: z.string().describe('Number field to normalize.'),
        method: z
          .enum(['min-max', 'z-score'])
          .describe('`min-max`: (x − min) / (max − min); `z-score`: (x − mean) / stdDev.')
          .default('min-max'),
        min: z.number().describe('Fixed lower bound of `min-max`.').optional(),
        max: z.number().describe('Fixed upper bound of `min-max`.').optional(),
        mean: z.number().describe('Fixed mean of `z-score`.').optional(),
        stdDev: z.number().positive().describe('Fixed standard deviation of `z-score`.').optional(),
        window: z
          .int()
          .min(1)
          .describe('Last values to take the bounds from where none are fixed.')
          .default(50),
        into: z.string().describe('Field to write to; the field itself unless given.').optional(),
        ...keyOptions(z),
      })
      .check((context) => {
        const problem = problemOf(context.value);
        if (problem !== undefined)
          context.issues.push({ code: 'custom', message: problem, input: context.value });
      }),
  rows: 'same',
  keeps: ({ min, mean, by }) => ((min ?? mean) === undefined ? keptBy(by) : 'nothing'),
  changes: ({ field, into = field }) => [into],
  output: (input, { field, by, into = field }) => {
    checkBy(input, by);
    return withComputed(input, field, [into]);
  },
  create: (options, context) => {
    const { method, min, max, mean, stdDev } = options;
    if (min !== undefined && max !== undefined)
      return createFixed(options, context, min, max - min);
    if (mean !== undefined && stdDev !== undefined)
      return createFixed(options, context, mean, stdDev);
    return createRolling(options, context, method);
  },
});

function problemOf({ method, min, max, mean, stdDev, by }: NormalizeOptions): string | undefined {
  const bounds = [min, max].filter((bound) => bound !== undefined).length;
  const moments = [mean, stdDev].filter((moment) => moment !== undefined).length;
  if (method === 'min-max' && moments > 0)
    return '`mean` and `stdDev` belong to the method `z-score`';
  if (method === 'z-score' && bounds > 0) return '`min` and `max` belong to the method `min-max`';
  if (bounds === 1) return 'give both `min` and `max`, or neither for those of the last values';
  if (moments === 1)
    return 'give both `mean` and `stdDev`, or neither for those of the last values';
  if (bounds === 2 && min! >= max!) return '`min` must be less than `max`';
  if (bounds + moments > 0 && by !== undefined) return '`by` has no meaning beside fixed bounds';
  return undefined;
}

function createFixed(
  { field, into = field }: Parsed,
  { output }: StageContext,
  zero: number,
  unit: number,
): StageInstance {
  return (batch) => {
    const { values, validity } = batch.column(field) as FixedColumn<Float64Array>;
    const scaled = takeNumbers(batch);
    scale(values, batch.rows, batch.length, zero, unit, scaled);
    return withColumns(batch, output, {
      [into]: new FixedColumn('float64', scaled, validity?.slice() ?? null),
    });
  };
}

function scale(
  values: Float64Array,
  rows: Uint32Array,
  length: number,
  zero: number,
  unit: number,
  scaled: Float64Array,
): void {
  for (let at = 0; at < length; at++) {
    const row = rows[at]!;
    scaled[row] = (values[row]! - zero) / unit;
  }
}

function createRolling(
  { field, into = field, window, by, keysMax }: Parsed,
  { input, output, report }: StageContext,
  method: Parsed['method'],
): StageInstance {
  const state = new KeyedState({ by, keysMax }, { input, report });
  const measure = method === 'min-max' ? createRange(state, window) : createMoments(state, window);
  const reader = new NumberReader(field);
  return {
    process: (batch) => {
      const { length } = batch;
      const numbers = reader.read(batch);
      const slots = state.slots(batch);
      const zeros = takeValues(Float64Array, length);
      const units = takeValues(Float64Array, length);
      measure(numbers, slots, length, zeros, units);
      const { values, validity } = batch.column(field) as FixedColumn<Float64Array>;
      const scaled = takeNumbers(batch);
      scaleEach(values, batch, numbers, zeros, units, scaled);
      giveValues(zeros);
      giveValues(units);
      return withColumns(batch, output, {
        [into]: new FixedColumn('float64', scaled, validity?.slice() ?? null),
      });
    },
    snapshot: () => state.snapshot(),
    restore: (saved) => state.restore(saved),
  };
}

/** Writes, for each row in order, what is 0 on the new scale and how long its 1 is. */
type Measure = (
  numbers: Float64Array,
  slots: Int32Array | null,
  length: number,
  zeros: Float64Array,
  units: Float64Array,
) => void;

function createRange(state: KeyedState, window: number): Measure {
  const min = new RollingExtreme(state, 'min', window);
  const max = new RollingExtreme(state, 'max', window);
  return (numbers, slots, length, zeros, units) => {
    min.run(numbers, slots, allRows(length), length, zeros);
    max.run(numbers, slots, allRows(length), length, units);
    for (let at = 0; at < length; at++) units[at]! -= zeros[at]!;
  };
}

function createMoments(state: KeyedState, window: number): Measure {
  const moments = new RollingMoments(state, window);
  return (numbers, slots, length, zeros, units) => {
    moments.run(numbers, slots, allRows(length), length, zeros, units);
  };
}

function scaleEach(
  values: Float64Array,
  { rows, length }: Batch,
  numbers: Float64Array,
  zeros: Float64Array,
  units: Float64Array,
  scaled: Float64Array,
): void {
  for (let at = 0; at < length; at++) {
    const row = rows[at]!;
    const number = numbers[at]!;
    const unit = units[at]!;
    if (number !== number) scaled[row] = values[row]!;
    else scaled[row] = unit === 0 ? 0 : (number - zeros[at]!) / unit;
  }
}
