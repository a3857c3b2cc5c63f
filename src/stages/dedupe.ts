import type { Batch, FieldOf, Fields } from '../batch/index.ts';
import { Selection, takeValues } from '../batch/index.ts';
import {
  defineStage,
  fieldOfKind,
  type StageComponent,
  type StageDefinition,
} from '../core/index.ts';
import {
  type By,
  checkBy,
  KeyedState,
  keptBy,
  keysMaxOption,
  type SlotTable,
} from '../core/keyed.ts';
import { NumberReader } from '../core/rolling.ts';

/** What makes a row the repeat of another. */
export interface DedupeOptions<B = string | readonly string[], T extends string = string> {
  /** Rows that agree in this field, or in all of these, are the same. */
  readonly by: B;
  /** Only rows this near in time are the same; needs `time`. However far apart unless given. */
  readonly withinMs?: number | undefined;
  /** Timestamp field that `withinMs` compares. */
  readonly time?: T | undefined;
  /** Keys to remember: 100,000 unless given. */
  readonly keysMax?: number | undefined;
}

type Dedupe = StageDefinition &
  (<F extends Fields>(
    options: DedupeOptions<By<F>, FieldOf<F, 'timestamp'>>,
  ) => StageComponent<F, F>);

/**
 * Keeps the first of the rows with equal values in `by`; null equals null. With `withinMs` a row is
 * a repeat only that near, before or after, to the last one kept; a row without a time repeats
 * any, and none repeats it that has one. A key that was forgotten for newer ones (`keysMax`) is let
 * through again.
 */
export const dedupe: Dedupe = defineStage<Dedupe, DedupeOptions & { readonly keysMax: number }>({
  name: 'dedupe',
  summary: 'Drop repeats, keeping the first.',
  example: { by: ['sensorId', 'timestamp'] },
  options: (z) =>
    z
      .strictObject({
        by: z
          .union([z.string(), z.array(z.string()).min(1)])
          .describe('Field or fields: rows that agree in all of them are the same.'),
        withinMs: z
          .number()
          .min(0)
          .describe('Rows further apart in time than this are no repeats.')
          .optional(),
        time: z.string().describe('Timestamp field that `withinMs` compares.').optional(),
        keysMax: keysMaxOption(z),
      })
      .refine(
        ({ withinMs, time }) => (withinMs === undefined) === (time === undefined),
        'give both `withinMs` and `time`, or neither',
      ),
  rows: 'fewer',
  keeps: ({ by }) => keptBy(by),
  changes: () => [],
  keepsFields: true,
  output: (input, { by, time }) => {
    checkBy(input, by);
    if (time !== undefined) fieldOfKind(input, time, ['timestamp']);
    return input;
  },
  create: ({ by, withinMs, time, keysMax }, { input, report }) => {
    const state = new KeyedState({ by, keysMax }, { input, report });
    const select =
      withinMs === undefined || time === undefined
        ? firstOfEach
        : createFirstWithin(new NumberReader(time), state.table('kept', 1, 0), withinMs);
    return {
      process: (batch) => {
        const selection = select(batch, state.slots(batch)!);
        if (selection.length < batch.length) return report.keep(batch, selection, 'duplicate');
        selection.release();
        return batch;
      },
      snapshot: () => state.snapshot(),
      restore: (saved) => state.restore(saved),
    };
  },
});

type Select = (batch: Batch, slots: Int32Array) => Selection;

/** A slot that begins anew has a key that was not there before. */
function firstOfEach({ rows, length }: Batch, slots: Int32Array): Selection {
  const kept = takeValues(Uint32Array, length);
  let count = 0;
  for (let at = 0; at < length; at++) {
    kept[count] = rows[at]!;
    if (slots[at]! < 0) count++;
  }
  return new Selection(kept, count);
}

function createFirstWithin(reader: NumberReader, table: SlotTable, withinMs: number): Select {
  return (batch, slots) => {
    const { rows, length } = batch;
    const times = reader.read(batch);
    const kept = takeValues(Uint32Array, length);
    let count = 0;
    for (let at = 0; at < length; at++) {
      const isNew = slots[at]! < 0;
      const slot = table.open(slots[at]!);
      const time = times[at]!;
      // At a row kept without a time there is no distance, and the comparison does not hold.
      const isFar = time === time && !(Math.abs(time - table.values[slot]!) <= withinMs);
      if (!isNew && !isFar) continue;
      kept[count++] = rows[at]!;
      table.values[slot] = time;
    }
    return new Selection(kept, count);
  };
}
