import { describe, expect, test } from 'vitest';

import type { EventTimeOptions } from '../../src/core/index.ts';
import { type Checkpoint, memoryCheckpoints, ValidationError } from '../../src/engine/index.ts';
import type { RunReport } from '../../src/observe/index.ts';
import { branch } from '../../src/stages/branch.ts';
import { filter } from '../../src/stages/filter.ts';
import { mapAsync } from '../../src/stages/map-async.ts';
import { merge } from '../../src/stages/merge.ts';
import { window } from '../../src/stages/window.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { expectClosedLedger, scriptedSink, testPipeline } from './ends.ts';
import {
  atTime,
  type Timed,
  type TimedBatch,
  timed,
  timedSource,
  type TimedSource,
} from './timed-source.ts';

const counted = window({
  time: 'at',
  every: '10ms',
  compute: { rows: 'count()', sum: 'sum(value)' },
});
const eventTime = { field: 'at', lateMs: 0 } as const;
const everyRow = { checkpoint: { everyMs: 3_600_000, rowsMax: 1 } };

interface Given {
  readonly start: number;
  readonly rows: number;
  readonly partial: boolean;
}

/** The windows that came out, as `[start, rows]`, and the report. */
async function windowsOf(
  source: TimedSource,
  options: EventTimeOptions<'at'> = eventTime,
  settings: object = everyRow,
): Promise<{ given: number[][]; report: RunReport; dead: Record<string, unknown>[] }> {
  const rows: Record<string, unknown>[] = [];
  const dead: Record<string, unknown>[] = [];
  const report = await testPipeline(settings, dead)
    .from(timedSource(source), { eventTime: options })
    .pipe(counted)
    .to(scriptedSink({ rows }))
    .run();
  expectClosedLedger(report);
  return {
    given: (rows as unknown as Given[]).map(({ start, rows: n }) => [start, n]),
    report,
    dead,
  };
}

const of = (partition: string, ...times: readonly number[]): TimedBatch => ({
  partition,
  rows: times.map((time) => atTime(time)),
});

describe('late rows', () => {
  test('are those behind the watermark of their own partition, wherever a batch or cut ends', async () => {
    const times = [0, 12, 9, 25, 11, 19, 31];
    for (const settings of [everyRow, {}]) {
      for (const batches of [[of('', ...times)], times.map((time) => of('', time))]) {
        const late = await windowsOf({ batches }, eventTime, settings);
        expect(late.given).toEqual([
          [0, 1],
          [10, 1],
          [20, 1],
          [30, 1],
        ]);
        expect(late.dead.map(({ reason }) => reason)).toEqual(['late', 'late', 'late']);
        const waited = await windowsOf({ batches }, { ...eventTime, lateMs: 5 }, settings);
        expect(waited.given).toEqual([
          [0, 2],
          [10, 1],
          [20, 1],
          [30, 1],
        ]);
      }
    }
  });

  test('are none where another partition is ahead', async () => {
    const batches = [of('a', 0, 55), of('b', 1, 12), of('a', 60), of('b', 30)];
    const partitions = (): string[] => ['a', 'b'];
    const { given, dead } = await windowsOf({ batches, partitions });
    expect(given).toEqual([
      [0, 2],
      [10, 1],
      [30, 1],
      [50, 1],
      [60, 1],
    ]);
    expect(dead).toEqual([]);
  });

  test('are the same however many batches the last partition was read in', async () => {
    const rest = [of('c', 20, 60)];
    for (const read of [[of('b', 30, 50)], [of('b', 30), of('b', 50)]]) {
      // It finds that it has done with `a` only when it reads `b`, and is through that at its last row.
      const reads = ['a', ...read.slice(1).map(() => 'b'), '', 'c'];
      const partitions = (given: number): string[] => [reads[given - 1]!].filter(Boolean);
      const batches = [of('a', 0, 10), ...read, ...rest];
      const { dead } = await windowsOf({ batches, partitions });
      expect(dead.map(({ reason }) => reason)).toEqual(['late']);
    }
  });

  test('are those before where the watermark was when their partition began', async () => {
    const { given, dead } = await windowsOf({ batches: [of('a', 0, 55), of('b', 12, 49, 51)] });
    expect(given).toEqual([
      [0, 1],
      [50, 2],
    ]);
    expect(dead.map(({ reason }) => reason)).toEqual(['late', 'late']);
  });
});

test('a row too far ahead of the clock is a dead letter, and moves no watermark', async () => {
  const now = virtualOutside().clock.now();
  const batches = [of('', now, now + 101, now + 100, now - 50)];
  const options = { field: 'at', lateMs: 150, futureMsMax: 100 } as const;
  const { given, dead, report } = await windowsOf({ batches }, options);
  expect(given.reduce((sum, [, rows]) => sum + rows!, 0)).toBe(3);
  expect(dead).toHaveLength(1);
  expect(dead[0]).toMatchObject({ reason: 'time.future', component: 'timed' });
  expect(dead[0]!['message']).toContain('more than `futureMsMax` 100 ms ahead of the clock');
  expect(report.components[0]).toMatchObject({ in: 4, out: 3, dead: 1 });
});

