import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';

import { type Batch, schema } from '../../src/batch/index.ts';
import { fileSource, type FileSourceOptions } from '../../src/connectors/file.ts';
import { endOfInput, type Position, systemOutside } from '../../src/core/index.ts';
import { type VirtualOutside, virtualOutside } from '../../src/testing/outside.ts';
import { openSource } from './planned.ts';

const reading = schema({ n: 'float64', name: 'text' });
const lineOf = (n: number): string => `{"n":${n},"name":"row ${n}"}\n`;
const linesOf = (from: number, to: number): string => {
  let lines = '';
  for (let n = from; n < to; n++) lines += lineOf(n);
  return lines;
};
/** Aborts when a file is read for the so many-th time. */
function stopAtRead({ files }: VirtualOutside, read: number, stopping: AbortController): void {
  const open = files.open.bind(files);
  let reads = 0;
  files.open = async (path, mode) => {
    const handle = await open(path, mode);
    const readFile = handle.read.bind(handle);
    handle.read = (into, offset) => {
      if (++reads === read) stopping.abort(new Error('stopped'));
      return readFile(into, offset);
    };
    return handle;
  };
}

const numbersOf = (rows: readonly Record<string, unknown>[]): unknown[] =>
  rows.map((row) => row['n']);
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, at) => from + at);

function holding(contents: Record<string, string | Uint8Array>): VirtualOutside {
  const outside = virtualOutside();
  for (const [path, content] of Object.entries(contents)) outside.files.put(path, content);
  return outside;
}

