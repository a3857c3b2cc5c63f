import { Buffer } from 'node:buffer';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { createEncoder, type EncodeFormat, type EncodeOptions } from '../../../src/batch/codec.ts';
import { Batch, type Fields, type RecordOf, schema, Selection } from '../../../src/batch/index.ts';
import { decode } from './decoding.ts';

const runs = process.env['MILLRACE_NIGHTLY'] ? 100_000 : 1_000;

function encode<F extends Fields>(
  format: EncodeFormat,
  fields: F,
  batches: readonly (readonly RecordOf<F>[])[],
  options?: EncodeOptions,
): string {
  const encoder = createEncoder(format, schema(fields), options);
  let text = Buffer.from(encoder.begin()).toString();
  for (const records of batches) {
    text += Buffer.from(encoder.encode(Batch.from(records, schema(fields)))).toString();
  }
  return text + Buffer.from(encoder.end()).toString();
}

const everyKind = {
  f: 'float64?',
  i: 'int32?',
  l: 'int64?',
  t: 'timestamp?',
  b: 'bool?',
  c: 'category?',
  s: 'text?',
  y: 'bytes?',
  j: 'json?',
} as const;
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('"', '\\', '\n', '\r', ',', 'é', '\0', '😀') }),
);
const record = fc.record({
  f: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })),
  i: fc.option(fc.integer()),
  l: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  t: fc.option(fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 })),
  b: fc.option(fc.boolean()),
  c: fc.option(text),
  s: fc.option(text),
  y: fc.option(fc.uint8Array()),
  // An integer beyond 2^53 inside a json value is refused when it is read, as from anybody else.
  j: fc.option(
    fc
      .jsonValue({ maxDepth: 3 })
      .filter((value) => value !== null && !/\d{16}/.test(JSON.stringify(value))),
  ),
});

describe.each(['ndjson', 'csv'] as const)('%s', (format) => {
  test.each(['ms', 'iso'] as const)(
    'gives back every value of every kind, timestamps as %s',
    (timestamps) => {
      fc.assert(
        fc.property(fc.array(record, { maxLength: 5 }), (records) => {
          // JSON text has no -0 inside a json field: JSON.stringify writes 0.
          const plain = records.map((row) => ({
            ...row,
            j: JSON.parse(JSON.stringify(row.j)) as never,
          }));
          const written = encode(format, everyKind, [plain], { timestamps });
          const decoded = decode(format, schema(everyKind), written);
          expect(decoded.failed).toEqual([]);
          expect(decoded.rows).toEqual(plain);
        }),
        { numRuns: runs },
      );
    },
  );
});

test('NDJSON reads as JSON.parse does', () => {
  fc.assert(
    fc.property(text, text, (c, s) => {
      const written = encode('ndjson', { c: 'category', s: 'text' }, [[{ c, s }]]);
      expect(JSON.parse(written)).toEqual({ c, s });
    }),
    { numRuns: runs },
  );
});

test('numbers that JSON has not are null and counted', () => {
  const counts: [string, number][] = [];
  const report = { counted: (what: string, count: number) => void counts.push([what, count]) };
  const rows = [{ v: NaN }, { v: Infinity }, { v: -0 }];
  expect(encode('ndjson', { v: 'float64' }, [rows], { report })).toBe(
    '{"v":null}\n{"v":null}\n{"v":-0}\n',
  );
  expect(
    encode('csv', { v: 'float64', w: 'bool?' }, [rows.map((row) => ({ ...row, w: null }))], {
      report,
    }),
  ).toBe('v,w\n,\n,\n-0,\n');
  expect(counts).toEqual([
    ['nonFinite', 2],
    ['nonFinite', 2],
  ]);
});

describe('json', () => {
  const fields = { a: 'float64', 'b"': 'json?' } as const;
  const batches = [
    [{ a: 1, 'b"': { x: [1] } }],
    [],
    [
      { a: 2, 'b"': null },
      { a: 3, 'b"': null },
    ],
  ];

  test('is one array, over batches', () => {
    const written = encode('json', fields, batches);
    expect(JSON.parse(written)).toEqual(batches.flat());
    expect(written).toBe(
      '[\n{"a":1,"b\\"":{"x":[1]}},\n{"a":2,"b\\"":null},\n{"a":3,"b\\"":null}\n]\n',
    );
  });

  test('pretty has one line per field', () => {
    const written = encode(
      'json',
      { a: 'float64', b: 'text' },
      [[{ a: 1, b: 'x' }], [{ a: 2, b: 'y' }]],
      { pretty: true },
    );
    expect(written).toBe(
      `${JSON.stringify(
        [
          { a: 1, b: 'x' },
          { a: 2, b: 'y' },
        ],
        null,
        2,
      )}\n`,
    );
  });

  test('without rows is an empty array', () => {
    expect(encode('json', fields, [])).toBe('[]\n');
    expect(encode('json', fields, [[]], { pretty: true })).toBe('[]\n');
  });
});