describe('a partition that gives nothing', () => {
  const batches = (afterMs: number): readonly TimedBatch[] => [
    of('a', 5),
    of('b', 5),
    ...[25, 45].map((time) => ({ ...of('b', time), afterMs })),
  ];
  /** What was given before the run was stopped. */
  const before = async (source: TimedSource, options: object = {}): Promise<unknown[]> => {
    const rows: Record<string, unknown>[] = [];
    const outside = virtualOutside();
    const pipeline = testPipeline({ checkpoint: { everyMs: 10, rowsMax: 100 } }, [], outside);
    const run = await pipeline
      .from(timedSource(source), { eventTime: { ...eventTime, idleAfterMs: 100, ...options } })
      .pipe(counted)
      .to(scriptedSink({ rows }))
      .start();
    await outside.clock.sleep(1000);
    const given = rows.map(({ start }) => start);
    await run.stop();
    return given;
  };

  test('holds windows up until it is idle, and then no more', async () => {
    expect(await before({ batches: batches(40), endless: true })).toEqual([0, 20]);
    expect(await before({ batches: batches(40), endless: true }, { idleAfterMs: 5000 })).toEqual(
      [],
    );
  });

  test('holds no more up once it was idle, though the source reads it all the time', async () => {
    const times = Array.from({ length: 32 }, (_, at) => 25 + 20 * at);
    const given = times.map((time) => ({ ...of('b', time), afterMs: 30 }));
    const partitions = (): string[] => ['a', 'b'];
    const source = { batches: [of('a', 5), of('b', 5), ...given], endless: true, partitions };
    // The last is still open.
    expect(await before(source)).toEqual([0, ...times.slice(0, -1).map((time) => time - 5)]);
  });

  test('holds nothing up where the source has done with it', async () => {
    const partitions = (given: number): string[] => (given === 1 ? ['a'] : ['b']);
    const source = { batches: batches(0), endless: true, partitions };
    expect(await before(source, { idleAfterMs: 5000 })).toEqual([0, 20]);
  });

  test('is not idle while the pipeline takes nothing', async () => {
    const rows: Record<string, unknown>[] = [];
    const dead: Record<string, unknown>[] = [];
    const outside = virtualOutside();
    const read = [of('a', 5), of('b', 5), of('b', 95), of('b', 96), of('a', 6), of('a', 97)];
    const stalls = async (): Promise<void> => outside.clock.sleep(500);
    await testPipeline({ ...everyRow, queue: { rowsMax: 1 } }, dead, outside)
      .from(timedSource({ batches: read }), { eventTime: { ...eventTime, idleAfterMs: 100 } })
      .pipe(mapAsync({ map: async (row) => (await stalls(), row) }), counted)
      .to(scriptedSink({ rows }))
      .run();
    expect(rows.map(({ start, rows: n }) => [start, n])).toEqual([
      [0, 3],
      [90, 3],
    ]);
    expect(dead).toEqual([]);
  });
});

test('windows are given although what comes to them was filtered away', async () => {
  const rows: Record<string, unknown>[] = [];
  const written: unknown[] = [];
  const batches = [0, 5, 11, 22, 33].map((time) => of('', time));
  await testPipeline(everyRow)
    .from(timedSource({ batches }), { eventTime })
    .pipe(filter({ where: ({ at }) => at < 10 }), counted)
    .to(
      scriptedSink({
        rows,
        commit: (cut) => {
          written.push([cut.id, rows.length]);
          return Promise.resolve();
        },
      }),
    )
    .run();
  expect(rows).toHaveLength(1);
  // At the cut behind the row that shows that the window is over.
  expect(written).toContainEqual([3, 1]);
});

test('a branch that is slower than the other makes no row late', async () => {
  const rows: Record<string, unknown>[] = [];
  const dead: Record<string, unknown>[] = [];
  const outside = virtualOutside();
  const builder = testPipeline({ checkpoint: { everyMs: 1000, rowsMax: 4 } }, dead, outside);
  const batches = Array.from({ length: 20 }, (_, at) => of('', at * 3, at * 3 + 1));
  const split = builder
    .from(timedSource({ batches }), { eventTime })
    .pipe(branch({ routes: { even: ({ at }) => at % 2 === 0 }, otherwise: 'odd' }));
  const wait = async (row: Timed): Promise<Timed> => {
    await outside.clock.sleep(20);
    return row;
  };
  const slow = split.output('even').pipe(mapAsync({ map: wait, schema: timed, concurrency: 1 }));
  await builder
    .combine([slow, split.output('odd')], merge())
    .pipe(counted)
    .to(scriptedSink({ rows }))
    .run();
  const starts = rows.map(({ start, rows: n }) => [start, n] as [number, number]);
  expect(dead).toEqual([]);
  expect(starts.map(([start]) => start)).toEqual([0, 10, 20, 30, 40, 50]);
  expect(starts.reduce((sum, [, n]) => sum + n, 0)).toBe(40);
});

