import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import * as fc from 'fast-check';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { beforeAll, describe, expect, it, test, vi } from 'vitest';

import { Batch, type RecordOf, schema } from '../../src/batch/index.ts';
import { parquetPeers } from '../../src/connectors/file/parquet/peer.ts';
import { fileSink, fileSource } from '../../src/connectors/file.ts';
import {
  endOfInput,
  type SinkComponent,
  type SinkConnector,
  type SourceComponent,
} from '../../src/core/index.ts';
import {
  sinkSuite,
  sourceSuite,
  VirtualFiles,
  type VirtualOutside,
  virtualOutside,
} from '../../src/testing/index.ts';
import { parquetOf, withDuckDb } from './duckdb.ts';
import { TypedPipelineBuilder } from '../../src/engine/builder.ts';
import { tap } from '../../src/stages/tap.ts';
import { everyKind, recordsOfEveryKind } from './kinds.ts';
import { openSink, openSource, writeAll } from './planned.ts';

const reading = schema({ n: 'int32', value: 'float64', name: 'text', sensor: 'category?' });
type Reading = RecordOf<typeof reading.shape>;
const readingOf = (n: number): Reading => ({
  n,
  value: n * 1.5,
  name: `row ${n}`,
  sensor: n % 3 === 0 ? null : `s${n % 5}`,
});
const readingsOf = (from: number, to: number): Reading[] =>
  Array.from({ length: to - from }, (_, at) => readingOf(from + at));
/** The same, in SQL. */
const selectReadings = (rows: number): string =>
  `select i::integer as n, i * 1.5::double as value, 'row ' || i as name,
    case when i % 3 = 0 then null else 's' || i % 5 end as sensor from range(${rows}) t(i)`;

function holding(contents: Record<string, string | Uint8Array>): VirtualOutside {
  const outside = virtualOutside();
  for (const [path, content] of Object.entries(contents)) outside.files.put(path, content);
  return outside;
}

async function bytesOf(rows: readonly Reading[], commits = 1): Promise<Uint8Array> {
  const outside = virtualOutside();
  const sink = await openSink(fileSink({ path: 'o.parquet' }), reading, { outside });
  const each = Math.ceil(rows.length / commits);
  for (let at = 0; at < commits; at++) {
    await sink.write(rows.slice(at * each, (at + 1) * each));
    await sink.commit();
  }
  await sink.close();
  return new Uint8Array(outside.files.bytes('o.parquet'));
}

async function rowsOf(bytes: Uint8Array, options: object = {}): Promise<unknown[]> {
  const outside = holding({ 'in.parquet': bytes });
  return (await openSource(fileSource({ path: 'in.parquet', ...options }), { outside })).rows();
}

describe('what is written as Parquet', () => {
  it('is read back the same, of all kinds', async () => {
    await fc.assert(
      fc.asyncProperty(recordsOfEveryKind, async (records) => {
        const outside = virtualOutside();
        await writeAll(fileSink({ path: 'o.parquet' }), everyKind, records as never, { outside });
        const source = await openSource(fileSource({ path: 'o.parquet' }), { outside });
        expect(source.output.toString()).toBe(everyKind.toString());
        expect(await source.rows()).toEqual(records);
      }),
      { numRuns: 60 },
    );
  });

  it('is read by DuckDB, with the types it means', async () => {
    const outside = virtualOutside();
    const full = {
      float64: 0.1,
      int32: -7,
      int64: 2n ** 62n,
      timestamp: Date.UTC(2026, 0, 2, 3, 4, 5, 678) + 0.25,
      bool: true,
      category: 'a',
      text: 'ä"🚀',
      bytes: Uint8Array.of(0, 255),
      json: { a: [1, null] },
    };
    const nulls = Object.fromEntries(Object.keys(full).map((kind) => [`${kind}?`, null]));
    const records = [{ ...full, ...nulls }];
    await writeAll(fileSink({ path: 'o.parquet' }), everyKind, records as never, { outside });
    await withDuckDb(async ({ put, query }) => {
      put('o.parquet', outside.files.bytes('o.parquet'));
      const columns = await query(`describe select * from '$dir/o.parquet'`);
      const types = columns.slice(0, 9).map((one) => (one as { column_type: string }).column_type);
      expect(types).toEqual([
        'DOUBLE',
        'INTEGER',
        'BIGINT',
        'TIMESTAMP WITH TIME ZONE',
        'BOOLEAN',
        'VARCHAR',
        'VARCHAR',
        'BLOB',
        'JSON',
      ]);
      expect(await query(`select * from '$dir/o.parquet'`)).toEqual([
        {
          ...full,
          int64: String(2n ** 62n),
          timestamp: '2026-01-02 03:04:05.67825+00',
          bytes: '\\x00\\xFF',
          json: '{"a":[1,null]}',
          ...nulls,
        },
      ]);
    });
  });

  it('is one file in row groups, compressed with zstd, its categories by dictionary', async () => {
    const bytes = await bytesOf(readingsOf(0, 300), 3);
    await withDuckDb(async ({ put, query }) => {
      put('o.parquet', bytes);
      const chunks = await query(
        `select row_group_id as id, compression as codec, encodings, num_values as n
         from parquet_metadata('$dir/o.parquet') where path_in_schema = 'sensor' order by 1`,
      );
      expect(chunks).toEqual(
        ['0', '1', '2'].map((id) => ({
          id,
          codec: 'ZSTD',
          encodings: 'PLAIN, RLE_DICTIONARY',
          n: '100',
        })),
      );
      const [sum] = await query(`select count(*) as rows, sum(n) as sum from '$dir/o.parquet'`);
      expect(sum).toEqual({ rows: '300', sum: String((299 * 300) / 2) });
    });
  });

  it('names a time that Parquet does not hold, and writes the others', async () => {
    const outside = virtualOutside();
    const times = schema({ at: 'timestamp' });
    const sink = await openSink(fileSink({ path: 'o.parquet' }), times, { outside });
    const result = await sink.write([{ at: 0 }, { at: 1e300 }, { at: 1 }]);
    expect(result?.failed).toMatchObject([{ row: 1, reason: 'number.range' }]);
    await sink.commit();
    await sink.close();
    expect(await rowsOf(outside.files.bytes('o.parquet'))).toEqual([{ at: 0 }, { at: 1 }]);
  });
});

