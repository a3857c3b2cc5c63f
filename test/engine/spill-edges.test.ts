import { beforeEach, describe, expect, test } from 'vitest';

import { Batch, type Schema, schema } from '../../src/batch/index.ts';
import { type Logger, silentLogger, VirtualClock } from '../../src/core/index.ts';
import type { DropReason } from '../../src/engine/overflow/overflow-queue.ts';
import { SpillQueue } from '../../src/engine/overflow/spill-queue.ts';
import { SpillSegments } from '../../src/engine/overflow/spill-segments.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { VirtualFiles } from '../../src/testing/virtual-files.ts';
import {
  expectClosedLedger,
  numbered,
  readings,
  scriptedSink,
  scriptedSource,
  testPipeline,
} from './ends.ts';
import { directory, megabyte, ofSide, spilling, upTo } from './spilling.ts';

const lines: Record<string, unknown>[] = [];
const log: Logger = {
  ...silentLogger,
  warning: (event, fields) => void lines.push({ event, ...fields }),
  bindContext: () => log,
};

let files: VirtualFiles;
beforeEach(() => {
  files = new VirtualFiles();
  lines.length = 0;
});
const segments = (ending = 'spill'): Promise<string[]> => files.match(`${directory}/*.${ending}`);

/** Leaves rows on disk, one in each batch. */
async function leave(count = 60): Promise<void> {
  const { run } = await spilling(files, { count });
  await run.done;
}

/** The disk as a process leaves it that is killed now. */
async function killed(): Promise<VirtualFiles> {
  const left = new VirtualFiles();
  for (const path of await files.match(`${directory}/*`)) left.put(path, files.bytes(path));
  return left;
}

describe('what waits on disk', () => {
  test('is seen at any time', async () => {
    const { run, outside } = await spilling(files);
    await outside.clock.sleep(30_500);
    const { queues, components } = run.stats();
    const { rows, bytes } = queues['side']!.disk!;
    // Two wait in memory for the sink, and one is in its hands.
    expect(rows).toBe(27);
    expect(bytes).toBeGreaterThan(27 * 100);
    expect(ofSide({ components })).toMatchObject({ in: 30, out: 0, held: 30 });
    expect(queues['main']).not.toHaveProperty('disk');
    await run.done;

    const next = await spilling(files, { first: 60 });
    await next.outside.clock.sleep(500);
    expect(next.run.stats().queues['side']!.disk!.rows).toBe(59);
    expect(ofSide(next.run.stats())).toMatchObject({ in: 60, held: 60 });
    await next.run.abort();
  });

  test('is told of as it was kept', async () => {
    await leave();
    const { run } = await spilling(files, { count: 3, first: 60 });
    const { counts, in: given, held } = ofSide(await run.done);
    expect(counts).toMatchObject({ 'spill.found': 60, 'spill.kept': 63 });
    expect([given, held]).toEqual([63, 63]);
  });
});

describe('what a sink has taken from disk', () => {
  test('does not come again after a stop', async () => {
    await leave();
    const options = { count: 0, endless: true, upAtMs: 0, writeMs: 70, drainMsMax: 1000 };
    const second = await spilling(files, options);
    await second.outside.clock.sleep(1540);
    const report = await second.run.stop();
    expect(report.status).toBe('stopped');
    expect(second.side.length).toBeGreaterThan(20);
    expect(second.side.length).toBeLessThan(50);
    expect(ofSide(report).out).toBe(second.side.length);
    const third = await spilling(files, { count: 0, upAtMs: 0 });
    const { counts } = ofSide(await third.run.done);
    expect([...second.side, ...third.side]).toEqual(upTo(60));
    expect(counts['spill.found']).toBe(60 - second.side.length);
  });

  test('comes again after a kill for no longer than since the last commit, one a second', async () => {
    await leave();
    for (const atMs of [200, 900, 1700, 2500, 3300]) {
      const second = await spilling(files, { count: 0, upAtMs: 0, writeMs: 70 });
      await second.outside.clock.sleep(atMs);
      const taken = [...second.side];
      const left = await killed();
      await second.run.abort();
      const third = await spilling(left, { count: 0, upAtMs: 0 });
      await third.run.done;
      const again = taken.filter((value) => third.side.includes(value));
      expect(again.length, `${atMs} ms`).toBeLessThanOrEqual(Math.ceil(1000 / 70) + 1);
      expect([...taken.slice(0, taken.length - again.length), ...third.side]).toEqual(upTo(60));
      files = new VirtualFiles();
      await leave();
    }
  });

  test('is not lost where it was not committed', async () => {
    await leave();
    const second = await spilling(files, { count: 0, upAtMs: 0, writeMs: 70 });
    await second.outside.clock.sleep(500);
    const { out } = ofSide(second.run.stats());
    expect(out).toBeLessThan(second.side.length);
    await second.run.abort();
    const third = await spilling(files, { count: 0, upAtMs: 0 });
    await third.run.done;
    expect(third.side).toEqual(upTo(60 - out, out));
  });
});