describe('the file source reads', () => {
  it('an NDJSON file, its offsets as positions and its path as the partition', async () => {
    const outside = holding({ 'in.ndjson': linesOf(0, 3) });
    const { connector, tally } = await openSource(
      fileSource({ path: 'in.ndjson', schema: reading }),
      {
        outside,
      },
    );
    const batch = await connector.read(new AbortController().signal);
    if (batch === endOfInput) throw new Error('no batch');
    expect(batch.toRows()).toEqual([0, 1, 2].map((n) => ({ n, name: `row ${n}` })));
    expect(batch.origin).toMatchObject({ source: 'source', partition: 'in.ndjson' });
    expect([0, 1, 2].map((row) => batch.origin.position(row))).toEqual([0, 23, 46]);
    expect(await connector.read(new AbortController().signal)).toBe(endOfInput);
    expect(tally.bytes).toBe(linesOf(0, 3).length);
    await connector.close();
    expect(outside.files.openCount).toBe(0);
  });

  it('a CSV file by its name, and one of another name where the format is said', async () => {
    const outside = holding({ 'in.csv': 'name,n\na,1\nb,2\n', 'in.dat': 'name;n\nc;3\n' });
    const named = await openSource(fileSource({ path: 'in.csv', schema: reading }), { outside });
    expect(await named.rows()).toEqual([
      { n: 1, name: 'a' },
      { n: 2, name: 'b' },
    ]);
    const said = fileSource({ path: 'in.dat', format: 'csv', delimiter: ';', schema: reading });
    expect(await (await openSource(said, { outside })).rows()).toEqual([{ n: 3, name: 'c' }]);
  });

  it('many files by pattern and by name, each once, in the order of names', async () => {
    const outside = holding({
      'logs/b.ndjson': linesOf(2, 4),
      'logs/a.ndjson': linesOf(0, 2),
      'logs/c.csv': 'n,name\n4,x\n',
      'extra.ndjson': linesOf(9, 10),
    });
    const path = ['logs/*.ndjson', 'logs/a.ndjson', 'logs/*.csv', 'extra.ndjson'];
    const { rows } = await openSource(fileSource({ path, schema: reading }), { outside });
    expect(numbersOf(await rows())).toEqual([9, 0, 1, 2, 3, 4]);
  });

  it('a file once, by whatever names it is found', async () => {
    const outside = holding({ 'in/a.ndjson': lineOf(1), 'in/b.ndjson': lineOf(2) });
    const path = ['./in/b.ndjson', 'in/*.ndjson', 'in/../in/a.ndjson'];
    const source = await openSource(fileSource({ path, schema: reading }), { outside });
    expect(numbersOf(await source.rows()).sort()).toEqual([1, 2]);
  });

  it('many files with one dictionary for all, and what each says of its own', async () => {
    const contents = Object.fromEntries(
      range(0, 5).map((n) => [`in-${n}.ndjson`, `{"n":${n},"name":"all"}\nno json\n`]),
    );
    const categories = schema({ n: 'float64', name: 'category' });
    const component = fileSource({ path: 'in-*.ndjson', schema: categories });
    const { connector, tally } = await openSource(component, { outside: holding(contents) });
    const dictionaries = new Set<unknown>();
    for (const n of range(0, 5)) {
      const batch = (await connector.read(new AbortController().signal)) as Batch;
      const column = batch.column('name');
      if (column.kind === 'category') dictionaries.add(column.dictionary);
      expect(batch.origin.partition).toBe(`in-${n}.ndjson`);
      expect(batch.origin.position(0)).toBe(0);
      expect(batch.column('n').value(0)).toBe(n);
      batch.release();
    }
    expect(dictionaries.size).toBe(1);
    expect(await connector.read(new AbortController().signal)).toBe(endOfInput);
    expect(tally.failures.map(({ partition, position }) => [partition, position])).toEqual(
      range(0, 5).map((n) => [`in-${n}.ndjson`, 21]),
    );
  });

  it('a file whose name looks like a pattern', async () => {
    const outside = holding({ 'a[1].ndjson': lineOf(1) });
    const { rows } = await openSource(fileSource({ path: 'a[1].ndjson', schema: reading }), {
      outside,
    });
    expect(numbersOf(await rows())).toEqual([1]);
  });

  it('an empty file as no records', async () => {
    const outside = holding({ 'in.ndjson': '' });
    const { rows, tally } = await openSource(fileSource({ path: 'in.ndjson', schema: reading }), {
      outside,
    });
    expect(await rows()).toEqual([]);
    expect(tally).toMatchObject({ dead: 0, bytes: 0 });
  });

  it('past a byte order mark, CRLF, blank lines and a missing last line end', async () => {
    const text = `\ufeff{"n":1,"name":"a"}\r\n\r\n{"n":2,"name":"b"}`;
    const outside = holding({ 'in.ndjson': text });
    const { rows, tally } = await openSource(fileSource({ path: 'in.ndjson', schema: reading }), {
      outside,
    });
    expect(numbersOf(await rows())).toEqual([1, 2]);
    expect(tally.counts.get('blankLines')).toBe(1);
  });

  it('the same rows whatever a read gives', async () => {
    const text = linesOf(0, 500);
    for (const readBytesMax of [1, 7, 4096]) {
      const outside = holding({ 'in.ndjson': text });
      outside.files.readBytesMax = readBytesMax;
      const { rows } = await openSource(fileSource({ path: 'in.ndjson', schema: reading }), {
        outside,
      });
      expect(numbersOf(await rows())).toEqual(range(0, 500));
    }
  });

  it('batches of at most `rowsMax` rows, and knows what is left', async () => {
    const outside = holding({ 'a.ndjson': linesOf(0, 10), 'b.ndjson': linesOf(0, 5) });
    const component = fileSource({ path: ['a.ndjson', 'b.ndjson'], schema: reading });
    const { connector } = await openSource(component, { outside, limits: { rowsMax: 4 } });
    const sizes: number[] = [];
    const lags = [connector.lag!()];
    for (;;) {
      const batch = await connector.read(new AbortController().signal);
      if (batch === endOfInput) break;
      sizes.push(batch.length);
      lags.push(connector.lag!());
    }
    expect(sizes).toEqual([4, 4, 2, 4, 1]);
    expect(lags).toEqual([15, 11, 7, 5, 1, 0].map((rows) => ({ value: rows * 23, unit: 'bytes' })));
    await connector.close();
  });
});

