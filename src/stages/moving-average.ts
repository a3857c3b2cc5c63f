import type { Batch, FieldOf, Fields, NumericField, WithFields } from '../batch/index.ts';
import {
  defineStage,
  fieldOfKind,
  type StageComponent,
  type StageDefinition,
  type StageReport,
} from '../core/index.ts';
import {
  type Duration,
  durationMs,
  rollingWindowOption,
  timeHasWindow,
  windowHasTime,
} from '../core/duration.ts';
import { type By, checkBy, KeyedState, keptBy, keyOptions } from '../core/keyed.ts';
import {
  type Computed,
  computedColumn,
  NumberReader,
  plainValues,
  RollingMean,
  takeNumbers,
  TimedStatistic,
  withColumns,
  withComputed,
} from '../core/rolling.ts';

/** What `movingAverage` is over. */
export interface MovingAverageOptions<
  N extends string = string,
  B = string | readonly string[],
  I extends string = string,
  T extends string = string,
> {
  /** The number field to average. */
  readonly field: N;
  /**
   * What an average is over: the last so many values, or as many as there are so far; or those of so
   * long before the latest, as `5m`, which needs `time`.
   */
  readonly window: number | Duration;
  /** Timestamp field, for a window of time. */
  readonly time?: T | undefined;
  /** Field or fields with an average of its own for each value. */
  readonly by?: B | undefined;
  /** Field to write to, `${field}Avg` unless given. */
  readonly into?: I | undefined;
  /** Keys to keep state for: 100,000 unless given. */
  readonly keysMax?: number | undefined;
}

type MovingAverage = StageDefinition &
  (<F extends Fields, const N extends NumericField<F>, const I extends string = `${N}Avg`>(
    options: MovingAverageOptions<N, By<F>, I, FieldOf<F, 'timestamp'>>,
  ) => StageComponent<F, WithFields<F, { readonly [K in I]: Computed<F[N]> }>>);

/**
 * Adds the mean of a field over its last `window` values, or those of so long, within 1e-9 of their scale however many
 * rows have passed. Null, NaN and the infinities never enter: at such a row the field has the mean
 * so far, and before any value null where `field` is nullable, else NaN.
 */
export const movingAverage: MovingAverage = defineStage<
  MovingAverage,
  Omit<MovingAverageOptions, 'window'> & {
    readonly window: number | string;
    readonly keysMax: number;
  }
>({
  name: 'moving-average',
  summary: 'Add the mean of the last values of a field.',
  example: { field: 'value', window: 50, by: 'sensorId', into: 'rollingAvg' },
  options: (z) =>
    z
      .strictObject({
        field: z.string().describe('Number field to average.'),
        window: rollingWindowOption(z).describe(
          'How many of its last values the average is over, or those of how long: `5m`.',
        ),
        time: z.string().describe('Timestamp field, for a window of time.').optional(),
        into: z
          .string()
          .describe('Field to write to; the field with `Avg` behind unless given.')
          .optional(),
        ...keyOptions(z),
      })
      .refine(...windowHasTime)
      .refine(...timeHasWindow),
  rows: 'same',
  keeps: ({ by }) => keptBy(by),
  changes: ({ field, into = `${field}Avg` }) => [into],
  output: (input, { field, time, by, into = `${field}Avg` }) => {
    checkBy(input, by);
    if (time !== undefined) fieldOfKind(input, time, ['timestamp']);
    return withComputed(input, field, [into]);
  },
  create: ({ window, time, into, ...options }, { input, output, report }) => {
    const { field, by, keysMax } = options;
    const state = new KeyedState({ by, keysMax }, { input, report });
    const name = into ?? `${field}Avg`;
    const run =
      typeof window === 'number'
        ? overRows(state, window, { field, by })
        : overTime(state, durationMs(window)!, { field, time: time! }, report);
    const { nullable } = input.field(field);
    return {
      process: (batch) => {
        const means = takeNumbers(batch);
        run(batch, means);
        return withColumns(batch, output, { [name]: computedColumn(means, batch, nullable) });
      },
      snapshot: () => state.snapshot(),
      restore: (saved) => state.restore(saved),
    };
  },
});

type Run = (batch: Batch, means: Float64Array) => void;

function overRows(
  state: KeyedState,
  window: number,
  { field, by }: Pick<MovingAverageOptions, 'field' | 'by'>,
): Run {
  const mean = new RollingMean(state, window);
  const reader = new NumberReader(field);
  return (batch, means) => {
    const { rows, length } = batch;
    const values = by === undefined ? plainValues(batch, field) : undefined;
    if (values !== undefined) mean.runColumn(values, rows, length, means);
    else mean.run(reader.read(batch), state.slots(batch), rows, length, means);
  };
}

function overTime(
  state: KeyedState,
  windowMs: number,
  { field, time }: { readonly field: string; readonly time: string },
  report: StageReport,
): Run {
  const mean = new TimedStatistic(state, 'mean', windowMs, report);
  const [numbers, times] = [new NumberReader(field), new NumberReader(time)];
  return (batch, means) => {
    const { rows, length } = batch;
    mean.run(numbers.read(batch), times.read(batch), state.slots(batch), rows, length, means);
  };
}
