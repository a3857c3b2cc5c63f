import type * as zod from 'zod';

import {
  CategoryColumn,
  clearBit,
  createBitmap,
  Dictionary,
  type FieldOf,
  type Fields,
  FixedColumn,
  giveValues,
  type NumericField,
  takeValues,
  type WithFields,
} from '../batch/index.ts';
import {
  defineStage,
  fieldOfKind,
  type StageComponent,
  type StageContext,
  type StageDefinition,
  type Zod,
} from '../core/index.ts';
import {
  type Duration,
  rollingWindowOption,
  timeHasWindow,
  windowHasTime,
} from '../core/duration.ts';
import { type By, checkBy, KeyedState, keptBy, keyOptions } from '../core/keyed.ts';
import { NumberReader, takeNumbers, withColumns } from '../core/rolling.ts';
import type { Detector } from './detect-anomalies/detector.ts';
import { createEwma } from './detect-anomalies/ewma.ts';
import { createRange } from './detect-anomalies/range.ts';
import { createRobustZ } from './detect-anomalies/robust-z.ts';
import { createSilent } from './detect-anomalies/silent.ts';
import { createStuck } from './detect-anomalies/stuck.ts';

/** Ways to find an anomaly; one that is not named is not used. */
export interface Detectors<T extends string = string> {
  /** Far from the median of the last values, by number or time: 0.6745 · |x − median| / MAD above `limit`. */
  readonly robustZ?:
    | {
        /** The last so many values, 50 unless given, or those of so long, as `5m`, with `time`. */
        readonly window?: number | Duration | undefined;
        /** Timestamp field, for a window of time. */
        readonly time?: T | undefined;
        readonly limit?: number | undefined;
        readonly deviationMin?: number | undefined;
      }
    | undefined;
  /** A small shift that lasts: the EWMA control chart. Mean and deviation fixed, or of a baseline. */
  readonly ewma?:
    | {
        readonly lambda?: number | undefined;
        readonly limit?: number | undefined;
        readonly baseline?: number | undefined;
        readonly mean?: number | undefined;
        readonly stdDev?: number | undefined;
      }
    | undefined;
  /** The same value more than `countMax` times in a row. */
  readonly stuck?:
    { readonly countMax?: number | undefined; readonly tolerance?: number | undefined } | undefined;
  /** Outside bounds, both inclusive. */
  readonly range?:
    { readonly min?: number | undefined; readonly max?: number | undefined } | undefined;
  /** The first row after more than `afterMs` of event time without one. */
  readonly silent?: { readonly time: T; readonly afterMs: number } | undefined;
}

/** What `detectAnomalies` looks at, and by which detectors. */
export interface DetectAnomaliesOptions<
  N extends string = string,
  B = string | readonly string[],
  I extends string = string,
  T extends string = string,
> {
  /** The number field to judge. */
  readonly field: N;
  /** Field or fields with detectors of its own for each value. */
  readonly by?: B | undefined;
  /** `robustZ` with its defaults unless given. */
  readonly detectors?: Detectors<T> | undefined;
  /** Name of the flag, `anomaly` unless given; score and reason are named after it. */
  readonly into?: I | undefined;
  /** Keys to keep state for: 100,000 unless given. */
  readonly keysMax?: number | undefined;
}

type AnomalyFields<I extends string> = { readonly [K in I]: 'bool' } & {
  readonly [K in `${I}Score`]: 'float64';
} & { readonly [K in `${I}Reason`]: 'category?' };

type DetectAnomalies = StageDefinition &
  (<F extends Fields, const N extends NumericField<F>, const I extends string = 'anomaly'>(
    options: DetectAnomaliesOptions<N, By<F>, I, FieldOf<F, 'timestamp'>>,
  ) => StageComponent<F, Extract<WithFields<F, AnomalyFields<I>>, Fields>>);

// In the order in which the first of equal scores gives the reason.
const detectorNames = ['range', 'robustZ', 'ewma', 'stuck', 'silent'] as const;

