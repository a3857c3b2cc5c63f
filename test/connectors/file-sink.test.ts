import { Buffer } from 'node:buffer';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';
import * as z from 'zod';

import { EncodedBatch, type RecordOf, schema } from '../../src/batch/index.ts';
import { fileSink, type FileSinkOptions, fileSource } from '../../src/connectors/file.ts';
import { systemOutside } from '../../src/core/index.ts';
import { isPipelineError } from '../../src/errors.ts';
import { type VirtualOutside, virtualOutside } from '../../src/testing/outside.ts';
import { openSink, openSource, writeAll } from './planned.ts';

const reading = schema({ n: 'float64', name: 'text?', at: 'timestamp' });
type Reading = RecordOf<typeof reading.shape>;
const at = Date.UTC(2026, 0, 1);
const rowOf = (n: number, name: string | null = `row ${n}`): Reading => ({ n, name, at });
const rowsOf = (from: number, to: number): Reading[] =>
  Array.from({ length: to - from }, (_, index) => rowOf(from + index));

function holding(contents: Record<string, string>): VirtualOutside {
  const outside = virtualOutside();
  for (const [path, content] of Object.entries(contents)) outside.files.put(path, content);
  return outside;
}

const formats = ['ndjson', 'csv', 'json'] as const;

/** What stands in a file when these rows were written to it at once. */
async function written(options: FileSinkOptions, rows: readonly Reading[]): Promise<string> {
  const outside = virtualOutside();
  await writeAll(fileSink(options), reading, rows, { outside });
  return outside.files.text(options.path);
}

