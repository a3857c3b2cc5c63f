import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';

import * as arrow from 'apache-arrow';
import * as fc from 'fast-check';
import * as lz4 from 'lz4-napi';
import { describe, expect, it, test, vi } from 'vitest';

import { toArrow } from '../../src/batch/arrow.ts';
import { Batch, type RecordOf, schema } from '../../src/batch/index.ts';
import { fileSink, fileSource } from '../../src/connectors/file.ts';
import { lz4Range } from '../../src/connectors/file/lz4.ts';
import { endOfInput, type SinkComponent, type SourceComponent } from '../../src/core/index.ts';
import {
  sinkSuite,
  sourceSuite,
  VirtualFiles,
  type VirtualOutside,
  virtualOutside,
} from '../../src/testing/index.ts';
import { everyKind, recordsOfEveryKind } from './kinds.ts';
import { openSink, openSource } from './planned.ts';

const reading = schema({ n: 'int32', value: 'float64', name: 'text', sensor: 'category?' });
type Reading = RecordOf<typeof reading.shape>;
const readingsOf = (from: number, to: number): Reading[] =>
  Array.from({ length: to - from }, (_, at) => {
    const n = from + at;
    return { n, value: n * 1.5, name: `row ${n}`, sensor: n % 3 === 0 ? null : `s${n}` };
  });

function holding(contents: Record<string, string | Uint8Array>): VirtualOutside {
  const outside = virtualOutside();
  for (const [path, content] of Object.entries(contents)) outside.files.put(path, content);
  return outside;
}

async function bytesOf(path: string, rows: readonly Reading[], each = 10): Promise<Uint8Array> {
  const outside = virtualOutside();
  const sink = await openSink(fileSink({ path }), reading, { outside });
  for (let at = 0; at < rows.length; at += each) {
    await sink.write(rows.slice(at, at + each));
    await sink.commit();
  }
  await sink.close();
  return new Uint8Array(outside.files.bytes(path));
}

async function rowsOf(bytes: Uint8Array, options: object = {}): Promise<unknown[]> {
  const outside = holding({ 'in.arrow': bytes });
  return (await openSource(fileSource({ path: 'in.arrow', ...options }), { outside })).rows();
}

/** A stream of a table, with its buffers as `encode` leaves them. */
function compressed(
  table: unknown,
  type: 'ZSTD' | 'LZ4_FRAME',
  encode: (buffer: Uint8Array) => Uint8Array,
): Uint8Array {
  const compressionType = arrow.CompressionType[type];
  const { decode } = arrow.compressionRegistry.get(compressionType) ?? {};
  // What it becomes is copied: the writer takes all of the memory behind it.
  const codec = { encode: (buffer: Uint8Array) => new Uint8Array(encode(buffer)) };
  arrow.compressionRegistry.set(compressionType, codec);
  const writer = new arrow.RecordBatchStreamWriter({ compressionType });
  const bytes = writer
    .writeAll(table as arrow.Table)
    .finish()
    .toUint8Array(true);
  arrow.compressionRegistry.set(compressionType, decode === undefined ? {} : { decode });
  return bytes;
}

/** A frame of blocks that may become 4 MiB each, and are not even read. */
function bomb(): Uint8Array {
  const block = Buffer.alloc(4 + 16_449);
  block.writeUInt32LE(16_449);
  const head = Buffer.from([4, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73]);
  return Buffer.concat([head, ...Array<Buffer>(260).fill(block), Buffer.alloc(4)]);
}

/** 20,000 numbers from 0 to 15 in turn, by `lz4 -BD -B4`: 64 KiB a block, which are not independent. */
const linkedFrame =
  'BCJNGERAXkkBAAAZAAEAI/A/CQASQAcAEwgIABMQCAATFAgAExgIABMcCAATIAgAEyIIABMkCAATJggAEygIABMqCAATLAgA' +
  'Ly5AgAD/////////////////////////////////////////////////////////////////////////////////////////' +
  '////////////////////////////////////////////////////////////////////////////////////////////////' +
  '////////////////////////////////////////////////////////////////////////////////////////////////' +
  '////////////////////////////////////////////////////////////aFAAAAAuQAoBAAAPgAD/////////////////' +
  '////////////////////////////////////////////////////////////////////////////////////////////////' +
  '////////////////////////////////////////////////////////////////////////////////////////////////' +
  '////////////////////////////////////////////////////////////////////////////////////////////////' +
  '////////////////////////////////////6FAAAAAuQHsAAAAPgAD/////////////////////////////////////////' +
  '////////////////////////////////////////////////////////////////////////////////////////////////' +
  '/////////////1lQAAAALkAAAAAAjSD57g==';