describe('csv', () => {
  test('quotes what must be quoted, and empty text', () => {
    const rows = ['a', '', 'a,b', 'a"b', 'a\nb', 'a\rb', null].map((s) => ({ s, n: 1 }));
    expect(encode('csv', { s: 'text?', n: 'int32' }, [rows])).toBe(
      's,n\na,1\n"",1\n"a,b",1\n"a""b",1\n"a\nb",1\n"a\rb",1\n,1\n',
    );
  });

  test('excelSafe guards text, and no number', () => {
    const rows = ['=1', '+1', '-1', '@x', 'a=1', '=a,b'].map((s) => ({ '=h': s, n: -1 }));
    expect(encode('csv', { '=h': 'category', n: 'float64' }, [rows], { excelSafe: true })).toBe(
      `'=h,n\n'=1,-1\n'+1,-1\n'-1,-1\n'@x,-1\na=1,-1\n"'=a,b",-1\n`,
    );
  });

  test('a single null is no blank line', () => {
    const written = encode('csv', { s: 'text?' }, [[{ s: null }]]);
    expect(decode('csv', schema({ s: 'text?' }), written).rows.length).toBe(1);
  });
});

test('timestamps beyond RFC 3339 are milliseconds, and microseconds are kept', () => {
  const rows = [{ t: 1_700_000_000_000.25 }, { t: 253_402_300_800_000 }, { t: -1 }];
  const written = encode('ndjson', { t: 'timestamp' }, [rows], { timestamps: 'iso' });
  expect(written).toBe(
    '{"t":"2023-11-14T22:13:20.000250Z"}\n{"t":253402300800000}\n{"t":"1969-12-31T23:59:59.999Z"}\n',
  );
  expect(decode('ndjson', schema({ t: 'timestamp' }), written).rows).toEqual(rows);
});

test('writes only rows that count, in their order, and refuses another schema', () => {
  const fields = schema({ a: 'int32' });
  const batch = Batch.from([{ a: 1 }, { a: 2 }, { a: 3 }], fields);
  const encoder = createEncoder('ndjson', fields);
  const selected = batch.select(new Selection(Uint32Array.of(0, 2), 2));
  expect(Buffer.from(encoder.encode(selected)).toString()).toBe('{"a":1}\n{"a":3}\n');
  expect(() => encoder.encode(Batch.from([{ b: 1 }], schema({ b: 'int32' })))).toThrow(
    'ERR_BATCH_SCHEMA',
  );
});

describe('decimals', () => {
  const fields = { value: 'float64', other: 'float64' } as const;

  test.each([
    [2, 1.005, '1'],
    [2, 1.115, '1.11'],
    [2, 8.345, '8.35'],
    [1, 0.25, '0.3'],
    [1, -0.25, '-0.3'],
    [2, -0.001, '0'],
    [0, 99.5, '100'],
    [3, 123456.7891, '123456.789'],
    [3, 5, '5'],
    [3, 10.5, '10.5'],
    [15, 0.1 + 0.2, '0.3'],
    [2, 123_456_789_012_345.67, '123456789012345.67'],
    [2, 1e21, '1e+21'],
    [7, 1e-7, '0.0000001'],
  ])('at most %i: %d is written as %s', (decimals, value, text) => {
    const rows = [{ value, other: 1 / 3 }];
    for (const format of ['ndjson', 'csv'] as const) {
      const written = encode(format, fields, [rows], { decimals: { value: decimals } });
      expect(written).toContain(format === 'csv' ? `${text},${1 / 3}` : `{"value":${text},`);
    }
  });

  test('rounds as toFixed does', () => {
    const check = (value: number, decimals: number): void => {
      const written = encode('ndjson', fields, [[{ value, other: 0 }]], {
        decimals: { value: decimals },
      });
      const { value: read } = JSON.parse(written) as { value: number };
      const rounded = Math.abs(value) < 1e21 ? Number(value.toFixed(decimals)) : value;
      expect(read).toBe(rounded === 0 ? 0 : rounded);
    };
    const value = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.double({ min: -1000, max: 1000, noNaN: true }),
      fc.integer({ min: -1_000_000, max: 1_000_000 }).map((n) => n / 1000 + 0.0005),
    );
    fc.assert(fc.property(value, fc.nat(15), check), { numRuns: 2000 });
  });
});
