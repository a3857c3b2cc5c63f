import { describe, expect, test } from 'vitest';

import { Batch } from '../../src/batch/index.ts';
import { intervalSource } from '../../src/connectors/interval.ts';
import {
  defineSource,
  endOfInput,
  type SourceComponent,
  type SourceConnector,
  type SourceContext,
  type WhenPaused,
} from '../../src/core/index.ts';
import type { RunReport } from '../../src/observe/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { reading, readings, scriptedSink, testPipeline } from './ends.ts';

const queue = { rowsMax: 2, bytesMax: 1_000_000 };
const batchOf = (value: number): Batch =>
  Batch.from([reading(value)], readings, { source: 'probe', position: value });

/** A source of rows with one in each batch, made of `create`. */
function sourceOf(
  whenPaused: WhenPaused,
  create: (context: SourceContext) => Partial<SourceConnector> & Pick<SourceConnector, 'read'>,
): SourceComponent<(typeof readings)['shape']> {
  const nothing = (): Promise<void> => Promise.resolve();
  return defineSource<() => SourceComponent<(typeof readings)['shape']>>({
    name: 'probe',
    summary: 'A source of a test.',
    options: (z) => z.any(),
    example: null,
    whenPaused,
    output: () => readings,
    create: (_, context) => ({
      open: nothing,
      position: () => null,
      close: nothing,
      ...create(context),
    }),
  })();
}

/** A sink that takes its first batch in `stalledMs`, and everything else at once. */
function stalling(clock: { sleep(ms: number): Promise<void> }, stalledMs: number, at: () => void) {
  const values: unknown[] = [];
  const answer = async (batch: Batch, write: number): Promise<void> => {
    if (write === 0) {
      await clock.sleep(stalledMs);
      at();
    }
    values.push(...batch.toRows().map((row) => row['value']));
  };
  return { values, sink: scriptedSink({ answer }) };
}

const countsOf = ({ components }: RunReport): unknown => components[0]!.counts;

describe('a source is paused by not being read', () => {
  test.each(['hold', 'redeliver'] as const)('one that says `%s` loses nothing', async (says) => {
    const outside = virtualOutside();
    let reads = 0;
    let readWhilePaused = 0;
    let acknowledged = 0;
    const committedAt: number[] = [];
    const { values, sink } = stalling(outside.clock, 60_000, () => (readWhilePaused = reads));
    const source = sourceOf(says, () => ({
      read: () => Promise.resolve(reads < 20 ? batchOf(reads++) : endOfInput),
      position: () => reads,
      acknowledge: (position) => {
        acknowledged = position as number;
        committedAt.push(values.length);
        return Promise.resolve();
      },
    }));
    await testPipeline({ queue }, [], outside).from(source).to(sink).run();
    // One at the sink, two in the queue, one that waits for room.
    expect(readWhilePaused).toBe(4);
    expect(values).toEqual(Array.from({ length: 20 }, (_, at) => at));
    expect(acknowledged).toBe(20);
    expect(committedAt.at(-1)).toBe(20);
  });

  test('one that says `skip` leaves moments out, and the report counts them', async () => {
    const outside = virtualOutside();
    const ticks: unknown[] = [];
    const answer = async (batch: Batch, write: number): Promise<void> => {
      if (write === 0) await outside.clock.sleep(60_000);
      ticks.push(...batch.toRows().map((row) => Number(row['tick'])));
    };
    const report = await testPipeline({ queue, batch: { rowsMax: 1 } }, [], outside)
      .from(intervalSource({ everyMs: 1000, count: 10 }))
      .to(scriptedSink({ answer }))
      .run();
    expect(ticks).toEqual([0, 1, 2, 3, 60, 61, 62, 63, 64, 65]);
    expect(countsOf(report)).toEqual({ 'ticks.skipped': 56 });
  });

  test('one that says `reject` refuses at its own door, and the report counts that', async () => {
    const outside = virtualOutside();
    const { clock } = outside;
    const { values, sink } = stalling(clock, 60_000, () => {});
    const source = sourceOf('reject', ({ report }) => {
      const intake: number[] = [];
      let sent = 0;
      let wake = (): void => {};
      const send = async (): Promise<void> => {
        for (; sent < 20; sent++) {
          await clock.sleep(1000);
          if (intake.length >= 3) report.counted('requests.refused', 1);
          else intake.push(sent);
          wake();
        }
        wake();
      };
      return {
        open: () => {
          void send();
          return Promise.resolve();
        },
        read: async () => {
          while (intake.length === 0 && sent < 20)
            await new Promise<void>((resolve) => (wake = resolve));
          const next = intake.shift();
          return next === undefined ? endOfInput : batchOf(next);
        },
      };
    });
    const report = await testPipeline({ queue }, [], outside).from(source).to(sink).run();
    // Those behind the four that the engine took, and the three of its own queue, are refused.
    expect(values).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(countsOf(report)).toEqual({ 'requests.refused': 13 });
  });

  test('a stream that was written by hand is not asked for more', async () => {
    const outside = virtualOutside();
    let given = 0;
    let givenWhilePaused = 0;
    const { values, sink } = stalling(outside.clock, 60_000, () => (givenWhilePaused = given));
    const source = {
      schema: readings,
      async *stream() {
        while (given < 20) yield batchOf(given++);
      },
    };
    await testPipeline({ queue }, [], outside).from(source).to(sink).run();
    expect(givenWhilePaused).toBe(4);
    expect(values).toHaveLength(20);
  });
});
