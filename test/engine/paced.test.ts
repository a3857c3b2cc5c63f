import { describe, expect, test } from 'vitest';

import { Batch } from '../../src/batch/index.ts';
import type { Flow, Source, WhenPaused } from '../../src/core/index.ts';
import { health, QueuePressure, shippedRules } from '../../src/observe/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { numbered, readings, scriptedSink, testPipeline } from './ends.ts';

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
  const source: Source<(typeof readings)['shape']> = {
    schema: readings,
    ...paused,
    async *stream({ signal }): AsyncGenerator<Flow<(typeof readings)['shape']>> {
      for (let at = 0; at < count; at++) {
        if (everyMs > 0) await clock.sleep(everyMs, { signal });
        yield Batch.from(numbered(1, at), readings);
      }
      if (silentMs > 0) await clock.sleep(silentMs, { signal });
    },
    lag: () => 1000,
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
  const { isPaced } = run.stats();
  await run.stop();
  return { isPaced, isOverloaded, fired: [...fired].sort() };
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
