import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { createDecoder } from '../../../src/batch/codec.ts';
import { type Fields, schema } from '../../../src/batch/index.ts';
import type { SourceReport } from '../../../src/core/index.ts';
import { decode, type Decoded, type Decoding, reasons } from './decoding.ts';

/** Decodes whole and byte by byte, which must not differ. */
function both(fields: Fields, input: string | Uint8Array, options?: Decoding): Decoded {
  const whole = decode('ndjson', schema(fields), input, options);
  expect(decode('ndjson', schema(fields), input, { ...options, chunkBytes: 1 })).toEqual(whole);
  return whole;
}

function reasonOf(fields: Fields, line: string, options?: Decoding): string {
  // Twice: where the first is accepted, the second takes the fast path.
  return reasons(both(fields, `${line}\n${line}\n`, options))[0] ?? 'accepted';
}

describe('fields', () => {
  test.each([
    ['float64', 'null', 'field.missing'],
    ['float64?', 'null', 'accepted'],
    ['float64', '"1"', 'field.type'],
    ['float64', 'true', 'field.type'],
    ['float64', '{}', 'field.type'],
    ['float64', 'NaN', 'json.syntax'],
    ['float64', '-Infinity', 'json.syntax'],
    ['float64', '01', 'json.syntax'],
    ['float64', '1e999', 'number.range'],
    ['float64', '9007199254740992', 'accepted'],
    ['float64', '9007199254740993', 'number.range'],
    ['float64', '-9007199254740993', 'number.range'],
    ['int32', '2147483647', 'accepted'],
    ['int32', '2147483648', 'number.range'],
    ['int32', '1.5', 'field.type'],
    ['int32', '1.0', 'accepted'],
    ['int64', '9223372036854775807', 'accepted'],
    ['int64', '-9223372036854775808', 'accepted'],
    ['int64', '9223372036854775808', 'number.range'],
    ['int64', '1.5', 'field.type'],
    ['int64', '"1"', 'field.type'],
    ['bool', 'true', 'accepted'],
    ['bool', '1', 'field.type'],
    ['bool', '"true"', 'field.type'],
    ['text', '1', 'field.type'],
    ['text', '""', 'accepted'],
    ['category', 'false', 'field.type'],
    ['category', '["a"]', 'field.type'],
    ['timestamp', '1700000000000', 'accepted'],
    ['timestamp', '"2023-11-14T22:13:20.5+01:30"', 'accepted'],
    ['timestamp', '"2023-11-14"', 'field.type'],
    ['timestamp', '"2023-02-29T00:00:00Z"', 'field.type'],
    ['timestamp', '"2023-11-14T24:00:00Z"', 'field.type'],
    ['bytes', '"AQI="', 'accepted'],
    ['bytes', '"AQI"', 'field.type'],
    ['bytes', '"AQJ="', 'field.type'],
    ['json', '{"a":[1,{"b":null}]}', 'accepted'],
    ['json', 'null', 'field.missing'],
    ['json', '{"a":9007199254740993}', 'number.range'],
    ['json', '"\\ud800"', 'text.surrogate'],
    ['text', '"\\ud800"', 'text.surrogate'],
    ['text', '"\\ud83d\\ude00"', 'accepted'],
  ] as const)('%s takes %s: %s', (type, value, outcome) => {
    expect(reasonOf({ f: type }, `{"f":${value}}`)).toBe(outcome);
  });

  test('a missing field is a dead letter, or null where the field may be', () => {
    const decoded = both({ a: 'float64', b: 'text?' }, '{"a":1}\n{"b":"x"}\n{"a":2}\n');
    expect(decoded.rows).toEqual([
      { a: 1, b: null },
      { a: 2, b: null },
    ]);
    expect(decoded.failed).toMatchObject([
      { position: 8, reason: 'field.missing', message: 'field `a` is missing', recordBytes: 9 },
    ]);
  });

  test('timestamps become milliseconds', () => {
    const texts = [
      '1970-01-01T00:00:00Z',
      '2023-11-14T22:13:20.123Z',
      '2024-02-29t00:00:00.5z',
      '0001-01-01T00:00:00Z',
      '2016-12-31T23:59:60Z',
      '2023-11-14 22:13:20-05:00',
    ];
    const lines = texts.map((text) => `{"t":"${text}"}\n`).join('');
    const expected = texts.map((text) =>
      Date.parse(text.replace(':60Z', ':59Z').toUpperCase().replace(' ', 'T')),
    );
    expected[4]! += 1000;
    expect(both({ t: 'timestamp' }, lines).rows.map((row) => row['t'])).toEqual(expected);
  });

  test('fields outside the schema are counted, or cost the record', () => {
    const input =
      '{"a":1,"x":{"y":[1]},"z":2}\n{"a":2,"x":1,"z":2}\n{"a":3,"x":"1","z":null}\n{"a":4}\n';
    const ignored = both({ a: 'float64' }, input);
    expect([ignored.rows.length, ignored.counts]).toEqual([4, { extraFields: 6 }]);
    const refused = both({ a: 'float64' }, input, { extraFields: 'error' });
    expect([refused.rows, reasons(refused)]).toEqual([[{ a: 4 }], Array(3).fill('field.extra')]);
  });

  test('of duplicate keys the last wins, and they are counted', () => {
    const decoded = both(
      { a: 'float64', j: 'json?' },
      '{"a":1,"a":2}\n{"a":3,"j":{"k":1,"k":2}}\n',
    );
    expect(decoded.rows).toEqual([
      { a: 2, j: null },
      { a: 3, j: { k: 2 } },
    ]);
    expect(decoded.counts).toEqual({ duplicateKeys: 2 });
  });

  test('names of the prototype are plain data', () => {
    const fields: Fields = { ['__proto__']: 'float64', constructor: 'text?' as const, j: 'json?' };
    const { rows } = both(fields, '{"__proto__":1,"j":{"__proto__":{"x":1},"constructor":2}}\n');
    expect(Object.entries(rows[0]!)).toMatchObject([
      ['__proto__', 1],
      ['constructor', null],
      ['j', {}],
    ]);
    expect(Object.entries(rows[0]!['j'] as object)).toEqual([
      ['__proto__', { x: 1 }],
      ['constructor', 2],
    ]);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
    expect(reasonOf({ constructor: 'text' as const }, '{}')).toBe('field.missing');
  });
});