describe('the file source refuses at the start', () => {
  it.each([
    ['a missing file', 'missing.ndjson', 'missing.ndjson', 'does not exist'],
    ['a pattern that matches nothing', 'none/*.ndjson', 'none/*.ndjson', 'matches no file'],
    ['a directory', 'logs', 'logs', 'is a directory'],
    [
      'a file that may not be read',
      'secret.ndjson',
      'secret.ndjson',
      'may not be opened: no permission',
    ],
    [
      'one such file of many',
      ['a.ndjson', 'secret.ndjson'],
      'secret.ndjson',
      'may not be opened: no permission',
    ],
  ])('%s', async (_what, path, place, fact) => {
    const outside = holding({
      'a.ndjson': '',
      'logs/x': '',
      'secret.ndjson': '',
      data: '',
      'array.json': '[]',
    });
    outside.files.deny('secret.ndjson');
    await expect(
      openSource(fileSource({ path, schema: reading }), { outside }),
    ).rejects.toMatchObject({
      code: 'ERR_CONNECTOR_FILE',
      place,
      fact,
      remedy: expect.any(String) as string,
    });
    expect(outside.files.openCount).toBe(0);
  });

  it.each(['data', 'array.json'])('a name that tells no format to read: %s', async (path) => {
    const outside = holding({ data: '', 'array.json': '[]' });
    await expect(
      openSource(fileSource({ path, schema: reading }), { outside }),
    ).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      place: path,
      fact: `the name of \`${path}\` does not tell its format`,
      remedy: 'set `format` to ndjson or csv or parquet or arrow',
    });
  });

  it.each([
    ['name\na\n', 'n'],
    ['n,n\n1,2\n', 'n'],
    ['n,"name', 'header'],
  ])('a CSV whose header does not fit: %j', async (text, named) => {
    const outside = holding({ 'ok.csv': 'n,name\n', 'z.csv': text });
    const component = fileSource({ path: '*.csv', schema: reading });
    await expect(openSource(component, { outside })).rejects.toMatchObject({
      code: 'ERR_CODEC_FORMAT',
      place: 'z.csv',
      fact: expect.stringContaining(named) as string,
    });
    expect(outside.files.openCount).toBe(0);
  });

  it('a delimiter that can be none', async () => {
    const outside = holding({ 'a.csv': 'n,name\n' });
    for (const delimiter of ['"', '\n', 'é']) {
      const component = fileSource({ path: 'a.csv', delimiter, schema: reading });
      await expect(openSource(component, { outside })).rejects.toMatchObject({
        code: 'ERR_CODEC_FORMAT',
        place: 'a.csv',
      });
    }
  });

  it.skipIf(platform() === 'win32')(
    'a pipe that a pattern finds, instead of waiting for its writer',
    async () => {
      const directory = mkdtempSync(join(tmpdir(), 'millrace-'));
      try {
        execFileSync('mkfifo', [join(directory, 'pipe.ndjson')]);
        const outside = systemOutside(directory);
        const component = fileSource({ path: '*.ndjson', schema: reading });
        await expect(openSource(component, { outside })).rejects.toMatchObject({
          code: 'ERR_CONNECTOR_FILE',
          place: 'pipe.ndjson',
          fact: 'is not a regular file',
        });
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
  );

  it('a device, pointing at standard input', async () => {
    const outside = systemOutside();
    const component = fileSource({ path: '/dev/null', format: 'ndjson', schema: reading });
    await expect(openSource(component, { outside })).rejects.toMatchObject({
      fact: 'is not a regular file',
    });
  });

  it.each([
    [{ path: 'a.ndjson', delimiter: ';' }, 'delimiter'],
    [{ path: 'a.ndjson', header: false }, 'header'],
    [{ path: 'a.ndjson', schema: { n: 'float' } }, 'schema'],
    [{ path: [] }, 'path'],
    [{ path: '' }, 'path'],
    [{ path: 'a.ndjson', recordBytesMax: 0 }, 'recordBytesMax'],
    [{ path: 'a.ndjson', speed: 1 }, ''],
  ])('the options %j', (options, path) => {
    const parsed = fileSource.spec.options(z).safeParse(options);
    expect(parsed.error?.issues.map((issue) => String(issue.path[0] ?? ''))).toEqual([path]);
  });
});

