import { Buffer } from 'node:buffer';
import { spawnSync } from 'node:child_process';

import { parse as parseCsv } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { createDecoder, createEncoder } from '../../../src/batch/codec.ts';
import { type Fields, schema } from '../../../src/batch/index.ts';
import { decode, type Decoded, type Decoding, reasons } from './decoding.ts';

// Python's csv module reads 2,000 generated files in the gate, 200,000 in the nightly run.
const files = process.env['MILLRACE_NIGHTLY'] ? 200_000 : 2_000;

/** Decodes whole and byte by byte, which must not differ. */
function both(fields: Fields, input: string | Uint8Array, options?: Decoding): Decoded {
  const whole = decode('csv', schema(fields), input, options);
  expect(decode('csv', schema(fields), input, { ...options, chunkBytes: 1 })).toEqual(whole);
  return whole;
}

describe('cells', () => {
  test.each([
    ['text?', '', null],
    ['text?', '""', ''],
    ['text', '"a""b"', 'a"b'],
    ['text', '"a,b\r\nc"', 'a,b\r\nc'],
    ['text', 'a"b', 'a"b'],
    ['text', ' a ', ' a '],
    ['text', 'a\0b', 'a\0b'],
    ['category', '"é"', 'é'],
    ['float64', '1.5', 1.5],
    ['float64', '"1.5"', 1.5],
    ['float64', '+.5e1', 5],
    ['float64', '007', 7],
    ['int32', '-7', -7],
    ['int64', '9223372036854775807', 9_223_372_036_854_775_807n],
    ['bool', 'TRUE', true],
    ['bool', 'false', false],
    ['timestamp', '2023-11-14T22:13:20Z', 1_700_000_000_000],
    ['timestamp', '1700000000000', 1_700_000_000_000],
    ['bytes', 'AQI=', Uint8Array.of(1, 2)],
    ['json', '"{""a"":[1]}"', { a: [1] }],
    ['json?', 'null', null],
  ] as const)('%s reads %j', (type, cell, value) => {
    expect(both({ f: type }, `f,x\n${cell},0\n${cell},1\n`).rows).toEqual([
      { f: value },
      { f: value },
    ]);
  });

  test.each([
    ['text', '', 'field.missing'],
    ['float64', '', 'field.missing'],
    ['float64', '""', 'field.type'],
    ['float64', 'NaN', 'field.type'],
    ['float64', 'Infinity', 'field.type'],
    ['float64', '0x10', 'field.type'],
    ['float64', ' 1', 'field.type'],
    ['float64', '1e999', 'number.range'],
    ['float64', '9007199254740993', 'number.range'],
    ['int32', '1.5', 'field.type'],
    ['int32', '3000000000', 'number.range'],
    ['int64', '9223372036854775808', 'number.range'],
    ['bool', '1', 'field.type'],
    ['timestamp', 'yesterday', 'field.type'],
    ['bytes', 'A', 'field.type'],
    ['json', '{', 'json.syntax'],
    ['text', '"a"b', 'csv.quote'],
    ['text', 'a\rb', 'csv.carriage-return'],
  ] as const)('%s refuses %j: %s', (type, cell, reason) => {
    expect(reasons(both({ f: type }, `f,x\n${cell},0\n${cell},1\n`))).toEqual([reason, reason]);
  });
});

describe('records', () => {
  test('columns are matched by name, in any order', () => {
    const decoded = both(
      { b: 'text', a: 'float64', c: 'bool?' },
      '\ufeff"a",more,b\r\n1,x,y\r\n\r\n2,,z',
    );
    expect(decoded.rows).toEqual([
      { b: 'y', a: 1, c: null },
      { b: 'z', a: 2, c: null },
    ]);
    expect(decoded.counts).toEqual({ blankLines: 1, extraFields: 2 });
    expect(decoded.columns).toEqual(['a', 'more', 'b']);
  });

  test('ragged records are refused, the others kept', () => {
    const decoded = both({ a: 'text', b: 'text' }, 'a,b\n1,2\n3\n4,5,6\n7,8\n');
    expect(decoded.rows.length).toBe(2);
    expect(decoded.failed).toMatchObject([
      { position: 8, reason: 'csv.ragged', message: '1 cells, where the header has 2' },
      { position: 10, reason: 'csv.ragged' },
    ]);
  });

  test('a missing end quote costs at most one record of the size limit', () => {
    expect(both({ a: 'text' }, 'a\n"x\ny\n').failed).toMatchObject([
      { position: 2, reason: 'csv.quote', recordBytes: 5 },
    ]);
    const open = `a\n"${'x\n'.repeat(100)}`;
    const decoded = both({ a: 'text' }, open, { recordBytesMax: 20 });
    expect(decoded.failed).toMatchObject([{ position: 2, reason: 'record.size', recordBytes: 22 }]);
    expect(decoded.rows.length).toBe(89);
  });

  test('empty files and headers alone have no records', () => {
    for (const input of ['', '\ufeff', 'a\n', 'a', '\n\na\r\n']) {
      expect(both({ a: 'text' }, input)).toMatchObject({ rows: [], failed: [] });
    }
  });

  test('without a header the columns are those of the schema', () => {
    const fields = { a: 'text', b: 'float64' } as const;
    expect(both(fields, 'x;1\n', { header: false, delimiter: ';' }).rows).toEqual([
      { a: 'x', b: 1 },
    ]);
  });

  test('10,000 columns, with delimiters and quotes in the header', () => {
    const names = Array.from({ length: 10_000 }, (_, at) => `c,"${at}"`);
    const fields = Object.fromEntries(names.map((name) => [name, 'float64' as const]));
    const header = names.map((name) => `"${name.replaceAll('"', '""')}"`).join(',');
    const row = names.map((_, at) => at / 4).join(',');
    const { rows } = decode('csv', schema(fields), `${header}\n${row}\n${row}\n`, {
      chunkBytes: 1000,
    });
    expect([rows.length, rows[1]!['c,"9999"']]).toEqual([2, 9999 / 4]);
  });
});

