import { Batch, type RecordOf, schema } from '../../src/batch/index.ts';
import {
  defineSource,
  endOfInput,
  type SourceComponent,
  type SourceDefinition,
} from '../../src/core/index.ts';
import { untilAborted } from './ends.ts';

/** What sensors measured, and when. */
export const timed = schema({ at: 'timestamp', sensor: 'category', value: 'float64?' });
export type TimedFields = (typeof timed)['shape'];
export type Timed = RecordOf<TimedFields>;

/** What a read gives: rows of one partition, after so long. */
export interface TimedBatch {
  readonly rows: readonly Timed[];
  readonly partition?: string;
  readonly afterMs?: number;
}

export interface TimedSource {
  readonly batches: readonly TimedBatch[];
  /** Waits for ever instead of ending; `quiet`: and says when it is stopped that its input has ended. */
  readonly endless?: boolean | 'quiet';
  /** Tells of the partitions that it reads, by the number of batches that it has given. */
  readonly partitions?: (given: number) => readonly string[];
}

type Call = (options: TimedSource) => SourceComponent<TimedFields>;

/** A source of batches at times, each of a partition; its position is how many it gave. */
export const timedSource: SourceDefinition & Call = defineSource<Call, TimedSource>({
  name: 'timed',
  summary: 'Give timed batches.',
  options: (z) => z.custom<TimedSource>(),
  example: null,
  whenPaused: 'hold',
  output: () => timed,
  create: ({ batches, endless, partitions }, { id, clock }) => {
    let next = 0;
    return {
      open: (from) => {
        next = typeof from === 'number' ? from : 0;
        return Promise.resolve();
      },
      read: async (signal) => {
        const batch = batches[next];
        if (batch === undefined) {
          const stopped = endless ? untilAborted(signal) : Promise.resolve();
          await (endless === 'quiet' ? stopped.catch(() => {}) : stopped);
          return endOfInput;
        }
        const { rows, partition = '', afterMs } = batch;
        if (afterMs !== undefined) await clock.sleep(afterMs, { signal });
        return Batch.from(rows, timed, { source: id, partition, position: next++ * 1000 });
      },
      position: () => next,
      ...(partitions && { partitions: () => partitions(next) }),
      close: () => Promise.resolve(),
    };
  },
});

/** A reading at that time. */
export function atTime(at: number, sensor = 'a', value: number | null = at): Timed {
  return { at, sensor, value };
}