const plain = (table: arrow.Table): unknown[] =>
  table.toArray().map((row: { toJSON(): unknown }) => row.toJSON());

describe.each(['o.arrow', 'o.arrows', 'o.feather'])('what is written as %s', (path) => {
  it('is read back the same, of all kinds', async () => {
    await fc.assert(
      fc.asyncProperty(
        recordsOfEveryKind,
        fc.integer({ min: 1, max: 20 }),
        async (records, each) => {
          const outside = virtualOutside();
          const sink = await openSink(fileSink({ path }), everyKind, { outside });
          for (let at = 0; at < records.length; at += each) {
            await sink.write(records.slice(at, at + each) as never);
          }
          await sink.commit();
          await sink.close();
          const source = await openSource(fileSource({ path }), { outside });
          expect(source.output.toString()).toBe(everyKind.toString());
          expect(await source.rows()).toEqual(records);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('is read by Arrow, its dictionaries grown by deltas', async () => {
    const bytes = await bytesOf(path, readingsOf(0, 100));
    const table = arrow.tableFromIPC(bytes);
    expect(plain(table)).toEqual(readingsOf(0, 100));
    expect(table.batches).toHaveLength(10);
    expect(table.schema.fields.map(({ type }) => String(type))).toEqual([
      'Int32',
      'Float64',
      'Utf8',
      'Dictionary<Int32, Utf8>',
    ]);
    // Each of the texts is there once.
    expect(Buffer.from(bytes).toString('latin1').split('s77').length - 1).toBe(1);
  });

  it('is whole and durable at each commit', async () => {
    const outside = virtualOutside();
    const sink = await openSink(fileSink({ path }), reading, { outside });
    for (const rows of [10, 20]) {
      await sink.write(readingsOf(rows - 10, rows));
      await sink.commit();
      await sink.write(readingsOf(90, 95));
      outside.files.cutPower();
      expect(plain(arrow.tableFromIPC(outside.files.bytes(path)))).toHaveLength(
        rows === 10 ? 10 : 25,
      );
    }
    await sink.close();
  });

  it('is whole where more was written since the commit, and a commit adds all of that', async () => {
    const timed = schema({ n: 'int32', at: 'timestamp' });
    const outside = virtualOutside();
    const sink = await openSink(fileSink({ path }), timed, { outside });
    const rowsIn = (): number => arrow.tableFromIPC(outside.files.bytes(path)).numRows;
    await sink.write([{ n: 0, at: 0 }]);
    await sink.commit();
    const committed = outside.files.bytes(path).length;
    // What was added is written when there is much of it.
    const each = 200_000;
    for (const value of [1, 2, 3]) {
      await sink.write(Array.from({ length: each }, (_, at) => ({ n: value, at })));
    }
    await vi.waitFor(() => expect(outside.files.bytes(path).length).toBeGreaterThan(committed));
    expect(rowsIn() % each).toBe(1);
    // Nothing comes of a time beyond those that the file can hold.
    await sink.write([{ n: 4, at: 9.3e15 }]);
    await sink.commit();
    expect(rowsIn()).toBe(1 + 3 * each);
    await sink.close();
  });

  it('has its schema where no row came', async () => {
    const bytes = await bytesOf(path, []);
    expect(arrow.tableFromIPC(bytes).schema.names).toEqual(reading.names);
    expect(await rowsOf(bytes)).toEqual([]);
  });
});

describe('what Arrow writes', () => {
  const vectors = {
    a: arrow.vectorFromArray([1, null, 3], new arrow.Float64()),
    b: arrow.vectorFromArray(
      ['x', 'y', 'x'],
      new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8()),
    ),
    c: arrow.vectorFromArray([1n, 2n, 3n], new arrow.Uint64()),
    d: arrow.vectorFromArray([new Date(0), null, new Date(1)], new arrow.TimestampNanosecond()),
  };
  const rows = [
    { a: 1, b: 'x', c: 1n, d: 0 },
    { a: null, b: 'y', c: 2n, d: null },
    { a: 3, b: 'x', c: 3n, d: 1 },
  ];

  it.each(['file', 'stream'] as const)('as a %s is read', async (format) => {
    expect(await rowsOf(arrow.tableToIPC(new arrow.Table(vectors), format))).toEqual(rows);
  });

  it('has nanoseconds of today to the millisecond', async () => {
    const data = BigInt64Array.of(1_700_000_000_002_000_000n, 1_700_000_000_002_500_000n, -1n);
    const at = arrow.makeVector(
      arrow.makeData({ type: new arrow.TimestampNanosecond(), length: 3, data }),
    );
    const rows = [{ at: 1_700_000_000_002 }, { at: 1_700_000_000_002.5 }, { at: -1e-6 }];
    expect(await rowsOf(arrow.tableToIPC(new arrow.Table({ at }), 'stream'))).toEqual(rows);
  });

  it('is read compressed with zstd', async () => {
    const table = await toArrow(Batch.from(readingsOf(0, 50), reading));
    const bytes = compressed(table, 'ZSTD', (buffer) => zstdCompressSync(buffer));
    expect(await rowsOf(bytes)).toEqual(readingsOf(0, 50));
  });

  it('is refused at the start where no kind holds it', async () => {
    const list = arrow.vectorFromArray(
      [[1]],
      new arrow.List(new arrow.Field('i', new arrow.Int8())),
    );
    const bytes = arrow.tableToIPC(new arrow.Table({ list }), 'stream');
    await expect(rowsOf(bytes)).rejects.toThrow('no kind holds the Arrow type List<Int8>');
  });
});

describe('what is compressed with LZ4', () => {
  it.each([{}, { blockChecksums: true, contentChecksum: true }])('is read: %j', async (options) => {
    const table = await toArrow(Batch.from(readingsOf(0, 5000), reading));
    const bytes = compressed(table, 'LZ4_FRAME', (buffer) =>
      lz4.compressFrameSync(Buffer.from(buffer), options),
    );
    expect(await rowsOf(bytes)).toEqual(readingsOf(0, 5000));
  });

  it('is read where blocks look back at those before them', async () => {
    const values = Float64Array.from({ length: 20_000 }, (_, at) => at % 16);
    const table = new arrow.Table({ a: arrow.makeVector(values) });
    const bytes = compressed(table, 'LZ4_FRAME', (buffer) =>
      buffer.length === values.byteLength
        ? Buffer.from(linkedFrame, 'base64')
        : lz4.compressFrameSync(Buffer.from(buffer)),
    );
    expect(await rowsOf(bytes)).toEqual(Array.from(values, (a) => ({ a })));
  });

  it.each([
    ['is damaged', (frame: Buffer) => frame.fill(255, 20, 60)],
    ['is something else', (frame: Buffer) => frame.write('none')],
    ['has blocks of no size', (frame: Buffer) => frame.fill(0, 5, 6)],
  ])('ends the run where it %s', async (_, change) => {
    const table = await toArrow(Batch.from(readingsOf(0, 500), reading));
    const bytes = compressed(table, 'LZ4_FRAME', (buffer) =>
      lz4.compressFrameSync(Buffer.from(buffer), { blockChecksums: true }),
    );
    const mark = Buffer.from([4, 0x22, 0x4d, 0x18]);
    change(Buffer.from(bytes.buffer).subarray(Buffer.from(bytes).lastIndexOf(mark)));
    await expect(rowsOf(bytes)).rejects.toThrow(
      /ERR_CODEC_FORMAT \[in.arrow\] the record batch at byte \d+ cannot be read/,
    );
  });

  it('is refused where it may become more than a gibibyte, before it does', async () => {
    // What is no shorter is not compressed.
    const table = new arrow.Table({ a: arrow.makeVector(new Float64Array(600_000)) });
    const bytes = compressed(table, 'LZ4_FRAME', bomb);
    await expect(rowsOf(bytes)).rejects.toThrow('a frame of LZ4 may become 1090519040 bytes');
  });

  it('is named where its package is missing', async () => {
    const table = await toArrow(Batch.from(readingsOf(0, 5), reading));
    const bytes = compressed(table, 'LZ4_FRAME', (buffer) =>
      lz4.compressFrameSync(Buffer.from(buffer)),
    );
    arrow.compressionRegistry.set(arrow.CompressionType.LZ4_FRAME, {});
    vi.doMock('lz4-napi', () => {
      throw new Error('Cannot find package');
    });
    await expect(rowsOf(bytes)).rejects.toThrow(
      `ERR_PEER_MISSING [file] cannot load \`lz4-napi\`, which LZ4 needs; npm i lz4-napi@${lz4Range}`,
    );
    vi.doUnmock('lz4-napi');
  });

  it('needs an optional peer, in the range that the source has', () => {
    const text = readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8');
    const { peerDependencies, peerDependenciesMeta } = JSON.parse(text) as Record<string, object>;
    expect(peerDependencies).toMatchObject({ 'lz4-napi': lz4Range });
    expect(peerDependenciesMeta).toHaveProperty('lz4-napi', { optional: true });
  });
});

describe('an Arrow file', () => {
  it('has rows as positions, and may be left and gone on with anywhere', async () => {
    for (const path of ['in.arrow', 'in.arrows']) {
      const outside = holding({ [path]: await bytesOf(path, readingsOf(0, 100), 30) });
      const component = fileSource({ path });
      const whole = await openSource(component, { outside, limits: { rowsMax: 7 } });
      let rows = 0;
      for (;;) {
        const batch = await whole.connector.read(new AbortController().signal);
        if (batch === endOfInput) break;
        expect(batch.origin.position(0)).toBe(rows);
        rows += batch.length;
        const from = whole.connector.position();
        const rest = await openSource(component, { outside, from });
        expect(await rest.rows()).toEqual(readingsOf(rows, 100));
      }
      expect(rows).toBe(100);
      await whole.connector.close();
    }
  });

  it('shares a dictionary over its batches', async () => {
    const outside = holding({ 'in.arrow': await bytesOf('in.arrow', readingsOf(0, 40)) });
    const { connector } = await openSource(fileSource({ path: 'in.arrow' }), { outside });
    const dictionaries = new Set<unknown>();
    for (;;) {
      const batch = await connector.read(new AbortController().signal);
      if (batch === endOfInput) break;
      const column = batch.column('sensor');
      if (column.kind === 'category') dictionaries.add(column.dictionary);
    }
    expect(dictionaries.size).toBe(1);
    await connector.close();
  });

  it('gives all rows before it is cut short, and then says so', async () => {
    for (const path of ['in.arrow', 'in.arrows']) {
      const bytes = await bytesOf(path, readingsOf(0, 100));
      const start = path === 'in.arrow' ? 8 : 0;
      for (const kept of [0.95, 0.7, 0.45, 0.4]) {
        const outside = holding({
          [path]: bytes.subarray(0, Math.floor(bytes.length * kept) + start),
        });
        const { connector } = await openSource(fileSource({ path }), { outside });
        const rows: unknown[] = [];
        const read = async (): Promise<void> => {
          for (;;) {
            const batch = await connector.read(new AbortController().signal);
            if (batch === endOfInput) return;
            rows.push(...batch.toRows());
          }
        };
        if (kept === 0.95 && path === 'in.arrow') await read();
        else await expect(read()).rejects.toThrow('is cut short: it ends in the record batch');
        expect(rows).toEqual(readingsOf(0, rows.length));
        expect(rows.length % 10).toBe(0);
        await connector.close();
      }
    }
  });

  it.each([
    ['is no Arrow file', () => Buffer.from('{"n":1}\n'), /has no message|is no Arrow file/],
    ['is empty', () => new Uint8Array(0), 'is no Arrow file'],
    ['has its beginning only', (bytes: Uint8Array) => bytes.subarray(0, 40), 'cut short'],
  ])('is refused at the start where it %s', async (_, change, message) => {
    const bytes = change(await bytesOf('o.arrow', readingsOf(0, 10)));
    await expect(rowsOf(bytes)).rejects.toThrow(message);
    await expect(rowsOf(bytes, { schema: reading })).rejects.toThrow(message);
  });

  it.each([
    [schema({ other: 'text' }), 'has no column `other`'],
    [schema({ name: 'float64' }), 'column `name` is text, not float64'],
  ])('is refused where it does not fit the schema %s', async (given, message) => {
    const bytes = await bytesOf('o.arrow', readingsOf(0, 10));
    await expect(rowsOf(bytes, { schema: given })).rejects.toThrow(message);
  });

  it('makes dead letters of nulls that its schema has no place for', async () => {
    const bytes = await bytesOf('in.arrow', readingsOf(0, 9), 4);
    const strict = schema({ sensor: 'category', n: 'int32', absent: 'text?' });
    const outside = holding({ 'in.arrow': bytes });
    const source = await openSource(fileSource({ path: 'in.arrow', schema: strict }), { outside });
    const left = readingsOf(0, 9).filter(({ sensor }) => sensor !== null);
    expect(await source.rows()).toEqual(left.map(({ n, sensor }) => ({ sensor, n, absent: null })));
    const reasons = source.tally.failures.map(({ reason, position }) => [reason, position]);
    expect(reasons).toEqual([0, 3, 6].map((row) => ['field.missing', row]));
  });

  it('says so where its end comes before all that its table names', async () => {
    const bytes = await bytesOf('in.arrow', readingsOf(0, 40));
    const second = Buffer.from(bytes).indexOf(Uint8Array.of(255, 255, 255, 255), bytes.length / 3);
    const damaged = bytes.slice();
    damaged.fill(0, second + 4, second + 8);
    await expect(rowsOf(damaged)).rejects.toThrow(
      `goes on behind the end of its stream at byte ${second}: its table names 4 record batches`,
    );
  });

  // Bytes of messages that are others are left out: the package trusts the counts in them.
  it('fails by name wherever it is cut', async () => {
    const bytes = await bytesOf('in.arrow', readingsOf(0, 20));
    const tableBytes = new DataView(bytes.buffer, bytes.byteOffset).getInt32(
      bytes.length - 10,
      true,
    );
    for (let length = 0; length < bytes.length - tableBytes - 18; length += 13) {
      const cut = rowsOf(bytes.subarray(0, length));
      await expect(cut).rejects.toHaveProperty('code', 'ERR_CODEC_FORMAT');
    }
  });
});

describe('an Arrow stream', () => {
  const path = 'o.arrows';

  it('gives its rows, and says that another stream follows', async () => {
    const bytes = await bytesOf(path, readingsOf(0, 10));
    const outside = holding({ [path]: Buffer.concat([bytes, bytes]) });
    const { connector } = await openSource(fileSource({ path }), { outside });
    const batch = await connector.read(new AbortController().signal);
    expect(batch === endOfInput ? [] : batch.toRows()).toEqual(readingsOf(0, 10));
    await expect(connector.read(new AbortController().signal)).rejects.toThrow(
      `goes on behind the end of its stream at byte ${bytes.length - 8}: ${bytes.length} bytes`,
    );
    await connector.close();
  });

  it('ends with four zeros where it is from before 2019, and only there', async () => {
    const rows = readingsOf(0, 10).map(({ n, name }) => ({ n, name }));
    const table = arrow.tableFromJSON(rows);
    const writer = new arrow.RecordBatchStreamWriter({ writeLegacyIpcFormat: true });
    const old = writer.writeAll(table.batches).finish().toUint8Array(true);
    expect(old[0]).not.toBe(255);
    expect(await rowsOf(old)).toEqual(rows);
    const bytes = await bytesOf(path, readingsOf(0, 10));
    const end = Buffer.concat([bytes.subarray(0, -8), new Uint8Array(4)]);
    await expect(rowsOf(end)).rejects.toThrow('has no message of Arrow at byte');
  });

  it('is refused where a record batch has fewer rows than its columns', async () => {
    const bytes = await bytesOf(path, readingsOf(0, 10));
    const isTen = (at: number): boolean =>
      bytes[at] === 10 && bytes.subarray(at + 1, at + 8).every((byte) => byte === 0);
    const tens = Array.from(bytes.keys()).filter(isTen);
    let refused = 0;
    for (const at of tens) {
      const damaged = bytes.slice();
      damaged[at] = 0;
      const rows = await rowsOf(damaged).catch((error: unknown) => String(error));
      if (typeof rows === 'string' && rows.includes('a record batch of 0 rows')) refused++;
    }
    expect(refused).toBe(1);
  });

  it.each([0, 3, 500])('is gone on with, torn by %i bytes', async (torn) => {
    const bytes = await bytesOf(path, readingsOf(0, 30));
    const more = await bytesOf(path, readingsOf(90, 99));
    const left = Buffer.concat([bytes.subarray(0, -8), more.subarray(-600, -600 + torn)]);
    const outside = holding({ [path]: torn === 500 ? bytes.subarray(0, -40) : left });
    const sink = await openSink(fileSink({ path, mode: 'append' }), reading, { outside });
    await sink.write(readingsOf(30, 35));
    await sink.commit();
    await sink.close();
    const kept = torn === 500 ? 20 : 30;
    const expected = [...readingsOf(0, kept), ...readingsOf(30, 35)];
    expect(await rowsOf(outside.files.bytes(path))).toEqual(expected);
    expect(plain(arrow.tableFromIPC(outside.files.bytes(path)))).toEqual(expected);
  });

  it('is refused where it has rows of another schema, or a table at its end', async () => {
    const bytes = await bytesOf(path, readingsOf(0, 3));
    const outside = holding({ [path]: bytes, 'o.arrow': await bytesOf('o.arrow', []) });
    const other = schema({ n: 'text' });
    const append = (to: string) =>
      openSink(fileSink({ path: to, mode: 'append' }), other, { outside });
    await expect(append(path)).rejects.toThrow('has rows of another schema');
    await expect(append('o.arrow')).rejects.toThrow('has a table at its end');
    expect(outside.files.openCount).toBe(0);
  });

  it('names a time that Arrow does not hold, and writes the others', async () => {
    const outside = virtualOutside();
    const times = schema({ at: 'timestamp' });
    const sink = await openSink(fileSink({ path }), times, { outside });
    const result = await sink.write([{ at: 0 }, { at: 1e300 }, { at: 1 }]);
    expect(result?.failed).toMatchObject([{ row: 1, reason: 'number.range' }]);
    await sink.commit();
    await sink.close();
    expect(await rowsOf(outside.files.bytes(path))).toEqual([{ at: 0 }, { at: 1 }]);
  });
});

describe('a source of Arrow keeps to the protocol:', () => {
  const files: Record<string, Uint8Array> = {};
  const of = (path: string) => () => ({
    component: fileSource({ path }) as SourceComponent,
    outside: { ...virtualOutside(), files: new VirtualFiles(files) },
  });
  const expected = readingsOf(0, 30);
  const checks = sourceSuite(fileSource, [
    { name: 'of a file', prepare: of('/a.arrow'), expected },
    { name: 'of a stream', prepare: of('/a.arrows'), expected },
  ]);
  for (const { name, run, skipped } of checks) {
    test.skipIf(skipped !== undefined)(name, async () => {
      for (const path of ['/a.arrow', '/a.arrows']) files[path] ??= await bytesOf(path, expected);
      await run();
    });
  }
});

describe('a sink of Arrow keeps to the protocol:', () => {
  const of = (path: string) => () => {
    const files = new VirtualFiles();
    return {
      component: fileSink({ path }) as SinkComponent<never>,
      outside: { ...virtualOutside(), files },
      stored: () => {
        files.cutPower();
        return plain(arrow.tableFromIPC(files.bytes(path))) as Reading[];
      },
    };
  };
  const common = { input: reading, records: readingsOf(0, 12) };
  const checks = sinkSuite(fileSink, [
    { name: 'as a file', ...common, prepare: of('/o.arrow') },
    { name: 'as a stream', ...common, prepare: of('/o.arrows') },
  ]);
  for (const { name, run, skipped } of checks) test.skipIf(skipped !== undefined)(name, run);
});

// The last: what is loaded anew is not the same any more.
describe('Arrow', () => {
  it('needs its package', async () => {
    vi.doMock('apache-arrow', () => {
      throw new Error('Cannot find package');
    });
    vi.resetModules();
    const { fileSink: alone } = await import('../../src/connectors/file.ts');
    const message = 'ERR_PEER_MISSING [arrow] cannot load `apache-arrow`; npm i apache-arrow@^21';
    await expect(openSink(alone({ path: 'o.arrows' }), reading)).rejects.toThrow(message);
    vi.doUnmock('apache-arrow');
    vi.resetModules();
  });
});
