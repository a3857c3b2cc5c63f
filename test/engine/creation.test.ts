import { describe, expect, test } from 'vitest';

import type { Fields } from '../../src/batch/index.ts';
import {
  defineSink,
  defineSource,
  endOfInput,
  type SinkComponent,
  type SinkConnector,
  type SinkSpec,
  type SourceComponent,
  type SourceSpec,
} from '../../src/core/index.ts';
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
