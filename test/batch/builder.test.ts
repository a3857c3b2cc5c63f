import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { Batch, BatchBuilder, type Kind, type MisfitError, schema } from '../../src/batch/index.ts';

/** For the nightly sizes. */
const long = { timeout: 900_000 };

/** What each kind takes and what it refuses. */
const values: Record<Kind, { good: unknown[]; bad: unknown[]; beyond?: unknown[] }> = {
  float64: { good: [0, -0, 1.5, 1e308, NaN, -Infinity], bad: ['1', true, 1n, {}, [], new Date(0)] },
  int32: {
    good: [0, -1, 2 ** 31 - 1, -(2 ** 31)],
    bad: [0.5, NaN, Infinity, '1', 1n, true],
    beyond: [2 ** 31, -(2 ** 31) - 1],
  },
  int64: {
    good: [0n, 2n ** 63n - 1n, -(2n ** 63n), 9_007_199_254_740_993n],
    bad: [1.5, NaN, '1', true],
    beyond: [2n ** 63n, -(2n ** 63n) - 1n, 2 ** 53],
  },
  timestamp: {
    good: [0, -1, 1_767_225_600_000.25],
    bad: [NaN, Infinity, '2026-01-01', new Date(0), 1n],
  },
  bool: { good: [true, false], bad: [0, 1, 'true', ''] },
  category: { good: ['', 'a', 'grüß 🎉', '\u0000'], bad: [1, '\ud800', true, {}] },
  text: { good: ['', 'a', 'grüß 🎉', '\u0000'], bad: [1, 'a\udc00', Symbol('s'), {}] },
  bytes: {
    good: [new Uint8Array(0), new Uint8Array([0, 255])],
    bad: ['a', [1], new ArrayBuffer(1)],
  },
  json: {
    good: [1, 'a', '\ud800', true, [], { a: [null, { b: 1 }] }, ['\u2028']],
    bad: [() => 1, Symbol('s'), 1n, NaN, Infinity, { a: 1n }, circular()],
  },
};

describe.each(Object.entries(values))('a field of kind %s', (kind, { good, bad, beyond = [] }) => {
  test('gives back what it was given', () => {
    const batch = Batch.from(
      good.map((value) => ({ value })) as never,
      schema({ value: kind as Kind }),
    );
    expect(batch.toRows()).toEqual(good.map((value) => ({ value })));
  });

  test.each([
    ...bad.map((value) => [value, 'field.type']),
    ...beyond.map((value) => [value, 'number.range']),
  ])('refuses %o', (value, reason) => {
    const builder = new BatchBuilder(schema({ value: kind as Kind }));
    const refused = catchMisfit(() => builder.append({ value } as never));
    expect(refused).toMatchObject({
      code: 'ERR_BATCH_VALUE',
      reason,
      field: 'value',
    });
    expect(builder.length).toBe(0);
  });

  test.each([null, undefined])('is never %s unless it may be', (value) => {
    const strict = new BatchBuilder(schema({ value: kind as Kind }));
    const refused = catchMisfit(() => strict.append({ value } as never));
    expect(refused).toMatchObject({ reason: 'field.missing', field: 'value' });
    const batch = Batch.from(
      [{ value: good[0] }, { value }, {}] as never,
      schema({ value: `${kind as Kind}?` }),
    );
    expect(batch.toRows()).toEqual([{ value: good[0] }, { value: null }, { value: null }]);
  });

  test('keeps nulls and values apart at every size, also over a grown column', () => {
    const nullable = schema({ value: `${kind as Kind}?` });
    for (const size of [0, 1, 7, 8, 9, 1023, 1024, 1025, 2049, 5000]) {
      const rows = Array.from({ length: size }, (_, at) => ({
        value: at % 3 === 1 && at < 900 ? null : good[at % good.length],
      }));
      expect(Batch.from(rows as never, nullable).toRows()).toEqual(rows);
    }
  });
});

