import {
  type FieldOf,
  type Fields,
  giveValues,
  type NumericField,
  takeValues,
  type WithFields,
} from '../batch/index.ts';
import {
  defineStage,
  fieldOfKind,
  type StageComponent,
  type StageDefinition,
  type StageReport,
} from '../core/index.ts';
import { type Duration, durationMs, rollingWindowOption, windowHasTime } from '../core/duration.ts';
import { type By, checkBy, KeyedState, keptBy, keyOptions, type SlotTable } from '../core/keyed.ts';
import {
  type Computed,
  computedColumn,
  ExponentialMean,
  NumberReader,
  RateOfChange,
  RollingExtreme,
  RollingMean,
  RollingMoments,
  RollingSlope,
  takeNumbers,
  TimedStatistic,
  withColumns,
  withComputed,
} from '../core/rolling.ts';

/** Each feature, and what its column's name ends in. */
const suffixes = {
  mean: 'Mean',
  'std-dev': 'StdDev',
  min: 'Min',
  max: 'Max',
  slope: 'Slope',
  'rate-of-change': 'RateOfChange',
  ema: 'Ema',
} as const;

/** The name of a rolling statistic. */
export type Feature = keyof typeof suffixes;

const featureNames = Object.keys(suffixes) as [Feature, ...Feature[]];

/** Which statistics `features` adds, of what. */
export interface FeaturesOptions<
  N extends string = string,
  B = string | readonly string[],
  L extends readonly Feature[] = readonly Feature[],
  P extends string = string,
  T extends string = string,
> {
  /** The number field to look at. */
  readonly field: N;
  /**
   * `mean`, `std-dev` (over n), `min`, `max`, `slope` (of the least-squares line), over the window;
   * `rate-of-change` (since the value before); `ema` (exponential average, weight 2 / (window + 1)).
   */
  readonly features: L;
  /**
   * The last so many values: 50 unless given, or as many as there are so far. Or those of so long before
   * the latest, as `5m`, which needs `time`.
   */
  readonly window?: number | Duration | undefined;
  /** Field or fields with statistics of its own for each value. */
  readonly by?: B | undefined;
  /** What the names of the columns begin with, the field's name unless given: `valueMean`. */
  readonly prefix?: P | undefined;
  /** Timestamp field: `slope` and `rate-of-change` are then per second, else per row. */
  readonly time?: T | undefined;
  /** Keys to keep state for: 100,000 unless given. */
  readonly keysMax?: number | undefined;
}

type Features = StageDefinition &
  (<
    F extends Fields,
    const N extends NumericField<F>,
    const L extends readonly Feature[],
    const P extends string = N,
    // Never given: the names of the columns.
    Added extends string = `${P}${(typeof suffixes)[L[number]]}`,
  >(
    options: FeaturesOptions<N, By<F>, L, P, FieldOf<F, 'timestamp'>>,
  ) => StageComponent<F, WithFields<F, { readonly [K in Added]: Computed<F[N]> }>>);

type Parsed = Omit<FeaturesOptions, 'window'> & {
  readonly window: number | string;
  readonly keysMax: number;
};

/**
 * Adds rolling statistics of a field, a column for each. At one value alone `std-dev`, `slope` and
 * `rate-of-change` are 0. Null, NaN and the infinities never enter: at such a row each has its
 * value so far, and before any value null where `field` is nullable, else NaN.
 */
