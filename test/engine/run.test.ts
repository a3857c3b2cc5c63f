import { describe, expect, test } from 'vitest';

import { Batch, type Fields, Selection } from '../../src/batch/index.ts';
import {
  defineStage,
  type Flow,
  isCut,
  type Position,
  positionCut,
  type StageComponent,
} from '../../src/core/index.ts';
import { intervalSource } from '../../src/connectors/interval.ts';
import { memoryCheckpoints } from '../../src/engine/index.ts';
import {
  expectClosedLedger,
  numbered,
  reading,
  readings,
  scriptedSink,
  scriptedSource,
  stageOf,
  testPipeline,
  untilAborted,
} from './ends.ts';
import { virtualOutside } from '../../src/testing/outside.ts';

const chunks = (rows: readonly ReturnType<typeof reading>[], size: number) =>
  Array.from({ length: Math.ceil(rows.length / size) }, (_, at) =>
    rows.slice(at * size, (at + 1) * size),
  );

describe('a run', () => {
  test('takes every row to the sink, and the ledger closes', async () => {
    const rows: Record<string, unknown>[] = [];
    const log = { closed: 0 };
    const report = await testPipeline()
      .from(scriptedSource({ schema: readings, batches: chunks(numbered(100), 7), log }))
      .pipe(
        stageOf((stageReport) => (batch) => {
          const kept = batch.rows.slice(0, batch.length).filter((row) => row % 2 === 0);
          return stageReport.keep(batch, new Selection(kept, kept.length), 'odd');
        }),
      )
      .to(scriptedSink({ rows }))
      .run();
    expect(report.status).toBe('done');
    expect(report.recordsIn).toBe(100);
    expect(report.recordsOut).toBe(rows.length);
    expect(report.components.map(({ id, name, kind }) => [id, name, kind])).toEqual([
      ['scripted', 'scripted', 'source'],
      ['probe', 'probe', 'stage'],
      ['scripted-2', 'scripted', 'sink'],
    ]);
    expect(report.components[1]!.droppedBy).toEqual({ odd: 100 - rows.length });
    expectClosedLedger(report);
    expect(log.closed).toBe(1);
  });

  test('a sink that stalls pauses the source at an exact number of batches', async () => {
    const log: { reads?: number } = {};
    const sinkLog: { writes?: number } = {};
    const stalled = Promise.withResolvers<void>();
    const run = await testPipeline({ queue: { rowsMax: 40 } })
      .from(scriptedSource({ schema: readings, batches: chunks(numbered(1000), 10), log }))
      .to(scriptedSink({ log: sinkLog, answer: () => stalled.promise }))
      .start();
    await expect.poll(() => log.reads).toBe(6);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    // One batch is in the sink's hands, four fill the queue, one waits for room.
    expect(log.reads).toBe(6);
    expect(sinkLog.writes).toBe(1);
    expect(run.stats().queues['scripted-2']).toMatchObject({ depth: 4, fill: 1 });
    stalled.resolve();
    expect((await run.done).recordsOut).toBe(1000);
  });

  test('reads no more records than asked, over all sources', async () => {
    const rows: Record<string, unknown>[] = [];
    const builder = testPipeline();
    builder
      .from(scriptedSource({ schema: readings, batches: chunks(numbered(95), 10), endless: true }))
      .to(scriptedSink({ rows }));
    const report = await builder.run({ recordsMax: 37 });
    expect(rows).toEqual(numbered(37));
    expect(report.recordsIn).toBe(37);
    expect(report.status).toBe('stopped');
  });

  test('stops after a time, with everything read committed', async () => {
    const outside = virtualOutside();
    const log: { committedRows?: number } = {};
    const report = await testPipeline({}, [], outside)
      .from(
        scriptedSource({
          schema: readings,
          batches: chunks(numbered(1000), 1),
          before: (_, signal) => outside.clock.sleep(500, { signal }),
        }),
      )
      .to(scriptedSink({ log }))
      .run({ durationMsMax: 10_000 });
    expect(report.status).toBe('stopped');
    expect(report.recordsIn).toBeGreaterThanOrEqual(19);
    expect(report.recordsIn).toBeLessThanOrEqual(20);
    expect(log.committedRows).toBe(report.recordsIn);
  });

  test('what a source sleeps is not counted as work', async () => {
    const report = await testPipeline()
      .from(intervalSource({ everyMs: 1000, count: 5 }))
      .to(scriptedSink({}))
      .run();
    expect(report.durationMs).toBeGreaterThanOrEqual(4000);
    expect(report.components[0]).toMatchObject({ out: 5, busyMs: 0 });
  });

  test('fails when a drain takes longer than it may, and acknowledges nothing it did not commit', async () => {
    const outside = virtualOutside();
    const log: { acknowledged?: Position[] } = {};
    const run = await testPipeline({ drainMsMax: 5000 }, [], outside)
      .from(scriptedSource({ schema: readings, batches: [numbered(3)], endless: true, log }))
      .to(scriptedSink({ answer: () => new Promise<never>(() => {}) }))
      .start();
    await expect.poll(() => run.stats().recordsIn).toBe(3);
    const before = outside.clock.monotonic();
    await expect(run.stop()).rejects.toMatchObject({ code: 'ERR_RUN_DEADLINE' });
    expect(outside.clock.monotonic() - before).toBeGreaterThanOrEqual(5000);
    expect(outside.clock.monotonic() - before).toBeLessThanOrEqual(11_000);
    expect(run.stats().status).toBe('not-drained');
    expect(log.acknowledged ?? []).toEqual([]);
  });

  test('an abort ends it at once and closes both ends', async () => {
    const ends = { source: { closed: 0 }, sink: { closed: 0 } };
    const stop = new AbortController();
    const opened = Promise.withResolvers<void>();
    const open = async (): Promise<void> => opened.resolve();
    const source = { schema: readings, batches: [], endless: true, log: ends.source, open };
    const run = await testPipeline()
      .from(scriptedSource(source))
      .to(scriptedSink({ log: ends.sink }))
      .start({ signal: stop.signal });
    await opened.promise;
    stop.abort();
    await expect(run.done).rejects.toMatchObject({ code: 'ERR_RUN_ABORTED' });
    expect(ends).toMatchObject({ source: { closed: 1 }, sink: { closed: 1 } });
    expect(run.stats().status).toBe('aborted');
  });

  test('a failure of a stage names it and keeps its cause', async () => {
    const boom = new Error('boom');
    const failing = testPipeline()
      .from(scriptedSource({ schema: readings, batches: [numbered(3)] }))
      .pipe(
        stageOf(
          () => () => {
            throw boom;
          },
          'broken',
        ),
      )
      .to(scriptedSink({}))
      .run();
    await expect(failing).rejects.toMatchObject({
      code: 'ERR_STAGE_FAILED',
      place: 'broken',
      cause: boom,
    });
  });

  test('disposing stops it', async () => {
    const log: { closed?: number } = {};
    {
      await using run = await testPipeline()
        .from(scriptedSource({ schema: readings, batches: [numbered(5)], endless: true, log }))
        .to(scriptedSink({}))
        .start();
      expect(run.stats().status).toBe('starting');
      await expect.poll(() => run.status).toBe('running');
    }
    expect(log.closed).toBe(1);
  });
});

