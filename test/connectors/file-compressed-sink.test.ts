import { Buffer } from 'node:buffer';
import { spawnSync } from 'node:child_process';
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib';

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';

import { type RecordOf, schema } from '../../src/batch/index.ts';
import { fileSink, type FileSinkOptions, fileSource } from '../../src/connectors/file.ts';
import { createDecompressor } from '../../src/connectors/file/decompress.ts';
import { type VirtualOutside, virtualOutside } from '../../src/testing/outside.ts';
import { openSink, openSource, writeAll } from './planned.ts';

const reading = schema({ n: 'float64', name: 'text?' });
type Reading = RecordOf<typeof reading.shape>;
const rowOf = (n: number): Reading => ({ n, name: `row ${n}` });
const rowsOf = (from: number, to: number): Reading[] =>
  Array.from({ length: to - from }, (_, at) => rowOf(from + at));

const kinds = ['gz', 'zst'] as const;
const compress = { gz: gzipSync, zst: zstdCompressSync };

/** What is in a file. Throws where it is not whole. */
async function textIn(outside: VirtualOutside, path: string): Promise<string> {
  if (path.endsWith('gz')) return gunzipSync(outside.files.bytes(path)).toString();
  // Node's own reads the first stream only.
  const streams = createDecompressor('zstd', path);
  streams.write(outside.files.bytes(path));
  const parts: Uint8Array[] = [];
  for (let part = await streams.read(); part !== undefined; part = await streams.read()) {
    parts.push(part);
  }
  expect(streams).toMatchObject({ isWhole: true, garbageBytes: 0 });
  streams.close();
  return Buffer.concat(parts).toString();
}

/** What stands in a plain file of these rows. */
async function plain(format: 'ndjson' | 'csv', rows: readonly Reading[]): Promise<string> {
  const outside = virtualOutside();
  await writeAll(fileSink({ path: `o.${format}` }), reading, rows, { outside });
  return outside.files.text(`o.${format}`);
}

/** Tries again and again, at most as often as there are faults. */
async function insist(attempt: () => Promise<void>): Promise<void> {
  for (let left = 10; ; left--) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}

const names = kinds.flatMap((kind) => [`o.ndjson.${kind}`, `o.csv.${kind}`]);
const formatIn = (path: string): 'ndjson' | 'csv' => (path.includes('csv') ? 'csv' : 'ndjson');