describe('rows are counted once', () => {
  test('where the directory cannot be used at the end', async () => {
    const outside = { ...virtualOutside(), files };
    const flow = testPipeline({ queue: { rowsMax: 100 } }, [], outside).from(
      scriptedSource({ schema: readings, batches: numbered(10).map((row) => [row]) }),
    );
    flow.to(scriptedSink({}), { id: 'main' });
    // The file that what was in memory is written to, before all others.
    files.deny(`${directory}/524288.spill`);
    const answer = (): Promise<never> => new Promise(() => {});
    const overflow = { spill: { bytesMax: megabyte } };
    const run = await flow
      .to(scriptedSink({ answer }), { id: 'side', required: false, overflow })
      .start();
    const side = ofSide(await run.done);
    expect(side).toMatchObject({ in: 10, out: 0, held: 0, droppedBy: { unsent: 10 } });
    expect(side.counts['spill.failed']).toBe(1);
    expect(side.counts).not.toHaveProperty('spill.kept');
  });

  test('where what was in hand makes way for newer rows at the end', async () => {
    const rows = 10_000;
    const counts = { in: 0, overflow: 0, unsent: 0 };
    const clock = new VirtualClock();
    const events = {
      arrived: ({ length }: Batch) => void (counts.in += length),
      given: () => {},
      dropped: (less: number, reason: DropReason) => void (counts[reason] += less),
    };
    const failed = (error: unknown): void => expect(error).toBeUndefined();
    const nothing = (): void => {};
    const made = new SpillSegments({
      files,
      directory,
      bytesMax: megabyte,
      schema: readings as unknown as Schema,
      events: {
        found: nothing,
        dropped: (less) => events.dropped(less, 'overflow'),
        setAside: nothing,
        failed,
      },
    });
    const limits = { rowsMax: 8 * rows, bytesMax: Infinity };
    const parts = { limits, commitEveryMs: 1000, segments: made, clock, events, failed };
    const queue = new SpillQueue({ ...parts, recovered: nothing });
    const batch = (at: number): Batch =>
      Batch.from(numbered(rows, at * rows), readings) as unknown as Batch;
    await queue.start();
    const first = queue.pop();
    queue.push(batch(0));
    const inHand = (await first) as Batch;
    for (let at = 1; at < 9; at++) queue.push(batch(at));
    const kept = await queue.finish(inHand);
    expect(counts.in).toBe(9 * rows);
    expect(counts.unsent).toBe(0);
    expect(counts.overflow).toBeGreaterThan(0);
    expect(counts.overflow + kept).toBe(9 * rows);
  });

  test('where those of an earlier run make way for newer ones', async () => {
    const rowsPerBatch = 10_000;
    const options = { rowsPerBatch, bytesMax: megabyte };
    await (
      await spilling(files, { ...options, count: 8 })
    ).run.done;
    const { run } = await spilling(files, { ...options, first: 80_000, count: 20 });
    const side = ofSide(await run.done);
    const { 'spill.found': found, 'spill.kept': kept } = side.counts as Record<string, number>;
    expect(found).toBeGreaterThan(0);
    expect(side.in).toBe(200_000 + found!);
    expect(side.held).toBe(kept);
    expect(side.dropped).toBe(side.in - kept!);
  });
});