type JudgedField = Pick<DetectAnomaliesOptions, 'field' | 'by'>;

type ParsedDetectors = zod.infer<ReturnType<typeof detectorOptions>>;

interface Parsed extends Omit<DetectAnomaliesOptions, 'detectors'> {
  readonly detectors: ParsedDetectors;
  readonly into: string;
  readonly keysMax: number;
}

/**
 * Adds a flag, a score and a reason: the score says how far the row is on the way to the nearest
 * limit, above 1 it is an anomaly, and the reason names the detector that says so. Null and NaN
 * are no anomalies and never enter state; an infinity only ever leaves a `range`.
 */
export const detectAnomalies: DetectAnomalies = defineStage<DetectAnomalies, Parsed>({
  name: 'detect-anomalies',
  summary: 'Flag values that are out of the ordinary.',
  details:
    'A score above 1 is an anomaly. `robustZ`, `ewma`, `stuck` and `silent` score by shares' +
    ' of their limit, so their scores can be compared. `range` scores 1 and the distance ' +
    'from its bound in the unit of the field (half a degree too warm is 1.5, the same in ' +
    'thousandths of a degree 501), so it is often the greatest and gives the reason.',
  example: { field: 'value', by: 'sensorId', detectors: { robustZ: { window: 50, limit: 3.5 } } },
  options: (z) =>
    z.strictObject({
      field: z.string().describe('Number field to judge.'),
      detectors: detectorOptions(z).prefault({ robustZ: {} }),
      into: z
        .string()
        .describe('Name of the flag; score and reason are named after it: `anomalyScore`.')
        .default('anomaly'),
      ...keyOptions(z),
    }),
  rows: 'same',
  // That a key is silent is seen by the rows of others.
  keeps: ({ by, detectors: { silent } }) => (silent === undefined ? keptBy(by) : 'all'),
  changes: ({ into }) => [into, `${into}Score`, `${into}Reason`],
  output: (input, { field, by, detectors: { robustZ, silent }, into }) => {
    fieldOfKind(input, field);
    checkBy(input, by);
    for (const time of [robustZ?.time, silent?.time]) {
      if (time !== undefined) fieldOfKind(input, time, ['timestamp']);
    }
    const added: Fields = {
      [into]: 'bool',
      [`${into}Score`]: 'float64',
      [`${into}Reason`]: 'category?',
    };
    return input.with(added, field);
  },
  anomalies: ({ field, by, into }) => {
    const whose = [by ?? []].flat();
    return { flag: into, field, ...(whose.length === 1 && { by: whose[0]! }) };
  },
  create: ({ field, by, detectors: options, into, keysMax }, context) => {
    const { input, output, report } = context;
    const state = new KeyedState({ by, keysMax }, { input, report });
    const detectors = createDetectors({ field, by, ...options }, state, context);
    const reader = new NumberReader(field);
    const reasons = new Dictionary();
    return {
      process: (batch) => {
        const { rows, length, rowsStored } = batch;
        const judged = { batch, numbers: reader.read(batch), slots: state.slots(batch) };
        const flags = takeValues(Uint8Array, rowsStored);
        const best = takeNumbers(batch);
        const codes = takeValues(Int32Array, rowsStored);
        const validity = createBitmap(rowsStored, true);
        const scores = takeValues(Float64Array, length);
        for (let at = 0; at < length; at++) best[rows[at]!] = -1;
        for (const { name, judge } of detectors) {
          judge(judged, scores);
          keepBest(scores, reasons.code(name), rows, length, best, codes);
        }
        giveValues(scores);
        for (let at = 0; at < length; at++) {
          const row = rows[at]!;
          flags[row] = best[row]! > 1 ? 1 : 0;
          if (flags[row] === 0) clearBit(validity, row);
        }
        return withColumns(batch, output, {
          [into]: new FixedColumn('bool', flags),
          [`${into}Score`]: new FixedColumn('float64', best),
          [`${into}Reason`]: new CategoryColumn(codes, reasons, validity),
        });
      },
      snapshot: () => state.snapshot(),
      restore: (saved) => state.restore(saved),
    };
  },
});

