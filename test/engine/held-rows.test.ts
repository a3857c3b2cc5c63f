import { describe, expect, test } from 'vitest';

import { Batch, type JsonValue } from '../../src/batch/index.ts';
import { memorySink } from '../../src/connectors/index.ts';
import { isCut, type Stage } from '../../src/core/index.ts';
import {
  type Checkpoint,
  type CheckpointStore,
  memoryCheckpoints,
} from '../../src/engine/index.ts';
import { virtualOutside } from '../../src/testing/index.ts';
import {
  expectClosedLedger,
  numbered,
  type Reading,
  readings,
  scriptedSink,
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

  test('are saved as they were at the cut, however long the sink takes to commit it', async () => {
    const outside = virtualOutside();
    const saved: Checkpoint[] = [];
    const store: CheckpointStore = {
      load: () => Promise.resolve(undefined),
      save: (checkpoint) => {
        saved.push(structuredClone(checkpoint));
        return Promise.resolve();
      },
    };
    const batches = [0, 5, 10, 15].map((first) => numbered(5, first));
    await testPipeline({ checkpoint: { everyMs: 3_600_000, rowsMax: 5 } }, [], outside)
      .from(
        scriptedSource({
          schema: readings,
          batches,
          before: () => outside.clock.sleep(10),
        }),
      )
      .pipe(delayWithState())
      .to(scriptedSink({ commit: () => outside.clock.sleep(25) }))
      .run({ store });
    const before = saved.filter(({ positions }) => positions['scripted'] !== 4);
    expect(before.length).toBeGreaterThan(0);
    for (const { positions, state } of before) {
      const rows = 5 * (positions['scripted'] as number);
      expect(state).toEqual({ stage: rows === 0 ? [] : numbered(3, rows - 3) });
    }
  });
});