describe('the file sink writes', () => {
  it.each([
    [
      { path: 'o.ndjson' },
      '{"n":1,"name":"a\\"b","at":1767225600000}\n{"n":2,"name":null,"at":1767225600000}\n',
    ],
    [{ path: 'o.csv' }, 'n,name,at\n1,"a""b",1767225600000\n2,,1767225600000\n'],
    [
      { path: 'o.json' },
      '[\n{"n":1,"name":"a\\"b","at":1767225600000},\n{"n":2,"name":null,"at":1767225600000}\n]\n',
    ],
    [
      { path: 'o.csv', timestampFormat: 'iso', delimiter: ';' },
      'n;name;at\n1;"a""b";2026-01-01T00:00:00.000Z\n2;;2026-01-01T00:00:00.000Z\n',
    ],
    [
      { path: 'o.json', pretty: true },
      '[\n  {\n    "n": 1,\n    "name": "a\\"b",\n    "at": 1767225600000\n  },\n' +
        '  {\n    "n": 2,\n    "name": null,\n    "at": 1767225600000\n  }\n]\n',
    ],
    [{ path: 'o.txt', format: 'csv' }, 'n,name,at\n1,"a""b",1767225600000\n2,,1767225600000\n'],
  ] as [FileSinkOptions, string][])('%j', async (options, text) => {
    expect(await written(options, [rowOf(1, 'a"b'), rowOf(2, null)])).toBe(text);
  });

  it.each([
    ['ndjson', ''],
    ['csv', 'n,name,at\n'],
    ['json', '[]\n'],
  ] as const)('no rows as a whole %s file', async (format, text) => {
    expect(await written({ path: `o.${format}` }, [])).toBe(text);
  });

  it('what lanes encoded from where it is, and gives that back once it is in the file', async () => {
    const outside = virtualOutside();
    const sink = await openSink(fileSink({ path: 'o.ndjson' }), reading, { outside });
    const back: number[] = [];
    const encoded = (byte: string, length: number): EncodedBatch => {
      const bytes = Buffer.from(`${byte.repeat(length - 1)}\n`);
      return new EncodedBatch(1, bytes, null, () => {
        back.push(length);
        bytes.fill('?');
      });
    };
    for (const batch of [encoded('a', 100_000), encoded('b', 10), encoded('c', 70_000)]) {
      await sink.connector.write(batch, new AbortController().signal);
      batch.release();
    }
    // What is small is copied.
    expect(back).toEqual([10]);
    await sink.commit();
    expect(back).toEqual([10, 100_000, 70_000]);
    const lines = [
      ['a', 99_999],
      ['b', 9],
      ['c', 69_999],
    ] as const;
    expect(outside.files.text('o.ndjson')).toBe(
      lines.map(([byte, length]) => `${byte.repeat(length)}\n`).join(''),
    );
    await sink.close();
  });

  it('fields rounded to the decimals that are asked for, and those of a float64 only', async () => {
    const decimals = { n: 2 };
    expect(await written({ path: 'o.csv', decimals }, [rowOf(1 / 3)])).toContain('\n0.33,row 0.3');
    const plan = written({ path: 'o.csv', decimals: { name: 2 } }, [rowOf(1)]);
    await expect(plan).rejects.toThrow('field `name` is text, not float64');
    const missing = written({ path: 'o.csv', decimals: { m: 2 } }, [rowOf(1)]);
    await expect(missing).rejects.toThrow('ERR_BATCH_FIELD');
    const many = written({ path: 'o.csv', decimals: { n: 16 } }, [rowOf(1)]);
    await expect(many).rejects.toThrow('"decimals"');
  });

  it('into directories that are not there yet', async () => {
    const outside = virtualOutside();
    await writeAll(fileSink({ path: 'a/b/o.ndjson' }), reading, [rowOf(1)], { outside });
    expect(outside.files.has('a/b/o.ndjson')).toBe(true);
  });

  it('in place of what was there', async () => {
    const outside = holding({ 'o.ndjson': 'old\n'.repeat(100) });
    await writeAll(fileSink({ path: 'o.ndjson' }), reading, [], { outside });
    expect(outside.files.text('o.ndjson')).toBe('');
  });

  it.each(formats)('%s that is whole and durable at each commit', async (format) => {
    const outside = virtualOutside();
    const path = `o.${format}`;
    const sink = await openSink(fileSink({ path }), reading, { outside });
    for (let commits = 1; commits <= 3; commits++) {
      await sink.write(rowsOf((commits - 1) * 10, commits * 10));
      await sink.commit();
      outside.files.cutPower(7);
      expect(outside.files.text(path)).toBe(await written({ path }, rowsOf(0, commits * 10)));
      // Rows that no cut covers may be there after a power cut, or not.
      await sink.write([]);
    }
    await sink.close();
  });

  it('more than its buffer holds, by and by', async () => {
    const outside = virtualOutside();
    const sink = await openSink(fileSink({ path: 'o.ndjson' }), reading, { outside });
    for (let from = 0; from < 100_000; from += 1000) await sink.write(rowsOf(from, from + 1000));
    const { length } = outside.files.bytes('o.ndjson');
    expect(length).toBeGreaterThan(0);
    await sink.commit();
    expect(outside.files.bytes('o.ndjson').length - length).toBeLessThan(4 * 1024 * 1024);
    expect(outside.files.text('o.ndjson').split('\n')).toHaveLength(100_001);
    await sink.close();
    expect(outside.files.openCount).toBe(0);
  });

  it('nothing more to a file that was removed', async () => {
    const outside = virtualOutside();
    const sink = await openSink(fileSink({ path: 'o.ndjson' }), reading, { outside });
    await sink.write(rowsOf(0, 10));
    await sink.commit();
    await outside.files.remove('o.ndjson');
    await sink.write(rowsOf(10, 20));
    await expect(sink.commit()).rejects.toThrow('o.ndjson] was removed while it was written');
    await sink.close();
  });

  it('to a device', async () => {
    const component = fileSink({ path: '/dev/null', format: 'json' });
    const writing = writeAll(component, reading, rowsOf(0, 10_000), { outside: systemOutside() });
    await expect(writing).resolves.toMatchObject({ logged: [] });
  });

  it.each(formats.filter((format) => format !== 'json'))(
    '%s that reads back equal',
    async (format) => {
      const outside = virtualOutside();
      const path = `o.${format}`;
      const rows = [
        ...rowsOf(0, 10),
        rowOf(0.1, 'a,b\n"c"'),
        rowOf(-1e-9, null),
        rowOf(2 ** 60, '=1'),
      ];
      await writeAll(fileSink({ path }), reading, rows, { outside });
      expect(
        await (
          await openSource(fileSource({ path, schema: reading, number: 'lossy' }), { outside })
        ).rows(),
      ).toEqual(rows);
    },
  );
});