/** Twenty rows of pyarrow 25, with statistics in the headers of pages, times as INT96, and LZ4. */
const ofPyarrow =
  'UEFSMRUEFaABFaQBTBUoFQASAADwQQAAAAABAAAAAgAAAAMAAAAEAAAABQAAAAYAAAAHAAAACAAAAAkAAAAKAAAACwAAAAwA' +
  'AAANAAAADgAAAA8AAAAQAAAAEQAAABIAAAATAAAAFQAVLhUyLBUoFRAVBhUGHBgEEwAAABgEAAAAABYAKAQTAAAAGAQAAAAA' +
  'EREAAADwCAIAAAAoAQUHIIhBijkoqcWaezDKCQAAFQQV/AIVvAFMFSgVABIAAJQFAAAAcm93IDAJABQxCQAUMgkAFDMJABQ0' +
  'CQAUNQkAFDYJABQ3CQAUOAkAIzkGWgAlMTAKABUxCgAVMgoAFTMKABU0CgAVNQoAFTYKABU3CgCwOAYAAAByb3cgMTkVABUu' +
  'FTIsFSgVEBUGFQYcNgAoBXJvdyA5GAVyb3cgMBERAAAA8AgCAAAAKAEFByCIQYo5KKnFmnswygkAABUEFeADFYwCTBUoFQAS' +
  'AAD1AAAAlXPCSAAAZ4olAEBCpAwANYCEswwANcDGwgwANQAJ0gwANUBL4QwANYCN8AwANcDP/wwARQASD3RgACVUHgwANYCW' +
  'LQwANcDYPAwANQAbTAwANUBdWwwANYCfagwANcDheQwANQAkiQwANUBmmAwANYCopwwAwMDqtnTCSAAAZ4olABUAFS4VMiwV' +
  'KBUQFQYVBhwAAADwCAIAAAAoAQUHIIhBijkoqcWaezDKCQAAFQQZTDUAGAZzY2hlbWEVBgAVAiUCGAFuABUMJQIYBG5hbWUl' +
  'AEwcAAAAFQYlAhgCYXQAFigZHBk8JgAcFQIZNQAGEBkYAW4VDhYoFswCFtQCJswBJggcGAQTAAAAGAQAAAAAFgAoBBMAAAAY' +
  'BAAAAAAREQAZLBUEFQAVAgAVABUQFQIAPCkGGSYAKAAAACYAHBUMGTUABhAZGARuYW1lFQ4WKBaUBBbYAia4BCbcAhw2ACgF' +
  'cm93IDkYBXJvdyAwEREAGSwVBBUAFQIAFQAVEBUCADwW3AEZBhkmACgAAAAmABwVBhk1AAYQGRgCYXQVDhYoFtQEFoQDJuAH' +
  'JrQFKSwVBBUAFQIAFQAVEBUCADwpBhkmACgAAAAWtAsWKCYIFrAIACggcGFycXVldC1jcHAtYXJyb3cgdmVyc2lvbiAyNS4w' +
  'LjEZPBwAABwAABwAAABSAQAAUEFSMQ==';

