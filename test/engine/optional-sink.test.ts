import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { describe, expect, test } from 'vitest';

import type { Batch } from '../../src/batch/index.ts';
import { isCut, type Overflow, type Policy, type Sink } from '../../src/core/index.ts';
import { memoryCheckpoints, ValidationError } from '../../src/engine/index.ts';
import type { RunReport } from '../../src/observe/index.ts';
import { circuitBreaker, retry } from '../../src/resilience/index.ts';
import { virtualOutside, type VirtualOutside } from '../../src/testing/outside.ts';
import { VirtualFiles } from '../../src/testing/virtual-files.ts';
import {
  expectClosedLedger,
  numbered,
  readings,
  scriptedSink,
  scriptedSource,
  testPipeline,
  untilAborted,
} from './ends.ts';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

const minutes = 60_000;
const queue = { rowsMax: 4 };
type Rows = Record<string, unknown>[];
type Script = Parameters<typeof scriptedSink>[0];

/** A source of so many rows, one a second, a sink that counts, and one that nobody waits for. */
function besides(
  outside: VirtualOutside,
  overflow: Overflow,
  script: Script,
  {
    count = 60,
    everyMs = 1000,
    ...placement
  }: { count?: number; everyMs?: number; policy?: Policy } = {},
) {
  const rows: Rows = [];
  const dead: Rows = [];
  const log: { acknowledged: number[]; closed: number } = { acknowledged: [], closed: 0 };
  const { clock } = outside;
  const builder = testPipeline({ queue, checkpoint: { everyMs } }, dead, outside);
  const flow = builder.from(
    scriptedSource({
      schema: readings,
      batches: numbered(count).map((row) => [row]),
      before: (read, signal) => (read < count ? clock.sleep(1000, { signal }) : Promise.resolve()),
      log: log as never,
    }),
  );
  flow.to(scriptedSink({ rows }), { id: 'main' });
  flow.to(scriptedSink(script), { id: 'side', required: false, overflow, ...placement });
  return { builder, rows, dead, log };
}

const ofSide = ({ components }: RunReport): RunReport['components'][number] =>
  components.find(({ id }) => id === 'side')!;
const valuesOf = (rows: Rows): number[] => rows.map(({ value }) => value as number);
const whole = Array.from({ length: 60 }, (_, at) => at);
const hang = (): Promise<never> => new Promise(() => {});
const refuse = (what: string) => (): Promise<never> => Promise.reject(new Error(what));