describe.each(names)('the file sink compresses %s', (path) => {
  const format = formatIn(path);

  it('as the same records, and reads them back', async () => {
    const outside = virtualOutside();
    const rows = rowsOf(0, 20_000);
    await writeAll(fileSink({ path }), reading, rows, { outside });
    expect(await textIn(outside, path)).toBe(await plain(format, rows));
    const back = await openSource(fileSource({ path, schema: reading }), { outside });
    expect(await back.rows()).toEqual(rows);
    expect(back.logged).toEqual([]);
  });

  it('as a whole file where there is no row', async () => {
    const outside = virtualOutside();
    await writeAll(fileSink({ path }), reading, [], { outside });
    expect(await textIn(outside, path)).toBe(await plain(format, []));
  });

  it('whole and durable at each commit, whatever is written behind it', async () => {
    const outside = virtualOutside();
    const sink = await openSink(fileSink({ path }), reading, { outside });
    for (let commits = 1; commits <= 5; commits++) {
      await sink.write(rowsOf((commits - 1) * 10, commits * 10));
      await sink.commit();
      outside.files.cutPower();
      expect(await textIn(outside, path)).toBe(await plain(format, rowsOf(0, commits * 10)));
      await sink.commit();
      await sink.write([]);
    }
    await sink.close();
    expect(outside.files.openCount).toBe(0);
  });

  it('in runs behind one another, as if all were one', async () => {
    const outside = virtualOutside();
    for (const [from, to] of [
      [0, 0],
      [0, 3],
      [3, 3],
      [3, 40],
    ] as const) {
      const component = fileSink({ path, mode: 'append' });
      const { logged } = await writeAll(component, reading, rowsOf(from, to), { outside });
      expect(logged).toEqual([]);
      expect(await textIn(outside, path)).toBe(await plain(format, rowsOf(0, to)));
    }
  });

  it('behind whole records, cut at every byte; what was committed before the cut stays', async () => {
    const whole = virtualOutside();
    const sink = await openSink(fileSink({ path }), reading, { outside: whole });
    const committed: { bytes: number; rows: number }[] = [];
    for (const [from, to] of [
      [0, 2],
      [2, 3],
      [3, 9],
    ] as const) {
      await sink.write(rowsOf(from, to));
      await sink.commit();
      // The end of the stream is cut off again: what was flushed is before it.
      const endBytes = path.endsWith('gz') ? 10 : 7;
      committed.push({ bytes: whole.files.bytes(path).length - endBytes, rows: to });
    }
    await sink.close();
    const bytes = whole.files.bytes(path);
    const expected = await Promise.all(
      [0, 2, 3, 9].map((count) => plain(format, [...rowsOf(0, count), rowOf(99)])),
    );
    for (let cut = 0; cut <= bytes.length; cut++) {
      const outside = virtualOutside();
      outside.files.put(path, bytes.subarray(0, cut));
      await writeAll(fileSink({ path, mode: 'append' }), reading, [rowOf(99)], { outside });
      const text = await textIn(outside, path);
      const kept = committed.findLast((one) => one.bytes <= cut)?.rows ?? 0;
      expect(text, `cut at ${cut}`).toBe(expected[[0, 2, 3, 9].indexOf(kept)]);
    }
  });

  it('through faults: what is tried again is written once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ rows: fc.nat(30), fault: fc.option(fc.nat(60)) }), { maxLength: 8 }),
        async (steps) => {
          const outside = virtualOutside();
          const sink = await openSink(fileSink({ path }), reading, { outside });
          let written = 0;
          for (const { rows, fault } of steps) {
            if (fault !== null) outside.files.fail('append', path, 'ENOSPC', { bytesFirst: fault });
            await sink.write(rowsOf(written, written + rows));
            written += rows;
            await insist(() => sink.commit());
            expect(await textIn(outside, path)).toBe(await plain(format, rowsOf(0, written)));
          }
          await sink.close();
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe.each(kinds)('the file sink appends to a .%s file', (kind) => {
  const path = `o.ndjson.${kind}`;

  it('of somebody else, behind what is in it', async () => {
    const outside = virtualOutside();
    outside.files.put(path, compress[kind]('{"n":1,"name":"a"}\n'));
    await writeAll(fileSink({ path, mode: 'append' }), reading, [rowOf(2)], { outside });
    const rest = await plain('ndjson', [rowOf(2)]);
    expect(await textIn(outside, path)).toBe(`{"n":1,"name":"a"}\n${rest}`);
  });

  it('of somebody else, on a line of its own', async () => {
    const outside = virtualOutside();
    outside.files.put(path, compress[kind]('{"n":1,"name":"a"}'));
    await writeAll(fileSink({ path, mode: 'append' }), reading, [rowOf(2)], { outside });
    const rest = await plain('ndjson', [rowOf(2)]);
    expect(await textIn(outside, path)).toBe(`{"n":1,"name":"a"}\n${rest}`);
  });

  it('of somebody else whose last record lacks its line end: the stream shows that it is whole', async () => {
    const csv = `o.csv.${kind}`;
    for (const last of ['1,a', '1,"a\nb"', '1,a\r']) {
      const outside = virtualOutside();
      outside.files.put(csv, compress[kind](`n,name\n${last}`));
      const component = fileSink({ path: csv, mode: 'append' });
      const { logged } = await writeAll(component, reading, [rowOf(2)], { outside });
      expect(await textIn(outside, csv)).toBe(`n,name\n${last}\n2,row 2\n`);
      expect(logged).toEqual([]);
    }
  });

  it('without a last record that is torn, where nothing else is cut off with it', async () => {
    for (const [name, rows, torn] of [
      [path, [rowOf(1)], '{"n":1,"na'],
      [path, undefined, '{"n":1,"na'],
      [`o.csv.${kind}`, [rowOf(1)], '2,"b\nc'],
      [`o.csv.${kind}`, undefined, 'n,na'],
      [`o.csv.${kind}`, undefined, 'n,name'],
    ] as const) {
      const outside = virtualOutside();
      outside.files.put(name, '');
      const component = fileSink({ path: name, mode: 'append' });
      if (rows !== undefined) await writeAll(component, reading, rows, { outside });
      const ours = outside.files.bytes(name);
      outside.files.put(name, Buffer.concat([ours, compress[kind](torn)]));
      const { logged } = await writeAll(component, reading, [rowOf(2)], { outside });
      expect(await textIn(outside, name)).toBe(
        await plain(formatIn(name), [...(rows ?? []), rowOf(2)]),
      );
      expect(logged).toMatchObject([{ event: 'file.mended', fields: { path: name } }]);
    }
  });

  it('never where a torn last record cannot be cut out of a stream', async () => {
    for (const [name, text, fact] of [
      [path, '{"n":1,"name":"a"}\n{"n":1,"na', /ends within a record/],
      [path, '{"n":1}\nno record', /ends within a record/],
      [path, 'no record', /no record/],
      [`o.csv.${kind}`, 'n,name\n1,a\n2,"b\nc', /ends within a record/],
    ] as const) {
      const outside = virtualOutside();
      const bytes = compress[kind](text);
      outside.files.put(name, bytes);
      const component = fileSink({ path: name, mode: 'append' });
      await expect(openSink(component, reading, { outside })).rejects.toMatchObject({
        code: 'ERR_CONNECTOR_FILE',
        fact: expect.stringMatching(fact),
      });
      expect(outside.files.bytes(name).equals(bytes)).toBe(true);
    }
  });

  it('never where that would cost what is in it', async () => {
    const lines = Array.from({ length: 500 }, (_, n) => `{"n":${n * 7919}}\n`).join('');
    const sound = compress[kind](lines);
    const ours = virtualOutside();
    await writeAll(fileSink({ path }), reading, rowsOf(0, 3), { outside: ours });
    for (const [which, bytes] of [
      sound.subarray(0, sound.length - 20),
      Buffer.concat([sound, Buffer.from('garbage')]),
      Buffer.concat([ours.files.bytes(path), sound.subarray(0, sound.length - 20)]),
      Buffer.from(lines),
    ].entries()) {
      const outside = virtualOutside();
      outside.files.put(path, bytes);
      const component = fileSink({ path, mode: 'append' });
      const opening = openSink(component, reading, { outside });
      await expect(opening, `number ${which}`).rejects.toMatchObject({
        code: 'ERR_CONNECTOR_FILE',
        place: path,
      });
      expect(outside.files.bytes(path).equals(bytes)).toBe(true);
      expect(outside.files.openCount).toBe(0);
    }
  });

  it('never where a CSV has other columns', async () => {
    const outside = virtualOutside();
    const csv = `o.csv.${kind}`;
    outside.files.put(csv, compress[kind]('x,y\n1,2\n'));
    const component = fileSink({ path: csv, mode: 'append' });
    await expect(openSink(component, reading, { outside })).rejects.toMatchObject({
      fact: 'has the header `x,y`, not `n,name`',
    });
  });

  it('and says what it cut off', async () => {
    const outside = virtualOutside();
    await writeAll(fileSink({ path }), reading, rowsOf(0, 3), { outside });
    const bytes = outside.files.bytes(path);
    outside.files.put(path, bytes.subarray(0, bytes.length - 1));
    const { logged } = await writeAll(fileSink({ path, mode: 'append' }), reading, [], { outside });
    const tornBytes = kind === 'gz' ? 9 : 6;
    expect(logged).toEqual([
      { level: 'warning', event: 'file.mended', fields: { path, tornBytes } },
    ]);
  });

  it('never so that one flipped bit gives other rows', async () => {
    const whole = virtualOutside();
    for (const [from, to] of [
      [0, 5],
      [5, 9],
    ] as const) {
      const component = fileSink({ path, mode: 'append' });
      await writeAll(component, reading, rowsOf(from, to), { outside: whole });
    }
    const sound = whole.files.bytes(path);
    let failures = 0;
    for (let bit = 0; bit < sound.length * 8; bit++) {
      const bytes = Buffer.from(sound);
      bytes[bit >>> 3]! ^= 1 << (bit & 7);
      const outside = virtualOutside();
      outside.files.put(path, bytes);
      const read = await readAll(path, outside);
      if ('failure' in read) {
        failures++;
        expect(read.failure).toMatchObject({ code: 'ERR_CONNECTOR_FILE', place: path });
        continue;
      }
      // Where it says that less follows, less is read, which is said.
      expect(read.rows, `bit ${bit}`).toEqual(rowsOf(0, read.rows.length));
      if (read.rows.length < 9) expect(read.logged).not.toEqual([]);
    }
    expect(failures).toBeGreaterThan(5 * sound.length);
  });

  it('so that the tools of the system read it', ({ skip }) => {
    return (async () => {
      const outside = virtualOutside();
      for (const mode of ['replace', 'append', 'append'] as const) {
        const sink = await openSink(fileSink({ path, mode }), reading, { outside });
        for (const n of [1, 2, 3]) {
          await sink.write([rowOf(n)]);
          await sink.commit();
        }
        await sink.close();
      }
      const program = kind === 'gz' ? 'gzip' : 'zstd';
      const run = spawnSync(program, ['-dc'], { input: outside.files.bytes(path) });
      if (run.error !== undefined) return skip(`there is no ${program} here`);
      expect(run.stderr.toString()).toBe('');
      expect(run.stdout.toString().split('\n')).toHaveLength(10);
    })();
  });
});

/** Rows and log of a file, or what ended the run. */
async function readAll(
  path: string,
  outside: VirtualOutside,
): Promise<{ rows: unknown[]; logged: unknown[] } | { failure: unknown }> {
  try {
    const source = await openSource(fileSource({ path, schema: reading }), { outside });
    try {
      return { rows: await source.rows(), logged: source.logged };
    } finally {
      await source.connector.close();
    }
  } catch (failure) {
    return { failure };
  }
}

describe('a .zst file without a checksum, as the sink wrote it once,', () => {
  const path = 'o.ndjson.zst';

  /** With its last block, or torn behind the last flush. */
  async function olderFile(isTorn: boolean): Promise<Buffer> {
    const outside = virtualOutside();
    await writeAll(fileSink({ path }), reading, rowsOf(0, 3), { outside });
    const bytes = Buffer.from(outside.files.bytes(path));
    bytes[4]! &= ~4;
    return bytes.subarray(0, bytes.length - (isTorn ? 7 : 4));
  }

  it('is read', async () => {
    const outside = virtualOutside();
    outside.files.put(path, await olderFile(false));
    expect(await readAll(path, outside)).toEqual({ rows: rowsOf(0, 3), logged: [] });
  });

  it.each([false, true])('is appended to; torn: %j', async (isTorn) => {
    const outside = virtualOutside();
    outside.files.put(path, await olderFile(isTorn));
    await writeAll(fileSink({ path, mode: 'append' }), reading, [rowOf(3)], { outside });
    expect(await textIn(outside, path)).toBe(await plain('ndjson', rowsOf(0, 4)));
  });
});

describe('the file sink, compressing,', () => {
  it('makes a row for each commit smaller than it is plain', async () => {
    for (const kind of kinds) {
      const outside = virtualOutside();
      const path = `o.ndjson.${kind}`;
      const sink = await openSink(fileSink({ path }), reading, { outside });
      for (let n = 0; n < 2000; n++) {
        await sink.write([rowOf(n)]);
        await sink.commit();
      }
      await sink.close();
      const { length } = await plain('ndjson', rowsOf(0, 2000));
      expect(length / outside.files.bytes(path).length).toBeGreaterThan(1.5);
    }
  });

  it.each([
    [{ path: 'o.json.gz' }, 'path'],
    [{ path: 'o.parquet.zst' }, 'path'],
    [{ path: 'o.arrow', compression: 'zstd' }, 'compression'],
    [{ path: 'o.json', compression: 'gzip' }, 'compression'],
    [{ path: 'o.ndjson', compression: 'brotli' }, 'compression'],
  ])('refuses the options %j', (options, path) => {
    const parsed = fileSink.spec.options(z).safeParse(options);
    expect(parsed.error?.issues.map((issue) => issue.path[0])).toEqual([path]);
  });

  it.each([
    [{ path: 'o.log', format: 'ndjson', compression: 'gzip' }, true],
    [{ path: 'o.ndjson.gz', compression: 'none' }, false],
  ] as [FileSinkOptions, boolean][])('does as it is told: %j', async (options, isCompressed) => {
    const outside = virtualOutside();
    await writeAll(fileSink(options), reading, [rowOf(1)], { outside });
    const bytes = outside.files.bytes(options.path);
    const text = (isCompressed ? gunzipSync(bytes) : bytes).toString();
    expect(text).toBe(await plain('ndjson', [rowOf(1)]));
  });
});