function detectorOptions(z: Zod) {
  return z
    .strictObject({
      robustZ: z
        .strictObject({
          window: rollingWindowOption(z, { min: 2, max: 10_000 })
            .describe('Values before it to compare with, or those of how long: `5m`.')
            .default(50),
          time: z.string().describe('Timestamp field, for a window of time.').optional(),
          limit: z.number().positive().describe('Greatest score that is normal.').default(3.5),
          deviationMin: z
            .number()
            .min(0)
            .describe('Least scatter to assume, in the unit of the field.')
            .default(0),
        })
        .refine(...windowHasTime)
        .refine(...timeHasWindow)
        .describe('Far from the median of the last values (modified z-score).')
        .optional(),
      ewma: z
        .strictObject({
          lambda: z.number().positive().max(1).describe('Weight of each new value.').default(0.2),
          limit: z.number().positive().describe('Width of the chart in deviations.').default(3),
          baseline: z
            .int()
            .min(2)
            .describe('First values of a key that give mean and deviation.')
            .default(50),
          mean: z.number().describe('Fixed mean.').optional(),
          stdDev: z.number().positive().describe('Fixed standard deviation.').optional(),
        })
        .refine(
          ({ mean, stdDev }) => (mean === undefined) === (stdDev === undefined),
          'give both `mean` and `stdDev`, or neither',
        )
        .describe('A small shift that lasts (EWMA control chart).')
        .optional(),
      stuck: z
        .strictObject({
          countMax: z.int().min(1).describe('Equal values in a row that are normal.').default(10),
          tolerance: z.number().min(0).describe('Values this near are equal.').default(0),
        })
        .describe('The same value again and again.')
        .optional(),
      range: z
        .strictObject({
          min: z.number().describe('Least normal value.').optional(),
          max: z.number().describe('Greatest normal value.').optional(),
        })
        .refine(
          ({ min, max }) => min !== undefined || max !== undefined,
          'give `min`, `max` or both',
        )
        .refine(({ min = -Infinity, max = Infinity }) => min <= max, '`min` is greater than `max`')
        .describe('Outside bounds, both inclusive.')
        .optional(),
      silent: z
        .strictObject({
          time: z.string().describe('Timestamp field.'),
          afterMs: z.number().positive().describe('Longest time without a row that is normal.'),
        })
        .describe('The first row after a silence; the silence itself is logged.')
        .optional(),
    })
    .refine((named) => Object.values(named).some((options) => options !== undefined), {
      message: 'name at least one detector',
    })
    .describe('Ways to find an anomaly, each with its options.');
}

function createDetectors(
  { field, by, range, robustZ, ewma, stuck, silent }: ParsedDetectors & JudgedField,
  state: KeyedState,
  context: StageContext,
): { readonly name: string; readonly judge: Detector }[] {
  const judges = {
    range: range && createRange(field, range),
    robustZ: robustZ && createRobustZ(state, robustZ, context),
    ewma: ewma && createEwma(state, ewma),
    stuck: stuck && createStuck(state, stuck),
    silent: silent && createSilent(state, { ...silent, by }, context),
  };
  return detectorNames.flatMap((name) => {
    const judge = judges[name];
    return judge === undefined ? [] : [{ name, judge }];
  });
}

/** The greater score wins; of equal ones the first. */
function keepBest(
  scores: Float64Array,
  code: number,
  rows: Uint32Array,
  length: number,
  best: Float64Array,
  codes: Int32Array,
): void {
  for (let at = 0; at < length; at++) {
    const row = rows[at]!;
    if (scores[at]! <= best[row]!) continue;
    best[row] = scores[at]!;
    codes[row] = code;
  }
}
