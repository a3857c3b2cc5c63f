import { Buffer } from 'node:buffer';

import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';

import type { Batch } from '../../src/batch/index.ts';
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

let files: VirtualFiles;
beforeEach(() => (files = new VirtualFiles()));
const segments = (ending = 'spill'): Promise<string[]> => files.match(`${directory}/*.${ending}`);

describe('a sink that spills', () => {
  test('loses nothing while it is down, and takes it in order when it is back', async () => {
    const { run, outside, side, main } = await spilling(files, { upAtMs: 50_000 });
    await outside.clock.sleep(30_000);
    expect(run.stats().components.length).toBeGreaterThan(0);
    expect((await segments()).length).toBeGreaterThan(0);
    const report = await run.done;
    expect(main).toEqual(upTo(60));
    expect(side).toEqual(upTo(60));
    expect(ofSide(report)).toMatchObject({ in: 60, out: 60, dropped: 0, held: 0 });
    expectClosedLedger(report);
    expect(await segments()).toEqual([]);
    expect(files.openCount).toBe(0);
  });

  test('keeps what it could not take for the next run, which takes that first', async () => {
    const before = await spilling(files);
    const report = await before.run.done;
    expect(report.status).toBe('done');
    expect(ofSide(report)).toMatchObject({ in: 60, out: 0, dropped: 0, held: 60 });
    expect(before.side).toEqual([]);

    const behind = await spilling(files, { first: 60, upAtMs: 20_000 });
    const second = await behind.run.done;
    expect(behind.side).toEqual(upTo(120));
    expect(ofSide(second).counts).toEqual({ 'spill.found': 60 });
    expectClosedLedger(second);
    expect(await segments()).toEqual([]);
  });

  test('also where the run is aborted, and where a run between has nothing to give', async () => {
    const { run, outside } = await spilling(files);
    await outside.clock.sleep(30_500);
    await run.abort();
    const between = await spilling(files, { count: 0 });
    await between.run.done;
    const last = await spilling(files, { first: 30, count: 3, upAtMs: 0 });
    await last.run.done;
    expect(last.side).toEqual(upTo(33));
  });

  test.each(['abort', 'stop'] as const)('what waits in memory at %s is kept', async (end) => {
    const came: number[] = [];
    for (const isFirst of [true, false]) {
      const outside = { ...virtualOutside(), files };
      const { clock } = outside;
      const batches = isFirst ? numbered(10).map((row) => [row]) : [];
      const source = { schema: readings, batches, endless: isFirst };
      const flow = testPipeline({ queue: { rowsMax: 100 }, drainMsMax: 1000 }, [], outside).from(
        scriptedSource(source),
      );
      flow.to(scriptedSink({}), { id: 'main' });
      const answer = async (batch: Batch): Promise<void> => {
        if (isFirst) await clock.sleep(800);
        for (const { value } of batch.toRows()) came.push(value as number);
      };
      const overflow = { spill: { bytesMax: megabyte } };
      const run = await flow
        .to(scriptedSink({ answer }), { id: 'side', required: false, overflow })
        .start();
      const done = run.done.catch(() => {});
      if (isFirst) {
        await clock.sleep(2000);
        void run[end]().catch(() => {});
      }
      await done;
    }
    expect([...new Set(came)].sort((a, b) => a - b)).toEqual(upTo(10));
  });

  test('drops the oldest when its files are full, and counts them', async () => {
    const rowsPerBatch = 10_000;
    const { run, side } = await spilling(files, {
      rowsPerBatch,
      bytesMax: megabyte,
      upAtMs: 58_000,
    });
    const report = await run.done;
    const { in: given, out, droppedBy } = ofSide(report);
    expect(given).toBe(600_000);
    expect(droppedBy['overflow']).toBe(600_000 - side.length);
    expect(out).toBe(side.length);
    // What was dropped lay between what waited in memory and the newest.
    expect(side).toEqual(side.toSorted((a, b) => a - b));
    expect(side.slice(-rowsPerBatch)).toEqual(upTo(rowsPerBatch, 590_000));
    expectClosedLedger(report);
  });

  test('never holds more on disk than it may', async () => {
    const { run, outside } = await spilling(files, { rowsPerBatch: 10_000, bytesMax: megabyte });
    for (let at = 0; at < 10; at++) {
      await outside.clock.sleep(5000);
      const { bytesTotal, bytesFree } = await files.space();
      expect(Number.isFinite(bytesTotal)).toBe(false);
      expect(bytesFree).toBe(Infinity);
      let bytes = 0;
      for (const path of await segments()) bytes += files.bytes(path).length;
      expect(bytes).toBeLessThanOrEqual(megabyte);
    }
    await run.done;
  });

  test('puts a segment aside that is damaged, says so, and reads the others', async () => {
    const { run } = await spilling(files, { rowsPerBatch: 5000 });
    await run.done;
    const paths = await segments();
    expect(paths.length).toBeGreaterThan(1);
    const bytes = Buffer.from(files.bytes(paths[1]!));
    bytes[bytes.length >> 1]! ^= 1;
    files.rewrite(paths[1]!, bytes);
    const next = await spilling(files, { count: 0, upAtMs: 0 });
    const report = await next.run.done;
    expect(ofSide(report).counts).toMatchObject({ 'spill.damaged': 1 });
    expect(next.side).toEqual(next.side.toSorted((a, b) => a - b));
    expect(next.side.length).toBeGreaterThan(0);
    expect(next.side.length).toBeLessThan(300_000);
    expect(await segments('damaged')).toHaveLength(1);
    expect(await segments()).toEqual([]);
  });

  test('goes on where its disk fails, and says so', async () => {
    files.diskBytesMax = 3000;
    const { run, main } = await spilling(files, { upAtMs: 50_000 });
    const report = await run.done;
    expect(main).toEqual(upTo(60));
    expect(report.status).toBe('done');
    const { droppedBy, counts } = ofSide(report);
    expect(droppedBy['overflow']).toBeGreaterThan(0);
    expect(counts['spill.failed']).toBeGreaterThan(0);
    expectClosedLedger(report);
  });
});

test('a kill at any moment leaves what the next run can read, in order', { timeout: 60_000 }, () =>
  fc.assert(
    fc.asyncProperty(fc.nat({ max: 70_000 }), fc.nat({ max: 4000 }), async (atMs, bytesKept) => {
      files = new VirtualFiles();
      const { outside, run } = await spilling(files, { upAtMs: 40_000 });
      await Promise.race([outside.clock.sleep(atMs), run.done]);
      const left = new VirtualFiles();
      files.cutPower(bytesKept);
      for (const path of await segments()) left.put(path, files.bytes(path));
      await run.abort();
      const next = await spilling(left, { first: 1000, count: 3, upAtMs: 0 });
      expectClosedLedger(await next.run.done);
      const old = next.side.filter((value) => value < 1000);
      expect(next.side.slice(old.length)).toEqual(upTo(3, 1000));
      expect(old).toEqual(upTo(old.length, old[0] ?? 0));
    }),
    { numRuns: process.env['MILLRACE_NIGHTLY'] ? 2000 : 40 },
  ),
);
