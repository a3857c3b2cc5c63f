import { Buffer } from 'node:buffer';
import { dirname } from 'node:path';

import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';

import { Batch, type Fields, Origin, type Schema, schema } from '../../src/batch/index.ts';
import { stateDirectory } from '../../src/core/state-directory.ts';
import type { Run } from '../../src/engine/index.ts';
import type { RunReport } from '../../src/observe/index.ts';
import { SpillSegments } from '../../src/engine/overflow/spill-segments.ts';
import { circuitBreaker } from '../../src/resilience/index.ts';
import { virtualOutside, type VirtualOutside } from '../../src/testing/outside.ts';
import { VirtualFiles } from '../../src/testing/virtual-files.ts';
import {
  expectClosedLedger,
  numbered,
  readings,
  scriptedSink,
  scriptedSource,
  testPipeline,
} from './ends.ts';

const directory = `${stateDirectory(process.env, 'test')}/spill/side`;
const megabyte = 2 ** 20;

/** A run with a sink that is down until `upAtMs`; rows from `first` on, one batch a second. */
async function spilling(
  files: VirtualFiles,
  {
    first = 0,
    count = 60,
    upAtMs = Infinity,
    bytesMax = 16 * megabyte,
    rowsPerBatch = 1,
  }: {
    first?: number;
    count?: number;
    upAtMs?: number;
    bytesMax?: number;
    rowsPerBatch?: number;
  } = {},
): Promise<{ run: Run; outside: VirtualOutside; side: number[]; main: number[] }> {
  const outside = { ...virtualOutside(), files };
  const { clock, random } = outside;
  const [side, main]: number[][] = [[], []];
  const taking = (into: number[], upAt: number) =>
    scriptedSink({
      answer: (batch) => {
        if (clock.monotonic() < upAt) throw new Error('down');
        for (const { value } of batch.toRows()) into.push(value as number);
      },
    });
  const flow = testPipeline({ queue: { rowsMax: 4 * rowsPerBatch } }, [], outside).from(
    scriptedSource({
      schema: readings,
      batches: Array.from({ length: count }, (_, at) =>
        numbered(rowsPerBatch, first + at * rowsPerBatch),
      ),
      before: (read, signal) => (read < count ? clock.sleep(1000, { signal }) : Promise.resolve()),
    }),
  );
  flow.to(taking(main!, 0), { id: 'main' });
  const policy = circuitBreaker({ name: 'side', openMs: 5000, clock, random });
  const run = await flow
    .to(taking(side!, upAtMs), {
      id: 'side',
      policy,
      required: false,
      overflow: { spill: { bytesMax } },
    })
    .start();
  return { run, outside, side: side!, main: main! };
}

const ofSide = ({ components }: Pick<RunReport, 'components'>): RunReport['components'][number] =>
  components.find(({ id }) => id === 'side')!;
const upTo = (count: number, first = 0): number[] =>
  Array.from({ length: count }, (_, at) => first + at);

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
    expect(ofSide(second).counts).toEqual({ 'spill.replayed': 60 });
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