describe('a file', () => {
  test('that cannot be removed ends nothing, and is told of', async () => {
    await leave();
    const [path] = await segments();
    files.fail('remove', path!, 'EBUSY', { times: 2 });
    const { run, side } = await spilling(files, { first: 60, count: 10, upAtMs: 0, log });
    const report = await run.done;
    expect(side).toEqual(upTo(70));
    expect(ofSide(report)).toMatchObject({ in: 70, out: 70, counts: { 'spill.failed': 2 } });
    expect(lines).toContainEqual({
      event: 'component.degraded',
      id: 'side',
      reason: expect.stringMatching(/^its files cannot be written or read: .*EBUSY/),
    });
    expect(run.stats().degraded).toEqual({});
    expect(await segments()).toEqual([]);
  });

  test('that cannot be opened for now waits, and loses nothing', async () => {
    await leave();
    const [path] = await segments();
    // Once to look how much is in it, then to read it.
    files.fail('open', path!, 'EMFILE', { times: 1 });
    const first = await spilling(files, { first: 60, count: 3, upAtMs: 0 });
    await first.outside.clock.sleep(500);
    expect(first.side).toEqual([]);
    expect(first.run.stats().degraded['side']).toMatch(/too many open files/);
    await first.outside.clock.sleep(600);
    files.fail('open', path!, 'EMFILE', { times: 2 });
    expect(first.side).toEqual(upTo(61));
    expect(first.run.stats().degraded).toEqual({});
    const report = await first.run.done;
    expect(first.side).toEqual(upTo(63));
    expect(ofSide(report)).toMatchObject({ in: 63, out: 63, dropped: 0 });
  });

  test.each([
    ['that cannot be read for now waits, and loses nothing', 2, 60],
    ['that cannot be read for long is put aside, and counted', 100, 3],
  ])('%s', async (_, times, taken) => {
    await leave();
    const [path] = await segments();
    const next = spilling(files, { count: 0, endless: true, upAtMs: 0 });
    const { run, side, outside } = await next;
    // What is in it is known by then.
    while (run.stats().queues['side']?.disk?.rows !== 60) await Promise.resolve();
    files.fail('read', path!, 'EIO', { times });
    await outside.clock.sleep(5000);
    const report = await run.stop();
    expect(side).toHaveLength(taken);
    expect(ofSide(report)).toMatchObject({ in: 60, out: taken, dropped: 60 - taken });
    expect(ofSide(report).droppedBy).toEqual(taken === 60 ? {} : { 'spill.damaged': 57 });
    expect(await segments('spill.damaged')).toHaveLength(taken === 60 ? 0 : 1);
    expect(files.openCount).toBe(0);
  });

  test('that somebody has removed is counted as lost', async () => {
    await leave();
    const { run, outside } = await spilling(files, { count: 0, endless: true, upAtMs: 400 });
    await outside.clock.sleep(100);
    // The first is in the hands of the sink.
    for (const path of (await segments()).slice(1)) await files.remove(path);
    await outside.clock.sleep(10_000);
    const report = await run.stop();
    expectClosedLedger(report);
    expect(ofSide(report).unaccounted).toBe(0);
  });
});

describe('a file of another version of the pipeline', () => {
  const wider = schema({ sensorId: 'category', value: 'float64', unit: 'text?' });
  /** A run whose rows have one more field. */
  async function other(): Promise<{ side: number[]; report: ReturnType<typeof ofSide> }> {
    const outside = { ...virtualOutside(), files };
    const side: number[] = [];
    const row = { ...numbered(1, 100)[0]!, unit: 'C' };
    const flow = testPipeline({}, [], outside).from(
      scriptedSource({ schema: wider, batches: [[row]] }),
    );
    flow.to(scriptedSink({}), { id: 'main' });
    const answer = (batch: Batch): void =>
      void side.push(...batch.toRows().map(({ value }) => value as number));
    const overflow = { spill: { bytesMax: megabyte } };
    const run = await flow
      .to(scriptedSink({ answer }), { id: 'side', required: false, overflow })
      .start({ log });
    return { side, report: ofSide(await run.done) };
  }

  test('is put aside, told of and counted, and comes when it may again', async () => {
    await leave();
    const paths = await segments();
    const bytes = paths.map((path) => files.bytes(path));
    const { side, report } = await other();
    expect(side).toEqual([100]);
    expect(report).toMatchObject({
      in: 61,
      out: 1,
      droppedBy: { 'spill.schema': 60 },
      counts: { 'spill.found': 60, 'spill.schema': 2 },
    });
    expect(lines).toContainEqual({
      event: 'spill.file-set-aside',
      id: 'side',
      path: `${paths[0]}.schema`,
      rows: 57,
      reason: 'its rows are of another schema: it has no field `unit`',
    });
    expect(paths.map((path) => files.bytes(`${path}.schema`))).toEqual(bytes);
    // Back to the version before, by hand.
    for (const path of paths) await files.rename(`${path}.schema`, path);
    const back = await spilling(files, { first: 60, count: 1, upAtMs: 0 });
    await back.run.done;
    expect(back.side).toEqual(upTo(61));
  });
});