describe('a failure', () => {
  const failing = () =>
    testPipeline()
      .from(
        scriptedSource({
          schema: readings,
          batches: [],
          before: () => Promise.reject(new Error('gone')),
        }),
      )
      .to(scriptedSink({}));

  test('that nobody waited for comes out of the scope of the run', async () => {
    const scope = async () => {
      await using run = await failing().start();
      await expect.poll(() => run.stats().status).toBe('failed');
    };
    await expect(scope()).rejects.toThrow('gone');
  });

  test('that was met by `done` does not come twice', async () => {
    await using run = await failing().start();
    await expect(run.done).rejects.toThrow('gone');
  });

  test('is thrown into the stream of a sink of one stream', async () => {
    const seen: string[] = [];
    const running = testPipeline()
      .from(
        scriptedSource({
          schema: readings,
          batches: [numbered(1)],
          before: (read) => (read === 0 ? Promise.resolve() : Promise.reject(new Error('gone'))),
        }),
      )
      .to({
        async consume(stream: AsyncIterable<Flow>) {
          try {
            for await (const flow of stream) seen.push(isCut(flow) ? 'cut' : 'batch');
            seen.push('end');
          } catch (error) {
            seen.push((error as Error).message);
          }
        },
      })
      .run();
    await expect(running).rejects.toThrow('gone');
    expect(seen.at(-1)).toContain('gone');
  });

  test('of a source that cannot say its lag costs the figure only', async () => {
    const source = {
      schema: readings,
      lag: () => {
        throw new Error('lag');
      },
      async *stream(): AsyncIterable<Flow> {
        yield Batch.from(numbered(1), readings);
      },
    };
    expect((await testPipeline().from(source).to(scriptedSink({})).run()).recordsOut).toBe(1);
  });
});

