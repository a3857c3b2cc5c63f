import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { describe, expect, test } from 'vitest';

import {
  diffStageSnapshots,
  getChangeLog,
  MonitoredPipelineStage,
} from '../src/attributes/index.ts';
import { type Fields, Selection } from '../src/batch/index.ts';
import {
  isCut,
  type Sink,
  type Source,
  type Stage,
  type StageComponent,
} from '../src/core/index.ts';
import { memorySink, memorySource } from '../src/connectors/index.ts';
import { MonitoredPipelineRunner, printPipelineReport, ValidationError } from '../src/index.ts';
import { mapAsync, threshold } from '../src/stages/index.ts';
import { virtualOutside } from '../src/testing/outside.ts';
import {
  numbered,
  type Reading,
  readings,
  scriptedSink,
  scriptedSource,
  stageOf,
  testPipeline,
} from './engine/ends.ts';

type Shape = (typeof readings)['shape'];

/** Four batches of 5 rows: values from 0 to 19. */
const source = () =>
  scriptedSource({
    schema: readings,
    batches: Array.from({ length: 4 }, (_, at) => numbered(5, 5 * at)),
  });
const atLeast = (min: number) => threshold({ field: 'value', min });
/** Written by hand: gives on what it is given, but for a batch that begins with a value. */
const handWritten = (refused = -1): Stage => ({
  async *transform(stream) {
    for await (const flow of stream) {
      if (!isCut(flow) && flow.toRows()[0]?.['value'] === refused) throw new RangeError('too much');
      yield flow;
    }
  },
});
/** Changes of all attributes that a stage is monitored by. */
const changesOf = (stage: MonitoredPipelineStage) =>
  (['recordsProcessed', 'meanLatencyMs', 'errorCount'] as const)
    .map((name) => getChangeLog(stage, name).changes)
    .reduce((sum, changes) => sum + changes);
/** Of each batch the first row fails. */
const failing = () =>
  stageOf((report) => (batch) => {
    report.failed(batch, batch.rows[0]!, 'test.first');
    return batch.select(new Selection(batch.rows.slice(1), batch.length - 1));
  });

