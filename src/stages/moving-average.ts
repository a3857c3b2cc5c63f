import type { Fields, NumericField, WithFields } from '../batch/index.ts';
import { defineStage, type StageComponent, type StageDefinition } from '../core/index.ts';
import { type By, checkBy, KeyedState, keyOptions } from '../core/keyed.ts';
import {
  type Computed,
  computedColumn,
  NumberReader,
  plainValues,
  RollingMean,
  takeNumbers,
  withColumns,
  withComputed,
} from '../core/rolling.ts';

/** What `movingAverage` is over. */
export interface MovingAverageOptions<
  N extends string = string,
  B = string | readonly string[],
  I extends string = string,
> {
  /** The number field to average. */
  readonly field: N;
  /** Values that an average is over: the last so many, or as many as there are so far. */
  readonly window: number;
  /** Field or fields with an average of its own for each value. */
  readonly by?: B | undefined;
  /** Field to write to, `${field}Avg` unless given. */
  readonly into?: I | undefined;
  /** Keys to keep state for: 100,000 unless given. */
  readonly keysMax?: number | undefined;
}

type MovingAverage = StageDefinition &
  (<F extends Fields, const N extends NumericField<F>, const I extends string = `${N}Avg`>(
    options: MovingAverageOptions<N, By<F>, I>,
  ) => StageComponent<F, WithFields<F, { readonly [K in I]: Computed<F[N]> }>>);

/**
 * Adds the mean of a field over its last `window` values, within 1e-9 of their scale however many
 * rows have passed. Null, NaN and the infinities never enter: at such a row the field has the mean
 * so far, and before any value null where `field` is nullable, else NaN.
 */
export const movingAverage: MovingAverage = defineStage<
  MovingAverage,
  MovingAverageOptions & { readonly keysMax: number }
>({
  name: 'moving-average',
  summary: 'Add the mean of the last values of a field.',
  example: { field: 'value', window: 50, by: 'sensorId', into: 'rollingAvg' },
  options: (z) =>
    z.strictObject({
      field: z.string().describe('Number field to average.'),
      window: z.int().min(1).describe('How many of its last values the average is over.'),
      into: z
        .string()
        .describe('Field to write to; the field with `Avg` behind unless given.')
        .optional(),
      ...keyOptions(z),
    }),
  rows: 'same',
  output: (input, { field, by, into = `${field}Avg` }) => {
    checkBy(input, by);
    return withComputed(input, field, [into]);
  },
  create: ({ field, window, into = `${field}Avg`, by, keysMax }, { input, output, report }) => {
    const state = new KeyedState({ by, keysMax }, { input, report });
    const mean = new RollingMean(state, window);
    const reader = new NumberReader(field);
    const { nullable } = input.field(field);
    return {
      process: (batch) => {
        const { rows, length } = batch;
        const means = takeNumbers(batch);
        const values = by === undefined ? plainValues(batch, field) : undefined;
        if (values !== undefined) mean.runColumn(values, rows, length, means);
        else mean.run(reader.read(batch), state.slots(batch), rows, length, means);
        return withColumns(batch, output, { [into]: computedColumn(means, batch, nullable) });
      },
      snapshot: () => state.snapshot(),
      restore: (saved) => state.restore(saved),
    };
  },
});
