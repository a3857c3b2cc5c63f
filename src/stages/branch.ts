import { type Batch, type Fields, Selection, takeValues } from '../batch/index.ts';
import {
  type AnyRowTest,
  checkCondition,
  checkEach,
  compileCondition,
  condition,
  defineStage,
  RowFailures,
  type RowTest,
  type StageComponent,
  type StageDefinition,
} from '../core/index.ts';

/** Which rows go where. */
export interface BranchOptions<F extends Fields> {
  /** The condition of each output, by its name. */
  readonly routes: Readonly<Record<string, RowTest<F>>>;
  /** The output for rows that match no route; without it they are dropped as `unrouted`. */
  readonly otherwise?: string;
  /** `first`: a row takes the first route that matches. `all`: every one. `first` unless given. */
  readonly mode?: 'first' | 'all';
}

interface ParsedOptions {
  readonly routes: Readonly<Record<string, AnyRowTest>>;
  readonly otherwise?: string | undefined;
  readonly mode: 'first' | 'all';
}

type Branch = <F extends Fields>(options: BranchOptions<F>) => StageComponent<F, F>;

const namePattern = /^[A-Za-z][A-Za-z0-9_-]*$/;

/**
 * Sends rows to named outputs by conditions, read as `id.output`. A row on which a condition cannot
 * be asked fails and goes nowhere.
 */
export const branch: StageDefinition & Branch = defineStage<Branch, ParsedOptions>({
  name: 'branch',
  summary: 'Send rows to named outputs by conditions.',
  options: (z) => {
    const name = z.string().regex(namePattern, 'an output is named by letters, digits, - and _');
    return z
      .strictObject({
        routes: z
          .record(name, condition(z, 'Which rows take this route.'))
          .refine((routes) => Object.keys(routes).length > 0, 'name at least one route')
          .describe('The condition of each output, by its name; asked in this order.'),
        otherwise: name
          .describe('The output for rows that match no route; dropped as `unrouted` unless given.')
          .optional(),
        mode: z
          .enum(['first', 'all'])
          .describe('Whether a row takes the first route that matches, or all of them.')
          .default('first'),
      })
      .refine(
        ({ routes, otherwise }) => otherwise === undefined || !Object.hasOwn(routes, otherwise),
        {
          error: '`otherwise` needs a name that no route has',
          path: ['otherwise'],
        },
      );
  },
  example: { routes: { hot: 'value > 80', cold: 'value < 10' }, otherwise: 'normal' },
  rows: 'expand',
  keeps: () => 'nothing',
  changes: () => [],
  keepsFields: true,
  outputs: outputsOf,
  output: (input, { routes }) => {
    checkEach(Object.entries(routes), ([name, where]) =>
      checkCondition(where, input, `routes.${name}`),
    );
    return input;
  },
  create: ({ routes, otherwise, mode }, { input, report }) => {
    const conditions = Object.entries(routes).map(([name, where]) =>
      compileCondition(where, input, `routes.${name}`),
    );
    const names = outputsOf({ routes, otherwise, mode });
    const failures = new RowFailures(report);
    return (batch) => {
      failures.begin(batch);
      const selections: Selection[] = [];
      let rest = batch.retain();
      const matched = new Uint8Array(batch.rowsStored);
      for (const holds of conditions) {
        const selection = holds(rest, failures);
        for (let at = 0; at < selection.length; at++) matched[selection.rows[at]!] = 1;
        selections.push(selection);
        if (mode === 'all') continue;
        const unmatched = rest.select(rowsWithout(rest, matched, failures));
        rest.release();
        rest = unmatched;
      }
      const unrouted = rowsWithout(rest, matched, failures);
      rest.release();
      return settle(batch, selections, unrouted);
    };

    function settle(
      batch: Batch,
      selections: readonly Selection[],
      unrouted: Selection,
    ): Record<string, Batch> {
      const dropped = otherwise === undefined ? unrouted.length : 0;
      report.dropped('unrouted', dropped);
      report.absorbed(batch.length - failures.size - dropped);
      const outputs = [...selections, unrouted]
        .slice(0, names.length)
        .map((selection) => failures.leaveOut(batch.select(selection)));
      if (otherwise === undefined) unrouted.release();
      report.created(outputs.reduce((rows, { length }) => rows + length, 0));
      return Object.fromEntries(outputs.map((output, index) => [names[index]!, output]));
    }
  },
});

function outputsOf({ routes, otherwise }: ParsedOptions): string[] {
  return otherwise === undefined ? Object.keys(routes) : [...Object.keys(routes), otherwise];
}

/** The rows of a batch that matched nothing so far and did not fail. */
function rowsWithout(
  { rows, length }: Batch,
  matched: Uint8Array,
  failures: RowFailures,
): Selection {
  const rest = takeValues(Uint32Array, length);
  let count = 0;
  for (let at = 0; at < length; at++) {
    const row = rows[at]!;
    if (matched[row] === 0 && !failures.has(row)) rest[count++] = row;
  }
  return new Selection(rest, count);
}