describe('a monitored stage', () => {
  test('has the figures of the run, set once for each batch', async () => {
    const limit = new MonitoredPipelineStage('limit', atLeast(5));
    const rest = new MonitoredPipelineStage('rest', atLeast(12));
    expect([limit.recordsProcessed, limit.meanLatencyMs, limit.errorCount]).toEqual([0, null, 0]);
    const outside = virtualOutside();
    await outside.clock.sleep(1000);
    const run = await testPipeline({}, [], outside)
      .from(source())
      .pipe(limit, rest)
      .to(scriptedSink({}))
      .start();
    const { components } = await run.done;
    const [mine, next] = components.filter(({ kind }) => kind === 'stage');
    expect(mine).toMatchObject({ id: 'limit', in: 20 });
    expect(next).toMatchObject({ id: 'rest', in: 15 });
    expect(limit.recordsProcessed).toBe(20);
    expect(limit.meanLatencyMs).toBe(mine!.work.meanMs);
    const { entries, changes } = getChangeLog(limit, 'recordsProcessed');
    expect(entries.map(({ from, to }) => [from, to])).toEqual([
      [0, 5],
      [5, 10],
      [10, 15],
      [15, 20],
    ]);
    expect(entries[0]).toMatchObject({ at: outside.clock.now(), by: 'engine' });
    expect(changes).toBe(4);
    // In virtual time the work takes none: the mean is set once, and is then what it was.
    expect(getChangeLog(limit, 'meanLatencyMs').changes).toBe(1);
    expect(getChangeLog(limit, 'errorCount')).toMatchObject({ changes: 0, entries: [] });
    expect(changesOf(limit)).toBe(5);
    expect(diffStageSnapshots(limit, rest, 'recordsProcessed')).toEqual({
      stageA: 20,
      stageB: 15,
      delta: -5,
    });
    expect(
      diffStageSnapshots(limit, new MonitoredPipelineStage('x', atLeast(1)), 'meanLatencyMs'),
    ).toEqual({ stageA: 0, stageB: null, delta: null });
  });

  test('counts rows that fail, and what it throws', async () => {
    const lossy = new MonitoredPipelineStage('lossy', failing());
    await testPipeline().from(source()).pipe(lossy).to(scriptedSink({})).run();
    expect(getChangeLog(lossy, 'errorCount').entries.map(({ to }) => to)).toEqual([1, 2, 3, 4]);

    const broken = new MonitoredPipelineStage('broken', atLeast(0));
    expect(broken.errorCount).toBe(0);
    const thrown = new MonitoredPipelineStage(
      'thrown',
      stageOf(() => () => {
        throw new RangeError('too much');
      }),
    );
    const run = testPipeline().from(source()).pipe(broken, thrown).to(scriptedSink({})).run();
    await expect(run).rejects.toThrow('ERR_STAGE_FAILED [thrown]');
    expect([broken.errorCount, thrown.errorCount]).toEqual([0, 1]);
    expect([broken.recordsProcessed, thrown.recordsProcessed]).toEqual([5, 5]);
  });

  test('may be in general form, written by hand', async () => {
    const own = new MonitoredPipelineStage('own', handWritten());
    const rows: Record<string, unknown>[] = [];
    const report = await testPipeline().from(source()).pipe(own).to(scriptedSink({ rows })).run();
    expect(report.components.map(({ id }) => id)).toContain('own');
    expect(rows).toHaveLength(20);
    expect(getChangeLog(own, 'recordsProcessed').entries.map(({ to }) => to)).toEqual([
      5, 10, 15, 20,
    ]);

    const outside = virtualOutside();
    const sleeping: Stage = {
      async *transform(stream) {
        for await (const flow of stream) {
          if (!isCut(flow)) await outside.clock.sleep(flow.length);
          yield flow;
        }
      },
    };
    const slow = new MonitoredPipelineStage('slow', sleeping);
    await testPipeline({}, [], outside).from(source()).pipe(slow).to(scriptedSink({})).run();
    expect(getChangeLog(slow, 'meanLatencyMs').entries.map(({ to }) => to)).toEqual([5]);

    const broken = new MonitoredPipelineStage('own', handWritten(10));
    const run = testPipeline().from(source()).pipe(broken).to(scriptedSink({})).run();
    await expect(run).rejects.toThrow('RangeError');
    expect([broken.recordsProcessed, broken.errorCount]).toEqual([15, 1]);
  });

  test('has one mean latency: work for a batch of its input, set once for each', async () => {
    const outside = virtualOutside();
    const { clock } = outside;
    const map = async (row: Reading) => {
      await clock.sleep(10);
      return row;
    };
    const eachRow = mapAsync<Shape, Shape>({ map, concurrency: 1 }) as StageComponent<never>;
    // Two pieces of a batch, and then more on what the last one left.
    const inPieces = (): Stage => ({
      async *transform(stream) {
        for await (const flow of stream) {
          if (isCut(flow)) yield flow;
          else {
            await clock.sleep(3);
            yield flow.select(new Selection(flow.rows.slice(0, 2), 2));
            await clock.sleep(5);
            yield flow.select(new Selection(flow.rows.slice(2, 5), 3));
            flow.release();
          }
        }
        await clock.sleep(4);
      },
    });
    const calls = new MonitoredPipelineStage('calls', eachRow);
    const pieces = new MonitoredPipelineStage('pieces', inPieces());
    const meansOf = async (stages: ConstructorParameters<typeof MonitoredPipelineRunner>[1]) => {
      const runner = new MonitoredPipelineRunner(source(), stages, scriptedSink({}), { outside });
      return (await runner.run()).stages.map(({ meanLatencyMs }) => meanLatencyMs);
    };
    // Of the last batch 4 more.
    expect(await meansOf([calls, pieces])).toEqual([50, expect.closeTo(9)]);
    expect(await meansOf([eachRow, inPieces()])).toEqual([50, expect.closeTo(9)]);
    expect([calls.meanLatencyMs, pieces.meanLatencyMs]).toEqual([50, expect.closeTo(9)]);
    const means = getChangeLog(pieces, 'meanLatencyMs').entries.map(({ to }) => to);
    expect(means).toEqual([expect.closeTo(8), expect.closeTo(9)]);
    const records = getChangeLog(pieces, 'recordsProcessed').entries.map(({ to }) => to);
    expect(records).toEqual([5, 10, 15, 20]);
  });

  test('shows its last batch when a cut has passed, and not only at the end', async () => {
    const outside = virtualOutside();
    const own = new MonitoredPipelineStage('own', handWritten());
    const seen: number[] = [];
    const slow = scriptedSource({
      schema: readings,
      batches: [numbered(5), numbered(5, 5)],
      before: async (read) => {
        if (read === 1) await outside.clock.sleep(60_000);
      },
    });
    const run = await testPipeline({}, [], outside)
      .from(slow)
      .pipe(own)
      .to(scriptedSink({}))
      .start();
    void outside.clock.sleep(2500).then(() => seen.push(own.recordsProcessed));
    await run.done;
    expect(seen).toEqual([5]);
  });

  test('begins anew with each run, and keeps its history', async () => {
    const limit = new MonitoredPipelineStage('limit', atLeast(5));
    const runOnce = () => testPipeline().from(source()).pipe(limit).to(scriptedSink({})).run();
    await runOnce();
    await runOnce();
    expect(getChangeLog(limit, 'recordsProcessed').entries.map(({ to }) => to)).toEqual([
      5, 10, 15, 20, 5, 10, 15, 20,
    ]);
  });

  test('that refuses its figures fails no run', async () => {
    class Refusing extends MonitoredPipelineStage {
      override takeFigures(): void {
        throw new Error('not these');
      }
    }
    const limit = new Refusing('limit', atLeast(5) as StageComponent);
    const report = await testPipeline()
      .from(source())
      .pipe(limit as unknown as StageComponent<Fields>)
      .to(scriptedSink({}))
      .run();
    expect(report.recordsOut).toBe(15);
  });

  test('that cannot keep its figures is told of, once', async () => {
    const odd = Object.defineProperty(
      new MonitoredPipelineStage('odd', handWritten()),
      'errorCount',
      {
        set: () => {
          throw new Error('not this');
        },
      },
    );
    const later = Object.defineProperty(
      new MonitoredPipelineStage('later', handWritten()),
      'takeFigures',
      { value: () => Promise.reject(new Error('not now')) },
    );
    const frozen = Object.freeze(new MonitoredPipelineStage('frozen', atLeast(0)));
    const chain = testPipeline().from(source()).pipe(frozen, odd, later).to(scriptedSink({}));
    const run = await chain.start();
    const told: unknown[] = [];
    run.listen(({ name, fields }) => {
      if (name === 'figures.failed') told.push([fields['id'], String(fields['error'])]);
    });
    expect(await run.done).toMatchObject({ status: 'done', recordsOut: 20 });
    expect(told).toEqual([
      ['frozen', expect.stringContaining('is sealed or frozen')],
      ['odd', expect.stringContaining('not this')],
      ['later', expect.stringContaining('not now')],
    ]);
  });

  test('is in one run at a time', async () => {
    const limit = new MonitoredPipelineStage('limit', atLeast(5));
    const outside = virtualOutside();
    const build = () =>
      testPipeline({}, [], outside).from(source()).pipe(limit).to(scriptedSink({})).build();
    const [first, second] = await Promise.all([build(), build()]);
    const running = first.run();
    expect(() => second.start()).toThrow(/ERR_RUN_ACTIVE.*`limit` is monitored in another run/);
    await running;
    await second.run();
    expect(getChangeLog(limit, 'recordsProcessed').changes).toBe(8);
  });

  test('is a stage with a name, monitored once', () => {
    const make = (name: unknown, stage: unknown) => () =>
      new MonitoredPipelineStage(name as string, stage as Stage);
    expect(make('', atLeast(1))).toThrow('has no name');
    expect(make('limit', undefined)).toThrow('what is no stage');
    expect(make('limit', { process: () => 1 })).toThrow('what is no stage');
    expect(make('limit', memorySink())).toThrow('what is no stage');
    const limit = new MonitoredPipelineStage('limit', atLeast(1));
    expect(make('twice', limit)).toThrow('monitored already');
  });

  test('stands in a pipeline once', async () => {
    const limit = new MonitoredPipelineStage('limit', atLeast(1));
    const chain = testPipeline().from(source()).pipe(limit, limit).to(scriptedSink({}));
    await expect(chain.plan()).rejects.toThrow(/`limit-2`.*stands here twice/);
  });
});

