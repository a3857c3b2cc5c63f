import { createRequire } from 'node:module';
import * as arrow from 'apache-arrow';
import * as fc from 'fast-check';
import { describe, expect, expectTypeOf, test, vi } from 'vitest';

import { type ArrowTable, fromArrow, toArrow } from '../../src/batch/arrow.ts';
import {
  Batch,
  type BytesColumn,
  type CategoryColumn,
  FixedColumn,
  schema,
  Selection,
  takeValues,
} from '../../src/batch/index.ts';

/** For the nightly sizes. */
const long = { timeout: 900_000 };

const everyKind = schema({
  float64: 'float64?',
  int32: 'int32?',
  int64: 'int64?',
  timestamp: 'timestamp?',
  bool: 'bool?',
  category: 'category?',
  text: 'text?',
  bytes: 'bytes?',
  json: 'json?',
});

const full = {
  float64: 1.5,
  int32: -7,
  int64: 9_007_199_254_740_993n,
  timestamp: 1_767_225_600_000.25,
  bool: true,
  category: 'grün',
  text: 'a\u0000b 🎉',
  bytes: Uint8Array.of(0, 255),
  json: { a: [1, null] },
};
const empty = Object.fromEntries(everyKind.names.map((name) => [name, null])) as never;

describe('to Arrow', () => {
  test('shows the values that Arrow itself reads', async () => {
    const table = await toArrow(Batch.from([full, empty], everyKind), arrow);
    expectTypeOf(table).toExtend<arrow.Table>();
    expect(table.schema.fields.map((field) => field.toString())).toEqual([
      'float64: Float64',
      'int32: Int32',
      'int64: Int64',
      'timestamp: Timestamp<MICROSECOND, UTC>',
      'bool: Bool',
      'category: Dictionary<Int32, Utf8>',
      'text: Utf8',
      'bytes: Binary',
      'json: Utf8',
    ]);
    expect(table.get(0)!.toJSON()).toEqual({ ...full, json: '{"a":[1,null]}' });
    expect(Object.values(table.get(1)!.toJSON())).toEqual(everyKind.names.map(() => null));
    expect(table.getChild('bool')!.nullCount).toBe(1);
  });

  test('shares the buffers whose layouts agree, and copies the others', async () => {
    const batch = Batch.from(
      Array.from({ length: 3000 }, () => full),
      everyKind,
    );
    const nullable = batch.withColumns(everyKind, [
      new FixedColumn('float64', takeValues(Float64Array, 3000), new Uint8Array(375).fill(0x7f)),
      ...batch.columns.slice(1),
    ]);
    const { batches } = (await toArrow(nullable)) as ArrowTable;
    const data = (name: string) => batches[0]!.data.children[everyKind.indexOf(name)]!;
    const values = (name: string) => data(name).values as ArrayBufferView;
    for (const name of ['float64', 'int32', 'int64']) {
      expect(values(name).buffer).toBe((nullable.column(name) as FixedColumn).values.buffer);
    }
    const codes = nullable.column('category') as CategoryColumn;
    expect(values('category').buffer).toBe(codes.codes.buffer);
    for (const name of ['text', 'bytes', 'json']) {
      const column = nullable.column(name) as BytesColumn;
      expect(values(name).buffer).toBe(column.data.buffer);
      expect(data(name).valueOffsets!.buffer).toBe(column.offsets.buffer);
    }
    expect(data('float64').nullBitmap!.buffer).toBe(nullable.column('float64').validity!.buffer);
    expect(data('float64').nullCount).toBe(375);
    for (const name of ['bool', 'timestamp']) {
      expect(values(name).buffer).not.toBe((nullable.column(name) as FixedColumn).values.buffer);
    }
  });

  test('holds the batch, so that its buffers are not used for another', async () => {
    const batch = Batch.from([{ n: 1 }], schema({ n: 'float64' }));
    const table = await toArrow(batch, arrow);
    expect(batch.holders).toBe(2);
    batch.release();
    Batch.from([{ n: 2 }], schema({ n: 'float64' }));
    expect(table.getChild('n')!.get(0)).toBe(1);
  });

  test('shows only the rows that count', async () => {
    const batch = Batch.from(
      [1, 2, 3].map((n) => ({ n })),
      schema({ n: 'int32' }),
    );
    const table = await toArrow(batch.select(new Selection(Uint32Array.of(0, 2), 2)), arrow);
    expect([...table.getChild('n')!]).toEqual([1, 3]);
    expect(batch.holders).toBe(1);
  });

  test('survives the file format', async () => {
    const batch = Batch.from([full, empty], everyKind);
    const table = await toArrow(batch, arrow);
    const read = arrow.tableFromIPC(arrow.tableToIPC(table, 'file'));
    expect(fromArrow(read, everyKind)[0]!.toRows()).toEqual([full, empty]);
  });

  test('refuses times beyond microseconds in 64 bits', async () => {
    const far = Batch.from([{ at: 0 }, { at: 1e300 }], schema({ at: 'timestamp' }));
    await expect(toArrow(far)).rejects.toThrow(
      'ERR_BATCH_VALUE [at] row 1 has a time that does not fit',
    );
  });

  test('works with the CommonJS build of the package too', async () => {
    const commonJs = createRequire(import.meta.url)('apache-arrow') as typeof arrow;
    expect(commonJs.Table).not.toBe(arrow.Table);
    const table = await toArrow(Batch.from([full], everyKind), commonJs);
    expect(table).toBeInstanceOf(commonJs.Table);
    expect(fromArrow(table)[0]!.toRows()).toEqual([full]);
  });

  test('finds the module on `default`, where a bundler puts it', async () => {
    vi.doMock('apache-arrow', () => ({ makeData: undefined, default: arrow }));
    vi.resetModules();
    const { toArrow: bundled } = await import('../../src/batch/arrow.ts');
    const table = await bundled(Batch.from([{ n: 1 }], schema({ n: 'int32' })));
    vi.doUnmock('apache-arrow');
    expect(table).toBeInstanceOf(arrow.Table);
  });

  test('says what to install where the package is missing', async () => {
    vi.doMock('apache-arrow', () => {
      throw new Error('Cannot find package');
    });
    vi.resetModules();
    const { toArrow: alone } = await import('../../src/batch/arrow.ts');
    const failed = alone(Batch.from([], schema({ n: 'int32' })));
    await expect(failed).rejects.toThrow(
      'ERR_PEER_MISSING [arrow] cannot load `apache-arrow`; npm i apache-arrow@^21',
    );
    vi.doUnmock('apache-arrow');
  });
});

