import { describe, expect, test } from 'vitest';

import { Batch } from '../../src/batch/index.ts';
import {
  type Flow,
  isCut,
  type Position,
  positionCut,
  type SinkComponent,
  type Stage,
  type StageInstance,
} from '../../src/core/index.ts';
import {
  memoryCheckpoints,
  type RunOptions,
  TypedPipelineBuilder,
  type SettingsInput,
} from '../../src/engine/index.ts';
import type { RunReport } from '../../src/observe/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import {
  expectClosedLedger,
  numbered,
  reading,
  readings,
  type ScriptedSink,
  scriptedSink,
  type ScriptedSource,
  scriptedSource,
  stageOf,
  testPipeline,
} from './ends.ts';

const batches = (count: number) => Array.from({ length: count }, (_, at) => numbered(10, at * 10));

/** Runs 3 batches of 10 rows through one stage. */
function runWith(
  stage: StageInstance | (() => StageInstance),
  options: RunOptions = {},
): Promise<RunReport> {
  const create = typeof stage === 'function' && stage.length === 0 ? stage : () => stage;
  return testPipeline()
    .from(scriptedSource({ schema: readings, batches: batches(3) }))
    .pipe(stageOf(create as () => StageInstance))
    .to(scriptedSink({}))
    .run(options);
}

const other = readings.pick([]).with({ other: 'float64' });

/** A stage in general form. */
const general = (transform: (stream: AsyncIterable<Flow>) => AsyncIterable<Flow>): Stage => ({
  transform,
});

describe('a stage that breaks a promise fails the run, which names it', () => {
  const broken: Record<string, [stage: unknown, fact: RegExp]> = {
    'by giving nothing': [(_batch: Batch) => undefined, /gave undefined where a batch was due/],
    'by giving batches by name where it has one output': [
      (batch: Batch) => ({ hot: batch }),
      /gave object where a batch was due/,
    ],
    'by giving another schema': [
      (_batch: Batch) => Batch.from([{ other: 1 }], other as never),
      /gave a batch of .* after promising/,
    ],
    'by keeping cuts back': [
      general(async function* (stream) {
        for await (const flow of stream) if (!isCut(flow)) yield flow;
      }),
      /kept back cut 1/,
    ],
    'by ending before its input': [
      general(async function* (stream) {
        for await (const flow of stream) {
          yield flow;
          return;
        }
      }),
      /ended before its input did/,
    ],
    'by passing a cut twice': [
      general(async function* (stream) {
        for await (const flow of stream) {
          yield flow;
          if (isCut(flow)) yield flow;
        }
      }),
      /a cut that was not the next/,
    ],
    'by yielding no batch': [
      general(async function* (_stream) {
        yield 7 as never;
      }),
      /gave number where a batch was due/,
    ],
  };
  test.each(Object.entries(broken))('%s', async (_, [stage, fact]) => {
    await expect(runWith(stage as StageInstance)).rejects.toMatchObject({
      code: 'ERR_CONNECTOR_PROTOCOL',
      place: 'probe',
      fact: expect.stringMatching(fact) as string,
    });
  });
});