describe('the file sink appends', () => {
  it.each(formats)('to a %s file of its own as if it had written all at once', async (format) => {
    const path = `o.${format}`;
    for (const options of [{ path }, ...(format === 'json' ? [{ path, pretty: true }] : [])]) {
      const outside = virtualOutside();
      for (const [from, to] of [
        [0, 3],
        [3, 3],
        [3, 4],
        [4, 4],
        [4, 20],
      ] as const) {
        const component = fileSink({ ...options, mode: 'append' });
        const { logged } = await writeAll(component, reading, rowsOf(from, to), { outside });
        expect(logged).toEqual([]);
        expect(outside.files.text(path)).toBe(await written(options, rowsOf(0, to)));
      }
    }
  });

  it.each(formats)('behind the whole records of a %s file cut at every byte', async (format) => {
    const path = `o.${format}`;
    const before = [rowOf(1), rowOf(2, 'a\n"b\\'), rowOf(3, null)];
    const whole = await written({ path }, before);
    for (let cut = 0; cut < whole.length; cut++) {
      const outside = holding({ [path]: whole.slice(0, cut) });
      await writeAll(fileSink({ path, mode: 'append' }), reading, [rowOf(9)], { outside });
      const text = outside.files.text(path);
      const kept = [0, 1, 2, 3].map((count) => [...before.slice(0, count), rowOf(9)]);
      const expected = await Promise.all(kept.map((rows) => written({ path }, rows)));
      expect(expected, `cut at ${cut}: ${text}`).toContain(text);
      // At most the record in which the cut is goes, and what was before it stays.
      const wholeBefore = await Promise.all(
        [1, 2, 3].map(async (count) => (await written({ path }, before.slice(0, count))).length),
      );
      const tail = format === 'json' ? '\n]\n'.length : 0;
      const count = wholeBefore.filter((length) => length - tail <= cut).length;
      expect(expected.indexOf(text), `cut at ${cut}`).toBeGreaterThanOrEqual(count);
    }
  });

  it('and says what it cut off', async () => {
    const outside = holding({ 'o.ndjson': '{"n":1}\n{"n":2,"na' });
    const component = fileSink({ path: 'o.ndjson', mode: 'append' });
    const { logged } = await writeAll(component, reading, [], { outside });
    expect(outside.files.text('o.ndjson')).toBe('{"n":1}\n');
    expect(logged).toEqual([
      { level: 'warning', event: 'file.mended', fields: { path: 'o.ndjson', tornBytes: 10 } },
    ]);
  });

  it('behind a last line that is whole but for its end', async () => {
    const outside = holding({ 'o.ndjson': '{"n":1}\n{"n":2}' });
    const component = fileSink({ path: 'o.ndjson', mode: 'append' });
    const { logged } = await writeAll(component, reading, [], { outside });
    expect(outside.files.text('o.ndjson')).toBe('{"n":1}\n{"n":2}\n');
    expect(logged).toEqual([]);
  });

  it('to a foreign CSV with quotes that open nothing, and keeps all of it', async () => {
    const foreign = 'n;name;at\n1;5" pipe;2\n3;x""y;4\n5;"a;""\n";6\n';
    const outside = holding({ 'o.csv': `${foreign}7;"torn` });
    const component = fileSink({ path: 'o.csv', mode: 'append', delimiter: ';' });
    await writeAll(component, reading, [rowOf(8, 'b')], { outside });
    expect(outside.files.text('o.csv')).toBe(`${foreign}8;b;${at}\n`);
  });

  it('without the last record of a CSV that lacks its line end: nothing shows that it is whole', async () => {
    const outside = holding({ 'o.csv': 'n,name,at\n1,a,2\n3,b,4' });
    const component = fileSink({ path: 'o.csv', mode: 'append' });
    const { logged } = await writeAll(component, reading, [], { outside });
    expect(outside.files.text('o.csv')).toBe('n,name,at\n1,a,2\n');
    expect(logged).toMatchObject([{ event: 'file.mended', fields: { tornBytes: 5 } }]);
  });

  it('behind a torn line longer than any block, and keeps no part of it', async () => {
    const outside = holding({ 'o.ndjson': `{"n":1}\n${'x'.repeat(3_000_000)}` });
    await writeAll(fileSink({ path: 'o.ndjson', mode: 'append' }), reading, [], { outside });
    expect(outside.files.text('o.ndjson')).toBe('{"n":1}\n');
  });

  it.each(formats)('several batches to a %s file', async (format) => {
    const path = `o.${format}`;
    const outside = virtualOutside();
    await writeAll(fileSink({ path }), reading, rowsOf(0, 2), { outside });
    const sink = await openSink(fileSink({ path, mode: 'append' }), reading, { outside });
    for (const n of [2, 3, 4]) {
      await sink.write([rowOf(n)]);
      await sink.commit();
      expect(outside.files.text(path)).toBe(await written({ path }, rowsOf(0, n + 1)));
    }
    await sink.close();
  });

  it('to a foreign array, however it is laid out', async () => {
    for (const text of [
      '[{"a":[1,{"b":"]"}]}]',
      ' [\r\n {"a":"\\"]"} ] \n',
      '\ufeff[{"a":{}},{"a":1}\n,{"a":2}]',
    ]) {
      const outside = holding({ 'o.json': text });
      await writeAll(fileSink({ path: 'o.json', mode: 'append' }), reading, [rowOf(7)], {
        outside,
      });
      const now = JSON.parse(outside.files.text('o.json').replace('\ufeff', '')) as unknown[];
      expect(now.slice(0, -1)).toEqual(JSON.parse(text.replace('\ufeff', '')));
      expect(now.at(-1)).toEqual(rowOf(7));
    }
  });

  it.each([
    ['o.json', '{"a":1}'],
    ['o.json', '[1,2]'],
    ['o.json', '[{"a":1}] x'],
    ['o.json', '[{"a":1}][{"a":1}]'],
    ['o.json', '{"a":1}\n{"a":2}\n'],
    ['o.csv', 'name,n,at\nx,1,2\n'],
    ['o.csv', 'x,y'],
    ['o.ndjson', 'no record and no line end'],
    ['o.ndjson', `{"n":"${'x'.repeat(1_100_000)}`],
  ])('never to %s holding %j', async (path, text) => {
    const outside = holding({ [path]: text });
    await expect(
      openSink(fileSink({ path, mode: 'append' }), reading, { outside }),
    ).rejects.toMatchObject({ code: 'ERR_CONNECTOR_FILE', place: path });
    expect(outside.files.text(path)).toBe(text);
    expect(outside.files.openCount).toBe(0);
  });
});