describe('from Arrow', () => {
  test('gives back what went to it', long, async () => {
    const cell = {
      float64: fc.double(),
      int32: fc.integer(),
      int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      timestamp: fc.integer({ min: -1e12, max: 4e12 }).map((quarters) => quarters / 4),
      bool: fc.boolean(),
      category: fc.constantFrom('a', 'b', ''),
      text: fc.string({ unit: 'grapheme' }),
      bytes: fc.uint8Array(),
      json: fc
        .jsonValue()
        .filter((value) => value !== null)
        .map((value) => JSON.parse(JSON.stringify(value)) as unknown), // JSON has no −0
    };
    const record = fc.record(
      Object.fromEntries(
        Object.entries(cell).map(([name, value]) => [name, fc.option(value as never)]),
      ),
    );
    const property = fc.asyncProperty(
      fc.array(record, { maxLength: 30 }),
      fc.nat(7),
      async (records, shift) => {
        const table = await toArrow(Batch.from(records as never, everyKind), arrow);
        expect(fromArrow(table)[0]!.toRows()).toEqual(records);
        // A slice begins anywhere, also in the middle of a byte of a bitmap.
        const slice = table.slice(Math.min(shift, records.length));
        expect(fromArrow(slice, everyKind).flatMap((batch) => batch.toRows())).toEqual(
          records.slice(shift),
        );
      },
    );
    await fc.assert(property, { numRuns: process.env['MILLRACE_NIGHTLY'] ? 20_000 : 200 }); // tables
  });

  test('shares the buffers whose layouts agree, and never uses them again', () => {
    const n = Float64Array.of(1, 2, 3);
    const table = new arrow.Table({ n: arrow.makeVector(n) });
    const [batch] = fromArrow(table, schema({ n: 'float64' }));
    expect((batch!.column('n') as FixedColumn).values.buffer).toBe(n.buffer);
    expect(batch!.own('n')).not.toBe(batch!.column('n'));
    const column = batch!.column('n');
    batch!.release();
    expect(column.holders).toBe(1);
  });

  test('makes one batch of each record batch, positions running on', () => {
    const part = (values: number[]): arrow.Table =>
      new arrow.Table({ n: arrow.makeVector(Int32Array.from(values)) });
    const batches = fromArrow(part([1, 2]).concat(part([3])), schema({ n: 'int32' }));
    expect(batches.map((batch) => batch.toRows())).toEqual([[{ n: 1 }, { n: 2 }], [{ n: 3 }]]);
    expect(batches[1]!.origin.position(0)).toBe(2);
    expect(fromArrow(part([5]).batches[0]!)[0]!.toRows()).toEqual([{ n: 5 }]);
  });

  const columns: [string, arrow.DataType, unknown[], string, unknown[]][] = [
    ['int8', new arrow.Int8(), [-1, null], 'int32?', [-1, null]],
    ['uint16', new arrow.Uint16(), [65_535], 'int32?', [65_535]],
    ['uint32', new arrow.Uint32(), [4_294_967_295], 'int64?', [4_294_967_295n]],
    ['uint64', new arrow.Uint64(), [5n, null], 'int64?', [5n, null]],
    ['float32', new arrow.Float32(), [0.5, null], 'float64?', [0.5, null]],
    ['date in days', new arrow.DateDay(), [new Date(86_400_000)], 'timestamp?', [86_400_000]],
    ['date in ms', new arrow.DateMillisecond(), [new Date(5)], 'timestamp?', [5]],
    ['seconds', new arrow.TimestampSecond(), [2000, null], 'timestamp?', [2000, null]],
    [
      'milliseconds',
      new arrow.TimestampMillisecond(),
      [1_767_225_600_123],
      'timestamp?',
      [1_767_225_600_123],
    ],
    ['large text', new arrow.LargeUtf8(), ['ä', null, 'b'], 'text?', ['ä', null, 'b']],
    [
      'large binary',
      new arrow.LargeBinary(),
      [Uint8Array.of(1, 2)],
      'bytes?',
      [Uint8Array.of(1, 2)],
    ],
    [
      'small codes',
      new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8()),
      ['a', null, 'a'],
      'category?',
      ['a', null, 'a'],
    ],
  ];

  test.each(columns)('reads %s', (_, type, values, kind, expected) => {
    const table = new arrow.Table({ value: arrow.vectorFromArray(values, type) });
    const [batch] = fromArrow(table);
    expect(batch!.schema.toJSON()).toEqual({ value: kind });
    expect(batch!.toRows().map((row) => row['value'])).toEqual(expected);
  });

  test('reads nanoseconds', () => {
    const data = arrow.makeData({
      type: new arrow.TimestampNanosecond(),
      data: BigInt64Array.of(1_500_000n, -1n),
    });
    const [batch] = fromArrow(new arrow.Table({ at: new arrow.Vector([data]) }));
    expect(batch!.toRows()).toEqual([{ at: 1.5 }, { at: -1e-6 }]);
  });

  test('reads a dictionary with values that come twice', () => {
    const type = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32());
    const dictionary = arrow.vectorFromArray(['a', 'b', 'a', null], new arrow.Utf8());
    const data = arrow.makeData({ type, data: Int32Array.of(2, 1, 0, 3), dictionary });
    const [batch] = fromArrow(
      new arrow.Table({ id: new arrow.Vector([data]) }),
      schema({ id: 'category?' }),
    );
    expect(batch!.toRows()).toEqual(['a', 'b', 'a', null].map((id) => ({ id })));
    expect((batch!.column('id') as CategoryColumn).dictionary.values).toEqual(['a', 'b']);
  });

  test('reads text as category or json where the schema says so', () => {
    const table = new arrow.Table({
      value: arrow.vectorFromArray(['1', null, '[2]'], new arrow.Utf8()),
    });
    const values = (kind: 'category?' | 'json?'): unknown[] =>
      fromArrow(table, schema({ value: kind }))[0]!
        .toRows()
        .map((row) => row.value);
    expect(values('category?')).toEqual(['1', null, '[2]']);
    expect(values('json?')).toEqual([1, null, [2]]);
  });

  test('refuses what no kind holds', () => {
    const refuse = (vector: arrow.Vector, made?: ReturnType<typeof schema>) => () =>
      fromArrow(new arrow.Table({ value: vector }), made);
    const list = new arrow.List(new arrow.Field('item', new arrow.Int32()));
    expect(refuse(arrow.vectorFromArray([[1]], list))).toThrow(
      'ERR_BATCH_SCHEMA [value] no kind holds the Arrow type List<Int32>',
    );
    const text = arrow.vectorFromArray(['a', null], new arrow.Utf8());
    expect(refuse(text, schema({ value: 'text' }))).toThrow(
      'field `value` has nulls and is not nullable',
    );
    expect(refuse(text, schema({ value: 'int32?' }))).toThrow(
      'field `value` is int32, but the Arrow data are text',
    );
    expect(refuse(text, schema({ other: 'text?' }))).toThrow(
      'field `other` is not in the Arrow data',
    );
    expect(refuse(text, schema({ value: 'json?' }))).toThrow(
      'ERR_BATCH_VALUE [value] row 0 is not JSON',
    );
    const big = arrow.vectorFromArray([2n ** 63n], new arrow.Uint64());
    expect(refuse(big)).toThrow('ERR_BATCH_VALUE [value] row 0');
  });
});
