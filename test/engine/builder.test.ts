import { describe, expect, test } from 'vitest';

import type { Fields, RecordOf } from '../../src/batch/index.ts';
import { isCut, positionCut, type Stage, type StageComponent } from '../../src/core/index.ts';
import { defaultSettings, type Problem, ValidationError } from '../../src/engine/index.ts';
import { merge } from '../../src/stages/merge.ts';
import { branch } from '../../src/stages/branch.ts';
import { derive, float64 } from '../../src/stages/derive.ts';
import { filter } from '../../src/stages/filter.ts';
import { movingAverage } from '../../src/stages/moving-average.ts';
import { threshold } from '../../src/stages/threshold.ts';
import { numbered, readings, scriptedSink, scriptedSource, testPipeline } from './ends.ts';

const source = () => scriptedSource({ schema: readings, batches: [numbered(100)] });

describe('the builder', () => {
  test('takes one chain from source to sink', async () => {
    const rows: Record<string, unknown>[] = [];
    await testPipeline()
      .from(source())
      .pipe(
        threshold({ field: 'value', min: 10, max: 19 }),
        derive({ half: float64((row) => row.value / 2) }),
        movingAverage({ field: 'half', window: 2, by: 'sensorId', into: 'avg' }),
        filter((row) => row.avg > 5 && row.sensorId === 'a'),
      )
      .to(scriptedSink({ rows }))
      .run();
    expect(rows.map((row) => [row['value'], row['half'], row['avg']])).toEqual(
      Array.from({ length: 9 }, (_, at) => [11 + at, (11 + at) / 2, (10.5 + at) / 2]),
    );
  });

  test('takes hand-written stages among described ones', async () => {
    const rows: Record<string, unknown>[] = [];
    const order: string[] = [];
    const passing = (name: string): Stage<(typeof readings)['shape']> => ({
      async *transform(stream) {
        for await (const flow of stream) {
          if (!isCut(flow)) order.push(name);
          yield flow;
        }
      },
    });
    await testPipeline()
      .from(source())
      .pipe(passing('first'), threshold({ field: 'value', max: 1 }), passing('second'))
      .to(scriptedSink({ rows }))
      .run();
    expect(rows.map((row) => row['value'])).toEqual([0, 1]);
    expect(order).toEqual(['first', 'second']);
  });

  test('makes the same graph of branches, merges and several sinks', async () => {
    const hot: Record<string, unknown>[] = [];
    const all: Record<string, unknown>[] = [];
    const builder = testPipeline();
    const left = builder.from(source(), { id: 'left' });
    const right = builder.from(source(), { id: 'right' });
    const both = builder.combine([left, right], merge());
    both.to(scriptedSink({ rows: all }), { id: 'all' });
    const routed = both.pipe(branch({ routes: { hot: (row) => row.value >= 90 } }));
    routed.output('hot').to(scriptedSink({ rows: hot }), { id: 'hot' });
    const report = await builder.run();
    expect(all).toHaveLength(200);
    expect(hot).toHaveLength(20);
    expect(report.components.find(({ id }) => id === 'branch')).toMatchObject({
      droppedBy: { unrouted: 180 },
    });
  });

  test('describes before it runs, and reports every problem before anything is opened', async () => {
    let opened = false;
    const builder = testPipeline();
    builder
      .from(source())
      .pipe(threshold({ field: 'value' }))
      .to(scriptedSink({ open: () => Promise.resolve(void (opened = true)) }));
    const error = await builder.run().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ValidationError);
    expect((error as ValidationError).problems[0]).toMatchObject({
      kind: 'invalid-option',
      path: ['stages', 0],
    });
    expect(opened).toBe(false);
  });

  test('gives a stage a name of its own', async () => {
    const builder = testPipeline();
    builder
      .from(source())
      .through(threshold({ field: 'value', max: 3 }), { id: 'low' })
      .pipe(threshold({ field: 'value', max: 2 }), threshold({ field: 'value', max: 1 }))
      .to(scriptedSink({}));
    const report = await builder.run();
    expect(report.components.map(({ id }) => id)).toEqual([
      'scripted',
      'low',
      'threshold',
      'threshold-2',
      'scripted-2',
    ]);
  });
});

