import { describe, expect, test } from 'vitest';

import { Batch } from '../../src/batch/index.ts';
import {
  defineSource,
  endOfInput,
  type Source,
  type SourceComponent,
} from '../../src/core/index.ts';
import type { ComponentReport } from '../../src/observe/index.ts';
import { mapAsync } from '../../src/stages/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { circuitBreaker, consecutiveFailures } from '../../src/resilience/index.ts';
import {
  numbered,
  type Reading,
  readings,
  scriptedSink,
  scriptedSource,
  stageOf,
  testPipeline,
} from './ends.ts';

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

function timesOf(report: ComponentReport): Record<string, number> {
  const { busyMs, blockedMs, waitingMs, idleMs } = report;
  return { busyMs, blockedMs, waitingMs, idleMs };
}

/** As `timesOf` gives them. */
function times(busyMs: number, blockedMs: number, waitingMs: number, idleMs: number): object {
  return { busyMs, blockedMs, waitingMs, idleMs };
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
    expect(timesOf(source!)).toEqual(times(0, 50, 0, 300));
    expect(timesOf(sink!)).toEqual(times(750, 0, 0, 100));
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
    expect(timesOf(first!)).toEqual(times(60, 0, 0, 200));
    expect(timesOf(last!)).toEqual(times(90, 50, 0, 0));
    expect(timesOf(sink!)).toEqual(times(750, 0, 0, 150));
  });

  test('are in the figures of a run that goes on', async () => {
    const outside = virtualOutside();
    const run = await testPipeline({}, [], outside)
      .from(slowSource())
      .to(scriptedSink({ answer: () => outside.clock.sleep(250) }))
      .start();
    await outside.clock.sleep(360);
    const [, sink] = run.stats().components;
    expect(timesOf(sink!)).toEqual(times(260, 0, 0, 100));
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
    for (const [source, expected] of [
      [stream, times(0, 0, 0, 150)],
      [socket(), times(50, 0, 0, 100)],
    ] as const) {
      const report = await testPipeline({}, [], outside).from(source).to(scriptedSink({})).run();
      expect(timesOf(report.components[0]!)).toEqual(expected);
    }
  });

  test('count what is under way: a write that hangs is work as it goes on, and its sink holds up the rest', async () => {
    const outside = virtualOutside();
    const { clock } = outside;
    const held = Promise.withResolvers<void>();
    const run = await testPipeline({ queue: { rowsMax: 10 } }, [], outside)
      .from(slowSource())
      .to(
        scriptedSink({
          answer: async () => {
            await held.promise;
            return undefined;
          },
        }),
      )
      .start();
    // The first batch comes to the sink at 100 ms, the third waits for room from 300 on.
    await clock.sleep(400);
    const all = (): Record<string, number>[] => run.stats().components.map(timesOf);
    expect(all()).toEqual([times(0, 100, 0, 300), times(300, 0, 0, 100)]);
    expect(run.stats().components[1]!.work.count).toBe(0);
    await clock.sleep(9_600);
    expect(all()[1]).toEqual(times(9900, 0, 0, 100));
    const [lane] = run.stats().lanes;
    expect(lane!.busyShare).toBeGreaterThan(0.9);
    expect(lane!.bottleneck).toBe(run.stats().components[1]!.id);
    held.resolve();
    const [source, sink] = (await run.done).components;
    expect(timesOf(source!)).toEqual(times(0, 9700, 0, 300));
    expect(timesOf(sink!)).toEqual(times(9900, 0, 0, 100));
    // No call of a run that is over goes on.
    await clock.sleep(1000);
    expect(all()[1]).toEqual(times(9900, 0, 0, 100));
  });

  test('count a commit as work, and a wait for input as it goes on', async () => {
    const outside = virtualOutside();
    const { clock } = outside;
    const run = await testPipeline({}, [], outside)
      .from(slowSource())
      .to(scriptedSink({ commit: () => clock.sleep(500) }))
      .start();
    await clock.sleep(50);
    const sink = (): ComponentReport => run.stats().components[1]!;
    expect(timesOf(sink())).toEqual(times(0, 0, 0, 50));
    // The end of the input is at 300 ms, and the last commit begins.
    await clock.sleep(450);
    expect(timesOf(sink())).toEqual(times(200, 0, 0, 300));
    await run.done;
    expect(timesOf(sink())).toEqual(times(500, 0, 0, 300));
  });

  test('of a sink that waits for its breaker are waiting for the outside, and it holds up the rest', async () => {
    const outside = virtualOutside();
    const { clock, random } = outside;
    const policy = circuitBreaker({ opens: consecutiveFailures(1), openMs: 60_000, clock, random });
    let isDown = true;
    const run = await testPipeline({}, [], outside)
      .from(slowSource())
      .to(
        scriptedSink({
          answer: () => {
            if (isDown) throw new Error('down');
          },
        }),
        { policy },
      )
      .start();
    await clock.sleep(20_000);
    const [, sink] = run.stats().components;
    expect(timesOf(sink!)).toEqual(times(0, 0, 19_900, 100));
    const [lane] = run.stats().lanes;
    expect(lane).toMatchObject({ busyShare: 0, bottleneck: sink!.id });
    isDown = false;
    await run.done;
  });

  test('of a stage in general form that waits for its breaker are no work, neither then nor later', async () => {
    const outside = virtualOutside();
    const { clock, random } = outside;
    const policy = circuitBreaker({ opens: consecutiveFailures(1), openMs: 5000, clock, random });
    // What it asks is down for the first 50 s.
    const map = async (row: Reading): Promise<Reading> => {
      if (clock.monotonic() - startedMs < 50_000) throw new Error('down');
      await clock.sleep(1000);
      return row;
    };
    const startedMs = clock.monotonic();
    const run = await testPipeline({ queue: { rowsMax: 10 } }, [], outside)
      .from(slowSource())
      .through(mapAsync({ schema: readings, map, concurrency: 2 }), { id: 'ask', policy })
      .to(scriptedSink({}))
      .start();
    const asked = (): ComponentReport => run.stats().components[1]!;
    let before = timesOf(asked());
    for (let second = 0; second < 80 && run.status === 'running'; second++) {
      await clock.sleep(1000);
      const now = timesOf(asked());
      for (const [kind, ms] of Object.entries(now)) {
        expect.soft(ms, `${kind} after ${second + 1} s`).toBeGreaterThanOrEqual(before[kind]!);
      }
      before = now;
      // Work under way is work, however long it waited before.
      if (second === 59) expect(now['busyMs']).toBeGreaterThan(7000);
      if (second === 40) {
        expect(now).toMatchObject({ busyMs: 0, blockedMs: 0 });
        expect(now['waitingMs']).toBeGreaterThan(40_000);
        expect(run.stats().lanes[0]).toMatchObject({ busyShare: 0, bottleneck: asked().id });
      }
    }
    const { components, durationMs } = await run.done;
    const { busyMs, waitingMs, ...rest } = timesOf(components[1]!);
    // 30 rows, two at a time, a second each; while the first shows that all is well the other waits.
    expect(busyMs).toBe(14_000);
    expect(waitingMs).toBeGreaterThan(49_000);
    expect(busyMs! + waitingMs! + rest['idleMs']! + rest['blockedMs']!).toBeLessThanOrEqual(
      durationMs,
    );
    expect(components[1]!.work.sumMs).toBeCloseTo(busyMs!, 3);
  });
});