describe('what pyarrow writes', () => {
  it('is read, with statistics in the headers of its pages', async () => {
    const rows = Array.from({ length: 20 }, (_, n) => ({
      n,
      name: `row ${n}`,
      at: 1_700_000_000_000 + n,
    }));
    expect(await rowsOf(Buffer.from(ofPyarrow, 'base64'))).toEqual(rows);
  });
});

describe('what DuckDB writes', () => {
  it.each(['zstd', 'snappy', 'gzip', 'brotli', 'lz4_raw', 'uncompressed'])(
    'with %s is read',
    async (codec) => {
      const bytes = await parquetOf(selectReadings(10_000), `codec ${codec}, row_group_size 2048`);
      const outside = holding({ 'in.parquet': bytes });
      const source = await openSource(fileSource({ path: 'in.parquet' }), { outside });
      const found = { n: 'int32?', value: 'float64?', name: 'text?', sensor: 'text?' };
      expect(source.output.toJSON()).toEqual(found);
      expect(await source.rows()).toEqual(readingsOf(0, 10_000));
      expect(source.tally.bytes).toBeGreaterThan(bytes.length / 2);
    },
  );

  it.each(['v1', 'v2'])('is read by a schema, in pages of version %s', async (version) => {
    const options = `parquet_version ${version}, row_group_size 122880`;
    const bytes = await parquetOf(selectReadings(200_000), options);
    expect(await rowsOf(bytes, { schema: reading })).toEqual(readingsOf(0, 200_000));
  });

  it('is read whatever the type, as far as a kind holds it', async () => {
    const bytes = await parquetOf(`select
      1::tinyint a, 2::usmallint b, 4294967295::uinteger c, 9223372036854775807::bigint d,
      1.5::float e, 12.345::decimal(9, 3) f, 123456789.12::decimal(18, 2) g,
      -1.5::decimal(38, 10) h, date '2026-01-02' i, timestamp '2026-01-02 03:04:05.678' j,
      timestamp_ns '2026-01-02 03:04:05.678901234' k, timestamp_ms '2026-01-02 03:04:05.678' l,
      timestamptz '2026-01-02 03:04:05+00' m, uuid '00112233-4455-6677-8899-aabbccddeeff' o,
      '{"a":1}'::json p, '\\xAB'::blob q, true r, [1, 2, null] s,
      {'x': 1::bigint, 'y': [date '2026-01-02']} t, map {'k': 9007199254740993} u, 'x'::text v`);
    const [row] = await rowsOf(bytes);
    const at = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
    expect(row).toEqual({
      a: 1,
      b: 2,
      c: 4_294_967_295n,
      d: 2n ** 63n - 1n,
      e: 1.5,
      f: 12.345,
      g: 123_456_789.12,
      h: -1.5,
      i: Date.UTC(2026, 0, 2),
      j: at,
      k: at + 0.901234,
      l: at,
      m: Date.UTC(2026, 0, 2, 3, 4, 5),
      o: '00112233-4455-6677-8899-aabbccddeeff',
      p: { a: 1 },
      q: Uint8Array.of(0xab),
      r: true,
      s: [1, 2, null],
      t: { x: 1, y: ['2026-01-02T00:00:00.000Z'] },
      u: expect.anything(),
      v: 'x',
    });
  });

  it('is read in nested columns over many row groups, from the middle too', async () => {
    const query = `select i::integer as n, [i, i + 1] as list, {'s': 'row ' || i} as struct
      from range(5000) t(i)`;
    const bytes = await parquetOf(query, 'row_group_size 2048');
    const outside = holding({ 'in.parquet': bytes });
    const source = await openSource(fileSource({ path: 'in.parquet' }), {
      outside,
      limits: { rowsMax: 1000 },
    });
    const { signal } = new AbortController();
    for (let at = 0; at < 3; at++) ((await source.connector.read(signal)) as Batch).release();
    const from = source.connector.position();
    await source.connector.close();
    const rest = await openSource(fileSource({ path: 'in.parquet' }), { outside, from });
    const rows = await rest.rows();
    // Batches end where a row group does.
    expect(rows).toHaveLength(5000 - 2048 - 952 + 952);
    for (const { n, list, struct } of rows) {
      expect(list).toEqual([n, (n as number) + 1]);
      expect(struct).toEqual({ s: `row ${String(n)}` });
    }
  });
});

