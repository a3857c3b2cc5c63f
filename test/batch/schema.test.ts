import { describe, expect, expectTypeOf, test } from 'vitest';

import { Batch, kinds, type RecordOf, Schema, schema } from '../../src/batch/index.ts';
import { parseFieldType } from '../../src/batch/schema.ts';

describe('a schema', () => {
  test('keeps its fields in order, with kind and nullability', () => {
    const made = schema({ sensorId: 'category', value: 'float64?' });
    expect(made.fields).toEqual([
      { name: 'sensorId', kind: 'category', nullable: false },
      { name: 'value', kind: 'float64', nullable: true },
    ]);
    expect(made.toJSON()).toEqual({ sensorId: 'category', value: 'float64?' });
    expect(made.indexOf('value')).toBe(1);
    expect(made.indexOf('other')).toBe(-1);
  });

  test('types its records', () => {
    const made = schema({
      id: 'category',
      n: 'int64?',
      when: 'timestamp',
      raw: 'bytes',
      ok: 'bool?',
    });
    type Row = RecordOf<(typeof made)['shape']>;
    expectTypeOf<Row>().toEqualTypeOf<{
      readonly id: string;
      readonly n: bigint | null;
      readonly when: number;
      readonly raw: Uint8Array;
      readonly ok: boolean | null;
    }>();
    // @ts-expect-error a field that the schema does not have
    expect(() => Batch.from([{ id: 'a', m: 1n }], made)).toThrow('field `when` is missing');
  });

  test.each(['float', 'float64??', '', '?', 'FLOAT64', 'constructor', '__proto__'])(
    'refuses the kind %j',
    (type) => {
      expect(parseFieldType(type)).toBeUndefined();
      expect(() => schema({ value: type } as never)).toThrow(`has the unknown kind \`${type}\``);
    },
  );

  test.each(kinds)('knows the kind %s', (kind) => {
    expect(parseFieldType(kind)).toEqual({ kind, nullable: false });
    expect(parseFieldType(`${kind}?`)).toEqual({ kind, nullable: true });
  });

  test.each([undefined, null, 1, {}])('refuses %j as a kind', (type) => {
    expect(() => schema({ value: type } as never)).toThrow('ERR_BATCH_SCHEMA');
  });

  test('refuses two fields of one name', () => {
    const field = { name: 'a', kind: 'text', nullable: false } as const;
    expect(() => new Schema([field, field])).toThrow('field `a` is named twice');
  });

  test('says which fields there are when asked for another', () => {
    expect(() => schema({ a: 'bool', b: 'bool' }).field('c')).toThrow(
      'ERR_BATCH_FIELD [c] field `c` does not exist here; fields: a, b',
    );
  });

  test('adds at the end and replaces in place', () => {
    const made = schema({ a: 'int32', b: 'text' }).with({ c: 'bool', a: 'float64?' });
    expect(made.toJSON()).toEqual({ a: 'float64?', b: 'text', c: 'bool' });
    expect(made.names).toEqual(['a', 'b', 'c']);
  });

  test('picks fields in the order asked for', () => {
    expect(schema({ a: 'int32', b: 'text' }).pick(['b', 'a']).names).toEqual(['b', 'a']);
    expect(() => schema({ a: 'int32' }).pick(['b'])).toThrow('ERR_BATCH_FIELD');
  });

  test('is equal where names, kinds and order are', () => {
    const made = schema({ a: 'int32', b: 'text?' });
    expect(made.equals(schema({ a: 'int32', b: 'text?' }))).toBe(true);
    expect(made.equals(schema({ b: 'text?', a: 'int32' }))).toBe(false);
    expect(made.equals(schema({ a: 'int32', b: 'text' }))).toBe(false);
    // Names that imitate the written form of another schema.
    expect(schema({ 'a": int32, "b': 'int32' }).equals(schema({ a: 'int32', b: 'int32' }))).toBe(
      false,
    );
  });

  test('names some of many fields in a message, however long their names', () => {
    const names = Array.from({ length: 10_000 }, (_, n) => `${n} ${'x'.repeat(300)}`);
    const wide = new Schema(names.map((name) => ({ name, kind: 'text', nullable: false })));
    expect(wide.choice(`y ${'x'.repeat(300)}`)).toHaveLength(
      names.slice(0, 20).join(', ').length + 'fields: , … (10000 in all)'.length,
    );
    expect(wide.choice('19 x')).not.toContain('did you mean');
    expect(schema({ value: 'text', valid: 'text' }).choice('vlaue')).toContain('`value`');
  });

  test('cannot be changed', () => {
    const made = schema({ a: 'int32' });
    expect(() => (made.fields as unknown[]).push(1)).toThrow(TypeError);
    expect(() => ((made.fields[0] as { kind: string }).kind = 'text')).toThrow(TypeError);
  });

  test('takes names of the prototype as plain names', () => {
    const made = schema({ ['__proto__']: 'text', constructor: 'int32', toString: 'bool' });
    expect(made.names).toEqual(['__proto__', 'constructor', 'toString']);
    expect(Object.keys(made.toJSON())).toEqual(['__proto__', 'constructor', 'toString']);
    expect(schema({ a: 'bool' }).has('constructor')).toBe(false);
  });
});