describe('numbers that no float64 holds', () => {
  const line = '{"f":9007199254740993,"t":"a","j":[9007199254740993,1e400]}\n';

  test('lossy takes the nearest', () => {
    const input = '{"f":9007199254740993}\n{"f":1e999}\n';
    const decoded = both({ f: 'float64' }, input, { number: 'lossy' });
    expect([decoded.rows, reasons(decoded)]).toEqual([[{ f: 2 ** 53 }], ['number.range']]);
  });

  test('string keeps their text where text can be', () => {
    const { rows } = both({ t: 'text', j: 'json' }, line.replace('"a"', '1e999'), {
      number: 'string',
    });
    expect(rows).toEqual([{ t: '1e999', j: ['9007199254740993', '1e400'] }]);
    expect(reasonOf({ f: 'float64' }, line.trim(), { number: 'string' })).toBe('number.range');
    expect(reasonOf({ t: 'text' }, '{"t":1}', { number: 'string' })).toBe('field.type');
  });
});

describe('limits', () => {
  const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

  test.each([
    [`{"j":${nested(63)}}`, 'accepted'],
    [`{"j":${nested(64)}}`, 'json.depth'],
    [`{"x":${nested(64)}}`, 'json.depth'],
    [`{"j":"${nested(100)}"}`, 'accepted'],
    ['['.repeat(100_000), 'json.depth'],
    [`{"${'k'.repeat(1024)}":1}`, 'accepted'],
    [`{"${'k'.repeat(1025)}":1}`, 'json.key'],
    [`{"j":{"${'é'.repeat(513)}":1}}`, 'json.key'],
    ['[1]', 'record.type'],
    ['"a"', 'record.type'],
    ['null', 'record.type'],
    ['{"j":1', 'json.syntax'],
    ['{"j":1}{"j":2}', 'json.syntax'],
    ['{"j":1}\r{"j":2}', 'json.syntax'],
    ['{"j":"\u0001"}', 'json.syntax'],
  ])('%.30s is %s', (line, outcome) => {
    expect(reasons(decode('ndjson', schema({ j: 'json?' }), line))[0] ?? 'accepted').toBe(outcome);
  });

  test.each(['\n', '\r\n', ''])('a record may have 1 MiB without its line end %j', (end) => {
    const fields = { t: 'text' } as const;
    for (const [more, outcome] of [
      [0, []],
      [1, ['record.size']],
      [2, ['record.size']],
      [9, ['record.size']],
    ] as const) {
      const record = `{"t":"${'a'.repeat(1_048_576 - 8 + more)}"}`;
      const input = `${record}${end}`;
      for (const chunkBytes of [1_000_000, 1_048_577, 4_000_000]) {
        const decoded = decode('ndjson', schema(fields), input, { chunkBytes });
        expect(reasons(decoded)).toEqual(outcome);
        expect(decoded.position).toBe(input.length);
        if (more === 0) continue;
        expect(decoded.failed[0]).toMatchObject({
          recordBytes: record.length,
          recordSha256: createHash('sha256').update(record).digest('hex'),
          record: Uint8Array.from(Buffer.from(record.slice(0, 65_536))),
        });
      }
    }
  });

  test('the hash of a long record takes in every CR but that of its line end', () => {
    const record = 'a\r'.repeat(100_000);
    for (const end of ['\n', '\r\n', '']) {
      for (const chunkBytes of [1, 2, 1001, 1_000_000]) {
        const options = { chunkBytes, recordBytesMax: 50 };
        const { failed } = decode('ndjson', schema({ a: 'text' }), `${record}b${end}`, options);
        expect(failed).toMatchObject([
          {
            recordBytes: 200_001,
            recordSha256: createHash('sha256').update(`${record}b`).digest('hex'),
          },
        ]);
      }
    }
  });

  test('what is kept of a record that is a little too long takes what it has', () => {
    const input = `{"t":"${'a'.repeat(100)}"}\n`.repeat(10);
    const { failed } = decode('ndjson', schema({ t: 'text' }), input, {
      chunkBytes: 250,
      recordBytesMax: 50,
    });
    expect(failed.map(({ record }) => record.buffer.byteLength)).toEqual(Array(10).fill(108));
  });

  test('a line of 100 MiB takes no more memory than one chunk', () => {
    const failed: unknown[] = [];
    const report = { failed: (record: unknown) => void failed.push(record), counted: () => {} };
    const decoder = createDecoder('ndjson', schema({ a: 'float64' }), { report });
    const chunk = new Uint8Array(1_048_576).fill(0x61);
    const push = (bytes: Uint8Array): void => {
      decoder.push(bytes);
      expect(decoder.next()).toBeNull();
    };
    push(chunk);
    const before = process.memoryUsage().arrayBuffers;
    for (let mebibyte = 1; mebibyte < 100; mebibyte++) push(chunk);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8_000_000);
    push(Buffer.from('\r\n{"a":1}\n'));
    decoder.end();
    expect(decoder.next()?.toRows()).toEqual([{ a: 1 }]);
    const hash = createHash('sha256');
    for (let mebibyte = 0; mebibyte < 100; mebibyte++) hash.update(chunk);
    expect(failed).toMatchObject([
      {
        position: 0,
        reason: 'record.size',
        recordBytes: 104_857_600,
        recordSha256: hash.digest('hex'),
      },
    ]);
  });
});