describe('the file sink refuses', () => {
  it('a directory, a parent that is a file, and what may not be written', async () => {
    const outside = holding({ file: '', 'dir/x': '', 'secret.ndjson': '' });
    outside.files.deny('secret.ndjson');
    for (const [path, fact] of [
      ['dir', 'is a directory'],
      ['file/o.ndjson', 'has a parent that is not a directory'],
      ['secret.ndjson', 'may not be opened: no permission'],
    ] as const) {
      const component = fileSink({ path, format: 'ndjson' });
      await expect(openSink(component, reading, { outside })).rejects.toMatchObject({
        code: 'ERR_CONNECTOR_FILE',
        fact,
      });
    }
  });

  it.each([
    [{ path: 'out' }, 'path'],
    [{ path: 'out.foo' }, 'path'],
    [{ path: 'o.ndjson', pretty: true }, 'pretty'],
    [{ path: 'o.json', excelSafe: true }, 'excelSafe'],
    [{ path: 'o.ndjson', delimiter: ';' }, 'delimiter'],
    [{ path: 'o.ndjson', mode: 'truncate' }, 'mode'],
  ])('the options %j', (options, path) => {
    const parsed = fileSink.spec.options(z).safeParse(options);
    expect(parsed.error?.issues.map((issue) => issue.path[0])).toEqual([path]);
  });
});

/** Tries again and again, with more room on the disk each time. */
function insisting(outside: VirtualOutside, bytesMore: number) {
  const failures: unknown[] = [];
  const insist = async (attempt: () => Promise<unknown>): Promise<void> => {
    for (;;) {
      try {
        await attempt();
        return;
      } catch (error) {
        failures.push(error);
        outside.files.diskBytesMax += bytesMore;
      }
    }
  };
  return { insist, failures };
}

const isDiskFull =
  (path: string) =>
  (error: unknown): boolean =>
    isPipelineError(error) && error.place === path && error.retryable;

// A file system of 64 KiB, where this machine lets us mount one.
function mountSmallDisk(): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-disk-'));
  const options = ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', directory];
  if (spawnSync('mount', options).status === 0) return directory;
  rmdirSync(directory);
  return undefined;
}

