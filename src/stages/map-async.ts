import type { Fields, RecordOf, Schema } from '../batch/index.ts';
import {
  type AnyRowFunction,
  defineStage,
  functionOption,
  schemaOption,
  type StageComponent,
  type StageDefinition,
} from '../core/index.ts';
import { AsyncMapper } from './map-async/mapper.ts';

/** The function of `mapAsync`, and how many calls of it there are at a time. */
export interface MapAsyncOptions<F extends Fields, A extends Fields> {
  /**
   * Makes the record of a row. It is given a frozen record that stays valid, and a signal that
   * aborts when its time is over or the run is stopped.
   */
  readonly map: (
    record: RecordOf<NoInfer<F>>,
    signal: AbortSignal,
  ) => Promise<RecordOf<A>> | RecordOf<A>;
  /** What the records are; the fields that come in unless given. */
  readonly schema?: Schema<A>;
  /** Calls at a time. 16 unless given. */
  readonly concurrency?: number;
  /** Whether batches go on in the order in which they came. True unless given. */
  readonly ordered?: boolean;
  /** How long a call may take before its row fails. No limit unless given. */
  readonly timeoutMs?: number;
}

interface ParsedOptions {
  readonly map: AnyRowFunction;
  readonly schema?: Schema | undefined;
  readonly concurrency: number;
  readonly ordered: boolean;
  readonly timeoutMs?: number | undefined;
}

type MapAsync = <F extends Fields, A extends Fields = F>(
  options: MapAsyncOptions<F, A>,
) => StageComponent<F, A>;

/**
 * Makes one record of each row by a function that may wait, with bounded concurrency across
 * batches. A batch goes on when all its rows are done, its rows in their order; with
 * `ordered: false` it does not wait for the batches before it. A rejection, a record that does not
 * fit and a call that takes too long (`row.timeout`) cost their row.
 */
export const mapAsync: StageDefinition & MapAsync = defineStage<MapAsync, ParsedOptions>({
  name: 'map-async',
  summary: 'Make one record of each row by a function that may wait.',
  details:
    'Before a cut passes, every call for a row in front of it has ended, and no call for a ' +
    'row behind it begins. Calls that take about as long as `checkpoint.everyMs` (1000 ' +
    'unless given) therefore wait for the slowest of their cut and run hardly at a time: ' +
    'set `everyMs` to many times what a call takes, and `timeoutMs` to end those that hang.' +
    ' A saved cut never covers a row whose call has not ended. ' +
    'A policy stands around each call: while its breaker is open the rows in hand wait; with a ' +
    'fallback they go on with what that delivers. Where every call under way has failed and waits ' +
    'for a breaker, one more row is called, also one behind a cut or beyond `concurrency`, to ' +
    'show whether all fail: rows may then be called in another order than they came in.',
  options: (z) =>
    z.strictObject({
      map: functionOption(z, 'Makes the record of a row.', 'a config file has no stage that waits'),
      schema: schemaOption(z).describe('The fields of the records.').optional(),
      concurrency: z.int().min(1).max(10_000).describe('Calls at a time.').default(16),
      ordered: z.boolean().describe('Whether batches keep their order.').default(true),
      timeoutMs: z.int().min(1).describe('How long a call may take, in milliseconds.').optional(),
    }),
  example: null,
  exampleCode: `mapAsync({
  schema: schema({ sensorId: 'category', place: 'text' }),
  map: async ({ sensorId }, signal) => {
    const answer = await fetch(\`http://places.local/\${sensorId}\`, { signal });
    return { sensorId, place: await answer.text() };
  },
  concurrency: 8,
  timeoutMs: 2000,
})`,
  rows: 'same',
  calls: true,
  output: (input, { schema }) => schema ?? input,
  create: (options, context) => new AsyncMapper(options, context),
});