describe('text', () => {
  test('a byte order mark is removed at the beginning only', () => {
    expect(both({ a: 'float64' }, '\ufeff{"a":1}\n').positions).toEqual([3]);
    expect(reasons(both({ a: 'float64' }, '{"a":1}\n\ufeff{"a":1}\n'))).toEqual(['json.syntax']);
    const partial = Buffer.concat([Buffer.of(0xef, 0xbb), Buffer.from('{"a":1}\n')]);
    expect(both({ a: 'float64' }, partial).failed).toMatchObject([{ position: 0, recordBytes: 9 }]);
    expect(both({ a: 'float64' }, Buffer.of(0xef)).failed).toMatchObject([{ recordBytes: 1 }]);
  });

  test('LF and CR LF end lines; blank ones are counted; the last needs no end', () => {
    const decoded = both({ a: 'float64' }, '{"a":1}\r\n\r\n \t\n\n{"a":2}');
    expect([decoded.rows.length, decoded.counts]).toEqual([2, { blankLines: 3 }]);
    expect(decoded.positions).toEqual([0, 15]);
  });

  test('invalid UTF-8 is refused with its offset, or read as another encoding', () => {
    const good = Buffer.from('{"a":"ab"}\n');
    const bad = Buffer.from(good);
    bad[7] = 0xe9;
    const input = Buffer.concat([good, bad, good]);
    const refused = both({ a: 'text' }, input);
    expect(refused.rows.length).toBe(2);
    expect(refused.failed).toMatchObject([
      {
        reason: 'text.encoding',
        message: 'invalid UTF-8 at byte 18',
        position: 11,
        record: Uint8Array.from(bad.subarray(0, 10)),
      },
    ]);
    for (const [encoding, text] of [
      ['latin1', 'aé'],
      ['replace', 'a\ufffd'],
    ] as const) {
      const { rows } = both({ a: 'text' }, input, { encoding });
      expect(rows.map((row) => row['a'])).toEqual(['ab', text, 'ab']);
    }
  });

  test.each([
    ['overlong, two bytes', [0xc0, 0x80]],
    ['overlong, three bytes', [0xe0, 0x80, 0x80]],
    ['overlong, four bytes', [0xf0, 0x80, 0x80, 0x80]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['cut off', [0xf0, 0x9f, 0x98]],
    ['a lone tail', [0x80]],
  ])('%s is invalid', (_, sequence) => {
    const line = Buffer.concat([Buffer.from('{"a":"'), Buffer.from(sequence), Buffer.from('"}\n')]);
    const input = Buffer.concat([Buffer.from('{"a":"x"}\n'), line]);
    expect(both({ a: 'text' }, input).failed).toMatchObject([
      { message: 'invalid UTF-8 at byte 16' },
    ]);
  });

  test('NUL and characters of every length are kept', () => {
    const { rows } = both(
      { a: 'text', c: 'category' },
      '{"a":"\\u0000é€😀","c":"\\u0000"}\n{"a":"é€😀","c":"😀"}\n',
    );
    expect(rows).toEqual([
      { a: '\0é€😀', c: '\0' },
      { a: 'é€😀', c: '😀' },
    ]);
  });
});

describe('batches', () => {
  test('close at rowsMax and at bytesMax', () => {
    const lines = '{"a":"0123456789"}\n'.repeat(10);
    expect(both({ a: 'text' }, lines, { rowsMax: 4 }).batches).toEqual([4, 4, 2]);
    expect(both({ a: 'text' }, lines, { bytesMax: 60 }).batches).toEqual([3, 3, 3, 1]);
  });

  test('the position is behind the last record of the last batch given', () => {
    const failed: unknown[] = [];
    const report: Pick<SourceReport, 'failed' | 'counted'> = {
      failed: (record) => void failed.push(record),
      counted: () => {},
    };
    const decoder = createDecoder('ndjson', schema({ a: 'float64' }), {
      report,
      rowsMax: 2,
      position: 100,
      partition: 'p',
    });
    decoder.push(Buffer.from('{"a":1}\n{"a":2}\n{"a":3}\nx\n{"a"'));
    expect(decoder.next()?.length).toBe(2);
    expect(decoder.position).toBe(116);
    expect(decoder.next()).toBeNull();
    expect([decoder.position, decoder.rowsPending]).toEqual([116, 1]);
    const flushed = decoder.flush()!;
    expect([flushed.origin.position(0), flushed.origin.partition]).toEqual([116, 'p']);
    expect([decoder.position, decoder.rowsPending, decoder.flush()]).toEqual([126, 0, null]);
    expect(failed).toMatchObject([{ position: 124, partition: 'p' }]);
    decoder.push(Buffer.from(':4}\n'));
    expect(() => decoder.push(Buffer.of(1))).toThrow('ERR_CONNECTOR_PROTOCOL');
  });

  test('many distinct categories do not make a dictionary grow without end', () => {
    let lines = '';
    for (let line = 0; line < 150_000; line++) lines += `{"c":"value ${line}"}\n`;
    const sizes = new Set<number>();
    const report = { failed: () => {}, counted: () => {} };
    const decoder = createDecoder('ndjson', schema({ c: 'category' }), { report });
    decoder.push(Buffer.from(lines));
    decoder.end();
    for (let batch = decoder.next(); batch !== null; batch = decoder.next()) {
      const column = batch.columns[0]!;
      if (column.kind === 'category') sizes.add(column.dictionary.size);
    }
    expect(Math.max(...sizes)).toBeLessThanOrEqual(65_536);
  });
});

test('lines that all look different do not make a parser each', () => {
  // 8! orders of keys.
  const orders = (names: readonly string[]): string[][] =>
    names.length === 0
      ? [[]]
      : names.flatMap((name) => orders(names.filter((n) => n !== name)).map((o) => [name, ...o]));
  const names = 'abcdefgh'.split('');
  const lines = orders(names).slice(0, 5000);
  const input = lines.map((order) => `{${order.map((name) => `"${name}":1`).join()}}\n`).join('');
  let made = 0;
  const { Function: whole } = globalThis;
  globalThis.Function = new Proxy(whole, {
    construct: (target, given) => (made++, Reflect.construct(target, given) as object),
  });
  try {
    const { rows } = decode(
      'ndjson',
      schema(Object.fromEntries(names.map((n) => [n, 'int32']))),
      input,
    );
    expect(rows).toHaveLength(5000);
  } finally {
    globalThis.Function = whole;
  }
  expect(made).toBeGreaterThan(0);
  expect(made).toBeLessThan(50);
});

test('a decoder that goes on elsewhere reads what is there, also where no line ends', () => {
  const report = { failed: () => {}, counted: () => {} };
  const decoder = createDecoder('ndjson', schema({ value: 'float64' }), { report });
  const read = [1, 22, 3].map((value) => {
    decoder.moveTo(`${value}.ndjson`, 0);
    decoder.push(Buffer.from(`{"value":${value}}`));
    expect(decoder.next()).toBeNull();
    decoder.end();
    const batch = decoder.next()!;
    return [batch.origin.partition, batch.toRows()];
  });
  expect(read).toEqual([1, 22, 3].map((value) => [`${value}.ndjson`, [{ value }]]));
});