describe('segments', () => {
  const wide = schema({
    f: 'float64?',
    i: 'int32?',
    l: 'int64?',
    t: 'timestamp?',
    b: 'bool?',
    c: 'category?',
    x: 'text?',
    y: 'bytes?',
    j: 'json?',
  });
  const open = async (
    of: Schema<Fields> = wide,
    bytesMax = 64 * megabyte,
  ): Promise<SpillSegments> => {
    const made = new SpillSegments({
      files,
      directory: dirname(`${directory}/x`),
      bytesMax,
      schema: of,
      events: { dropped: () => {}, damaged: () => damaged++, replayed: () => {} },
    });
    await made.open();
    return made;
  };
  let damaged = 0;
  const all = async (from: SpillSegments): Promise<Batch[]> => {
    const batches: Batch[] = [];
    while (!from.isEmpty) {
      const batch = await from.next();
      if (batch !== undefined) batches.push(batch);
    }
    return batches;
  };
  const rows = [
    {
      f: 1.5,
      i: -3,
      l: 2n ** 60n,
      t: 1e12,
      b: true,
      c: 'kessel',
      x: 'größe',
      y: Uint8Array.of(0, 255),
      j: { a: [1, null] },
    },
    { f: null, i: null, l: null, t: null, b: null, c: null, x: null, y: null, j: null },
    { f: -0, i: 1, l: -1n, t: 0, b: false, c: '', x: '', y: new Uint8Array(0), j: 0 },
  ];

  test('keep every kind, nulls, and where the rows came from', async () => {
    const first = await open();
    for (let at = 0; at < 3; at++) {
      const batch = Batch.from(rows as never, wide, {
        source: 's',
        partition: 'p',
        position: at * 10,
      });
      await first.append(batch as unknown as Batch);
      batch.release();
    }
    await first.close();
    const read = await all(await open());
    expect(read).toHaveLength(3);
    for (const [at, batch] of read.entries()) {
      expect(batch.toRows()).toEqual(rows);
      expect(batch.origin).toBeInstanceOf(Origin);
      expect([batch.origin.source, batch.origin.partition, batch.origin.position(1)]).toEqual([
        's',
        'p',
        at * 10 + 1,
      ]);
    }
  });

  test('of another schema are put aside', async () => {
    damaged = 0;
    const first = await open();
    await first.append(Batch.from(rows as never, wide) as unknown as Batch);
    await first.close();
    expect(await all(await open(readings as unknown as Schema<Fields>))).toEqual([]);
    expect(damaged).toBe(1);
  });

  test('with any byte changed give what was written or nothing', async () => {
    const first = await open();
    for (let at = 0; at < 2; at++) {
      await first.append(Batch.from(rows as never, wide, { position: at }) as unknown as Batch);
    }
    await first.close();
    const [path] = await segments();
    const bytes = Buffer.from(files.bytes(path!));
    for (let at = 0; at < bytes.length; at += 3) {
      damaged = 0;
      files = new VirtualFiles();
      const changed = Buffer.from(bytes);
      changed[at]! ^= 0x10;
      files.put(path!, changed);
      const read = await all(await open());
      expect(damaged, `byte ${at}`).toBe(1);
      expect(read.length).toBeLessThan(2);
      for (const batch of read) expect(batch.toRows()).toEqual(rows);
    }
  });

  test('that were read are there until they are forgotten', async () => {
    const first = await open();
    await first.append(Batch.from(rows as never, wide) as unknown as Batch);
    await first.seal();
    expect(await all(first)).toHaveLength(1);
    expect(await segments()).toHaveLength(1);
    await first.forget();
    expect(await segments()).toEqual([]);
  });

  test('written first stand behind what was read and not forgotten, in files of their own', async () => {
    damaged = 0;
    const first = await open();
    const batch = (position: number): Batch =>
      Batch.from(rows as never, wide, { position }) as unknown as Batch;
    await first.append(batch(0));
    await first.seal();
    await first.append(batch(20));
    await first.next();
    expect(await first.next()).toBeUndefined();
    await first.prepend([batch(10)]);
    await first.close();
    const again = await open();
    const firsts = (await all(again)).map(({ origin }) => origin.position(0));
    expect([firsts, damaged]).toEqual([[0, 10, 20], 0]);
    // And once more, where what was written first is read and not forgotten.
    await again.prepend([batch(30)]);
    await again.close();
    expect(await all(await open())).toHaveLength(4);
    expect(damaged).toBe(0);
  });

  test('are whole behind a batch that there was no room for', async () => {
    damaged = 0;
    const words = schema({ word: 'category' });
    const wordsOf = (from: number, count: number): Batch =>
      Batch.from(
        Array.from({ length: count }, (_, at) => ({ word: `word ${from + at}` })),
        words,
      ) as unknown as Batch;
    const of = words as unknown as Schema;
    const first = await open(of, megabyte);
    await first.append(wordsOf(0, 3));
    await first.append(wordsOf(3, 200_000));
    await first.append(wordsOf(1, 2));
    await first.close();
    const read = await all(await open(of));
    expect(damaged).toBe(0);
    expect(read.flatMap((batch) => batch.toRows())).toEqual(
      [0, 1, 2, 1, 2].map((at) => ({ word: `word ${at}` })),
    );
  });

  test('cut anywhere give the batches before the cut', async () => {
    const first = await open();
    const sizes: number[] = [];
    for (let at = 0; at < 5; at++) {
      await first.append(Batch.from(rows as never, wide, { position: at }) as unknown as Batch);
      await first.sync();
      sizes.push(files.bytes((await segments())[0]!).length);
    }
    await first.close();
    const [path] = await segments();
    const bytes = Buffer.from(files.bytes(path!));
    for (let length = 1; length < bytes.length; length += 7) {
      files = new VirtualFiles();
      files.put(path!, bytes.subarray(0, length));
      const read = await all(await open());
      expect(read, `${length} bytes`).toHaveLength(sizes.filter((size) => size <= length).length);
    }
  });
});
