import type { FieldOf, Fields } from '../batch/index.ts';
import { Schema } from '../batch/index.ts';
import {
  defineStage,
  fieldOfKind,
  type StageComponent,
  type StageDefinition,
} from '../core/index.ts';
import { type Duration, durationMs, durationOption } from '../core/duration.ts';
import { type By, checkBy, fieldsOf, keptBy, keyOptions } from '../core/keyed.ts';
import { Cells } from './window/cells.ts';
import {
  type Computation,
  type ComputedBy,
  computationForms,
  computedField,
  parseComputation,
} from './window/computation.ts';
import { Counting } from './window/counting.ts';
import { Panes } from './window/panes.ts';
import { Sessions } from './window/sessions.ts';

/** How rows are gathered, and what is computed of them. */
export interface WindowOptions<
  T extends string = string,
  B = string | readonly string[],
  C = Readonly<Record<string, string>>,
> {
  /** The timestamp field that says when a row happened. */
  readonly time: T;
  /** A window begins at every multiple of this since 1970 (UTC), and is as long unless `over` is given. */
  readonly every?: Duration | undefined;
  /** The length of windows that overlap: a multiple of `every`. */
  readonly over?: Duration | undefined;
  /** Instead of `every`: a window lasts while rows are less than this apart. */
  readonly gap?: Duration | undefined;
  /** Field or fields with windows of its own for each value. */
  readonly by?: B | undefined;
  /** What to compute, by the name of the field that holds it: `{ avg: 'mean(value)' }`. */
  readonly compute: C;
  /** What is done with a row whose window may have been given already: `dead-letter` unless given. */
  readonly late?: 'dead-letter' | 'drop' | undefined;
  /** Keys to keep windows for: 100,000 unless given. */
  readonly keysMax?: number | undefined;
}

type NameOf<B> = B extends readonly (infer N)[] ? N : B;

/** The fields of the rows that `window` gives. */
export type WindowFields<F extends Fields, B, C> = Flat<
  { readonly [K in keyof F as K extends NameOf<B> ? K : never]: F[K] } & {
    readonly start: 'timestamp';
    readonly end: 'timestamp';
  } & { readonly [K in keyof C]: ComputedBy<F, C[K]> } & { readonly partial: 'bool' }
>;

type Flat<T> = { readonly [K in keyof T]: T[K] } & {};

type Window = StageDefinition &
  (<
    F extends Fields,
    const C extends Readonly<Record<string, Computation<F>>>,
    const B extends By<F> = never,
  >(
    options: WindowOptions<FieldOf<F, 'timestamp'>, B, C>,
  ) => StageComponent<F, Extract<WindowFields<F, B, C>, Fields>>);

interface Parsed extends Omit<WindowOptions, 'every' | 'over' | 'gap'> {
  readonly every?: string | undefined;
  readonly over?: string | undefined;
  readonly gap?: string | undefined;
  readonly late: 'dead-letter' | 'drop';
  readonly keysMax: number;
}

/** In how many windows one row may be. */
const windowsOfRowMax = 100_000;

/**
 * Makes one row of all that happened within a window of event time, for each key: tumbling windows
 * (`every`), sliding ones (`every` and `over`), or sessions (`gap`). The source says when its rows
 * happened, and how late they may come (`eventTime`).
 */
