import type { Fields, FixedColumn } from '../../src/batch/index.ts';
import { defineSink, type SinkComponent, type SinkDefinition } from '../../src/core/index.ts';
import type { Outcome } from './rounds.ts';

/** What a counting sink has taken. */
export interface Taken {
  records: number;
  sum: number;
}

export interface CountRowsOptions {
  /** The float64 field to add up. */
  readonly field: string;
  readonly into: Taken;
}

type CountRows = SinkDefinition & ((options: CountRowsOptions) => SinkComponent<Fields>);

/** Counts the rows and adds up one of their fields, as the peers' last step does. */
export const countRows: CountRows = defineSink<CountRows, CountRowsOptions>({
  name: 'count-rows',
  summary: 'Count rows and add up a field.',
  options: (z) => z.custom<CountRowsOptions>(),
  example: null,
  create: ({ field, into }) => ({
    open: () => Promise.resolve(),
    write: ({ schema, columns, rows, length }) => {
      const { values } = columns[schema.indexOf(field)] as FixedColumn<Float64Array>;
      into.records += length;
      into.sum += sumOf(values, rows, length);
      return Promise.resolve();
    },
    commit: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }),
});

/** Runs something that ends in `countRows`, and gives what came out. */
export async function counted(run: (into: Taken) => Promise<unknown>): Promise<Outcome> {
  const into: Taken = { records: 0, sum: 0 };
  await run(into);
  return into;
}

function sumOf(values: Float64Array, rows: Uint32Array, length: number): number {
  let sum = 0;
  let other = 0;
  let at = 0;
  for (; at + 1 < length; at += 2) {
    sum += values[rows[at]!]!;
    other += values[rows[at + 1]!]!;
  }
  if (at < length) sum += values[rows[at]!]!;
  return sum + other;
}
