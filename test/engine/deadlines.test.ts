import { describe, expect, test } from 'vitest';

import { Batch } from '../../src/batch/index.ts';
import { positionCut } from '../../src/core/index.ts';
import type { TypedPipelineBuilder } from '../../src/engine/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { numbered, readings, scriptedSink, scriptedSource, testPipeline } from './ends.ts';

describe('a component that never answers', () => {
  const source = scriptedSource({ schema: readings, batches: [numbered(10)] });
  const never = (): Promise<never> => new Promise(() => {});
  const failureOf = async (builder: TypedPipelineBuilder): Promise<unknown> =>
    builder.run().catch((error: unknown) => error);

  test('a source that does not acknowledge fails the run, by name', async () => {
    const mute = {
      schema: readings,
      async *stream() {
        yield Batch.from(numbered(3), readings, { source: 'mute' });
        yield positionCut(3);
      },
      acknowledge: never,
    };
    const outside = virtualOutside();
    const builder = testPipeline({ drainMsMax: 7000 }, [], outside)
      .from(mute, { id: 'mute' })
      .to(scriptedSink({}));
    expect(await failureOf(builder)).toMatchObject({
      code: 'ERR_TIMEOUT',
      place: 'mute',
      fact: 'did not acknowledge within 7000 ms',
      remedy: expect.stringContaining('drainMsMax') as string,
    });
    expect(outside.clock.monotonic()).toBeGreaterThanOrEqual(7000);
    expect(outside.clock.monotonic()).toBeLessThan(15_000);
  });

  test('a sink that does not commit the last cut fails the run, by name', async () => {
    const builder = testPipeline()
      .from(source)
      .to(scriptedSink({ commit: never }), { id: 'slow' });
    expect(await failureOf(builder)).toMatchObject({
      code: 'ERR_TIMEOUT',
      place: 'slow',
      fact: 'did not commit within 20000 ms',
    });
  });

  test('a sink for dead letters too', async () => {
    const builder = testPipeline()
      .from(source)
      .to(scriptedSink({}))
      .deadLetters(scriptedSink({ commit: never }));
    expect(await failureOf(builder)).toMatchObject({ code: 'ERR_TIMEOUT', place: 'dead-letters' });
  });

  test('an earlier cut may take a sink as long as it needs', async () => {
    const outside = virtualOutside();
    const { clock } = outside;
    const commit = (cut: { readonly id: number }): Promise<void> =>
      cut.id === 1 ? clock.sleep(60_000) : Promise.resolve();
    const before = (read: number): Promise<void> =>
      read === 1 ? clock.sleep(2000) : Promise.resolve();
    const builder = testPipeline({}, [], outside)
      .from(scriptedSource({ schema: readings, batches: [numbered(10)], before }))
      .to(scriptedSink({ commit }));
    expect(await builder.run()).toMatchObject({ status: 'done', recordsOut: 10 });
  });

  test('a stop names what it still waits for', async () => {
    const outside = virtualOutside();
    const run = await testPipeline({}, [], outside)
      .from(scriptedSource({ schema: readings, batches: [numbered(10)], endless: true }))
      .to(scriptedSink({ commit: never }), { id: 'slow' })
      .start();
    await expect(run.stop()).rejects.toMatchObject({
      code: 'ERR_RUN_DEADLINE',
      fact: expect.stringContaining('still waiting for `slow` to commit') as string,
    });
  });
});