describe('an error says whose it is, during what, and keeps its cause', () => {
  const boom = new Error('boom');
  const failing = () => Promise.reject(boom);
  const ends = (source: Partial<ScriptedSource<typeof readings.shape>>, sink: ScriptedSink) =>
    testPipeline()
      .from(scriptedSource({ schema: readings, batches: batches(3), ...source }))
      .to(scriptedSink(sink))
      .run();

  test('in `create`', async () => {
    const running = runWith(() => {
      throw boom;
    });
    await expect(running).rejects.toMatchObject({
      code: 'ERR_STAGE_FAILED',
      place: 'probe',
      cause: boom,
    });
  });

  test('in `snapshot`', async () => {
    const stage: StageInstance = {
      process: (batch) => batch,
      snapshot: () => {
        throw boom;
      },
      restore: () => {},
    };
    await expect(runWith(stage, { store: memoryCheckpoints() })).rejects.toMatchObject({
      code: 'ERR_STAGE_FAILED',
      place: 'probe',
      fact: 'could not snapshot its state: boom',
      cause: boom,
    });
  });

  test.each([
    ['read', () => ends({ before: failing }, {}), 'scripted'],
    ['open', () => ends({}, { open: failing }), 'scripted-2'],
    ['write', () => ends({}, { answer: failing }), 'scripted-2'],
    ['commit', () => ends({}, { commit: failing }), 'scripted-2'],
    ['close', () => ends({}, { close: failing }), 'scripted-2'],
  ])('in `%s`', async (what, run, place) => {
    await expect(run()).rejects.toMatchObject({
      code: 'ERR_CONNECTOR_FAILED',
      place,
      fact: `could not ${what}: boom`,
      cause: boom,
    });
  });

  test('and one while closing never hides the first', async () => {
    const running = ends({}, { answer: () => Promise.reject(new Error('first')), close: failing });
    await expect(running).rejects.toThrow('could not write: first');
  });
});

describe('a run that is stopped', () => {
  test('while a sink opens and never ends it, is over all the same', async () => {
    const opening = Promise.withResolvers<void>();
    const log = { closed: 0 };
    const run = await testPipeline()
      .from(scriptedSource({ schema: readings, batches: batches(3) }))
      .to(
        scriptedSink({
          log,
          open: () => {
            opening.resolve();
            return new Promise<void>(() => {});
          },
        }),
      )
      .start();
    await opening.promise;
    await Promise.all([
      run.abort(),
      expect(run.done).rejects.toMatchObject({ code: 'ERR_RUN_ABORTED' }),
    ]);
    expect(log.closed).toBe(1);
  });

  test('while a source opens, gives that up and keeps the position it had', async () => {
    const opening = Promise.withResolvers<void>();
    const store = memoryCheckpoints();
    await store.save({ cut: 1, positions: { scripted: 2 }, state: {} });
    const source = scriptedSource({
      schema: readings,
      batches: batches(3),
      open: (signal) => {
        opening.resolve();
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        });
      },
    });
    const run = await testPipeline().from(source).to(scriptedSink({})).start({ store });
    await opening.promise;
    const report = await run.stop();
    expect(report).toMatchObject({ status: 'stopped', recordsIn: 0 });
    expect(await store.load()).toMatchObject({ positions: { scripted: 2 } });
  });

  test('twice, is stopped once', async () => {
    const run = await testPipeline()
      .from(scriptedSource({ schema: readings, batches: batches(3), endless: true }))
      .to(scriptedSink({}))
      .start();
    const [first, second] = await Promise.all([run.stop(), run.stop()]);
    expect(second).toBe(first);
    expect((await run.stop()).status).toBe('stopped');
  });

  test('at once while a sink commits, acknowledges nothing', async () => {
    const log: { acknowledged?: Position[] } = {};
    const committing = Promise.withResolvers<void>();
    const going = Promise.withResolvers<void>();
    const run = await testPipeline({ checkpoint: { rowsMax: 10 } })
      .from(scriptedSource({ schema: readings, batches: batches(3), endless: true, log }))
      .to(
        scriptedSink({
          commit: () => {
            committing.resolve();
            return going.promise;
          },
        }),
      )
      .start();
    await committing.promise;
    const over = run.abort();
    going.resolve();
    await Promise.all([over, expect(run.done).rejects.toMatchObject({ code: 'ERR_RUN_ABORTED' })]);
    expect(log.acknowledged ?? []).toEqual([]);
  });

  test('during "not now", drains once the sink takes it, or fails at its deadline', async () => {
    const outside = virtualOutside();
    const start = async (takesAt: number) => {
      const held = Promise.withResolvers<void>();
      const run = await testPipeline({ drainMsMax: 5000 }, [], outside)
        .from(scriptedSource({ schema: readings, batches: batches(1), endless: true }))
        .to(
          scriptedSink({
            answer: (_, write) => {
              held.resolve();
              return write < takesAt
                ? { notNow: { retryAfterMs: 1000, message: 'full' } }
                : undefined;
            },
          }),
        )
        .start();
      await held.promise;
      return run;
    };
    const patient = await start(3);
    const report = await patient.stop();
    expect(report).toMatchObject({ status: 'stopped', recordsOut: 10, deadLetters: 0 });
    const stuck = await start(Infinity);
    await expect(stuck.stop()).rejects.toMatchObject({ code: 'ERR_RUN_DEADLINE' });
    expect(stuck.stats().degraded).toEqual({ 'scripted-2': 'full' });
  });
});