/** What collects garbage, which tests are not started with. */
function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

describe('a monitored runner', () => {
  const runnerOf = (min = 5) => {
    const limit = new MonitoredPipelineStage('limit', atLeast(min));
    const plain = atLeast(12);
    const outside = virtualOutside();
    const rows: Record<string, unknown>[] = [];
    const sink = scriptedSink({ rows });
    const options = { name: 'boiler', outside };
    const runner = new MonitoredPipelineRunner(source(), [limit, plain], sink, options);
    return { runner, limit, rows };
  };

  test('says what a run took', async () => {
    const { runner, limit, rows } = runnerOf();
    expect(runner.last).toBeUndefined();
    const result = await runner.run();
    expect(result).toMatchObject({ status: 'done', records: 20, elapsedMs: 0, changeEvents: 5 });
    expect(result.changeEvents).toBe(changesOf(limit));
    expect(result.peakMemoryBytes).toBeGreaterThan(1e6);
    expect(result.stages).toEqual([
      { name: 'limit', records: 20, meanLatencyMs: 0, errors: 0, changeEvents: 5 },
      { name: 'threshold', records: 15, meanLatencyMs: 0, errors: 0, changeEvents: null },
    ]);
    expect(rows).toHaveLength(8);
    expect(runner.last).toBe(result);
    // The changes of the next run alone.
    expect((await runner.run()).changeEvents).toBe(4);
  });

  test('counts changes that others make of audited attributes', async () => {
    const { runner, limit } = runnerOf();
    limit.errorCount = 7;
    const running = runner.run();
    limit.errorCount = 8;
    const { changeEvents } = await running;
    // 7 was before the run, 8 in it; then the engine sets what it counted: 0.
    expect(changeEvents).toBe(7);
    expect(changesOf(limit)).toBe(8);
  });

  test('sees a peak of buffers that is over at the end', async () => {
    const peaks = memorySource({ schema: readings, rows: numbered(20) });
    const held: Uint8Array[] = [];
    const stage = stageOf(() => (batch) => {
      held.push(new Uint8Array(64e6));
      return batch;
    });
    const collect = collector();
    const answer = () => {
      held.length = 0;
      collect();
    };
    const sink = scriptedSink({ answer });
    const { peakMemoryBytes } = await new MonitoredPipelineRunner(peaks, [stage], sink).run();
    expect(peakMemoryBytes).toBeGreaterThan(64e6);
  });

  test('checks what it is given at once, and fields when it runs', async () => {
    const make = () =>
      new MonitoredPipelineRunner(
        { read: () => 1 } as unknown as Source,
        [{ process: () => 1 } as unknown as Stage],
        { write: () => 1 } as unknown as Sink,
      );
    expect(make).toThrow(TypeError);
    expect(make).toThrow(/3 problems/);
    const wrong = threshold({ field: 'level', min: 1 }) as StageComponent;
    const runner = new MonitoredPipelineRunner(source(), [wrong], scriptedSink({}));
    await expect(runner.run()).rejects.toThrow(ValidationError);
    expect(runner.last).toBeUndefined();
  });

  test('of a run that failed says what it did by then', async () => {
    const thrown = new MonitoredPipelineStage('own', handWritten(10));
    const runner = new MonitoredPipelineRunner(source(), [thrown], scriptedSink({}));
    await expect(runner.run()).rejects.toThrow('RangeError');
    const { status, stages } = runner.last!;
    expect(status).toBe('failed');
    expect(stages).toMatchObject([{ name: 'own', records: 15, errors: 1 }]);
  });

  test('runs once at a time', async () => {
    const { runner } = runnerOf();
    const first = runner.run();
    await expect(runner.run()).rejects.toThrow('ERR_RUN_ACTIVE');
    await expect(first).resolves.toMatchObject({ status: 'done' });
  });

  test('shows names of stages as they were given, on one line', async () => {
    const names = ['Glättung', 'lim\nit'];
    const stages = names.map((name) => new MonitoredPipelineStage(name, atLeast(0)));
    const runner = new MonitoredPipelineRunner(source(), stages, scriptedSink({}));
    expect((await runner.run()).stages.map(({ name }) => name)).toEqual(names);
    let text = '';
    printPipelineReport(runner, { write: (part) => (text += part) });
    expect(text).toContain('\n  Glättung ');
    expect(text).toContain('\n  lim\\u000ait ');
  });

  test('is what a report is printed of', () => {
    const print = () => printPipelineReport({} as MonitoredPipelineRunner);
    expect(print).toThrow('ERR_CONFIG_INVALID [printPipelineReport] was given no runner');
  });

  test('prints its report', async () => {
    const { runner } = runnerOf();
    let text = '';
    const write = (part: string) => (text += part);
    printPipelineReport(runner, { write });
    expect(text).toBe('Pipeline report: boiler, not run yet\n');
    text = '';
    await runner.run();
    printPipelineReport(runner, { write });
    expect(text.replace(/[\d.]+ MB/, '… MB')).toBe(`Pipeline report: boiler, done
  stage      records  mean ms  errors  change events
  limit           20    0.000       0              5
  threshold       15    0.000       0  not monitored
records        20
time           0.0 ms
peak memory    … MB
change events  5
`);
  });
});