describe('the file sink on a full disk', () => {
  it('leaves whole records on a real one', async ({ skip }) => {
    const directory = mountSmallDisk();
    if (directory === undefined) return skip('mounting a small file system needs root');
    try {
      for (const format of formats) {
        const path = join(directory, `o.${format}`);
        const sink = await openSink(fileSink({ path }), reading, { outside: systemOutside() });
        await sink.write(rowsOf(0, 5000));
        await expect(sink.commit()).rejects.toMatchObject({
          code: 'ERR_CONNECTOR_FILE',
          place: path,
          fact: 'cannot be written: the disk is full',
        });
        await sink.close();
        expect(readFileSync(path, 'utf8')).toBe(await written({ path }, []));
        rmSync(path);
      }
    } finally {
      spawnSync('umount', [directory]);
      rmdirSync(directory);
    }
  });

  it.each(formats)(
    'names the path and leaves a whole %s file, at every size of the disk',
    async (format) => {
      const path = `o.${format}`;
      const { length } = Buffer.from(await written({ path }, rowsOf(0, 4)));
      const wholes = await Promise.all(
        [0, 1, 2, 3, 4].map((count) => written({ path }, rowsOf(0, count))),
      );
      for (let room = 12; room < length; room++) {
        const outside = virtualOutside();
        outside.files.diskBytesMax = room;
        const sink = await openSink(fileSink({ path }), reading, { outside });
        const run = async (): Promise<void> => {
          for (const row of rowsOf(0, 4)) {
            await sink.write([row]);
            await sink.commit();
          }
        };
        await expect(run(), `room for ${room}`).rejects.toMatchObject({
          code: 'ERR_CONNECTOR_FILE',
          place: path,
          fact: 'cannot be written: the disk is full',
          retryable: true,
        });
        await sink.close();
        expect(wholes, `room for ${room}`).toContain(outside.files.text(path));
      }
    },
  );

  it.each(formats)(
    'goes on when there is room again: no %s record twice, none torn',
    async (format) => {
      const path = `o.${format}`;
      const outside = virtualOutside();
      const sink = await openSink(fileSink({ path }), reading, { outside });
      outside.files.diskBytesMax = 3000;
      const { insist, failures } = insisting(outside, 1000);
      for (let from = 0; from < 300; from += 10) {
        await insist(() => sink.write(rowsOf(from, from + 10)));
        await insist(() => sink.commit());
      }
      await sink.close();
      expect(failures.length).toBeGreaterThan(3);
      expect(failures.every(isDiskFull(path))).toBe(true);
      expect(outside.files.text(path)).toBe(await written({ path }, rowsOf(0, 300)));
    },
  );

  it('says so by the next commit where it failed behind a write, and then goes on', async () => {
    const outside = virtualOutside();
    const sink = await openSink(fileSink({ path: 'o.ndjson' }), reading, { outside });
    const { length } = await written({ path: 'o.ndjson' }, rowsOf(0, 20_000));
    const { insist, failures } = insisting(outside, 300_000);
    outside.files.diskBytesMax = 100_000;
    for (let from = 0; from < 20_000; from += 1000) {
      await insist(() => sink.write(rowsOf(from, from + 1000)));
    }
    await insist(() => sink.commit());
    await sink.close();
    expect(failures).toHaveLength(Math.ceil((length - 100_000) / 300_000));
    expect(failures.every(isDiskFull('o.ndjson'))).toBe(true);
    expect(outside.files.text('o.ndjson')).toBe(
      await written({ path: 'o.ndjson' }, rowsOf(0, 20_000)),
    );
  });

  it('fails for good where a commit could not be made durable', async () => {
    const outside = virtualOutside();
    const sink = await openSink(fileSink({ path: 'o.ndjson' }), reading, { outside });
    outside.files.fail('sync', 'o.ndjson', 'EIO');
    await sink.write(rowsOf(0, 3));
    for (const call of [() => sink.commit(), () => sink.commit(), () => sink.commit()]) {
      await expect(call()).rejects.toMatchObject({
        code: 'ERR_CONNECTOR_FILE',
        place: 'o.ndjson',
        retryable: false,
        fact: expect.stringContaining('could not be made durable') as string,
      });
    }
    await sink.close();
  });

  it('cuts first where even the mending failed', async () => {
    const outside = virtualOutside();
    const sink = await openSink(fileSink({ path: 'o.ndjson' }), reading, { outside });
    outside.files.fail('append', 'o.ndjson', 'ENOSPC', { bytesFirst: 5 });
    await sink.write(rowsOf(0, 3));
    outside.files.fail('truncate', 'o.ndjson', 'EIO');
    await expect(sink.commit()).rejects.toMatchObject({ retryable: true });
    expect(outside.files.text('o.ndjson')).toHaveLength(5);
    await sink.commit();
    await sink.close();
    expect(outside.files.text('o.ndjson')).toBe(await written({ path: 'o.ndjson' }, rowsOf(0, 3)));
  });
});