describe('a sink that is not required', () => {
  test('takes all rows where it can', async () => {
    const side: Rows = [];
    const log: { commits: number[]; closed: number } = { commits: [], closed: 0 };
    const { builder, rows } = besides(virtualOutside(), 'dropOldest', { rows: side, log });
    const report = await builder.run();
    expect(valuesOf(side)).toEqual(whole);
    expect(valuesOf(rows)).toEqual(whole);
    expect(ofSide(report)).toMatchObject({ in: 60, out: 60, dropped: 0, held: 0 });
    expect(log.commits.length).toBeGreaterThan(50);
    expect(log.closed).toBe(1);
    expectClosedLedger(report);
  });

  test.each([
    ['dropOldest' as const, [0, ...whole.slice(-4)]],
    ['dropNewest' as const, [0, 1, 2, 3, 4]],
  ])('`%s`: one that stalls loses the others, and holds up nothing', async (overflow, taken) => {
    const outside = virtualOutside();
    const side: Rows = [];
    const answer = async (_: Batch, write: number): Promise<void> => {
      if (write === 0) await outside.clock.sleep(61_500);
    };
    const { builder, rows, log } = besides(outside, overflow, { rows: side, answer });
    const report = await builder.run();
    expect(valuesOf(side)).toEqual(taken);
    expect(valuesOf(rows)).toEqual(whole);
    expect(log.acknowledged.at(-1)).toBe(60);
    expect(ofSide(report)).toMatchObject({ in: 60, out: 5, droppedBy: { overflow: 55 } });
    expectClosedLedger(report);
  });

  test('says that it drops while it does', async () => {
    const outside = virtualOutside();
    const answer = async (_: Batch, write: number): Promise<void> => {
      if (write === 0) await outside.clock.sleep(30_000);
    };
    const { builder } = besides(outside, 'dropNewest', { answer });
    const run = await builder.start();
    await outside.clock.sleep(20_000);
    expect(run.stats().degraded).toEqual({ side: 'takes less than comes: rows are dropped' });
    await outside.clock.sleep(20_000);
    expect(run.stats().degraded).toEqual({});
    await run.done;
  });

  const failures: [string, Script][] = [
    ['hangs for ever in `write`', { answer: hang }],
    ['hangs for ever in `open`', { open: hang }],
    ['hangs for ever in `commit`', { commit: hang }],
    ['hangs for ever in `close`', { close: hang }],
    ['throws in `open`', { open: refuse('no door') }],
    ['throws in `write`', { answer: refuse('no room') }],
    ['throws in `commit`', { commit: refuse('no disk') }],
    ['throws in `close`', { close: refuse('no end') }],
    [
      'throws at once',
      {
        answer: () => {
          throw new Error('sync');
        },
      },
    ],
  ];
  test.each(failures)('that %s fails no run and holds up no cut', async (_, script) => {
    const outside = virtualOutside();
    const { builder, rows, log } = besides(outside, 'dropOldest', script);
    const run = await builder.start();
    await outside.clock.sleep(30_500);
    expect(log.acknowledged.at(-1)).toBeGreaterThanOrEqual(28);
    const report = await run.done;
    expect(report.status).toBe('done');
    expect(valuesOf(rows)).toEqual(whole);
    expect(log.acknowledged.at(-1)).toBe(60);
    // Five seconds without progress, five for a close that hangs.
    expect(report.durationMs).toBeLessThanOrEqual(71_000);
    expectClosedLedger(report);
  });

  test.each([
    ['hangs', hang, { overflow: 56, unsent: 4 }],
    ['fails', refuse('no door'), { unsent: 60 }],
  ] as const)('whose `open` %s is given nothing, and holds nothing', async (_, open, droppedBy) => {
    const outside = virtualOutside();
    const log = { writes: 0, closed: 0 };
    const { builder } = besides(outside, 'dropOldest', { open, log }, { everyMs: minutes });
    const report = await builder.run();
    expect(ofSide(report)).toMatchObject({ in: 60, out: 0, held: 0, droppedBy });
    expect(log).toMatchObject({ writes: 0, closed: 1 });
    expectClosedLedger(report);
  });

  test('whose `open` hangs leaves all to the next run, where it spills', async () => {
    const files = new VirtualFiles();
    const side: Rows = [];
    const spill = { spill: { bytesMax: 2 ** 20 } };
    const hung = besides(
      { ...virtualOutside(), files },
      spill,
      { open: hang },
      { everyMs: minutes },
    );
    const report = await hung.builder.run();
    expect(ofSide(report)).toMatchObject({
      in: 60,
      out: 0,
      held: 60,
      counts: { 'spill.kept': 60 },
    });
    expectClosedLedger(report);
    await besides(
      { ...virtualOutside(), files },
      spill,
      { rows: side },
      { count: 1 },
    ).builder.run();
    expect(valuesOf(side)).toEqual([...whole, 0]);
  });

  test('whose `open` and `close` hang ends within the limit of each', async () => {
    const outside = virtualOutside();
    const { builder } = besides(
      outside,
      'dropOldest',
      { open: hang, close: hang },
      { everyMs: minutes },
    );
    const report = await builder.run();
    expect(report.status).toBe('done');
    expect(ofSide(report)).toMatchObject({ held: 0, dropped: 60 });
    expect(report.durationMs).toBeLessThanOrEqual(71_000);
  });

  test('whose `open` hangs ends with an abort, too', async () => {
    const outside = virtualOutside();
    const { builder } = besides(outside, 'dropNewest', { open: hang }, { everyMs: minutes });
    const run = await builder.start();
    await outside.clock.sleep(10_500);
    await run.abort();
    expect(outside.clock.monotonic()).toBeLessThanOrEqual(10_501);
    expect(ofSide(run.stats())).toMatchObject({ held: 0, out: 0 });
  });

  test('that failed says so, and what comes is dropped', async () => {
    const outside = virtualOutside();
    const { builder } = besides(outside, 'dropOldest', { answer: refuse('no room') });
    const run = await builder.start();
    await outside.clock.sleep(30_500);
    expect(run.stats().degraded['side']).toMatch(/has failed, and is given no more: .*no room/);
    const { in: given, held, droppedBy } = ofSide(await run.done);
    expect(given).toBe(60);
    expect(droppedBy).toEqual({ unsent: 60 - held! });
  });

  test('a retry that is exhausted fails its lane alone', async () => {
    const outside = virtualOutside();
    const policy = retry({ clock: outside.clock });
    const script = { answer: refuse('down') };
    const { builder, rows } = besides(outside, 'dropOldest', script, { policy });
    expect((await builder.run()).status).toBe('done');
    expect(valuesOf(rows)).toEqual(whole);
  });

  test('with a breaker it waits beside the others, and goes on', async () => {
    const outside = virtualOutside();
    const { clock, random } = outside;
    const side: Rows = [];
    const answer = (): Promise<void> =>
      clock.monotonic() < 30_000 ? Promise.reject(new Error('down')) : Promise.resolve();
    const policy = circuitBreaker({ name: 'side', openMs: 5000, clock, random });
    const { builder, rows } = besides(outside, 'dropOldest', { rows: side, answer }, { policy });
    const report = await builder.run();
    expect(valuesOf(rows)).toEqual(whole);
    expect(valuesOf(side)[0]).toBe(0);
    expect(valuesOf(side).slice(-25)).toEqual(whole.slice(-25));
    expect(ofSide(report).dropped).toBe(60 - side.length);
    expectClosedLedger(report);
  });

  test('rows that it refuses become dead letters, also the last ones', async () => {
    const answer = (batch: Batch) => ({
      failed: [{ row: batch.rows[0]!, reason: 'value.range', message: 'no' }],
    });
    const { builder, dead } = besides(virtualOutside(), 'dropOldest', { answer });
    const report = await builder.run();
    expect(dead).toHaveLength(60);
    expect(ofSide(report)).toMatchObject({ dead: 60, out: 0 });
    expect(report.deadLetters).toBe(60);
  });

  test('a slow one is given time at the end, and a stop gives it no more than the run has', async () => {
    const outside = virtualOutside();
    const side: Rows = [];
    const answer = (): Promise<void> => outside.clock.sleep(4000);
    const slow = besides(outside, 'dropNewest', { rows: side, answer }, { count: 5 });
    await slow.builder.run();
    expect(valuesOf(side)).toEqual([0, 1, 2, 3, 4]);

    const stopped = besides(virtualOutside(), 'dropNewest', { answer: hang });
    const run = await stopped.builder.start();
    const report = await run.stop();
    expect(report.status).toBe('stopped');
  });

  test('written by hand, its stream ends as the others do', async () => {
    const outside = virtualOutside();
    const flow = testPipeline({}, [], outside).from(
      scriptedSource({ schema: readings, batches: [numbered(3)] }),
    );
    let rows = 0;
    let ending = 'none';
    const sink: Sink = {
      consume: async (stream) => {
        try {
          for await (const one of stream) if (!isCut(one)) rows += one.length;
          ending = 'end';
        } catch {
          ending = 'thrown';
        }
      },
    };
    flow.to(scriptedSink({}), { id: 'main' });
    const builder = flow.to(sink, { id: 'side', required: false, overflow: 'dropOldest' });
    expect((await builder.run()).status).toBe('done');
    expect([rows, ending]).toEqual([3, 'end']);
  });

  test('an abort ends it at once', async () => {
    const outside = virtualOutside();
    const { builder } = besides(outside, 'dropOldest', {
      answer: () => untilAborted(new AbortController().signal),
    });
    const run = await builder.start();
    await outside.clock.sleep(10_000);
    await run.abort();
    expect(outside.clock.monotonic()).toBeLessThan(12_000);
    expect(run.stats().status).toBe('aborted');
  });

  test('positions and state are saved without it', async () => {
    const outside = virtualOutside();
    const store = memoryCheckpoints();
    const { builder } = besides(outside, 'dropOldest', { answer: hang, commit: hang });
    await builder.run({ store });
    expect((await store.load())!.positions).toEqual({ scripted: 60 });
  });
});