export const window: Window = defineStage<Window, Parsed>({
  name: 'window',
  summary: 'Make one row of all that happened within a stretch of time.',
  details:
    'Its source says when rows happened, and how late they may come: `eventTime`. ' +
    'A window is given at the first cut (`checkpoint`) that finds the watermark at its end: the ' +
    'least, over the sources and their partitions, of the latest time less `lateMs` of ' +
    "`eventTime`. A row is late where its own partition's watermark had passed the end of a window " +
    'that it belongs to; it is a dead letter (`late`) unless `late: drop`. `partial` is true where ' +
    'the run was stopped, and no state is saved, before the window was over, or its key was ' +
    'forgotten for newer ones (`keysMax`). Null, NaN and the infinities enter no computation; of ' +
    'nothing each is null where its field is nullable, else NaN; so is a `sum`, `mean` or `stddev` ' +
    'that took numbers beyond 1.8e308 to compute, and each of those is counted (`window.overflow`). ' +
    '`stddev` is over n. Percentiles are values that came (nearest rank): exact up to 4,096 values, ' +
    'beyond that their rank is off by 0.3 % at most.',
  example: {
    time: 'timestamp',
    every: '1m',
    by: 'sensorId',
    compute: { readings: 'count()', avg: 'mean(value)', p95: 'p95(value)' },
  },
  options: (z) =>
    z
      .strictObject({
        time: z.string().describe('Timestamp field that says when a row happened.'),
        every: durationOption(z)
          .describe('A window begins at every multiple of this since 1970 (UTC): `1m`.')
          .optional(),
        over: durationOption(z)
          .describe(
            'Length of windows that overlap, up to 100,000 times `every`; `every` unless given.',
          )
          .optional(),
        gap: durationOption(z)
          .describe('Instead of `every`: a window lasts while rows are less than this apart.')
          .optional(),
        compute: z
          .record(z.string(), z.string())
          .refine((compute) => Object.keys(compute).length > 0, 'name something to compute')
          .superRefine((compute, context) => {
            for (const [name, text] of Object.entries(compute)) {
              if (parseComputation(text) !== undefined) continue;
              const message = `\`${text}\` is none of ${computationForms}`;
              context.addIssue({ code: 'custom', path: [name], message });
            }
          })
          .describe(`What to compute, by the name of its field: ${computationForms}.`),
        late: z
          .enum(['dead-letter', 'drop'])
          .describe('What is done with a row whose window may have been given already.')
          .default('dead-letter'),
        ...keyOptions(z),
      })
      .refine(
        ({ every, gap }) => (every === undefined) !== (gap === undefined),
        'give `every` or `gap`',
      )
      .refine(
        ({ every, over }) => over === undefined || every !== undefined,
        '`over` is the length of windows that begin `every` so often',
      )
      .refine(({ every, over }) => isMultiple(over, every), '`over` is not a multiple of `every`')
      .refine(
        ({ every, over }) => (windowsOfRow(over, every) ?? 1) <= windowsOfRowMax,
        `each row would be in more than ${windowsOfRowMax} windows; let \`every\` be longer`,
      ),
  rows: 'reduce',
  eventTime: true,
  keeps: ({ by }) => keptBy(by),
  changes: ({ compute }) => ['start', 'end', 'partial', ...Object.keys(compute)],
  output: (input, { time, by, compute }) => {
    const { sensitive } = fieldOfKind(input, time, ['timestamp']);
    checkBy(input, by);
    const moment = { kind: 'timestamp', nullable: false, ...(sensitive && { sensitive }) } as const;
    const computed = Object.entries(compute).map(([name, text]) => {
      const field = computedField(input, parseComputation(text)!);
      return { name, kind: 'float64' as const, ...field };
    });
    return new Schema([
      ...fieldsOf(by).map((name) => input.field(name)),
      { name: 'start', ...moment },
      { name: 'end', ...moment },
      ...computed,
      { name: 'partial', kind: 'bool', nullable: false },
    ]);
  },
  create: ({ every, over = every, gap, compute, ...options }, context) => {
    const cells = new Cells(Object.values(compute).map((text) => parseComputation(text)!));
    const windows =
      every === undefined
        ? new Sessions(cells, durationMs(gap!)!)
        : new Panes(cells, durationMs(every)!, durationMs(over!)!);
    const { time, by, keysMax, late } = options;
    return new Counting({ cells, windows }, { time, by, keysMax, late }, context);
  },
});

function isMultiple(over: string | undefined, every: string | undefined): boolean {
  return Number.isInteger(windowsOfRow(over, every) ?? 1);
}

function windowsOfRow(over: string | undefined, every: string | undefined): number | undefined {
  const [overMs, everyMs] = [durationMs(over ?? ''), durationMs(every ?? '')];
  return overMs === undefined || everyMs === undefined ? undefined : overMs / everyMs;
}