describe('a Parquet file', () => {
  it('has rows as positions, and may be left and gone on with anywhere', async () => {
    const outside = holding({ 'in.parquet': await bytesOf(readingsOf(0, 100), 4) });
    const component = fileSource({ path: 'in.parquet' });
    const whole = await openSource(component, { outside, limits: { rowsMax: 7 } });
    const { signal } = new AbortController();
    let rows = 0;
    for (;;) {
      const batch = await whole.connector.read(signal);
      if (batch === endOfInput) break;
      expect(batch.origin.position(0)).toBe(rows);
      rows += batch.length;
      const from = whole.connector.position();
      const rest = await openSource(component, { outside, from });
      expect(await rest.rows()).toEqual(readingsOf(rows, 100));
    }
    expect(rows).toBe(100);
    await whole.connector.close();
  });

  it('is begun at a row, where it has so many', async () => {
    const bytes = await bytesOf(readingsOf(0, 30), 3);
    expect(await rowsOf(bytes, { start: { offset: 17 } })).toEqual(readingsOf(17, 30));
    const message = 'has 30 rows, fewer than the 31 to begin behind';
    await expect(rowsOf(bytes, { start: { offset: 31 } })).rejects.toThrow(message);
  });

  it('keeps the columns of a schema, and takes wider kinds for narrower ones', async () => {
    const bytes = await bytesOf(readingsOf(0, 3));
    const chosen = schema({ n: 'int64', name: 'category', absent: 'float64?' });
    expect(await rowsOf(bytes, { schema: chosen })).toEqual(
      [0, 1, 2].map((n) => ({ n: BigInt(n), name: `row ${n}`, absent: null })),
    );
    const floats = schema({ n: 'float64' });
    expect(await rowsOf(bytes, { schema: floats })).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }]);
  });

  it('makes dead letters of rows that its schema has no place for', async () => {
    const bytes = await parquetOf(
      `select * from (values (1, 'a', 'null'::json), (2, null, '[1]'), (3, 'c', '{}')) t(n, s, j)`,
    );
    const outside = holding({ 'in.parquet': bytes });
    const strict = schema({ n: 'int32', s: 'text', j: 'json' });
    const source = await openSource(fileSource({ path: 'in.parquet', schema: strict }), {
      outside,
    });
    expect(await source.rows()).toEqual([{ n: 3, s: 'c', j: {} }]);
    expect(source.tally.failures).toMatchObject([
      { reason: 'field.missing', position: 0, message: 'field `j` is null' },
      { reason: 'field.missing', position: 1, partition: 'in.parquet' },
    ]);
  });

  it.each([
    ['is no Parquet file', (bytes: Uint8Array) => bytes.fill(0, 0, 4), 'is no Parquet file'],
    ['has lost its end', (bytes: Uint8Array) => bytes.subarray(0, -1), 'without its end'],
    ['is empty', () => new Uint8Array(0), 'is no Parquet file'],
    [
      'has a footer of nonsense',
      (bytes: Uint8Array) => bytes.fill(255, bytes.length - 60, bytes.length - 8),
      'its footer cannot be read',
    ],
  ])('is refused at the start where it %s', async (_, change, message) => {
    const bytes = change((await bytesOf(readingsOf(0, 10))).slice());
    await expect(rowsOf(bytes)).rejects.toThrow(message);
    await expect(rowsOf(bytes, { schema: reading })).rejects.toThrow(message);
  });

  it.each([
    [schema({ other: 'text' }), 'has no column `other`'],
    [schema({ name: 'float64' }), 'column `name` is text, not float64'],
    [schema({ value: 'int32' }), 'column `value` is float64, not int32'],
  ])('is refused where it does not fit the schema %s', async (given, message) => {
    const bytes = await bytesOf(readingsOf(0, 10));
    await expect(rowsOf(bytes, { schema: given })).rejects.toThrow(
      `ERR_CODEC_FORMAT [in.parquet] ${message}`,
    );
  });

  it('is refused where it is compressed by what is not there', async () => {
    const bytes = Buffer.from(await parquetOf(selectReadings(10), 'codec lz4_raw'));
    // Behind the path of the column `n` in the footer: 7 is a block of LZ4, 5 one as Hadoop frames it.
    const [before, after] = [7, 5].map((codec) => Buffer.from([0x18, 1, 0x6e, 0x15, 2 * codec]));
    after!.copy(bytes, bytes.lastIndexOf(before!));
    const message = 'column `n` is compressed with LZ4;';
    await expect(rowsOf(bytes, { schema: reading })).rejects.toThrow(message);
    await expect(rowsOf(bytes)).rejects.toThrow(message);
  });

  it('ends the run where a page of LZ4 is not as long as it says', async () => {
    const halves = 'select range::int n, range * 1.5 as value from range(10_000)';
    const bytes = Buffer.from(await parquetOf(halves, 'codec lz4_raw'));
    bytes.fill(0x10, 60_000, 60_400);
    await expect(rowsOf(bytes)).rejects.toThrow(
      /ERR_CODEC_FORMAT \[in.parquet\] column `value` .*: LZ4 became \d+ bytes, and is said to become 160008/,
    );
  });

  it('ends the run where a page is damaged, and says which', async () => {
    const bytes = (await bytesOf(readingsOf(0, 1000), 2)).slice();
    bytes.fill(1, bytes.length / 2, bytes.length / 2 + 400);
    await expect(rowsOf(bytes)).rejects.toThrow(
      /ERR_CODEC_FORMAT \[in.parquet\] column `\w+` of row group 1 cannot be read/,
    );
  });

  it('is refused where a bit of what it has written is another', async () => {
    const bytes = Buffer.from(await bytesOf(readingsOf(0, 1000), 2));
    const magic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
    let pages = 0;
    for (let at = bytes.indexOf(magic); at >= 0; at = bytes.indexOf(magic, at + 4)) {
      const damaged = Buffer.from(bytes);
      damaged[at + 12]! ^= 4;
      await expect(rowsOf(damaged)).rejects.toThrow('cannot be read');
      pages++;
    }
    expect(pages).toBeGreaterThan(5);
  });

  it('is refused or read at once, whichever byte is another', async () => {
    const bytes = Buffer.from(await bytesOf(readingsOf(0, 200)));
    let refused = 0;
    for (let at = 4; at < bytes.length; at += 3) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= [0x01, 0x40, 0x80, 0xff][at % 4]!;
      // Within the time of a test: with counts that are believed one of these takes minutes.
      await rowsOf(damaged).catch((error: unknown) => {
        expect(error).toHaveProperty('code', 'ERR_CODEC_FORMAT');
        refused++;
      });
    }
    expect(refused).toBeGreaterThan(bytes.length / 6);
  });

  it('is refused wherever it is cut', async () => {
    const bytes = await bytesOf(readingsOf(0, 20));
    for (let length = 0; length < bytes.length; length += 7) {
      const cut = rowsOf(bytes.subarray(0, length));
      await expect(cut).rejects.toHaveProperty('code', 'ERR_CODEC_FORMAT');
    }
  });

  it('is decoded page by page: memory does not grow with a row group', async () => {
    const rows = 400_000;
    const value = Float64Array.from({ length: rows }, (_, at) => at / 7);
    const buffer = parquetWriteBuffer({
      columnData: [{ name: 'value', data: value, encoding: 'PLAIN' }],
      rowGroupSize: rows,
      pageSize: 65_536,
    });
    const outside = holding({ 'in.parquet': new Uint8Array(buffer) });
    const source = await openSource(fileSource({ path: 'in.parquet' }), { outside });
    let sum = 0;
    for (const row of await source.rows()) sum += row['value'] as number;
    expect(sum).toBeCloseTo(value.reduce((one, other) => one + other));
    expect(source.tally.bytes).toBeLessThan(buffer.byteLength * 1.01);
  });
});