describe('cuts', () => {
  test('save positions only behind dead letters that are committed', async () => {
    const order: string[] = [];
    const store = memoryCheckpoints();
    const failing = stageOf((report) => (batch) => {
      report.failed(batch, 0, 'row.threw', new Error('bad'));
      return report.keep(batch, new Selection(new Uint32Array(0), 0));
    });
    const builder = testPipeline();
    builder
      .from(scriptedSource({ schema: readings, batches: [numbered(2)] }))
      .pipe(failing)
      .to(scriptedSink({}));
    builder.deadLetters(
      scriptedSink({
        commit: async () => {
          await new Promise((resolve) => setImmediate(resolve));
          order.push('dead letters');
        },
      }) as never,
    );
    await builder.run({
      store: {
        load: () => store.load(),
        save: (checkpoint) => {
          order.push('positions');
          return store.save(checkpoint);
        },
      },
    });
    expect(order).toEqual(['dead letters', 'positions']);
  });

  test('pass an idle source, and acknowledge only what is committed', async () => {
    const outside = virtualOutside();
    const log: { acknowledged?: Position[] } = {};
    const sink = { commits: [] as number[] };
    const run = await testPipeline({ checkpoint: { everyMs: 1000 } }, [], outside)
      .from(scriptedSource({ schema: readings, batches: [numbered(3)], endless: true, log }))
      .to(scriptedSink({ log: sink }))
      .start();
    await expect.poll(() => sink.commits.length).toBeGreaterThan(3);
    await run.stop();
    expect(sink.commits).toEqual(sink.commits.map((_, at) => at + 1));
    expect(log.acknowledged).toEqual(sink.commits.map(() => 1));
  });

  test('come at least every so many rows', async () => {
    const sink = { commits: [] as number[] };
    await testPipeline({ checkpoint: { everyMs: 3_600_000, rowsMax: 100 } })
      .from(scriptedSource({ schema: readings, batches: chunks(numbered(1000), 50) }))
      .to(scriptedSink({ log: sink }))
      .run();
    expect(sink.commits.length).toBeGreaterThanOrEqual(10);
  });

  test('state and positions restored into a second run give what one run gives', async () => {
    const sum = () =>
      stageOf((report) => {
        let total = 0;
        return {
          process: (batch: Batch) => {
            const values = batch
              .toRows()
              .map((row) => ({ ...row, value: (total += row['value'] as number) }));
            report.absorbed(batch.length);
            report.created(batch.length);
            return Batch.from(values as never, batch.schema);
          },
          snapshot: () => total,
          restore: (state) => {
            total = state as number;
          },
        };
      }, 'sum');
    const batches = chunks(numbered(100), 10);
    const run = async (store = memoryCheckpoints(), recordsMax = Infinity) => {
      const rows: Record<string, unknown>[] = [];
      const log: { opened?: (Position | undefined)[] } = {};
      await testPipeline()
        .from(scriptedSource({ schema: readings, batches, log }))
        .pipe(sum())
        .to(scriptedSink({ rows }))
        .run({ store, recordsMax });
      return { rows, log };
    };
    const whole = await run();
    const store = memoryCheckpoints();
    const first = await run(store, 40);
    const checkpoint = await store.load();
    expect(checkpoint).toMatchObject({ positions: { scripted: 4 }, state: { sum: 780 } });
    const second = await run(store);
    expect(second.log.opened).toEqual([4]);
    expect([...first.rows, ...second.rows]).toEqual(whole.rows);
  });

  test('are not saved behind a batch that the limit of records cut short', async () => {
    const store = memoryCheckpoints();
    const report = await testPipeline()
      .from(scriptedSource({ schema: readings, batches: chunks(numbered(40), 10) }))
      .to(scriptedSink({}))
      .run({ store, recordsMax: 25 });
    expect(report.recordsOut).toBe(25);
    // Position 2 covers 20 rows, and the sink has 25.
    expect(await store.load()).toBeUndefined();
  });

  test('a general stage that holds 8 batches loses none at a cut', async () => {
    const holding = stageOf(
      () => ({
        async *transform(stream: AsyncIterable<Flow>): AsyncIterable<Flow> {
          let held: Batch[] = [];
          for await (const flow of stream) {
            if (isCut(flow)) {
              yield* held;
              held = [];
              yield flow;
            } else {
              held.push(flow);
              if (held.length > 8) yield held.shift()!;
            }
          }
          yield* held;
        },
        held: () => 0,
      }),
      'holding',
    );
    const rows: Record<string, unknown>[] = [];
    const seenAtCut: number[] = [];
    const log: { committedRows?: number } = {};
    const report = await testPipeline({ checkpoint: { everyMs: 3_600_000, rowsMax: 70 } })
      .from(scriptedSource({ schema: readings, batches: chunks(numbered(500), 10) }))
      .pipe(holding)
      .to(
        scriptedSink({
          rows,
          log,
          commit: () => Promise.resolve(void seenAtCut.push(rows.length)),
        }),
      )
      .run();
    expect(rows).toEqual(numbered(500));
    expect(seenAtCut.length).toBeGreaterThan(5);
    expect(seenAtCut.every((seen) => seen % 10 === 0)).toBe(true);
    // Everything read before a cut is with the sink when it commits.
    expect(seenAtCut[0]).toBe(70);
    expectClosedLedger(report);
  });

  test('wait in a merge until they have come on every input', async () => {
    const outside = virtualOutside();
    const merging = defineStage<(options: object) => StageComponent<Fields, Fields>, object>({
      name: 'merging',
      summary: 'Join.',
      options: (z) => z.looseObject({}),
      example: {},
      rows: 'same',
      inputs: 'many',
      output: (input) => input,
      create: () => (batch) => batch,
    });
    const builder = testPipeline({ checkpoint: { everyMs: 1000 } }, [], outside);
    const fast = builder.from(
      scriptedSource({ schema: readings, batches: chunks(numbered(40), 10) }),
      { id: 'fast' },
    );
    const slow = builder.from(
      scriptedSource({
        schema: readings,
        batches: chunks(numbered(8, 100), 1),
        before: (_, signal) => outside.clock.sleep(700, { signal }),
      }),
      { id: 'slow' },
    );
    const rows: Record<string, unknown>[] = [];
    const store = memoryCheckpoints();
    const consistent: boolean[] = [];
    builder.combine([fast, slow], merging({}) as never).to(
      scriptedSink({
        rows,
        commit: (cut) => {
          const slowRows = rows.filter((row) => (row['value'] as number) >= 100).length;
          const fastRows = rows.length - slowRows;
          consistent.push(
            cut.positions.get('slow') === slowRows && cut.positions.get('fast') === fastRows / 10,
          );
          return Promise.resolve();
        },
      }),
    );
    await builder.run({ store });
    expect(rows).toHaveLength(48);
    expect(consistent.length).toBeGreaterThan(4);
    expect(consistent.every(Boolean)).toBe(true);
  });
});