describe('the file source without a schema', () => {
  it.each([
    [
      'a.ndjson',
      '{"id":"x","n":1,"at":"2026-01-01T00:00:00Z"}\n{"id":"x","n":null,"at":"2026-01-01T00:00:01Z"}',
    ],
    ['a.csv', 'id,n,at\nx,1,2026-01-01T00:00:00Z\nx,,2026-01-01T00:00:01Z'],
  ])('finds it in %s, and says so', async (path, text) => {
    const outside = holding({ [path]: text });
    const { output, logged, rows } = await openSource(fileSource({ path }), { outside });
    const found = { id: 'category', n: 'float64?', at: 'timestamp' };
    expect(output.toJSON()).toEqual(found);
    expect(logged).toEqual([
      { level: 'info', event: 'schema.inferred', fields: { schema: found } },
    ]);
    const at = Date.UTC(2026, 0, 1);
    expect(await rows()).toEqual([
      { id: 'x', n: 1, at },
      { id: 'x', n: null, at: at + 1000 },
    ]);
  });

  it('looks in the first file that has records', async () => {
    const outside = holding({ 'a.ndjson': '', 'b.ndjson': '\ufeff\n\n', 'c.ndjson': lineOf(1) });
    const { output } = await openSource(fileSource({ path: '*.ndjson' }), { outside });
    expect(output.toJSON()).toEqual({ n: 'float64', name: 'text' });
  });

  it('has no records to give of an empty file', async () => {
    for (const path of ['a.ndjson', 'a.csv']) {
      const { output, rows } = await openSource(fileSource({ path }), {
        outside: holding({ [path]: '' }),
      });
      expect(output.fields).toEqual([]);
      expect(await rows()).toEqual([]);
    }
  });

  it('refuses a file that shows none', async () => {
    const outside = holding({ 'a.ndjson': 'no record\n' });
    await expect(openSource(fileSource({ path: 'a.ndjson' }), { outside })).rejects.toMatchObject({
      code: 'ERR_CODEC_FORMAT',
      place: 'a.ndjson',
      fact: expect.stringMatching(/^no record shows a schema; at byte 0: /),
      remedy: 'correct it, or give `schema`',
    });
    expect(outside.files.openCount).toBe(0);
  });

  it('refuses later files that do not fit it', async () => {
    const outside = holding({ 'a.csv': 'n,name\n1,a\n', 'b.csv': 'name\na\n' });
    await expect(openSource(fileSource({ path: '*.csv' }), { outside })).rejects.toMatchObject({
      code: 'ERR_CODEC_FORMAT',
      place: 'b.csv',
    });
  });
});

describe('the file source, when a file changes under it', () => {
  it('says that it was cut short', async () => {
    const outside = holding({ 'in.ndjson': linesOf(0, 100) });
    const component = fileSource({ path: 'in.ndjson', schema: reading });
    const { connector } = await openSource(component, { outside, limits: { rowsMax: 10 } });
    outside.files.readBytesMax = 600;
    await connector.read(new AbortController().signal);
    outside.files.rewrite('in.ndjson', 'x');
    const rest = async (): Promise<void> => {
      while ((await connector.read(new AbortController().signal)) !== endOfInput);
    };
    await expect(rest()).rejects.toMatchObject({
      code: 'ERR_CONNECTOR_FILE',
      place: 'in.ndjson',
      fact: expect.stringMatching(/^was cut from \d+ to 1 bytes while it was read$/) as string,
    });
    await connector.close();
    expect(outside.files.openCount).toBe(0);
  });

  it('says that it is gone', async () => {
    const outside = holding({ 'a.ndjson': linesOf(0, 2), 'b.ndjson': linesOf(2, 4) });
    const component = fileSource({ path: '*.ndjson', schema: reading });
    const { connector } = await openSource(component, { outside });
    await connector.read(new AbortController().signal);
    await outside.files.remove('b.ndjson');
    await expect(connector.read(new AbortController().signal)).rejects.toMatchObject({
      code: 'ERR_CONNECTOR_FILE',
      place: 'b.ndjson',
      fact: 'does not exist',
    });
    await connector.close();
  });

  it('goes on where it was when a read that failed is tried again', async () => {
    const outside = holding({ 'in.ndjson': linesOf(0, 100) });
    outside.files.readBytesMax = 500;
    const component = fileSource({ path: 'in.ndjson', schema: reading });
    const { connector } = await openSource(component, { outside, limits: { rowsMax: 10 } });
    const first = await connector.read(new AbortController().signal);
    if (first === endOfInput) throw new Error('no batch');
    const numbers: unknown[] = numbersOf(first.toRows());
    outside.files.fail('read', 'in.ndjson', 'EIO', { times: 3 });
    const failures: unknown[] = [];
    for (;;) {
      try {
        const batch = await connector.read(new AbortController().signal);
        if (batch === endOfInput) break;
        numbers.push(...numbersOf(batch.toRows()));
      } catch (error) {
        failures.push(error);
      }
    }
    const failed = { code: 'ERR_CONNECTOR_FILE', place: 'in.ndjson' };
    expect(failures).toMatchObject([failed, failed, failed]);
    expect(numbers).toEqual(range(0, 100));
    await connector.close();
  });
});