describe('a Parquet sink', () => {
  const path = 'out/o.parquet';

  it('shows its file when it is whole, and not before', async () => {
    const outside = virtualOutside();
    const sink = await openSink(fileSink({ path }), reading, { outside });
    await sink.write(readingsOf(0, 10));
    await sink.commit();
    expect(await outside.files.match('out/*.parquet')).toEqual([]);
    await sink.close();
    expect(await outside.files.match('out/*')).toEqual([path]);
    expect(outside.files.openCount).toBe(0);
  });

  it('writes a file of no rows that has its schema', async () => {
    const bytes = await bytesOf([]);
    const outside = holding({ 'in.parquet': bytes });
    const source = await openSource(fileSource({ path: 'in.parquet' }), { outside });
    expect(source.output.equals(reading)).toBe(true);
    expect(await source.rows()).toEqual([]);
  });

  it.each([0, 1, 100])(
    'goes on with what was committed, cut off %i bytes behind it',
    async (more) => {
      const outside = virtualOutside();
      const sink = await openSink(fileSink({ path }), reading, { outside });
      for (const at of [0, 10, 20]) {
        await writeAt(sink, at, readingsOf(at, at + 10));
        await sink.commit();
      }
      await writeAt(sink, 30, readingsOf(30, 40));
      outside.files.cutPower();
      const left = outside.files.bytes(`${path}.unfinished`);
      outside.files.put(`${path}.unfinished`, Buffer.concat([left, Buffer.alloc(more, 'PAR1')]));
      const next = await openSink(fileSink({ path, mode: 'append' }), reading, { outside });
      await writeAt(next, 30, readingsOf(30, 35));
      await next.commit();
      await next.close();
      const source = await openSource(fileSource({ path }), { outside });
      expect(await source.rows()).toEqual(readingsOf(0, 35));
    },
  );

  it('begins anew without `append`, whatever is left', async () => {
    const outside = virtualOutside();
    const sink = await openSink(fileSink({ path }), reading, { outside });
    await sink.write(readingsOf(0, 10));
    await sink.commit();
    await writeAll(fileSink({ path }), reading, readingsOf(50, 60), { outside });
    const source = await openSource(fileSource({ path }), { outside });
    expect(await source.rows()).toEqual(readingsOf(50, 60));
  });

  it('adds to a file of its own, and refuses any other', async () => {
    const outside = virtualOutside();
    await writeAll(fileSink({ path }), reading, readingsOf(0, 10), { outside });
    const added = fileSink({ path, mode: 'append' });
    await writeAll(added, reading, [], { outside });
    const sink = await openSink(added, reading, { outside });
    // Records of another place: these would be those that came first, again.
    await writeAt(sink, 10, readingsOf(10, 20));
    await sink.commit();
    await sink.close();
    const source = await openSource(fileSource({ path }), { outside });
    expect(await source.rows()).toEqual(readingsOf(0, 20));
    const others = holding({ 'o.parquet': await parquetOf(selectReadings(3)) });
    const refused = openSink(fileSink({ path: 'o.parquet', mode: 'append' }), reading, {
      outside: others,
    });
    await expect(refused).rejects.toThrow('was not written by this sink');
    const schemaOf = openSink(added, schema({ n: 'text' }), { outside });
    await expect(schemaOf).rejects.toThrow('has rows of another schema');
  });
});