test('memory stays flat beside a sink that is dead for half an hour', async () => {
  const outside = virtualOutside();
  let made = 0;
  const batch = numbered(100);
  const builder = testPipeline({ queue: { rowsMax: 400 } }, [], outside);
  const count = 30 * 60 * 10;
  const flow = builder.from(
    scriptedSource({
      schema: readings,
      batches: Array.from({ length: count }, () => batch),
      before: (read, signal) => {
        made = read;
        return read < count ? outside.clock.sleep(100, { signal }) : Promise.resolve();
      },
    }),
  );
  flow.to(scriptedSink({}), { id: 'main' });
  flow.to(scriptedSink({ answer: hang }), { id: 'side', required: false, overflow: 'dropOldest' });
  const run = await builder.start();
  const heaps: number[] = [];
  for (let minute = 5; minute <= 29; minute += 8) {
    await outside.clock.sleep(minute * minutes - outside.clock.monotonic());
    expect(run.stats().queues['side']!.depth).toBe(4);
    gc();
    heaps.push(process.memoryUsage().heapUsed);
  }
  const report = await run.done;
  expect(made).toBe(count);
  expect(ofSide(report).droppedBy['overflow']).toBe((count - 5) * 100);
  expect(heaps.at(-1)! - heaps[0]!).toBeLessThan(4 * 2 ** 20);
});