describe('what cannot be read at all', () => {
  const report = { failed: () => {}, counted: () => {} };

  test.each([
    ['a required column is missing', 'b\n1\n', {}, 'there is no column `a`'],
    ['a column comes twice', 'a,a\n1,2\n', {}, 'two columns are named `a`'],
    [
      'an extra column that is refused',
      'a,b\n1,2\n',
      { extraFields: 'error' },
      'column `b` is not',
    ],
    ['a header with a lone CR', 'a\rb\n', {}, 'the header cannot be read'],
    ['a header without its end quote', '"a\n1\n', {}, 'the header cannot be read'],
    [
      'a header that is too long',
      `a,${'b'.repeat(100)}\n1,2\n`,
      { recordBytesMax: 50 },
      'the header cannot',
    ],
    ['a header that is not UTF-8', Buffer.of(0xff, 10), {}, 'invalid UTF-8 at byte 0'],
  ] as const)('%s', (_, input, options, message) => {
    expect(() => decode('csv', schema({ a: 'text' }), input, options)).toThrow(message);
    expect(() =>
      decode('csv', schema({ a: 'text' }), input, { ...options, chunkBytes: 1 }),
    ).toThrow(message);
  });

  test('the middle of a file without its columns, and delimiters that cannot be', () => {
    const create = (options: object) => () =>
      createDecoder('csv', schema({ a: 'text' }), { report, ...options });
    expect(create({ position: 1 })).toThrow('ERR_CODEC_FORMAT');
    expect(create({ position: 1, columns: ['a'] })).not.toThrow();
    for (const delimiter of ['', ',,', '"', '\n', 'é'])
      expect(create({ delimiter })).toThrow('ERR_CODEC_FORMAT');
    expect(() => createEncoder('csv', schema({ a: 'text' }), { delimiter: '\r' })).toThrow(
      'ERR_CODEC_FORMAT',
    );
  });
});

describe('other readers', () => {
  const cell = fc.oneof(
    fc.string({
      unit: fc.constantFrom('a', ',', '"', '\n', '\r\n', ' ', 'é', '😀', ';'),
      maxLength: 6,
    }),
    fc.string({ maxLength: 8 }),
  );
  const table = fc.array(fc.array(cell, { minLength: 2, maxLength: 2 }), { maxLength: 6 });
  const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  const rowsOf = (text: string): unknown[] =>
    decode('csv', schema({ a: 'text?', b: 'text?' }), text).rows.map((row) => [
      row['a'] ?? '',
      row['b'] ?? '',
    ]);

  test('csv-parse reads what we write as we do', () => {
    const encoder = createEncoder('csv', schema({ a: 'text', b: 'text' }));
    fc.assert(
      fc.property(table, (rows) => {
        const lines = rows.map((cells) => cells.map(quoted).join(',')).join('\n');
        const input = `a,b\n${lines}\n`;
        const decoded = decode('csv', schema({ a: 'text', b: 'text' }), input);
        expect(decoded.rows.map((row) => [row['a'], row['b']])).toEqual(rows);
        let text = Buffer.from(encoder.begin()).toString();
        const decoder = createDecoder('csv', schema({ a: 'text', b: 'text' }), {
          report: { failed: () => {}, counted: () => {} },
        });
        decoder.push(Buffer.from(input));
        decoder.end();
        for (let batch = decoder.next(); batch !== null; batch = decoder.next())
          text += Buffer.from(encoder.encode(batch)).toString();
        expect(parseCsv(text, { record_delimiter: '\n' }).slice(1)).toEqual(rows);
      }),
      { numRuns: files / 4 },
    );
  });

  const python = spawnSync('python3', ['--version']).status === 0;
  test.runIf(python)('Python reads files of any quoting as we do', () => {
    const raw = fc.oneof(cell.map(quoted), fc.constantFrom('', 'a', 'a"b', 'é', ' ', '1', '""'));
    const file = fc.tuple(
      fc.array(fc.tuple(raw, raw), { maxLength: 6 }),
      fc.constantFrom('\n', '\r\n'),
    );
    const texts = fc
      .sample(file, { numRuns: files, seed: 7 })
      .map(([rows, end]) => rows.map((cells) => cells.join(',') + end).join(''));
    const program =
      'import csv, io, json, sys\n' +
      'print(json.dumps([list(csv.reader(io.StringIO(t, newline=""), strict=True)) for t in json.load(sys.stdin)]))';
    const { stdout } = spawnSync('python3', ['-c', program], {
      input: JSON.stringify(texts),
      maxBuffer: 2 ** 30,
    });
    const read = JSON.parse(stdout.toString()) as string[][][];
    expect(read.length).toBe(files);
    for (const [at, text] of texts.entries()) expect(rowsOf(`a,b\n${text}`)).toEqual(read[at]);
  });
});
