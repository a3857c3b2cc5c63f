import { describe, expect, test } from 'vitest';

import { Batch } from '../../src/batch/index.ts';
import type { Clock, Flow, Source, WhenPaused } from '../../src/core/index.ts';
import type { Run } from '../../src/engine/index.ts';
import { type AlertRule, health, QueuePressure, shippedRules } from '../../src/observe/index.ts';
import { merge } from '../../src/stages/merge.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { numbered, readings, scriptedSink, testPipeline } from './ends.ts';

type Shape = (typeof readings)['shape'];

interface Script {
  readonly whenPaused?: WhenPaused;
  readonly acknowledge?: () => Promise<void>;
  /** Between two batches of one row. */
  readonly everyMs: number;
  readonly writeMs: number;
  /** Batches, and how long the source then stands still. */
  readonly count: number;
  readonly silentMs?: number;
}

/** Plays a hand-written source before a slow sink, and gives who was told what. */
async function play({ everyMs, writeMs, count, silentMs = 0, ...paused }: Script) {
  const outside = virtualOutside();
  const { clock } = outside;
  const source: Source<Shape> = {
    schema: readings,
    ...paused,
    async *stream({ signal }): AsyncGenerator<Flow<Shape>> {
      for (let at = 0; at < count; at++) {
        if (everyMs > 0) await clock.sleep(everyMs, { signal });
        yield Batch.from(numbered(1, at), readings);
      }
      if (silentMs > 0) await clock.sleep(silentMs, { signal });
    },
    lag: () => ({ value: 1000, unit: 'records' }),
  };
  const run = await testPipeline({ queue: { rowsMax: 20 } }, [], outside)
    .from(source)
    .to(scriptedSink({ answer: () => clock.sleep(writeMs) }))
    .start({ alerts: shippedRules({}, { memoryMiBMax: 16_384 }) });
  const fired = new Set<string>();
  run.listen(({ name, fields }) => {
    if (name === 'alert.fired') fired.add(String(fields['rule']));
  });
  const pressure = new QueuePressure();
  let isOverloaded = false;
  for (let second = 0; second < 100; second++) {
    await clock.sleep(1000);
    const stats = run.stats();
    const queueFullMs = pressure.look(stats.queues, stats.monotonicMs);
    isOverloaded ||= health({ stats, queueFullMs }).overloaded;
  }
  const isPaced = run.stats().components[0]?.source?.isPaced;
  await run.stop();
  return { isPaced, isOverloaded, fired: [...fired].sort() };
}

/** Gives one row each second, so many of them. */
function ticking(clock: Clock, count: number): Source<Shape> {
  return {
    schema: readings,
    async *stream({ signal }): AsyncGenerator<Flow<Shape>> {
      for (let at = 0; at < count; at++) {
        await clock.sleep(1000, { signal });
        yield Batch.from(numbered(1, at), readings);
      }
    },
  };
}

describe('a hand-written source', () => {
  const behind = { everyMs: 50, writeMs: 200, count: 500 };

  test('that falls behind is watched: queue, lag and health', async () => {
    const told = {
      isPaced: true,
      isOverloaded: true,
      fired: ['lag-saturation', 'queue-saturation'],
    };
    expect(await play(behind)).toEqual(told);
    expect(await play({ ...behind, whenPaused: 'skip' })).toEqual(told);
  });

  test('that falls behind has a queue of which is known when it is full, as its alert says', async () => {
    const outside = virtualOutside();
    const { clock } = outside;
    const run = await testPipeline({ queue: { rowsMax: 100 } }, [], outside)
      .from(ticking(clock, 1000))
      .to(scriptedSink({ answer: () => clock.sleep(2000) }), { id: 'store' })
      .start({ alerts: shippedRules({}, { memoryMiBMax: 16_384 }) });
    const told: { fill: number; leftMs: number | undefined }[] = [];
    // What an alert says is as of the look before.
    const pairs: [queue: number, alert: number][] = [];
    run.follow(({ queues, alerts }) => {
      const { fill, leftMs } = queues['store']!;
      const alert = alerts.find((one) => one.rule === 'queue-saturation' && one.state === 'firing');
      const before = told.at(-1)?.leftMs;
      if (alert?.leftMs !== undefined && before !== undefined) pairs.push([before, alert.leftMs]);
      told.push({ fill, leftMs });
    });
    await clock.sleep(250_000);
    const { fill, leftMs } = told.find((one) => one.fill > 0.5)!;
    // One row in two seconds.
    expect(leftMs! / 1000).toBeCloseTo((0.95 - fill) * 200, -1);
    expect(told.at(-1)!.fill).toBeGreaterThan(0.95);
    expect(told.at(-1)!.leftMs).toBeUndefined();
    expect(pairs.length).toBeGreaterThan(30);
    // The alert has it in whole milliseconds.
    for (const [queue, alert] of pairs) expect(Math.abs(queue - alert)).toBeLessThanOrEqual(1);
    await run.abort().catch(() => {});
    expect(run.stats().queues['store']).not.toHaveProperty('leftMs');
  });

  test('that gives nothing any more is stalled', async () => {
    const stalled = await play({ everyMs: 50, writeMs: 0, count: 20, silentMs: 200_000 });
    expect(stalled.fired).toContain('stalled-source');
    expect(stalled.isOverloaded).toBe(false);
  });

  test('that says `hold` waits for the pipeline, as a file does, and is not', async () => {
    expect(await play({ ...behind, everyMs: 0, whenPaused: 'hold' })).toEqual({
      isPaced: false,
      isOverloaded: false,
      fired: [],
    });
  });

  test('that says `redeliver` has to have `acknowledge`', async () => {
    const quick = { everyMs: 1, writeMs: 0, count: 3, whenPaused: 'redeliver' } as const;
    await expect(play(quick)).rejects.toThrow(/acknowledge/);
    await play({ ...quick, acknowledge: () => Promise.resolve() });
  });
});