describe('rows that fail', () => {
  const poisoned = (batch: Batch) => batch.toRows().findIndex((row) => row['value'] === 1234) + 0;

  test('a sink that refuses a whole batch is bisected down to the row', async () => {
    const rows: Record<string, unknown>[] = [];
    const dead: Record<string, unknown>[] = [];
    const sink = { writes: 0 };
    const report = await testPipeline({}, dead)
      .from(scriptedSource({ schema: readings, batches: [numbered(4096)] }))
      .to(
        scriptedSink({
          rows,
          log: sink,
          answer: (batch) =>
            poisoned(batch) >= 0
              ? { refused: { reason: 'sink.refused', message: 'no 1234' } }
              : undefined,
        }),
      )
      .run();
    expect(rows).toHaveLength(4095);
    expect(dead).toMatchObject([
      { component: 'scripted-2', reason: 'sink.refused', message: 'no 1234' },
    ]);
    expect(JSON.parse(dead[0]!['record'] as string)).toEqual(reading(1234));
    expect(sink.writes).toBeLessThanOrEqual(2 * 12 + 1);
    expect(report.deadLetters).toBe(1);
    expectClosedLedger(report);
  });

  test('a sink that refuses everything is not written to without bound', async () => {
    const dead: Record<string, unknown>[] = [];
    const sink = { writes: 0 };
    const report = await testPipeline({}, dead)
      .from(scriptedSource({ schema: readings, batches: [numbered(4096)] }))
      .to(
        scriptedSink({
          log: sink,
          answer: () => ({ refused: { reason: 'no', message: 'never' } }),
        }),
      )
      .run();
    expect(dead).toHaveLength(4096);
    expect(sink.writes).toBeLessThanOrEqual(1024 + 12);
    expectClosedLedger(report);
  });

  test('rows that a sink names are dead letters, the others are taken', async () => {
    const rows: Record<string, unknown>[] = [];
    const dead: Record<string, unknown>[] = [];
    const report = await testPipeline({}, dead)
      .from(scriptedSource({ schema: readings, batches: [numbered(10)] }))
      .to(
        scriptedSink({
          rows,
          answer: () => ({ failed: [{ row: 3, reason: 'too.odd', message: 'odd' }] }),
        }),
      )
      .run();
    expect(rows).toHaveLength(9);
    expect(dead).toMatchObject([{ source: 'scripted', position: 3, reason: 'too.odd' }]);
    expectClosedLedger(report);
  });

  test.each(['dead-letter', 'drop', 'fail'] as const)('onRowError: %s', async (onRowError) => {
    const dead: Record<string, unknown>[] = [];
    const failing = stageOf((report) => (batch) => {
      report.failed(batch, 1, 'row.threw', new Error('bad row'));
      const kept = Uint32Array.from([0, 2]);
      return batch.select(new Selection(kept, 2));
    });
    const run = await testPipeline({ onRowError }, dead)
      .from(scriptedSource({ schema: readings, batches: [numbered(3)] }))
      .pipe(failing)
      .to(scriptedSink({}))
      .start();
    if (onRowError === 'fail') {
      await expect(run.done).rejects.toMatchObject({ code: 'ERR_ROW_FAILED', place: 'probe' });
      expect(run.stats()).toMatchObject({ deadLetters: 0, components: [{}, { dead: 0 }, {}] });
      return;
    }
    const report = await run.done;
    expect(dead).toHaveLength(onRowError === 'dead-letter' ? 1 : 0);
    expect(report.components[1]).toMatchObject(
      onRowError === 'drop'
        ? { dropped: 1, dead: 0, droppedBy: { 'row.threw': 1 } }
        : { dropped: 0, dead: 1 },
    );
    expectClosedLedger(report);
  });

  test('"not now" keeps the batch and says so until it is taken', async () => {
    const outside = virtualOutside();
    const rows: Record<string, unknown>[] = [];
    const seen: unknown[] = [];
    const builder = testPipeline({}, [], outside);
    builder.from(scriptedSource({ schema: readings, batches: [numbered(3)] })).to(
      scriptedSink({
        rows,
        answer: (_, write) => {
          seen.push({ ...run.stats().degraded });
          return write < 3 ? { notNow: { retryAfterMs: 60_000, message: 'full' } } : undefined;
        },
      }),
    );
    const run = await builder.start();
    const report = await run.done;
    expect(rows).toEqual(numbered(3));
    expect(seen).toEqual([
      {},
      { 'scripted-2': 'full' },
      { 'scripted-2': 'full' },
      { 'scripted-2': 'full' },
    ]);
    expect(run.stats().degraded).toEqual({});
    expect(report.durationMs).toBeGreaterThanOrEqual(180_000);
    expectClosedLedger(report);
  });
});