describe('what fails while others wait', () => {
  test('a sink, while a source is blocked', async () => {
    const log = { closed: 0 };
    const outside = virtualOutside();
    const builder = testPipeline({ queue: { rowsMax: 10 } }, [], outside);
    const flow = builder.from(
      scriptedSource({ schema: readings, batches: batches(50), log, endless: true }),
    );
    flow.to(scriptedSink({ answer: () => new Promise<never>(() => {}) }), { id: 'stuck' });
    flow.to(
      scriptedSink({
        answer: async () => {
          await outside.clock.sleep(100);
          throw new Error('gone');
        },
      }),
      { id: 'broken' },
    );
    await expect(builder.run()).rejects.toMatchObject({ place: 'broken' });
    expect(log.closed).toBe(1);
  });

  test('a source, while a merge waits for it', async () => {
    const { merge } = await import('../../src/stages/merge.ts');
    const builder = testPipeline();
    const good = builder.from(
      scriptedSource({ schema: readings, batches: batches(5), endless: true }),
      { id: 'good' },
    );
    const bad = builder.from(
      scriptedSource({
        schema: readings,
        batches: batches(5),
        before: (read) => (read === 2 ? Promise.reject(new Error('gone')) : Promise.resolve()),
      }),
      { id: 'bad' },
    );
    builder.combine([good, bad], merge() as never).to(scriptedSink({}));
    await expect(builder.run()).rejects.toMatchObject({ place: 'bad' });
  });
});

