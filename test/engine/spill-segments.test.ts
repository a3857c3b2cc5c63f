import { Buffer } from 'node:buffer';
import { dirname } from 'node:path';

import { beforeEach, describe, expect, test } from 'vitest';

import { Batch, type Fields, Origin, type Schema, schema } from '../../src/batch/index.ts';
import type { SegmentAside } from '../../src/engine/overflow/spill-aside.ts';
import { SpillSegments } from '../../src/engine/overflow/spill-segments.ts';
import { VirtualFiles } from '../../src/testing/virtual-files.ts';
import { readings } from './ends.ts';
import { directory, megabyte } from './spilling.ts';

let files: VirtualFiles;
const segments = (ending = 'spill'): Promise<string[]> => files.match(`${directory}/*.${ending}`);

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
  beforeEach(() => {
    files = new VirtualFiles();
    aside = [];
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
      events: {
        found: () => {},
        dropped: () => {},
        setAside: (segment) => aside.push(segment),
        failed: (error) => expect(error).toBeUndefined(),
      },
    });
    await made.open();
    return made;
  };
  let aside: SegmentAside[];
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
    const first = await open();
    await first.append(Batch.from(rows as never, wide) as unknown as Batch);
    await first.close();
    expect(await all(await open(readings as unknown as Schema<Fields>))).toEqual([]);
    expect(aside).toEqual([
      {
        path: expect.stringMatching(/\/1048576\.spill\.schema$/),
        reason: 'schema',
        rows: 3,
        message: 'its rows are of another schema: the field `f` is gone',
      },
    ]);
    expect(await segments('spill.schema')).toHaveLength(1);
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
      files = new VirtualFiles();
      aside = [];
      const changed = Buffer.from(bytes);
      changed[at]! ^= 0x10;
      files.put(path!, changed);
      const read = await all(await open());
      expect(
        aside.map(({ reason }) => reason),
        `byte ${at}`,
      ).toEqual(['damaged']);
      // Behind the batches are the sixteen bytes that end a whole file.
      expect(read.length).toBeLessThan(at < bytes.length - 16 ? 2 : 3);
      for (const batch of read) expect(batch.toRows()).toEqual(rows);
    }
  });

  test('that were read are there until they are committed', async () => {
    const first = await open();
    await first.append(Batch.from(rows as never, wide) as unknown as Batch);
    await first.close();
    expect(await all(first)).toHaveLength(1);
    expect(await segments()).toHaveLength(1);
    await first.committed();
    expect(await segments()).toEqual([]);
  });

  test('written first stand behind what was read and not committed, in files of their own', async () => {
    const first = await open();
    const batch = (position: number): Batch =>
      Batch.from(rows as never, wide, { position }) as unknown as Batch;
    await first.append(batch(0));
    await first.close();
    await first.append(batch(20));
    await first.next();
    expect(await first.next()).toBeUndefined();
    await first.prepend([batch(10)]);
    await first.close();
    const again = await open();
    const firsts = (await all(again)).map(({ origin }) => origin.position(0));
    expect([firsts, aside]).toEqual([[0, 10, 20], []]);
    // And once more, where what was written first is read and not committed.
    await again.prepend([batch(30)]);
    await again.close();
    expect(await all(await open())).toHaveLength(4);
    expect(aside).toEqual([]);
  });

  test('are whole behind a batch that there was no room for', async () => {
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
    expect(aside).toEqual([]);
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

  const wordsOf = (from: number, count = 3): Batch =>
    Batch.from(
      Array.from({ length: count }, (_, at) => ({ word: `word ${from + at}` })),
      words,
    ) as unknown as Batch;
  const words = schema({ word: 'category' });
  const ofWords = words as unknown as Schema;
  const firstOf = (batch: Batch | undefined): unknown => batch?.toRows()[0]!['word'];

  test('go on behind what was committed, with the dictionaries from before', async () => {
    const first = await open(ofWords);
    for (let at = 0; at < 6; at++) await first.append(wordsOf(at));
    await first.close();
    const second = await open(ofWords);
    expect([second.rowsWaiting, second.rowsKept]).toEqual([18, 18]);
    for (let at = 0; at < 3; at++) {
      expect(firstOf(await second.next())).toBe(`word ${at}`);
      if (at === 1) await second.committed();
    }
    expect([second.rowsWaiting, second.rowsKept, second.hasUncommitted]).toEqual([9, 12, true]);
    await second.close();
    const third = await open(ofWords);
    expect(third.rowsWaiting).toBe(12);
    expect((await all(third)).map(firstOf)).toEqual(['word 2', 'word 3', 'word 4', 'word 5']);
    await third.committed();
    expect(await files.match(`${directory}/*`)).toEqual([]);
    expect(files.openCount).toBe(0);
  });

  test('go on behind the last commit that is whole, where power was cut', async () => {
    const first = await open(ofWords);
    for (let at = 0; at < 4; at++) await first.append(wordsOf(at));
    await first.close();
    const second = await open(ofWords);
    for (let at = 0; at < 2; at++) {
      await second.next();
      await second.committed();
    }
    await second.close();
    const [path] = await files.match(`${directory}/*.read`);
    const bytes = Buffer.from(files.bytes(path!));
    expect(bytes.length).toBe(40);
    for (let length = 0; length <= bytes.length; length++) {
      files.rewrite(path!, bytes.subarray(0, length));
      const next = await open(ofWords);
      expect(next.rowsWaiting, `${length} bytes`).toBe(length < 20 ? 12 : length < 40 ? 9 : 6);
      // What is committed then is found again, behind what was torn.
      await next.next();
      await next.committed();
      await next.close();
      const again = await open(ofWords);
      expect(again.rowsWaiting).toBe(length < 20 ? 9 : length < 40 ? 6 : 3);
      await again.close();
    }
    // Zeros, as some file systems leave them.
    files.rewrite(path!, Buffer.concat([bytes, Buffer.alloc(20)]));
    expect((await open(ofWords)).rowsWaiting).toBe(6);
  });

  test('whose numbers come again are not taken for those before', async () => {
    const first = await open(ofWords);
    for (let at = 0; at < 2; at++) await first.append(wordsOf(at));
    await first.next();
    await first.committed();
    const [positions] = await files.match(`${directory}/*.read`);
    const left = Buffer.from(files.bytes(positions!));
    await first.next();
    await first.next();
    await first.committed();
    await first.close();
    files.put(positions!, left);
    const second = await open(ofWords);
    await second.append(wordsOf(7));
    await second.close();
    expect((await all(await open(ofWords))).map(firstOf)).toEqual(['word 7']);
  });

  test('put aside keep their names apart, and take no more than all others may', async () => {
    for (let round = 0; round < 6; round++) {
      const first = await open(wide, megabyte);
      const big = Array.from({ length: 3000 }, () => rows[0]);
      await first.append(Batch.from(big as never, wide) as unknown as Batch);
      await first.close();
      const other = await open(ofWords, megabyte);
      expect(await all(other)).toEqual([]);
    }
    const kept = await files.match(`${directory}/*.spill.schema*`);
    expect(kept.length).toBeGreaterThan(1);
    expect(kept.length).toBeLessThan(6);
    expect(kept.reduce((bytes, path) => bytes + files.bytes(path).length, 0)).toBeLessThan(
      megabyte,
    );
  });

  test('count their rows also where a kill left them without an end', async () => {
    const first = await open(ofWords);
    for (let at = 0; at < 3; at++) await first.append(wordsOf(at));
    expect((await open(ofWords)).rowsWaiting).toBe(9);
    await first.close();
    expect((await open(ofWords)).rowsWaiting).toBe(9);
  });
});