describe('a source of Parquet keeps to the protocol:', () => {
  let files: Record<string, Uint8Array> = {};
  beforeAll(async () => {
    files = {
      '/a.parquet': await bytesOf(readingsOf(0, 30), 3),
      '/b.parquet': await parquetOf(selectReadings(30), 'row_group_size 2048'),
    };
  });
  const strict = schema({ n: 'int32', sensor: 'text' });
  const checks = sourceSuite(fileSource, [
    {
      name: 'of two files',
      prepare: () => ({
        component: fileSource({ path: '/*.parquet', schema: reading }) as SourceComponent,
        outside: { ...virtualOutside(), files: new VirtualFiles(files) },
      }),
      expected: [...readingsOf(0, 30), ...readingsOf(0, 30)],
    },
    {
      name: 'of a file with faults',
      prepare: () => ({
        component: fileSource({ path: '/a.parquet', schema: strict }) as SourceComponent,
        outside: { ...virtualOutside(), files: new VirtualFiles(files) },
      }),
      failed: 10,
    },
  ]);
  for (const { name, run, skipped } of checks) test.skipIf(skipped !== undefined)(name, run);
});

describe('a sink of Parquet keeps to the protocol:', () => {
  const of = (path: string, options: object) => () => {
    const files = new VirtualFiles();
    const component = fileSink({ path, ...options }) as SinkComponent<never>;
    return {
      component,
      outside: { ...virtualOutside(), files },
      stored: () => storedIn(files, path, options),
    };
  };
  const common = { input: reading, records: readingsOf(0, 12) };
  const checks = sinkSuite(fileSink, [
    { name: 'in one file', ...common, prepare: of('/o.parquet', {}) },
    { name: 'in a series', ...common, prepare: of('/out/', { format: 'parquet', rollRows: 5 }) },
    { name: 'in a long series', ...common, prepare: of('/out/', { format: 'parquet' }) },
  ]);
  for (const { name, run, skipped } of checks) test.skipIf(skipped !== undefined)(name, run);
});

/** What the next run would find if the power went now. */
async function storedIn(files: VirtualFiles, path: string, options: object): Promise<Reading[]> {
  files.cutPower();
  const outside = virtualOutside();
  for (const name of await files.match('/**/*')) outside.files.put(name, files.bytes(name));
  const next = fileSink({ path, ...options, ...(path.endsWith('/') ? {} : { mode: 'append' }) });
  await (await openSink(next, reading, { outside })).close();
  const found = await outside.files.match('/**/*.parquet');
  if (found.length === 0) return [];
  const source = await openSource(fileSource({ path: found, schema: reading }), { outside });
  return (await source.rows()) as unknown as Reading[];
}

