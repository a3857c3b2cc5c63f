import { describe, expect, test } from 'vitest';

import { Batch } from '../../src/batch/index.ts';
import {
  defineSource,
  endOfInput,
  type Source,
  type SourceComponent,
} from '../../src/core/index.ts';
import type { ComponentReport } from '../../src/observe/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { numbered, readings, scriptedSink, scriptedSource, stageOf, testPipeline } from './ends.ts';

/** Three batches of ten rows, each after 100 ms. */
const slowSource = defineSource<() => SourceComponent<(typeof readings)['shape']>, object>({
  name: 'slow',
  summary: 'Give batches slowly.',
  options: (z) => z.object({}),
  example: {},
  whenPaused: 'hold',
  output: () => readings,
  create: (_, { clock, id }) => {
    let next = 0;
    return {
      open: () => Promise.resolve(),
      read: async (signal) => {
        if (next === 3) return endOfInput;
        await clock.sleep(100, { signal });
        return Batch.from(numbered(10), readings, { source: id, position: 10 * next++ });
      },
      position: () => next,
      close: () => Promise.resolve(),
    };
  },
});

function timesOf({ busyMs, blockedMs, idleMs }: ComponentReport): Record<string, number> {
  return { busyMs, blockedMs, idleMs };
}

describe('the times of a component', () => {
  test('have the buckets that text formats show where they are asked for', async () => {
    const run = await testPipeline()
      .from(scriptedSource({ schema: readings, batches: [numbered(10)] }))
      .to(scriptedSink({}))
      .start();
    await run.done;
    const [, plain] = run.stats().components;
    expect(plain!.work.buckets).toBeUndefined();
    const [, asked] = run.stats({ classic: true }).components;
    expect(asked!.work.buckets).toHaveLength(14);
    expect(asked!.work.buckets!.at(-1)).toBe(1);
  });

  test('are work, waiting for room and waiting for input, each counted once', async () => {
    const outside = virtualOutside();
    const report = await testPipeline({ queue: { rowsMax: 10 } }, [], outside)
      .from(slowSource())
      .to(scriptedSink({ answer: () => outside.clock.sleep(250) }))
      .run();
    // The sink writes from 100 to 850 ms; the third batch waits from 300 to 350 for room.
    expect(report.durationMs).toBe(850);
    const [source, sink] = report.components;
    expect(timesOf(source!)).toEqual({ busyMs: 0, blockedMs: 50, idleMs: 300 });
    expect(timesOf(sink!)).toEqual({ busyMs: 750, blockedMs: 0, idleMs: 100 });
  });

  test('of stages that share a hop: the first waits for input, the last for room', async () => {
    const outside = virtualOutside();
    const working = (ms: number) =>
      stageOf(() => async (batch) => {
        await outside.clock.sleep(ms);
        return batch;
      });
    const report = await testPipeline({ queue: { rowsMax: 10 } }, [], outside)
      .from(slowSource())
      .pipe(working(20), working(30))
      .to(scriptedSink({ answer: () => outside.clock.sleep(250) }))
      .run();
    const [, first, last, sink] = report.components;
    // Batches leave the stages at 150, 250 and 350 ms; the sink takes the second at 400.
    expect(timesOf(first!)).toEqual({ busyMs: 60, blockedMs: 0, idleMs: 200 });
    expect(timesOf(last!)).toEqual({ busyMs: 90, blockedMs: 50, idleMs: 0 });
    expect(timesOf(sink!)).toEqual({ busyMs: 750, blockedMs: 0, idleMs: 150 });
  });

  test('are in the figures of a run that goes on', async () => {
    const outside = virtualOutside();
    const run = await testPipeline({}, [], outside)
      .from(slowSource())
      .to(scriptedSink({ answer: () => outside.clock.sleep(250) }))
      .start();
    await outside.clock.sleep(360);
    const [, sink] = run.stats().components;
    expect(timesOf(sink!)).toEqual({ busyMs: 250, blockedMs: 0, idleMs: 100 });
    await run.done;
  });

  test('of a source are idle where it waits by `idle`, and where it is a stream of its own', async () => {
    const outside = virtualOutside();
    const { clock } = outside;
    const stream: Source<(typeof readings)['shape']> = {
      schema: readings,
      async *stream() {
        await clock.sleep(100);
        yield Batch.from(numbered(10), readings, { source: 'stream', position: 0 });
        await clock.sleep(50);
      },
    };
    // The test's clock is not the component's own, as a socket is not.
    const socket = defineSource<() => SourceComponent<(typeof readings)['shape']>, object>({
      name: 'socket',
      summary: 'Give a batch that is waited for.',
      options: (z) => z.object({}),
      example: {},
      whenPaused: 'hold',
      output: () => readings,
      create: (_, { id, idle }) => {
        let next = 0;
        return {
          open: () => Promise.resolve(),
          read: async () => {
            if (next === 1) return endOfInput;
            await Promise.all([idle(clock.sleep(100)), idle(clock.sleep(70))]);
            await clock.sleep(50);
            return Batch.from(numbered(10), readings, { source: id, position: 10 * next++ });
          },
          position: () => next,
          close: () => Promise.resolve(),
        };
      },
    });
    for (const [source, times] of [
      [stream, { busyMs: 0, blockedMs: 0, idleMs: 150 }],
      [socket(), { busyMs: 50, blockedMs: 0, idleMs: 100 }],
    ] as const) {
      const report = await testPipeline({}, [], outside).from(source).to(scriptedSink({})).run();
      expect(timesOf(report.components[0]!)).toEqual(times);
    }
  });
});
