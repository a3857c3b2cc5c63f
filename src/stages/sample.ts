import { type Batch, type Fields, Selection, takeValues } from '../batch/index.ts';
import {
  type Random,
  defineStage,
  type StageComponent,
  type StageDefinition,
} from '../core/index.ts';
import { type By, checkBy, KeyedState, keyOptions } from '../core/keyed.ts';

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
  output: (input, { by }) => {
    checkBy(input, by);
    return input;
  },
  create: ({ every, rate, by, keysMax }, { input, report, random }) => {
    if (every === undefined) {
      const share = rate ?? 1;
      return (batch) => report.keep(batch, chosen(batch, share, random), 'sampled');
    }
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

function chosen({ rows, length }: Batch, share: number, random: Random): Selection {
  const kept = takeValues(Uint32Array, length);
  let count = 0;
  for (let at = 0; at < length; at++) if (random.next() < share) kept[count++] = rows[at]!;
  return new Selection(kept, count);
}