/** Never called: compiled only. */
export function refusedByTheCompiler(): void {
  const flow = testPipeline().from(source());
  flow.pipe(threshold({ field: 'value', min: 1 }));
  // @ts-expect-error no such field; the message names the one that was meant
  flow.pipe(threshold({ field: 'vlaue', min: 1 }));
  // @ts-expect-error not a number field
  flow.pipe(threshold({ field: 'sensorId', min: 1 }));
  // @ts-expect-error no such field in a row
  flow.pipe(filter((row) => row.vlaue > 1));
  const averaged = flow.pipe(movingAverage({ field: 'value', window: 5, into: 'avg' }));
  // @ts-expect-error a later stage sees only what earlier ones left
  averaged.pipe(filter((row) => row.average > 1));
  // @ts-expect-error a sink is no stage
  flow.pipe(scriptedSink({}));
  // @ts-expect-error a stage is no source
  testPipeline().from(threshold({ field: 'value', min: 1 }));
  // @ts-expect-error a source of one's own says its schema
  testPipeline().from({
    stream: async function* () {
      yield positionCut(0);
    },
  });
  type Averaged = RecordOf<(typeof averaged)['fields']>;
  const row: Averaged = { sensorId: 'a', value: 1, avg: 2 };
  const stage: StageComponent<Fields, Fields> = threshold({ field: 'value', min: 1 });
  void [row, stage];
}

describe('what code gives is checked as a config is', () => {
  const problemsOf = async (settings: object): Promise<readonly Problem[]> => {
    const builder = testPipeline(settings);
    builder.from(source()).to(scriptedSink({}));
    const error = await builder.plan().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ValidationError);
    return (error as ValidationError).problems;
  };

  test.each([
    [{ batch: { rowsMax: 0 } }, 'batch.rowsMax'],
    [{ checkpoint: { everyMs: NaN } }, 'checkpoint.everyMs'],
    [{ onRowError: 'explode' }, 'onRowError'],
    [{ delivery: 'at-least-once' }, 'delivery'],
    [{ onRowErr: 'drop' }, 'onRowErr'],
    [{ health: { queueDepthMax: 0 } }, 'health.queueDepthMax'],
    [{ health: { stallMs: 1 } }, 'health.stallMs'],
  ])('settings: %j', async (settings, path) => {
    const problems = await problemsOf(settings);
    expect(problems.map((problem) => problem.path.join('.'))).toEqual([path]);
  });

  test('a setting that there is not is told which is meant', async () => {
    expect(await problemsOf({ lanes: 1, cueue: {} })).toMatchObject([
      { text: '`pipeline` has no option `cueue`, did you mean `queue`?' },
    ]);
  });

  test('settings that are given leave the others as they are', async () => {
    const builder = testPipeline({ batch: { rowsMax: 10 }, closeMsMax: 7 });
    builder.from(source()).to(scriptedSink({}));
    const { settings } = await builder.plan();
    const batch = { ...defaultSettings.batch, rowsMax: 10 };
    expect(settings).toEqual({ ...defaultSettings, batch, closeMsMax: 7 });
  });

  test('limits of a run', async () => {
    const builder = testPipeline();
    builder.from(source()).to(scriptedSink({}));
    await expect(builder.start({ recordsMax: NaN })).rejects.toThrow('recordsMax');
    await expect(builder.start({ durationMsMax: -1 })).rejects.toThrow('durationMsMax');
  });

  test('flows of another pipeline', () => {
    const [builder, other] = [testPipeline(), testPipeline()];
    const flows = [builder.from(source()), other.from(source())];
    expect(() => builder.combine(flows, merge())).toThrow('a flow of another pipeline');
  });
});