describe('the file source, resumed,', () => {
  async function positionsOf(
    options: FileSourceOptions<typeof reading.shape>,
    outside: VirtualOutside,
    rowsMax: number,
  ): Promise<{ position: Position; read: number }[]> {
    const { connector } = await openSource(fileSource(options), { outside, limits: { rowsMax } });
    const positions = [{ position: connector.position(), read: 0 }];
    for (let read = 0; ;) {
      const batch = await connector.read(new AbortController().signal);
      if (batch === endOfInput) break;
      read += batch.length;
      positions.push({ position: connector.position(), read });
    }
    positions.push({ position: connector.position(), read: positions.at(-1)!.read });
    await connector.close();
    return positions.map(({ position, read }) => ({
      position: JSON.parse(JSON.stringify(position)) as Position,
      read,
    }));
  }

  it.each(['ndjson', 'csv'] as const)(
    'gives exactly the rest at every position of %s files',
    async (format) => {
      const line = (n: number): string => (format === 'csv' ? `row ${n},${n}\r\n` : lineOf(n));
      const file = (from: number, to: number): string =>
        (format === 'csv' ? 'name,n\r\n' : '') + range(from, to).map(line).join('');
      const outside = holding({
        [`a.${format}`]: file(0, 25),
        [`b.${format}`]: format === 'csv' ? 'name,n\r\n' : '',
        [`bb.${format}`]: '\n',
        [`c.${format}`]: file(25, 40),
      });
      const options = { path: `*.${format}`, schema: reading };
      for (const { position, read } of await positionsOf(options, outside, 3)) {
        const { rows } = await openSource(fileSource(options), { outside, from: position });
        expect(numbersOf(await rows())).toEqual(range(read, 40));
      }
    },
  );

  it('gives exactly the rest, whatever the lines and the sizes of batches and reads', async () => {
    const line = fc.oneof(
      fc.string().map((name) => ({ text: JSON.stringify({ n: 1, name }), name })),
      fc
        .constantFrom('', '{"n":', '{"n":"x","name":"a"}', 'null')
        .map((text) => ({ text, name: undefined })),
    );
    // Nightly: 200 times as many.
    const numRuns = process.env['MILLRACE_NIGHTLY'] ? 20_000 : 100;
    await fc.assert(
      fc.asyncProperty(
        fc.array(line),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 50 }),
        async (lines, rowsMax, readBytesMax) => {
          const good = lines.filter(({ name }) => name !== undefined && name.isWellFormed());
          const outside = holding({ 'in.ndjson': lines.map(({ text }) => `${text}\n`).join('') });
          outside.files.readBytesMax = readBytesMax;
          const options = { path: 'in.ndjson', schema: reading };
          for (const { position, read } of await positionsOf(options, outside, rowsMax)) {
            const { rows } = await openSource(fileSource(options), { outside, from: position });
            const rest = good.slice(read).map(({ name }) => name);
            expect((await rows()).map((row) => row['name'])).toEqual(rest);
          }
        },
      ),
      { numRuns },
    );
  });

  async function positionAfter(rows: number, outside: VirtualOutside): Promise<Position> {
    const options = { path: 'in.ndjson', schema: reading };
    const positions = await positionsOf(options, outside, rows);
    return positions[1]!.position;
  }

  it('reads what was added since', async () => {
    const outside = holding({ 'in.ndjson': linesOf(0, 4) });
    const position = await positionAfter(4, outside);
    outside.files.rewrite('in.ndjson', linesOf(0, 6));
    const { rows, logged } = await openSource(fileSource({ path: 'in.ndjson', schema: reading }), {
      outside,
      from: position,
    });
    expect(numbersOf(await rows())).toEqual([4, 5]);
    expect(logged).toEqual([]);
  });

  it('keeps a position as it was while it reads on', async () => {
    const outside = holding({
      'a.ndjson': linesOf(0, 2),
      'b.ndjson': linesOf(2, 4),
      'c.ndjson': linesOf(4, 6),
    });
    const options = { path: '*.ndjson', schema: reading };
    const source = await openSource(fileSource(options), { outside, limits: { rowsMax: 2 } });
    const positions: Position[] = [];
    while ((await source.connector.read(new AbortController().signal)) !== endOfInput)
      positions.push(source.connector.position());
    const rest = await Promise.all(
      positions.map(async (from) => {
        const { rows } = await openSource(fileSource(options), { outside, from });
        return numbersOf(await rows());
      }),
    );
    expect(rest).toEqual([[2, 3, 4, 5], [4, 5], []]);
  });

  it('takes no longer for a position among many files than among a few', async () => {
    const timeAmong = async (files: number): Promise<number> => {
      const outside = virtualOutside();
      for (const n of range(0, files)) outside.files.put(`${n}.ndjson`, lineOf(n));
      const options = { path: '*.ndjson', schema: reading };
      const { connector } = await openSource(fileSource(options), { outside });
      for (const _ of range(0, files / 2)) await connector.read(new AbortController().signal);
      const times = range(0, 7).map(() => {
        const started = process.hrtime.bigint();
        for (let asked = 0; asked < 2000; asked++) connector.position();
        return Number(process.hrtime.bigint() - started);
      });
      return Math.min(...times);
    };
    expect(await timeAmong(4000)).toBeLessThan(10 * (await timeAmong(20)));
  });

  it('saves little of each file that it has read, also of those that it has yet to look at again', async () => {
    const [files, bytesEach] = [1200, 90];
    const outside = virtualOutside();
    const nameOf = (n: number): string =>
      `/data/plant/readings-${String(n).padStart(6, '0')}.ndjson`;
    for (const n of range(0, files)) outside.files.put(nameOf(n), lineOf(n));
    const options = { path: '/data/plant/*.ndjson', schema: reading };
    const sizeOf = (position: Position): number => JSON.stringify(position).length;
    const first = await openSource(fileSource(options), { outside });
    expect(await first.rows()).toHaveLength(files);
    const from = first.connector.position();
    expect(sizeOf(from)).toBeLessThan(files * bytesEach);

    outside.files.put('/data/plant/a.ndjson', lineOf(0));
    outside.files.put('/data/plant/z.ndjson', linesOf(0, 2));
    const second = await openSource(fileSource(options), { outside, from, limits: { rowsMax: 1 } });
    for (const _ of ['a', 'z']) {
      await second.connector.read(new AbortController().signal);
      expect(sizeOf(second.connector.position())).toBeLessThan(files * bytesEach);
    }
    const third = await openSource(fileSource(options), {
      outside,
      from: JSON.parse(JSON.stringify(second.connector.position())) as Position,
    });
    expect(await third.rows()).toEqual([{ n: 1, name: 'row 1' }]);
    await second.connector.close();
  });

  it('knows each of many files by whatever name, and how far it was read', async () => {
    const outside = virtualOutside();
    const names = ['a b', 'a\nb', 'a', 'a 1', '😀', '😁', 'é"\\', '1 2 3'];
    for (const name of names) outside.files.put(`in/${name}.ndjson`, linesOf(0, 2));
    const options = { path: 'in/*', format: 'ndjson', schema: reading } as const;
    const source = await openSource(fileSource(options), { outside });
    expect(await source.rows()).toHaveLength(2 * names.length);
    for (const [at, name] of names.entries()) {
      outside.files.rewrite(`in/${name}.ndjson`, linesOf(0, 2) + lineOf(100 + at));
    }
    const from = JSON.parse(JSON.stringify(source.connector.position())) as Position;
    const { rows, logged } = await openSource(fileSource(options), { outside, from });
    const sorted = names.toSorted((a, b) => (`in/${a}.ndjson` < `in/${b}.ndjson` ? -1 : 1));
    expect(numbersOf(await rows())).toEqual(sorted.map((name) => 100 + names.indexOf(name)));
    expect(logged).toEqual([]);
  });

  it('saves the columns of CSV files once where they are the same', async () => {
    const outside = virtualOutside();
    const long = 'a column with a long name';
    for (const n of range(0, 100)) outside.files.put(`${n}.csv`, `name,n,${long}\nrow,${n},0\n`);
    const options = { path: '*.csv', schema: reading };
    const source = await openSource(fileSource(options), { outside });
    await source.rows();
    const saved = JSON.stringify(source.connector.position());
    expect(saved.split(long)).toHaveLength(2);
    outside.files.rewrite('7.csv', `name,n,${long}\nrow,7,0\nmore,8,0\n`);
    const from = JSON.parse(saved) as Position;
    const { rows } = await openSource(fileSource(options), { outside, from });
    expect(await rows()).toEqual([{ n: 8, name: 'more' }]);
  });

  it('goes on from what was saved when each file was kept whole', async () => {
    const outside = holding({ 'a.ndjson': linesOf(0, 3), 'b.ndjson': linesOf(3, 6) });
    const headSha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
    const files = await Promise.all(
      [
        { path: 'a.ndjson', text: linesOf(0, 3), read: linesOf(0, 3).length },
        { path: 'b.ndjson', text: linesOf(3, 6), read: lineOf(3).length },
      ].map(async ({ path, text, read: offset }) => {
        const { device, inode } = (await outside.files.facts(path))!;
        const head = { headBytes: text.length, headSha256: headSha256(text) };
        return { path, device, inode, ...head, offset };
      }),
    );
    const options = { path: '*.ndjson', schema: reading };
    const { rows, logged } = await openSource(fileSource(options), { outside, from: { files } });
    expect(numbersOf(await rows())).toEqual([4, 5]);
    expect(logged).toEqual([]);
  });

  it('knows what it read of later files while it reads a new one before them', async () => {
    const outside = holding({ 'b.ndjson': linesOf(0, 4) });
    const options = { path: '*.ndjson', schema: reading };
    const [, first] = await positionsOf(options, outside, 3);
    outside.files.put('a.ndjson', linesOf(4, 10));
    const second = await openSource(fileSource(options), {
      outside,
      from: first!.position,
      limits: { rowsMax: 2 },
    });
    await second.connector.read(new AbortController().signal);
    const from = second.connector.position();
    await second.connector.close();
    const third = await openSource(fileSource(options), { outside, from });
    expect(numbersOf(await third.rows())).toEqual([6, 7, 8, 9, 3]);
    expect(third.logged).toEqual([]);
  });

  it('follows a file that was renamed', async () => {
    const outside = holding({ 'in.ndjson': linesOf(0, 4) });
    const position = await positionAfter(2, outside);
    await outside.files.rename('in.ndjson', 'in.1.ndjson');
    outside.files.put('in.ndjson', linesOf(4, 6));
    const { rows } = await openSource(fileSource({ path: '*.ndjson', schema: reading }), {
      outside,
      from: position,
    });
    expect(numbersOf(await rows())).toEqual([2, 3, 4, 5]);
  });

  it.each([
    [
      'is shorter than what was read',
      'rewrite',
      linesOf(50, 51),
      'it is shorter than what was read of it',
    ],
    ['begins otherwise', 'rewrite', linesOf(5, 10), 'its beginning has changed'],
    ['is another file of that name', 'put', linesOf(0, 10), 'another file has its name'],
  ] as const)(
    'reads from the start, and says so, a file that %s',
    async (_what, change, text, reason) => {
      const outside = holding({ 'in.ndjson': linesOf(0, 5) });
      const position = await positionAfter(3, outside);
      outside.files[change]('in.ndjson', text);
      const { rows, logged } = await openSource(
        fileSource({ path: 'in.ndjson', schema: reading }),
        {
          outside,
          from: position,
        },
      );
      expect(await rows()).toHaveLength(text.split('\n').length - 1);
      expect(logged).toEqual([
        {
          level: 'warning',
          event: 'file.replaced',
          fields: { path: 'in.ndjson', reason, offset: 69 },
        },
      ]);
    },
  );

  it('refuses a position that is none of its own', async () => {
    const outside = holding({ 'in.ndjson': '' });
    for (const from of [
      7,
      null,
      { files: [{}] },
      { files: [{ path: 'in.ndjson', offset: -1 }] },
      { files: [], others: {} },
      { files: [], others: [null] },
      { files: [], others: [{ common: { device: 1 }, rows: [7] }] },
      { files: [], others: [{ common: { device: 1 }, rows: ['1 0 x 5 in.ndjson'] }] },
      { files: [], others: [{ common: {}, rows: ['1 0 x 5 0 in.ndjson'] }] },
    ]) {
      const component = fileSource({ path: 'in.ndjson', schema: reading });
      await expect(openSource(component, { outside, from })).rejects.toMatchObject({
        code: 'ERR_SNAPSHOT_INVALID',
      });
    }
  });
});

