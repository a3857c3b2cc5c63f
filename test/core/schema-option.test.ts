import { expect, test } from 'vitest';
import * as z from 'zod';

import { Schema, schema } from '../../src/batch/index.ts';
import { schemaOption } from '../../src/core/index.ts';

const option = schemaOption(z);

test('takes a schema from code and field kinds from a config', () => {
  const written = { value: 'float64', note: 'text?' } as const;
  expect(option.parse(written).toJSON()).toEqual(written);
  expect(option.parse(schema(written)).toJSON()).toEqual(written);
});

test('a field may have a name that objects know', () => {
  const written = JSON.parse('{ "__proto__": "float64", "constructor": "text?" }') as object;
  expect(option.parse(written).names).toEqual(['__proto__', 'constructor']);
  expect(option.parse(option.parse(written)).names).toEqual(['__proto__', 'constructor']);
});

test('the fields of a schema keep their order, by which a CSV without a header is read', () => {
  const fields = ['b', '2', '\u0000c', '1', '__proto__'];
  const given = new Schema(
    fields.map((name) => ({ name, kind: 'float64' as const, nullable: true })),
  );
  expect(option.parse(given).equals(given)).toBe(true);
  expect(option.parse({ '\u0000c': 'int32' }).names).toEqual(['\u0000c']);
});

test('refuses an unknown kind, in a field of any name', () => {
  expect(() => option.parse({ value: 'number' })).toThrow('takes a kind, not');
  expect(() => option.parse({ value: 'flot64' })).toThrow('did you mean `float64`?');
  expect(() => option.parse(JSON.parse('{ "__proto__": "x" }'))).toThrow('takes a kind');
});

test('shows the kinds in its JSON Schema', () => {
  const json = JSON.stringify(z.toJSONSchema(option, { io: 'input' }));
  expect(json).toContain('"float64?"');
});

test('takes a field that is sensitive, from code and from a config, and shows that in its JSON Schema', () => {
  const written = { value: { kind: 'float64?', sensitive: true }, note: 'text' } as const;
  for (const given of [written, schema(written)]) {
    expect(option.parse(given).fields).toEqual(schema(written).fields);
  }
  expect(option.parse(option.parse(written)).toJSON()).toEqual(written);
  expect(option.parse({ note: { kind: 'text', sensitive: false } }).toJSON()).toEqual({
    note: 'text',
  });
  const { additionalProperties } = z.toJSONSchema(option, { io: 'input' });
  expect(additionalProperties).toMatchObject({
    anyOf: [
      { type: 'string' },
      {
        properties: { kind: { type: 'string' }, sensitive: { type: 'boolean' } },
        required: ['kind'],
        additionalProperties: false,
      },
    ],
  });
});