describe('a series of Parquet files', () => {
  const options = { path: 'out/', format: 'parquet' } as const;
  const namesIn = async ({ files }: VirtualOutside): Promise<string[]> => files.match('out/*');
  const readAll = async (outside: VirtualOutside): Promise<unknown[]> =>
    (await openSource(fileSource({ path: 'out/*.parquet' }), { outside })).rows();

  it('is begun anew at the first cut behind so many rows', async () => {
    const outside = virtualOutside();
    const sink = await openSink(fileSink({ ...options, rollRows: 15 }), reading, { outside });
    for (let at = 0; at < 50; at += 10) {
      await writeAt(sink, at, readingsOf(at, at + 10));
      await sink.commit();
    }
    const names = await namesIn(outside);
    expect(names.map((name) => name.replace(/-.{22}/, '-id'))).toEqual([
      'out/00000001-id.parquet',
      'out/00000002-id.parquet',
      'out/00000003-id.parquet.unfinished',
    ]);
    await sink.close();
    expect(await readAll(outside)).toEqual(readingsOf(0, 50));
    expect(sink.tally.counts.get('files')).toBe(3);
  });

  it('tells of a run that begins anew, whose rows are there twice', async () => {
    const outside = virtualOutside();
    const runOf = async (until: number): Promise<Awaited<ReturnType<typeof openSink>>> => {
      const sink = await openSink(fileSink({ ...options, rollRows: 10 }), reading, { outside });
      for (let at = 0; at < until; at += 5) {
        await writeAt(sink, at, readingsOf(at, at + 5));
        await sink.commit();
      }
      return sink;
    };
    const first = await runOf(25);
    expect(first.logged.map(({ event }) => event)).not.toContain('series.again');
    const [path] = await namesIn(outside);
    for (const _ of ['gone on with what is left', 'behind what is whole']) {
      const again = await runOf(20);
      const told = again.logged.filter(({ event }) => event === 'series.again');
      expect(told).toEqual([{ level: 'warning', event: 'series.again', fields: { path } }]);
      await again.close();
    }
  });

  it('tells how many rows were there that a run gives again', async () => {
    const outside = virtualOutside();
    for (const rows of [undefined, 20, 10]) {
      const sink = await openSink(fileSink(options), reading, { outside });
      for (let at = 0; at < (rows === 20 ? 10 : 20); at += 10) {
        await writeAt(sink, at, readingsOf(at, at + 10));
        await sink.commit();
      }
      await sink.close();
      const [path] = await namesIn(outside);
      const told = sink.logged.filter(({ event }) => event === 'rows.replaced');
      const line = { level: 'warning', event: 'rows.replaced', fields: { path, rows } };
      expect(told).toEqual(rows === undefined ? [] : [line]);
    }
  });

  test.each([
    ['a series', { ...options, rollRows: 10 }],
    ['one file', { path: 'out/o.parquet', mode: 'append' } as const],
  ])('keeps what is in %s where no positions are saved, whatever its ids', async (_, into) => {
    const outside = virtualOutside();
    const given: Reading[] = [];
    for (const first of [0, 100, 200]) {
      const rows = readingsOf(first, first + 15);
      const bench = { outside, savesPositions: false };
      const sink = await openSink(fileSink(into), reading, bench);
      // As a source does that counts what it gives: the same ids each time.
      for (const at of [0, 5, 10]) {
        await writeAt(sink, at, rows.slice(at, at + 5));
        await sink.commit();
      }
      await sink.close();
      given.push(...rows);
      expect(sink.logged.map(({ event }) => event)).not.toContain('rows.replaced');
    }
    expect(await readAll(outside)).toEqual(given);
  });

  it('is begun anew at the first cut behind so many bytes, or so long', async () => {
    for (const roll of [{ rollBytes: 1 }, { rollMs: 1000 }]) {
      const outside = virtualOutside();
      const sink = await openSink(fileSink({ ...options, ...roll }), reading, { outside });
      for (let at = 0; at < 20; at += 10) {
        await writeAt(sink, at, readingsOf(at, at + 10));
        await outside.clock.sleep(1000);
        await sink.commit();
        expect(await namesIn(outside)).toHaveLength(at / 10 + 1);
      }
      await sink.close();
      expect(await readAll(outside)).toEqual(readingsOf(0, 20));
    }
  });

  it('has no file where nothing came', async () => {
    const outside = virtualOutside();
    const sink = await openSink(fileSink(options), reading, { outside });
    await sink.commit();
    await sink.close();
    expect(await namesIn(outside)).toEqual([]);
  });

  // What was committed comes again where the position behind it was not saved any more.
  it.each([
    ['in a file that is whole', 10],
    ['in a file that is whole, with rows before it', 20],
    ['in a file without an end', 100],
  ])('holds no row twice that comes again: %s', async (_, rollRows) => {
    const outside = virtualOutside();
    const component = fileSink({ ...options, rollRows });
    const sink = await openSink(component, reading, { outside });
    for (const at of [0, 10]) {
      await writeAt(sink, at, readingsOf(at, at + 10));
      await sink.commit();
    }
    outside.files.cutPower();
    const next = await openSink(component, reading, { outside });
    await writeAt(next, 10, readingsOf(10, 17));
    await next.commit();
    await writeAt(next, 17, readingsOf(17, 40));
    await next.commit();
    await next.close();
    expect(await readAll(outside)).toEqual(readingsOf(0, 40));
  });

  it('is refused where its options mean nothing', async () => {
    const parse = (given: object) => openSink(fileSink(given as never), reading);
    await expect(parse({ path: 'o.parquet', rollRows: 5 })).rejects.toThrow(
      '`rollRows` has a meaning',
    );
    await expect(parse({ path: 'o/', format: 'csv' })).rejects.toThrow('is a directory');
    await expect(parse({ path: 'o.parquet', pretty: true })).rejects.toThrow('`pretty`');
    await expect(parse({ path: 'o.parquet', timestampFormat: 'iso' })).rejects.toThrow('for text');
    const read = openSource(fileSource({ path: 'o.parquet', encoding: 'latin1' }));
    await expect(read).rejects.toThrow('`encoding` has a meaning for text only');
  });
});