describe('hand-written ends', () => {
  test('a source that throws is opened again at its last position', async () => {
    const opened: unknown[] = [];
    const rows: Record<string, unknown>[] = [];
    const source = {
      schema: readings,
      async *stream({ from }: { from?: unknown }): AsyncIterable<Flow> {
        opened.push(from);
        for (let at = (from as number | undefined) ?? 0; at < 5; at++) {
          yield Batch.from([reading(at)], readings);
          yield positionCut(at + 1);
          if (at === 2 && opened.length === 1) throw new Error('connection lost');
        }
      },
    };
    await testPipeline().from(source).to(scriptedSink({ rows })).run();
    expect(opened).toEqual([undefined, 3]);
    expect(rows).toEqual(numbered(5));
  });

  test('a source that throws where it was opened fails the run', async () => {
    const source = {
      schema: readings,
      // eslint-disable-next-line require-yield
      async *stream(): AsyncIterable<Flow> {
        throw new Error('never');
      },
    };
    await expect(testPipeline().from(source).to(scriptedSink({})).run()).rejects.toThrow('never');
  });

  test('a sink of one stream takes batches and commits what it passed', async () => {
    const taken: number[] = [];
    const log: { acknowledged?: Position[] } = {};
    const report = await testPipeline()
      .from(scriptedSource({ schema: readings, batches: chunks(numbered(30), 10), log }))
      .to({
        async consume(stream: AsyncIterable<Flow>) {
          for await (const flow of stream) if (!isCut(flow)) taken.push(flow.length);
        },
      })
      .run();
    expect(taken).toEqual([10, 10, 10]);
    expect(log.acknowledged?.at(-1)).toBe(3);
    expectClosedLedger(report);
  });

  test('a sink that returns early fails the run', async () => {
    const running = testPipeline()
      .from(scriptedSource({ schema: readings, batches: chunks(numbered(30), 10) }))
      .to({
        async consume(stream: AsyncIterable<Flow>) {
          for await (const _ of stream) return;
        },
      })
      .run();
    await expect(running).rejects.toMatchObject({ code: 'ERR_CONNECTOR_PROTOCOL' });
  });

  test('a batch of another schema than promised is refused', async () => {
    const source = {
      schema: readings,
      async *stream(): AsyncIterable<Flow> {
        yield Batch.from([{ other: 1 }], readings.pick([]).with({ other: 'float64' }) as never);
      },
    };
    const running = testPipeline().from(source).to(scriptedSink({})).run();
    await expect(running).rejects.toMatchObject({ code: 'ERR_CONNECTOR_PROTOCOL' });
  });

  test('a read that ignores everything but its signal is woken by a stop', async () => {
    const waiting = Promise.withResolvers<void>();
    const source = {
      schema: readings,
      async *stream({ signal }: { signal: AbortSignal }): AsyncIterable<Flow> {
        waiting.resolve();
        await untilAborted(signal);
        yield positionCut(0);
      },
    };
    const run = await testPipeline().from(source).to(scriptedSink({})).start();
    await waiting.promise;
    expect((await run.stop()).status).toBe('stopped');
  });
});

describe('several readers', () => {
  test('of one flow see the same rows, although one writes in place', async () => {
    const doubled: Record<string, unknown>[] = [];
    const plain: Record<string, unknown>[] = [];
    const inPlace = stageOf(
      () => (batch) => {
        const column = batch.own('value') as { values: Float64Array };
        for (let at = 0; at < batch.length; at++) column.values[batch.rows[at]!]! *= 2;
        return batch.withColumns(
          batch.schema,
          batch.columns.map((old) => (old.kind === 'float64' ? (column as never) : old)),
        );
      },
      'double',
    );
    const builder = testPipeline();
    const flow = builder.from(
      scriptedSource({ schema: readings, batches: chunks(numbered(50), 10) }),
    );
    flow.to(scriptedSink({ rows: plain }), { id: 'plain' });
    flow.pipe(inPlace).to(scriptedSink({ rows: doubled }), { id: 'doubled' });
    const report = await builder.run();
    expect(plain).toEqual(numbered(50));
    expect(doubled).toEqual(numbered(50).map(({ value }) => reading(value * 2)));
    expectClosedLedger(report);
  });
});
