import { describe, expect, test } from 'vitest';

import type { Fields } from '../../src/batch/index.ts';
import {
  defineSink,
  defineSource,
  endOfInput,
  type SinkComponent,
  type SinkConnector,
  type SinkSpec,
  type SleepOptions,
  type SourceComponent,
  type SourceSpec,
  systemClock,
} from '../../src/core/index.ts';
import { TypedPipelineBuilder } from '../../src/engine/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { numbered, readings, scriptedSink, scriptedSource, testPipeline } from './ends.ts';

const described = {
  name: 'late',
  summary: 'A connector that is made later.',
  example: null,
};

function sourceOf(create: SourceSpec<unknown>['create']): SourceComponent<never> {
  const source = defineSource<() => SourceComponent<never>, unknown>({
    ...described,
    options: (z) => z.unknown(),
    whenPaused: 'hold',
    output: () => readings as never,
    create,
  });
  return source();
}

function sinkOf(create: SinkSpec<unknown>['create']): SinkComponent<Fields> {
  const sink = defineSink<() => SinkComponent<Fields>, unknown>({
    ...described,
    options: (z) => z.unknown(),
    create,
  });
  return sink();
}

const outside = virtualOutside();

/** As loading a module does: the process waits, and no clock of the run is asked. */
const outsideWork = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a connector may be created later', () => {
  test('nothing is opened before the last of them is there', async () => {
    const seen: string[] = [];
    const sink: SinkConnector = {
      open: async () => void seen.push('sink opened'),
      write: async (batch) => void seen.push(`${batch.length} rows`),
      commit: async () => {},
      close: async () => {},
    };
    const batches = [numbered(3)];
    const open = async (): Promise<void> => void seen.push('source opened');
    await testPipeline()
      .from(scriptedSource({ schema: readings, batches, open }))
      .to(
        sinkOf(async () => {
          await outsideWork();
          seen.push('sink created');
          return sink;
        }),
      )
      .run();
    expect(seen).toEqual(['sink created', 'sink opened', 'source opened', '3 rows']);
  });

  test('virtual time stands still meanwhile', async () => {
    let [before, after] = [NaN, NaN];
    const source = sourceOf(async (_, { clock }) => {
      before = clock.monotonic();
      void clock.sleep(1000);
      for (let turn = 0; turn < 3; turn++) await outsideWork();
      after = clock.monotonic();
      return {
        open: async () => {},
        read: async () => endOfInput,
        position: () => null,
        close: async () => {},
      };
    });
    await testPipeline().from(source).to(scriptedSink({})).run();
    expect(after).toBe(before);
  });

  test.each([
    ['source', () => testPipeline().from(sourceOf(failing)).to(scriptedSink({}))],
    [
      'sink',
      () =>
        testPipeline()
          .from(scriptedSource({ schema: readings, batches: [] }))
          .to(sinkOf(failing)),
    ],
  ])('a %s that cannot be fails the run, which names it', async (_, built) => {
    await expect(built().run()).rejects.toThrow(
      /ERR_CONNECTOR_FAILED.*late.*could not be created: no driver/,
    );
  });
});

async function failing(): Promise<never> {
  await outsideWork();
  throw new Error('no driver');
}

/** A clock on which every wait is short, so that a run gives up at once on what does not come. */
const impatient = {
  ...systemClock,
  sleep: async (_delayMs: number, { signal }: SleepOptions = {}): Promise<void> => {
    await outsideWork();
    signal?.throwIfAborted();
  },
};

describe('a connector that is there only when the run is over is closed', () => {
  const closing = (seen: string[]): SinkConnector => ({
    open: async () => void seen.push('opened'),
    write: async () => void seen.push('written'),
    commit: async () => {},
    close: async () => void seen.push('closed'),
  });

  test('a sink', async () => {
    const seen: string[] = [];
    const asked = Promise.withResolvers<void>();
    const { promise, resolve } = Promise.withResolvers<SinkConnector>();
    const create = () => {
      asked.resolve();
      return promise;
    };
    const run = await new TypedPipelineBuilder(
      'test',
      {},
      { outside: { ...outside, clock: impatient } },
    )
      .from(scriptedSource({ schema: readings, batches: [numbered(3)] }))
      .to(sinkOf(create))
      .start();
    await asked.promise;
    await run.abort();
    await expect(run.done).rejects.toThrow('ERR_RUN_ABORTED');
    resolve(closing(seen));
    await outsideWork();
    await outsideWork();
    expect(seen).toEqual(['closed']);
  });

  test('the sink of dead letters, made when the first of them comes', async () => {
    const seen: string[] = [];
    const asked = Promise.withResolvers<void>();
    const { promise, resolve } = Promise.withResolvers<SinkConnector>();
    const deadLetters = sinkOf(() => {
      asked.resolve();
      return promise;
    }) as unknown as SinkComponent;
    const settings = { outside: { ...outside, clock: impatient }, deadLetters };
    const run = await new TypedPipelineBuilder('test', {}, settings)
      .from(scriptedSource({ schema: readings, batches: [numbered(3)] }))
      .to(scriptedSink({ answer: () => ({ failed: [{ row: 0, reason: 'bad', message: 'no' }] }) }))
      .start();
    await asked.promise;
    await run.abort();
    await expect(run.done).rejects.toThrow('ERR_RUN_ABORTED');
    resolve(closing(seen));
    await outsideWork();
    await outsideWork();
    expect(seen).toEqual(['closed']);
  });
});