describe('rows and positions', () => {
  test('a row that a sink refuses twice in one answer is one dead letter', async () => {
    const dead: Record<string, unknown>[] = [];
    const refusal = { row: 3, reason: 'no', message: 'not this' };
    const report = await testPipeline({}, dead)
      .from(scriptedSource({ schema: readings, batches: batches(1) }))
      .to(scriptedSink({ answer: () => ({ failed: [refusal, refusal] }) }))
      .run();
    expect(dead).toHaveLength(1);
    expectClosedLedger(report);
  });

  test('a sink cannot refuse a row that it was not offered', async () => {
    const running = testPipeline()
      .from(scriptedSource({ schema: readings, batches: batches(1) }))
      .to(scriptedSink({ answer: () => ({ failed: [{ row: 10, reason: 'no', message: '' }] }) }))
      .run();
    await expect(running).rejects.toMatchObject({ code: 'ERR_CONNECTOR_PROTOCOL' });
  });

  test('a stage may give its input for several outputs', async () => {
    const rows: Record<string, unknown>[][] = [[], []];
    const builder = testPipeline();
    const split = builder.from(scriptedSource({ schema: readings, batches: batches(3) })).pipe(
      stageOf(
        (report) => (batch) => {
          report.absorbed(batch.length);
          report.created(2 * batch.length);
          return { a: batch, b: batch };
        },
        'tee',
        ['a', 'b'],
      ),
    );
    split.output('a').to(scriptedSink({ rows: rows[0]! }), { id: 'one' });
    split.output('b').to(scriptedSink({ rows: rows[1]! }), { id: 'two' });
    expectClosedLedger(await builder.run());
    expect(rows).toEqual([numbered(30), numbered(30)]);
  });

  test('a stage with several outputs cannot lose rows by a name that is none of them', async () => {
    const running = testPipeline()
      .from(scriptedSource({ schema: readings, batches: batches(3) }))
      .pipe(stageOf(() => (batch) => ({ hto: batch }), 'split', ['hot']))
      .output('hot')
      .to(scriptedSink({}))
      .run();
    await expect(running).rejects.toMatchObject({
      place: 'split',
      fact: 'gave hto for its outputs hot',
    });
  });

  test('a cut waits for the position behind what a hand-written source gave', async () => {
    const outside = virtualOutside();
    const { clock } = outside;
    const rows: Record<string, unknown>[] = [];
    const seen: [Position | undefined, number][] = [];
    const source = {
      schema: readings,
      async *stream({ signal }: { signal: AbortSignal }): AsyncIterable<Flow> {
        for (let at = 0; at < 20; at++) {
          yield Batch.from([reading(at)], readings);
          if (at > 0) await clock.sleep(300, { signal });
          yield positionCut(at + 1);
          await clock.sleep(100, { signal });
        }
      },
    };
    const commit = (cut: { positions: ReadonlyMap<string, Position> }) => {
      seen.push([cut.positions.get('source'), rows.length]);
      return Promise.resolve();
    };
    await testPipeline({ checkpoint: { everyMs: 130 } }, [], outside)
      .from(source)
      .to(scriptedSink({ rows, commit }))
      .run();
    expect(seen.length).toBeGreaterThan(15);
    expect(seen.filter(([position, taken]) => position !== taken)).toEqual([]);
  });

  test('a sink that stalls finds a bounded number of cuts when it goes on', async () => {
    const outside = virtualOutside();
    const log = { commits: [] as number[] };
    await testPipeline({ checkpoint: { everyMs: 10 } }, [], outside)
      .from(scriptedSource({ schema: readings, batches: batches(2), endless: true }))
      .to(
        scriptedSink({
          log,
          answer: (_, write) =>
            write === 0 ? { notNow: { retryAfterMs: 1e6, message: 'full' } } : undefined,
        }),
      )
      .run({ durationMsMax: 1e6 - 5 });
    expect(log.commits.length).toBeLessThanOrEqual(10);
    expect(log.commits).toEqual(log.commits.map((_, at) => at + 1));
  });
});

describe('a sink for dead letters', () => {
  const run = (deadLetters: ScriptedSink, settings: SettingsInput = {}) =>
    new TypedPipelineBuilder('test', settings, {
      outside: virtualOutside(),
      deadLetters: scriptedSink(deadLetters) as SinkComponent,
    })
      .from(scriptedSource({ schema: readings, batches: batches(2) }))
      .pipe(
        stageOf((report) => (batch) => {
          report.failed(batch, 0, 'bad');
          return batch;
        }),
      )
      .to(scriptedSink({}))
      .run();

  test('that refuses one fails the run: it would be lost', async () => {
    const refusing = { answer: () => ({ failed: [{ row: 0, reason: 'no', message: 'x' }] }) };
    await expect(run(refusing)).rejects.toMatchObject({
      code: 'ERR_CONNECTOR_FAILED',
      place: 'dead-letters',
      fact: 'the sink for dead letters refused one (no)',
    });
    // What it says may quote the letter, and with it the record.
    await expect(run(refusing, { logBodies: true })).rejects.toMatchObject({
      fact: 'the sink for dead letters refused one (no): x',
    });
  });

  test('that does not open fails the run and is closed', async () => {
    const log = { closed: 0 };
    const failing = run({ log, open: () => Promise.reject(new Error('no')) });
    await expect(failing).rejects.toMatchObject({ place: 'dead-letters' });
    expect(log.closed).toBe(1);
  });

  test('that throws fails the run', async () => {
    const failing = run({ answer: () => Promise.reject(new Error('gone')) });
    await expect(failing).rejects.toThrow('could not write: gone');
  });
});
