import { describe, expect, test } from 'vitest';

import { Batch, type JsonValue } from '../../src/batch/index.ts';
import { memorySink } from '../../src/connectors/index.ts';
import { isCut, type Stage } from '../../src/core/index.ts';
import { type CheckpointStore, memoryCheckpoints } from '../../src/engine/index.ts';
import {
  expectClosedLedger,
  numbered,
  type Reading,
  readings,
  scriptedSource,
  testPipeline,
} from './ends.ts';

/** Lets a row go when the next three have come, and the last of them at the end. */
function delay(held: Reading[] = []): Stage<(typeof readings)['shape']> {
  return {
    output: () => readings,
    async *transform(stream) {
      for await (const flow of stream) {
        if (isCut(flow)) {
          yield flow;
          continue;
        }
        held.push(...flow.toRows());
        flow.release();
        if (held.length > 3) yield Batch.from(held.splice(0, held.length - 3), readings);
      }
      yield Batch.from(held.splice(0), readings);
    },
    held: () => held.length,
  };
}

function delayWithState(): ReturnType<typeof delay> {
  const held: Reading[] = [];
  return {
    ...delay(held),
    snapshot: () => held as unknown as JsonValue,
    restore: (state) => void held.push(...(state as unknown as Reading[])),
  };
}

async function run(
  stage: ReturnType<typeof delay>,
  store?: CheckpointStore,
  recordsMax = Infinity,
) {
  const sink = memorySink({ schema: readings });
  const report = await testPipeline()
    .from(
      scriptedSource({
        schema: readings,
        batches: [0, 5, 10, 15].map((first) => numbered(5, first)),
      }),
    )
    .pipe(stage)
    .to(sink)
    .run({ recordsMax, ...(store && { store }) });
  return { committed: sink.committed, report };
}

describe('rows that a stage holds across cuts', () => {
  test('are emitted at the end of input, and the last cut comes behind them', async () => {
    for (const stage of [delay(), delayWithState()]) {
      const { committed, report } = await run(stage);
      expect(committed).toEqual(numbered(20));
      expectClosedLedger(report);
    }
  });

  test('are emitted when the run is stopped and nothing is saved', async () => {
    const { committed, report } = await run(delayWithState(), undefined, 10);
    expect(report.status).toBe('stopped');
    expect(committed).toEqual(numbered(10));
  });

  test('stay in the snapshot when the run is stopped, for the run that goes on', async () => {
    const store = memoryCheckpoints();
    const first = await run(delayWithState(), store, 10);
    expect(first.report.status).toBe('stopped');
    expect(first.committed).toEqual(numbered(7));
    expect((await store.load())?.state).toEqual({ stage: numbered(3, 7) });
    const second = await run(delayWithState(), store);
    expect([...first.committed, ...second.committed]).toEqual(numbered(20));
  });

  test('are emitted when the run is stopped and the stage has no snapshot', async () => {
    const store = memoryCheckpoints();
    const first = await run(delay(), store, 10);
    expect(first.committed).toEqual(numbered(10));
    const second = await run(delay(), store);
    expect(second.committed).toEqual(numbered(10, 10));
  });
});