describe('what `required` and `overflow` may be', () => {
  const problemsOf = async (placement: object, others: object = {}): Promise<string[]> => {
    const builder = testPipeline();
    const flow = builder.from(scriptedSource({ schema: readings, batches: [] }));
    flow.to(scriptedSink({}), { id: 'main', ...others });
    flow.to(scriptedSink({}), { id: 'side', ...placement });
    const error: unknown = await builder.plan().catch((thrown: unknown) => thrown);
    return error instanceof ValidationError ? error.problems.map(({ text }) => text) : [];
  };

  test.each([
    [{ required: false }, 'does not say what becomes of rows'],
    [{ required: false, overflow: 'drop' }, '`overflow` of `side` is `dropOldest`, `dropNewest`'],
    [{ required: false, overflow: 'spill' }, '`spill` of `side` needs `bytesMax`'],
    [{ required: false, overflow: { spill: {} } }, '`spill` of `side` needs `bytesMax`'],
    [{ required: false, overflow: { spill: { bytesMax: -1 } } }, 'a whole number from 1048576'],
    [{ required: false, overflow: { spill: { bytesMax: 2e6, x: 1 } } }, 'has one option'],
    [{ overflow: 'dropOldest' }, '`side` is required'],
    [{ required: 'no' }, '`required` is `true` or `false`'],
  ])('%j is refused', async (placement, text) => {
    expect(await problemsOf(placement)).toEqual([expect.stringContaining(text)]);
  });

  test('one sink at least is required', async () => {
    const optional = { required: false, overflow: 'dropOldest' };
    expect(await problemsOf(optional, optional)).toEqual([
      expect.stringContaining('no sink is required'),
    ]);
  });

  test('all of it is fine where it is', async () => {
    const overflow = { spill: { bytesMax: 2 ** 20 } };
    expect(await problemsOf({ required: false, overflow })).toEqual([]);
  });
});