describe('a pipeline that writes Parquet', () => {
  const lines = readingsOf(0, 1000)
    .map((row) => `${JSON.stringify(row)}\n`)
    .join('');
  const run = async (outside: VirtualOutside, fails: boolean): Promise<string> => {
    const settings = {
      batch: { rowsMax: 50 },
      checkpoint: { rowsMax: 100, everyMs: 60_000 },
      onRowError: 'fail',
    } as const;
    const running = new TypedPipelineBuilder('parquet', settings, { outside })
      .from(fileSource({ path: 'in.ndjson', schema: reading }))
      .pipe(
        tap((row) => {
          if (fails && row.n === 700) throw new Error('broken');
        }),
      )
      .to(fileSink({ path: 'out.parquet' }))
      .run();
    return running.then(({ status }) => status).catch((error: Error) => error.message);
  };

  it('has one file in the end, of whatever was cut on the way', async () => {
    const outside = holding({ 'in.ndjson': lines });
    expect(await run(outside, false)).toBe('done');
    const source = await openSource(fileSource({ path: 'out.parquet' }), { outside });
    expect(await source.rows()).toEqual(readingsOf(0, 1000));
    expect(await outside.files.match('out*')).toEqual(['out.parquet']);
  });

  it('shows no file of a run that failed', async () => {
    const outside = holding({ 'in.ndjson': lines });
    expect(await run(outside, true)).toContain('ERR_');
    expect(await outside.files.match('out*')).toEqual(['out.parquet.unfinished']);
    expect(outside.files.openCount).toBe(0);
  });
});

describe('the packages of Parquet', () => {
  it('are optional peers, in the ranges that the source has', () => {
    const text = readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8');
    const { peerDependencies, peerDependenciesMeta } = JSON.parse(text) as Record<string, object>;
    expect(peerDependencies).toMatchObject(parquetPeers);
    for (const name of Object.keys(parquetPeers)) {
      expect(peerDependenciesMeta).toHaveProperty(name, { optional: true });
    }
  });

  it.each(Object.entries(parquetPeers))('are named where %s is missing', async (name, range) => {
    vi.doMock(name, () => {
      throw new Error('Cannot find package');
    });
    vi.resetModules();
    const { fileSink: alone } = await import('../../src/connectors/file.ts');
    const failed = openSink(alone({ path: 'o.parquet' }), reading);
    await expect(failed).rejects.toThrow(
      `ERR_PEER_MISSING [file] cannot load \`${name}\`, which Parquet needs; npm i ${name}@${range}`,
    );
    vi.doUnmock(name);
    vi.resetModules();
  });
});

/** Writes rows that say where in the source they were. */
async function writeAt(
  { connector }: { readonly connector: SinkConnector },
  position: number,
  rows: readonly Reading[],
): Promise<void> {
  const batch = Batch.from(rows, reading, { source: 'source', position });
  await connector.write(batch, new AbortController().signal);
  batch.release();
}