describe('a builder', () => {
  const mixed = schema({ id: 'category?', n: 'int32?', text: 'text?', last: 'float64' });

  test('takes a record whole or not at all', () => {
    const builder = new BatchBuilder(mixed);
    builder.append({ id: 'a', n: 1, text: 'x', last: 1 });
    expect(() => builder.append({ id: null, n: null, text: null, last: 'no' } as never)).toThrow(
      'ERR_BATCH_VALUE',
    );
    expect(() =>
      builder.append({ id: 'zzz', n: 9, text: 'long text', last: null } as never),
    ).toThrow('ERR_BATCH_VALUE');
    builder.append({ id: 'b', n: 2, text: 'y', last: 2 });
    expect(builder.finish().toRows()).toEqual([
      { id: 'a', n: 1, text: 'x', last: 1 },
      { id: 'b', n: 2, text: 'y', last: 2 },
    ]);
  });

  test('leaves no trace of refused records, whatever they held', long, () => {
    const good = fc.record({
      id: fc.option(fc.string({ unit: 'grapheme' })),
      n: fc.option(fc.integer()),
      text: fc.option(fc.string({ unit: 'grapheme' })),
      last: fc.double(),
    });
    const bad = fc.oneof(
      fc
        .tuple(good, fc.constantFrom('id', 'n', 'text', 'last'))
        .map(([row, name]) => ({ ...row, [name]: {} })),
      fc.constantFrom(null, undefined, 1, 'row'),
    );
    const row = fc.oneof(
      good.map((record) => ({ record, fits: true })),
      bad.map((record) => ({ record, fits: false })),
    );
    const runs = process.env['MILLRACE_NIGHTLY'] ? 20_000 : 500; // whole lists of rows
    fc.assert(
      fc.property(fc.array(fc.array(row, { maxLength: 40 }), { maxLength: 4 }), (batches) => {
        const builder = new BatchBuilder(mixed);
        for (const rows of batches) {
          for (const { record, fits } of rows) {
            const refused = catchMisfit(() => builder.append(record as never));
            expect(refused?.code).toBe(fits ? undefined : 'ERR_BATCH_VALUE');
          }
          const kept = rows.filter(({ fits }) => fits).map(({ record }) => record);
          expect(builder.length).toBe(kept.length);
          const batch = builder.finish();
          expect(batch.toRows()).toEqual(kept);
          batch.release();
        }
      }),
      { numRuns: runs },
    );
  });

  test('ignores what is not of the schema, and what a record inherits', () => {
    const builder = new BatchBuilder(
      schema({ constructor: 'text?', toString: 'text?', value: 'int32' }),
    );
    builder.append({ value: 1, other: 2 } as never);
    expect(() => builder.append(Object.create({ value: 1 }) as never)).toThrow(
      'field `value` is missing',
    );
    expect(builder.finish().toRows()).toEqual([{ constructor: null, toString: null, value: 1 }]);
  });

  test('numbers rows on from the batch before', () => {
    const builder = new BatchBuilder(schema({ value: 'int32' }), {
      source: 's',
      partition: 'p',
      position: 10,
    });
    builder.append({ value: 1 });
    builder.append({ value: 2 });
    const first = builder.finish();
    builder.append({ value: 3 });
    const second = builder.finish();
    expect([first.origin.position(0), first.origin.position(1), second.origin.position(0)]).toEqual(
      [10, 11, 12],
    );
    expect(second.origin).toMatchObject({ source: 's', partition: 'p' });
  });

  test('keeps positions that are given', () => {
    const builder = new BatchBuilder(schema({ value: 'int32' }));
    for (const position of [undefined, undefined, 7, undefined, 100])
      builder.append({ value: 0 }, position);
    const { origin } = builder.finish();
    expect([0, 1, 2, 3, 4].map((row) => origin.position(row))).toEqual([0, 1, 7, 8, 100]);
    builder.append({ value: 0 });
    expect(builder.finish().origin.position(0)).toBe(101);
  });

  test('tells about how many bytes it holds', () => {
    const builder = new BatchBuilder(schema({ a: 'float64', b: 'text' }));
    expect(builder.bytes).toBe(0);
    builder.append({ a: 1, b: 'four' });
    expect(builder.bytes).toBe(8 + 4 + 4);
    builder.finish();
    expect(builder.bytes).toBe(0);
  });

  test('holds text of any length', () => {
    const texts = ['', 'é'.repeat(10_000), '🎉'.repeat(100_000), 'a'];
    const batch = Batch.from(
      texts.map((text) => ({ text })),
      schema({ text: 'text' }),
    );
    expect(batch.toRows().map(({ text }) => text)).toEqual(texts);
  });
});

function catchMisfit(run: () => void): MisfitError | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return error as MisfitError;
  }
}

function circular(): unknown {
  const value: { self?: unknown } = {};
  value.self = value;
  return value;
}