export const features: Features = defineStage<Features, Parsed>({
  name: 'features',
  summary: 'Add rolling statistics of a field.',
  example: { field: 'value', features: ['mean', 'std-dev', 'slope'], window: 50, by: 'sensorId' },
  options: (z) =>
    z
      .strictObject({
        field: z.string().describe('Number field to look at.'),
        features: z
          .array(z.enum(featureNames))
          .min(1)
          .refine((names) => new Set(names).size === names.length, 'a feature is named twice')
          .describe('What to add, a field for each.'),
        window: rollingWindowOption(z)
          .describe('How many of the last values to look at, or those of how long: `5m`.')
          .default(50),
        prefix: z
          .string()
          .describe("Begins the new fields' names; the field's name unless given.")
          .optional(),
        time: z
          .string()
          .describe(
            'Timestamp field; slope and rate of change are per second with it, else per row.',
          )
          .optional(),
        ...keyOptions(z),
      })
      .refine(...windowHasTime)
      .refine(
        ({ window, features: names }) => typeof window === 'number' || !names.includes('ema'),
        '`ema` is over rows: give a `window` that is a number',
      ),
  rows: 'same',
  keeps: ({ by }) => keptBy(by),
  changes: ({ field, features: names, prefix = field }) => columnNames(names, prefix),
  output: (input, { field, features: names, prefix = field, time, by }) => {
    checkBy(input, by);
    if (time !== undefined) fieldOfKind(input, time, ['timestamp']);
    return withComputed(input, field, columnNames(names, prefix));
  },
  create: ({ field, features: names, window, prefix = field, time, by, keysMax }, context) => {
    const { input, output, report } = context;
    const state = new KeyedState({ by, keysMax }, { input, report });
    const kernels = names.map((name) =>
      typeof window === 'number' || name === 'rate-of-change' || name === 'ema'
        ? createKernel(name, state, Number(window))
        : createTimedKernel(name, state, durationMs(window)!, report),
    );
    const columns = columnNames(names, prefix);
    const reader = new NumberReader(field);
    const needsTime = names.includes('slope') || names.includes('rate-of-change');
    const timeReader = time === undefined ? undefined : new NumberReader(time);
    const counter = needsTime && time === undefined ? new ValueCounter(state) : undefined;
    // Times are milliseconds; what is computed per millisecond is shown per second.
    const perUnit = time === undefined ? 1 : 1000;
    const { nullable } = input.field(field);
    return {
      process: (batch) => {
        const { rows, length } = batch;
        const numbers = reader.read(batch);
        const slots = state.slots(batch);
        const times = timeReader?.read(batch) ?? counter?.run(numbers, slots, length) ?? numbers;
        const added = kernels.map((kernel, index) => {
          const results = takeNumbers(batch);
          kernel({ numbers, times, slots, rows, length, perUnit }, results);
          return [columns[index]!, computedColumn(results, batch, nullable)] as const;
        });
        return withColumns(batch, output, Object.fromEntries(added));
      },
      snapshot: () => state.snapshot(),
      restore: (saved) => state.restore(saved),
    };
  },
});

function columnNames(names: readonly Feature[], prefix: string): string[] {
  return names.map((name) => `${prefix}${suffixes[name]}`);
}

interface KernelInput {
  readonly numbers: Float64Array;
  readonly times: Float64Array;
  readonly slots: Int32Array | null;
  readonly rows: Uint32Array;
  readonly length: number;
  readonly perUnit: number;
}

type Kernel = (input: KernelInput, results: Float64Array) => void;

function createKernel(name: Feature, state: KeyedState, window: number): Kernel {
  switch (name) {
    case 'mean': {
      const mean = new RollingMean(state, window);
      return ({ numbers, slots, rows, length }, results) =>
        mean.run(numbers, slots, rows, length, results);
    }
    case 'ema': {
      const mean = new ExponentialMean(state, 2 / (window + 1));
      return ({ numbers, slots, rows, length }, results) =>
        mean.run(numbers, slots, rows, length, results);
    }
    case 'std-dev': {
      const moments = new RollingMoments(state, window);
      return ({ numbers, slots, rows, length }, results) => {
        const means = takeValues(Float64Array, results.length);
        moments.run(numbers, slots, rows, length, means, results);
        giveValues(means);
      };
    }
    case 'min':
    case 'max': {
      const extremes = new RollingExtreme(state, name, window);
      return ({ numbers, slots, rows, length }, results) => {
        extremes.run(numbers, slots, rows, length, results);
      };
    }
    case 'slope': {
      const slope = new RollingSlope(state, window);
      return ({ numbers, times, slots, rows, length, perUnit }, results) => {
        slope.run(numbers, times, slots, rows, length, results);
        multiply(results, perUnit, rows, length);
      };
    }
    case 'rate-of-change': {
      const rate = new RateOfChange(state);
      return ({ numbers, times, slots, rows, length, perUnit }, results) => {
        rate.run(numbers, times, slots, rows, length, results);
        multiply(results, perUnit, rows, length);
      };
    }
  }
}

function createTimedKernel(
  name: Exclude<Feature, 'ema' | 'rate-of-change'>,
  state: KeyedState,
  windowMs: number,
  report: StageReport,
): Kernel {
  const statistic = new TimedStatistic(state, name, windowMs, report);
  return ({ numbers, times, slots, rows, length, perUnit }, results) => {
    statistic.run(numbers, times, slots, rows, length, results);
    if (name === 'slope') multiply(results, perUnit, rows, length);
  };
}

function multiply(numbers: Float64Array, by: number, rows: Uint32Array, length: number): void {
  for (let at = 0; at < length; at++) numbers[rows[at]!]! *= by;
}

/** Numbers the values of each key, for slopes per row. */
class ValueCounter {
  readonly #table: SlotTable;
  #counts: Float64Array = new Float64Array(0);

  constructor(state: KeyedState) {
    this.#table = state.table('values', 1, 0);
  }

  run(numbers: Float64Array, slots: Int32Array | null, length: number): Float64Array {
    if (this.#counts.length < length) this.#counts = new Float64Array(Math.max(4096, length));
    const { values } = this.#table;
    for (let at = 0; at < length; at++) {
      const slot = slots === null ? 0 : this.#table.open(slots[at]!);
      this.#counts[at] = values[slot]!;
      if (numbers[at]! === numbers[at]!) values[slot]!++;
    }
    return this.#counts;
  }
}
