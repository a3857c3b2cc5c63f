import { Buffer } from 'node:buffer';

import { describe, expect, test } from 'vitest';

import { type InferOptions, inferSchema } from '../../src/batch/codec.ts';

function infer(format: 'ndjson' | 'csv', text: string, options?: InferOptions): object {
  return inferSchema(format, Buffer.from(text), { complete: true, ...options }).toJSON();
}

function lines(...records: readonly object[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join('');
}

describe('kinds', () => {
  test.each([
    ['numbers', '1', '2.5', 'float64'],
    ['small integers: never int32', '1', '2', 'float64'],
    ['integers beyond 2^53', '9007199254740993', '1', 'int64'],
    ['integers beyond 2^53 beside fractions', '9007199254740993', '1.5', 'float64'],
    ['integers beyond int64', '9223372036854775808', '1', 'float64'],
    ['booleans', 'true', 'false', 'bool'],
    ['RFC 3339', '"2023-11-14T22:13:20Z"', '"2023-11-14T22:13:20.5+01:00"', 'timestamp'],
    ['some RFC 3339', '"2023-11-14T22:13:20Z"', '"x"', 'text'],
    ['a date that is none', '"2023-02-30T22:13:20Z"', '"2023-02-30T22:13:20Z"', 'category'],
    ['text that repeats', '"a"', '"a"', 'category'],
    ['text that does not', '"a"', '"b"', 'text'],
    ['long text', `"${'a'.repeat(65)}"`, `"${'a'.repeat(65)}"`, 'text'],
    ['objects and arrays', '{}', '[1]', 'json'],
    ['several types', '1', '"a"', 'json'],
    ['null', 'null', '1', 'float64?'],
    ['nothing but null', 'null', 'null', 'json?'],
  ])('%s', (_, first, second, type) => {
    expect(infer('ndjson', `{"f":${first}}\n{"f":${second}}`)).toEqual({ f: type });
  });

  test('a missing field is nullable, and fields keep the order in which they came', () => {
    expect(infer('ndjson', lines({ b: 1 }, { a: true, b: 2 }))).toEqual({
      b: 'float64',
      a: 'bool?',
    });
    expect(inferSchema('ndjson', Buffer.from(lines({ b: 1 }, { a: 1, b: 2 }))).names).toEqual([
      'b',
      'a',
    ]);
  });

  test('CSV cells', () => {
    const text =
      'n,id,t,b,j,e,mix,s\n1,007,2023-11-14T22:13:20Z,true,"{""a"":1}",,1,a\n2.5,008,2023-11-14T22:13:20Z,FALSE,[],"",x,a\n';
    expect(infer('csv', text)).toEqual({
      n: 'float64',
      id: 'text',
      t: 'timestamp',
      b: 'bool',
      j: 'json',
      e: 'text?',
      mix: 'text',
      s: 'category',
    });
  });
});

describe('samples', () => {
  test('a last line that may be cut off is left out unless the sample is complete', () => {
    const text = '{"a":1}\n{"a":1,"b":2}';
    expect(infer('ndjson', text, { complete: false })).toEqual({ a: 'float64' });
    expect(infer('ndjson', text)).toEqual({ a: 'float64', b: 'float64?' });
  });

  test('records that cannot be read, blank lines and a byte order mark do not matter', () => {
    const text = '\ufeff{"a":1}\r\n\r\nnope\n[1]\n5\n{"a":2}\n';
    expect(infer('ndjson', text)).toEqual({ a: 'float64' });
    const invalid = Buffer.concat([Buffer.from('{"a":1}\n'), Buffer.of(0xff, 10)]);
    expect(inferSchema('ndjson', invalid).toJSON()).toEqual({ a: 'float64' });
    expect(infer('csv', '\ufeffa,b\n1,2\nragged\n')).toEqual({ a: 'float64', b: 'float64' });
  });

  test('only the first records count', () => {
    expect(infer('ndjson', lines({ a: 1 }, { a: 'x' }), { recordsMax: 1 })).toEqual({
      a: 'float64',
    });
    const many = lines(...Array.from({ length: 1000 }, () => ({ a: 1 })), { a: 'x' });
    expect(infer('ndjson', many)).toEqual({ a: 'float64' });
  });

  test('nothing gives no fields, and a header alone nullable text', () => {
    expect(infer('ndjson', '')).toEqual({});
    expect(infer('csv', 'a,b\n')).toEqual({ a: 'text?', b: 'text?' });
  });

  test('a CSV without a header has numbered columns; the delimiter is an option', () => {
    const options = { header: false, delimiter: ';' };
    expect(infer('csv', '1;a\n2;a\n', options)).toEqual({
      column1: 'float64',
      column2: 'category',
    });
  });

  test('names of the prototype are names like others', () => {
    const schema = inferSchema('ndjson', Buffer.from('{"__proto__":1,"constructor":"a"}\n'));
    expect(schema.names).toEqual(['__proto__', 'constructor']);
  });
});