describe('the file source gives dead letters', () => {
  it('with the place and the reason, and the rows around them', async () => {
    const outside = holding({
      'in.ndjson': `${lineOf(0)}{"n":"x","name":"a"}\n${lineOf(2)}oops\n`,
    });
    const { rows, tally } = await openSource(fileSource({ path: 'in.ndjson', schema: reading }), {
      outside,
    });
    expect(numbersOf(await rows())).toEqual([0, 2]);
    expect(tally.failures).toMatchObject([
      { partition: 'in.ndjson', position: 23, reason: 'field.type', recordBytes: 20 },
      { partition: 'in.ndjson', position: 67, reason: 'json.syntax', recordBytes: 4 },
    ]);
  });

  it('by the batch, so that a file of nothing else never fills the memory', async () => {
    const outside = holding({ 'in.ndjson': 'x\n'.repeat(100_000) + lineOf(1) });
    const { connector, tally } = await openSource(
      fileSource({ path: 'in.ndjson', schema: reading }),
      {
        outside,
      },
    );
    let failures = 0;
    let rows = 0;
    for (;;) {
      const batch = await connector.read(new AbortController().signal);
      if (batch === endOfInput) break;
      rows += batch.length;
      // A read gives back after at most a part of a chunk.
      expect(tally.failures.length).toBeLessThanOrEqual(131_072 / 2 + 4096);
      failures += tally.failures.splice(0).length;
    }
    expect({ failures, rows }).toEqual({ failures: 100_000, rows: 1 });
    await connector.close();
  });

  it('by the bytes of a batch too, where each record is long', async () => {
    const outside = holding({ 'in.ndjson': `${'x'.repeat(60_000)}\n`.repeat(100) });
    const source = await openSource(fileSource({ path: 'in.ndjson', schema: reading }), {
      outside,
    });
    const { connector, tally } = source;
    let failures = 0;
    for (;;) {
      const batch = await connector.read(new AbortController().signal);
      const records = tally.failures.splice(0) as unknown as { readonly recordBytes: number }[];
      const bytes = records.reduce((sum, { recordBytes }) => sum + recordBytes, 0);
      expect(bytes).toBeLessThanOrEqual(1_048_576 + 131_072 + 60_000);
      failures += records.length;
      if (batch === endOfInput) break;
    }
    expect(failures).toBe(100);
    await connector.close();
  });

  it('of a line without end in constant memory, and reads on behind it', async () => {
    const outside = virtualOutside();
    const size = 100 * 1024 * 1024;
    outside.files.put(
      'in.ndjson',
      Buffer.concat([Buffer.alloc(size, 'x'), Buffer.from(`\n${lineOf(1)}`)]),
    );
    const { connector, tally } = await openSource(
      fileSource({ path: 'in.ndjson', schema: reading }),
      {
        outside,
      },
    );
    const before = process.memoryUsage();
    const batch = await connector.read(new AbortController().signal);
    const after = process.memoryUsage();
    if (batch === endOfInput) throw new Error('no batch');
    expect(numbersOf(batch.toRows())).toEqual([1]);
    expect(tally.failures).toMatchObject([
      {
        reason: 'record.size',
        position: 0,
        recordBytes: size,
        recordSha256: expect.any(String) as string,
      },
    ]);
    expect(
      after.arrayBuffers + after.heapUsed - before.arrayBuffers - before.heapUsed,
    ).toBeLessThan(24e6);
    await connector.close();
  });

  it('and is stopped behind what it told: no record is refused twice, none is lost', async () => {
    const text = range(0, 200)
      .map((part) => linesOf(part * 1000, part * 1000 + 999) + '{"n":\n')
      .join('');
    const outside = holding({ 'in.ndjson': text });
    const options = fileSource({ path: 'in.ndjson', schema: reading });
    const limits = { rowsMax: 1_000_000, bytesMax: 2 ** 30 };
    const stopping = new AbortController();
    stopAtRead(outside, 5, stopping);
    const first = await openSource(options, { outside, limits });
    const batch = (await first.connector.read(stopping.signal)) as Batch;
    const before = numbersOf(batch.toRows());
    const from = first.connector.position();
    await first.connector.close();
    expect(before.length).toBeGreaterThan(10_000);
    const second = await openSource(options, { outside, from });
    const rows = [...before, ...numbersOf(await second.rows())];
    expect(rows.length).toBe(199_800);
    expect(new Set(rows).size).toBe(199_800);
    const refused = [...first.tally.failures, ...second.tally.failures].map((it) => it.position);
    expect(refused.length).toBe(200);
    expect(new Set(refused).size).toBe(200);
  });

  it('and gives up reading when it is stopped inside such a line', async () => {
    const outside = holding({ 'in.ndjson': Buffer.alloc(8 * 1024 * 1024, 'x') });
    const { connector } = await openSource(fileSource({ path: 'in.ndjson', schema: reading }), {
      outside,
    });
    const stopping = new AbortController();
    const read = connector.read(stopping.signal);
    stopping.abort(new Error('stopped'));
    await expect(read).rejects.toThrow('stopped');
    await connector.close();
    expect(outside.files.openCount).toBe(0);
  });
});