describe('of several sources', () => {
  /** What is read as fast as the pipeline takes it. */
  const waiting: Source<Shape> = {
    schema: readings,
    whenPaused: 'hold',
    lag: () => ({ value: 1e9, unit: 'bytes' }),
    async *stream(): AsyncGenerator<Flow<Shape>> {
      for (let at = 0; at < 10_000; at++) yield Batch.from(numbered(1, at), readings);
    },
  };

  /** What fires while a run goes on, its last figures, and whether it was ever overloaded. */
  async function watch(run: Run, clock: Clock, seconds: number) {
    const fired: unknown[] = [];
    run.listen(({ name, fields }) => {
      if (name === 'alert.fired') fired.push(fields['rule']);
    });
    const pressure = new QueuePressure();
    let isOverloaded = false;
    for (let second = 0; second < seconds; second++) {
      await clock.sleep(1000);
      const stats = run.stats();
      const queueFullMs = pressure.look(stats.queues, stats.monotonicMs);
      isOverloaded ||= health({ stats, queueFullMs }).overloaded;
    }
    const { components, queues } = run.stats();
    const sources = Object.fromEntries(components.map(({ id, source }) => [id, source]));
    await run.abort();
    return { fired, isOverloaded, sources, queues };
  }

  const alerts = (): AlertRule[] => shippedRules({}, { memoryMiBMax: 16_384 });

  test('one that has ended is not stalled, while the other goes on', async () => {
    const outside = virtualOutside();
    const { clock } = outside;
    const builder = testPipeline({}, [], outside);
    const a = builder.from(ticking(clock, 5), { id: 'a' });
    const b = builder.from(ticking(clock, 1000), { id: 'b' });
    const run = await builder
      .combine([a, b], merge())
      .to(scriptedSink({}))
      .start({ alerts: alerts() });
    const { fired, sources } = await watch(run, clock, 400);
    expect(fired).toEqual([]);
    expect(sources).toMatchObject({
      a: { isPaced: true, hasEnded: true },
      b: { isPaced: true, hasEnded: false },
    });
  });

  test('what waits behind one that holds is not watched, though another has a pace', async () => {
    const outside = virtualOutside();
    const { clock } = outside;
    const builder = testPipeline({ queue: { rowsMax: 20 } }, [], outside);
    builder
      .from(waiting, { id: 'file' })
      .to(scriptedSink({ answer: () => clock.sleep(200) }), { id: 'store' });
    const run = await builder
      .from(ticking(clock, 1000), { id: 'sensor' })
      .to(scriptedSink({}), { id: 'live' })
      .start({ alerts: alerts() });
    const { fired, isOverloaded, sources, queues } = await watch(run, clock, 100);
    expect([fired, isOverloaded]).toEqual([[], false]);
    expect(queues).toMatchObject({
      store: { fill: expect.closeTo(1, 1) as number, isPaced: false },
      live: { isPaced: true },
    });
    expect(sources).toEqual({
      file: { isPaced: false, hasEnded: false, lag: { value: 1e9, unit: 'bytes' } },
      sensor: { isPaced: true, hasEnded: false },
      store: undefined,
      live: undefined,
    });
  });
});
