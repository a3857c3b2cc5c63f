import { type Batch, type Fields, type JsonValue, Selection, takeValues } from '../batch/index.ts';
import {
  defineStage,
  type Random,
  type StageContext,
  type StageComponent,
  type StageDefinition,
  type StatefulStage,
} from '../core/index.ts';
import { type By, checkBy, KeyedState, keptBy, keyOptions } from '../core/keyed.ts';
import { PipelineError } from '../errors.ts';

/** Which rows `sample` keeps. */
export type SampleOptions<F extends Fields> =
  | {
      /** The first row of each so many is kept. */
      readonly every: number;
      /** Counts for each value of these fields on its own. */
      readonly by?: By<F>;
      readonly keysMax?: number;
    }
  | {
      /** The share of rows that is kept, by chance: 0 to 1. */
      readonly rate: number;
    };

interface ParsedOptions {
  readonly every?: number | undefined;
  readonly rate?: number | undefined;
  readonly by?: string | readonly string[] | undefined;
  readonly keysMax: number;
}

type Sample = <F extends Fields>(options: SampleOptions<F>) => StageComponent<F, F>;

/** Keeps some of the rows: every n-th, of each key if asked, or a share by chance. */
export const sample: StageDefinition & Sample = defineStage<Sample, ParsedOptions>({
  name: 'sample',
  summary: 'Keep every n-th row, or a share of the rows by chance.',
  details:
    'Both decide by the place of a row in the stream and are saved with a cut, so that a ' +
    'row that is read again is decided as before. Behind a `merge`, where rows may come in ' +
    'another order, another row may have its place.',
  options: (z) =>
    z
      .strictObject({
        every: z.int().min(1).describe('Keep the first row of each so many.').optional(),
        rate: z
          .number()
          .min(0)
          .max(1)
          .describe('Keep this share of the rows, by chance.')
          .optional(),
        ...keyOptions(z),
      })
      .refine(({ every, rate }) => (every === undefined) !== (rate === undefined), {
        error: 'needs either `every` or `rate`',
      })
      .refine(({ rate, by }) => rate === undefined || by === undefined, {
        error: '`by` goes with `every`: chance knows no keys',
        path: ['by'],
      }),
  example: { every: 10, by: 'sensorId' },
  rows: 'fewer',
  // Chance counts all rows.
  keeps: ({ every, by }) => (every === undefined ? 'all' : keptBy(by)),
  changes: () => [],
  keepsFields: true,
  output: (input, { by }) => {
    checkBy(input, by);
    return input;
  },
  create: ({ every, rate, by, keysMax }, { input, report, random }) => {
    if (every === undefined) return byChance(rate!, random, report);
    const state = new KeyedState({ by, keysMax }, { input, report });
    const seen = state.table(`sample every ${every}`, 0, 1);
    return {
      process(batch) {
        const slots = state.slots(batch);
        const { rows, length } = batch;
        const kept = takeValues(Uint32Array, length);
        const { counters } = seen;
        let count = 0;
        for (let at = 0; at < length; at++) {
          const slot = slots === null ? 0 : seen.open(slots[at]!);
          const passed = counters[slot]!;
          if (passed === 0) kept[count++] = rows[at]!;
          counters[slot] = passed + 1 === every ? 0 : passed + 1;
        }
        return report.keep(batch, new Selection(kept, count), 'sampled');
      },
      snapshot: () => state.snapshot(),
      restore: (saved) => state.restore(saved),
    };
  },
});

/** The chance of a row depends on its place in the stream, so a replayed one is decided alike. */
function byChance(rate: number, random: Random, report: StageContext['report']): StatefulStage {
  let state = Math.floor(random.next() * 2 ** 32);
  return {
    process(batch) {
      const selection = chosen(batch, rate, state);
      state = (state + Math.imul(step, batch.length)) >>> 0;
      return report.keep(batch, selection, 'sampled');
    },
    snapshot: () => ({ rate, state }),
    restore(saved) {
      state = savedState(saved, rate);
    },
  };
}

// Odd, so that every state comes once before one comes again.
const step = 0x9e3779b9;

/** One number for each row: the steps of SplitMix32, mixed by lowbias32 (Chris Wellons, 2018). */
function chosen({ rows, length }: Batch, rate: number, state: number): Selection {
  const kept = takeValues(Uint32Array, length);
  const limit = rate * 2 ** 32;
  let count = 0;
  for (let at = 0; at < length; at++) {
    state = (state + step) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x7feb352d);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
    mixed ^= mixed >>> 16;
    if (mixed >>> 0 < limit) kept[count++] = rows[at]!;
  }
  return new Selection(kept, count);
}

function savedState(saved: JsonValue, rate: number): number {
  const { rate: savedRate, state } = (saved ?? {}) as { rate?: unknown; state?: unknown };
  const isState = Number.isInteger(state) && Number(state) >= 0 && Number(state) < 2 ** 32;
  if (isState && savedRate === rate) return Number(state);
  throw new PipelineError({
    code: 'ERR_SNAPSHOT_INVALID',
    place: 'sample',
    fact: `it is not the state of a stage that keeps a share of ${rate}`,
    remedy: 'run the stage with the options it had, or start without its state',
  });
}