test('the watermark is the least of all sources that feed the stage', async () => {
  const rows: Record<string, unknown>[] = [];
  const builder = testPipeline(everyRow);
  const from = (id: string, ...times: readonly number[]) =>
    builder.from(timedSource({ batches: times.map((time) => of('', time)) }), {
      id,
      eventTime,
    });
  await builder
    .combine([from('fast', 0, 50, 99), from('slow', 1, 12, 33)], merge())
    .pipe(counted)
    .to(scriptedSink({ rows }))
    .run();
  expect(rows.map(({ start, rows: n }) => [start, n])).toEqual([
    [0, 2],
    [10, 1],
    [30, 1],
    [50, 1],
    [90, 1],
  ]);
});

describe('a stop', () => {
  const stopped = async (
    store?: ReturnType<typeof memoryCheckpoints>,
    endless: TimedSource['endless'] = true,
  ): Promise<unknown[]> => {
    const rows: Record<string, unknown>[] = [];
    const outside = virtualOutside();
    const run = await testPipeline({}, [], outside)
      .from(timedSource({ batches: [of('', 1, 2, 13)], endless }), { eventTime })
      .pipe(counted)
      .to(scriptedSink({ rows }))
      .start(store && { store });
    await outside.clock.sleep(50);
    const report = await run.stop();
    expectClosedLedger(report);
    return rows.map(({ start, rows: n, partial }) => [start, n, partial]);
  };

  test.each([true, 'quiet'] as const)(
    'gives open windows, marked, where nothing is saved (%s)',
    async (endless) => {
      expect(await stopped(undefined, endless)).toEqual([
        [0, 2, false],
        [10, 1, true],
      ]);
    },
  );

  test('keeps them in the snapshot where there is one, and the next run completes them', async () => {
    const store = memoryCheckpoints();
    expect(await stopped(store)).toEqual([[0, 2, false]]);
    const rows: Record<string, unknown>[] = [];
    await testPipeline()
      .from(timedSource({ batches: [of('', 0), of('', 14, 9)] }), { eventTime })
      .pipe(counted)
      .to(scriptedSink({ rows }))
      .run({ store });
    expect(rows).toEqual([{ start: 10, end: 20, rows: 2, sum: 27, partial: false }]);
  });
});

test('a run goes on from a checkpoint with the event time that it had', async () => {
  const saved: Checkpoint[] = [];
  const store = {
    load: () => Promise.resolve(saved.at(-1)),
    save: (checkpoint: Checkpoint) => {
      saved.push(structuredClone(checkpoint));
      return Promise.resolve();
    },
  };
  const batches = [of('a', 0, 30), of('b', 8, 28), of('a', 12, 29, 41), of('b', 3, 33)];
  const dead: Record<string, unknown>[] = [];
  const pipeline = (rows: Record<string, unknown>[]) =>
    testPipeline(everyRow, dead)
      .from(timedSource({ batches, partitions: () => ['a', 'b'] }), {
        eventTime: { ...eventTime, lateMs: 2 },
      })
      .pipe(counted)
      .to(scriptedSink({ rows }));
  const whole: Record<string, unknown>[] = [];
  await pipeline(whole).run({ store });
  const first = saved.find(({ positions }) => positions['timed'] === 2)!;
  expect(first.state['timed']).toEqual({
    watermark: 26,
    partitions: [
      ['a', 30],
      ['b', 28],
    ],
  });
  const late = dead.splice(0).map(({ position }) => position);
  expect(late).toEqual([2000, 3000]);
  saved.push(first);
  const rest: Record<string, unknown>[] = [];
  await pipeline(rest).run({ store });
  expect(rest).toEqual(whole.filter(({ end }) => Number(end) > 26));
  expect(dead.map(({ position }) => position)).toEqual(late);
});

describe('the plan', () => {
  const problemsOf = async (placement?: object): Promise<string> => {
    const pipeline = testPipeline()
      .from(timedSource({ batches: [] }), placement as never)
      .pipe(counted)
      .to(scriptedSink({}));
    const error: unknown = await pipeline.plan().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ValidationError);
    return (error as Error).message;
  };

  test('refuses a stage that counts by event time where the source does not say it', async () => {
    expect(await problemsOf()).toContain(
      '`window` counts by event time, and source `timed` does not say when its rows happened; ' +
        'give that source `eventTime: { field: at }`',
    );
  });

  test('refuses options that are wrong, and a field that is none', async () => {
    expect(await problemsOf({ eventTime: { field: 'when' } })).toContain(
      'field `when` does not exist here',
    );
    expect(await problemsOf({ eventTime: { field: 'value' } })).toContain(
      'field `value` is float64, not timestamp',
    );
    expect(await problemsOf({ eventTime: { field: 'at', lateMs: -1 } })).toContain('lateMs');
    expect(await problemsOf({ eventTime: { field: 'at', late: 1 } })).toContain('late');
  });

  test('takes a stage before which nothing needs to be known', async () => {
    const flow = testPipeline().from(timedSource({ batches: [] }));
    await expect(flow.to(scriptedSink({})).plan()).resolves.toBeDefined();
    expect(timed.names).toContain('at');
  });
});
