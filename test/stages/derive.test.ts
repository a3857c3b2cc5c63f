import { describe, expect, test } from 'vitest';
import * as z from 'zod';

import { Batch, type RecordOf, schema } from '../../src/batch/index.ts';
import {
  bool,
  bytes,
  category,
  derive,
  float64,
  int32,
  int64,
  json,
  text,
  timestamp,
} from '../../src/stages/index.ts';
import { createStage } from '../../src/testing/stage.ts';
import { readings, readingsFrom, rowsThrough, selecting, onReadings } from './readings.ts';

type Row = RecordOf<(typeof readings)['shape']>;

test('a field of every kind, by function', async () => {
  const stage = onReadings(
    derive({
      f: float64((r) => r.value / 2),
      i: int32((r) => r.flags + 1),
      l: int64((r) => BigInt(r.flags) + 2n ** 60n),
      t: timestamp((r) => 1000 * r.value),
      b: bool((r) => r.value > 1),
      c: category((r) => `c${r.flags % 2}`),
      s: text((r) => `é${r.flags}`),
      j: json((r) => [r.flags]),
      y: bytes((r) => Uint8Array.of(r.flags)),
      v: float64.nullable((r) => r.quality),
      n: text.nullable((r) => r.note),
    }),
  );
  expect(stage.output.toJSON()).toMatchObject({
    f: 'float64',
    j: 'json',
    v: 'float64?',
    n: 'text?',
  });
  const rows = await rowsThrough(stage, selecting(readingsFrom(0, 5), [1, 3]));
  const derived = (r: Row): Record<string, unknown> => ({
    ...r,
    f: r.value / 2,
    i: r.flags + 1,
    l: BigInt(r.flags) + 2n ** 60n,
    t: 1000 * r.value,
    b: r.value > 1,
    c: `c${r.flags % 2}`,
    s: `é${r.flags}`,
    j: [r.flags],
    y: Uint8Array.of(r.flags),
    v: r.quality,
    n: r.note,
  });
  expect(rows).toEqual([1, 3].map((at) => derived(readingsFrom(0, 5)[at]!)));
});

test('a field of every kind that an expression gives', async () => {
  const stage = onReadings(
    derive({
      f: float64('value / 2'),
      i: int32('flags * 2'),
      l: int64('flags'),
      t: timestamp('value * 1000'),
      b: bool("coalesce(unit == 'C', false)"),
      c: category('upper(sensorId)'),
      s: text("coalesce(note, 'none')"),
      n: { kind: 'category?', value: 'unit' },
      h: { kind: 'bool?', value: 'quality > 1' },
    }),
  );
  expect(await rowsThrough(stage, selecting(readingsFrom(0, 9), [4, 6]))).toMatchObject([
    { f: 2, i: 8, l: 4n, t: 4000, b: true, c: 'S4', s: 'none', n: 'C', h: false },
    { f: 3, i: 12, l: 6n, t: 6000, b: true, c: 'S6', s: 'note 6', n: 'C', h: null },
  ]);
});

test('text beside rows that do not count is a whole column', async () => {
  const stage = onReadings(derive({ label: text((r) => `é${r.flags}`) }));
  const [made] = await stage.run([selecting(readingsFrom(0, 5000), [1, 2000])]);
  const column = (made as Batch).column('label');
  expect(column.byteLength(5000)).toBe(5000 * 4 + 'é1é2000'.length + 2);
  expect((made as Batch).own('label').value(2000)).toBe('é2000');
});

test('fields are computed from the row as it came in, also where one is replaced', async () => {
  const stage = onReadings(
    derive({
      value: float64((r) => r.value + 1),
      twice: { kind: 'float64', value: 'value * 2' },
      flags: text((r) => `f${r.flags}`),
    }),
  );
  expect(stage.output.names).toEqual([...readings.names, 'twice']);
  expect(await stage.rows(readingsFrom(3, 1))).toMatchObject([{ value: 4, twice: 6, flags: 'f3' }]);
});

describe('a result that does not fit', () => {
  const at = (results: readonly unknown[]): never => ((r: Row) => results[r.flags]) as never;

  test.each<[string, ReturnType<typeof float64>, unknown[], number[]]>([
    ['float64', float64(at([1, '1', null, undefined, 1n, true, NaN])), [1, NaN], [1, 2, 3, 4, 5]],
    ['float64?', float64.nullable(at([1, 'x', null, undefined])) as never, [1, null, null], [1]],
    ['int32', int32(at([1, 1.5, 2 ** 31, -(2 ** 31), NaN])) as never, [1, -(2 ** 31)], [1, 2, 4]],
    ['int64', int64(at([1n, 2n ** 63n, 5, 1.5, 2 ** 60])) as never, [1n, 5n], [1, 3, 4]],
    ['timestamp', timestamp(at([0, NaN, Infinity, new Date()])) as never, [0], [1, 2, 3]],
    ['bool', bool(at([true, 1, 'true', null])) as never, [true], [1, 2, 3]],
    ['category', category(at(['a', 1, null, '\ud800'])) as never, ['a'], [1, 2, 3]],
    ['text', text(at(['a', 1, null, '\ud800', ''])) as never, ['a', ''], [1, 2, 3]],
    ['json', json(at([{ a: 1 }, undefined, () => 1, 1n])) as never, [{ a: 1 }], [1, 2, 3]],
  ])('%s', async (_kind, derivation, fits, failed) => {
    const stage = onReadings(derive({ x: derivation } as never) as never);
    const rows = await stage.rows(readingsFrom(0, fits.length + failed.length));
    expect(rows.map(({ x }) => x)).toEqual(fits);
    expect(stage.tally.failures).toMatchObject(
      failed.map((position) => ({ position, reason: 'row.result' })),
    );
  });

  test('of several fields costs the row once', async () => {
    const boom = (): never => {
      throw new Error('boom');
    };
    const stage = onReadings(
      derive({ a: float64(boom), b: text(boom), c: float64((r) => r.value) }),
    );
    expect(await stage.rows(readingsFrom(0, 3))).toEqual([]);
    expect(stage.tally.dead).toBe(3);
  });
});

test('a number that the kind of an expression cannot hold costs its row', async () => {
  const stage = onReadings(derive({ half: int32('value / 2') }));
  expect((await stage.rows(readingsFrom(0, 4))).map(({ half }) => half)).toEqual([0, 1]);
  expect(stage.tally.failures).toMatchObject([
    { position: 1, reason: 'number.range' },
    { position: 3, reason: 'number.range' },
  ]);
});

test('what is wrong with several fields is told at once', () => {
  const wrong = derive({ a: float64('vlaue + 1'), b: float64('quality'), c: json('flags') });
  expect(() => onReadings(wrong)).toThrow(
    /did you mean `value`\?.*Also: .*`b` is not nullable.*Also: a json field takes a function/s,
  );
});

test('wrong options are refused', () => {
  const options = derive.spec.options(z);
  expect(options.safeParse({}).success).toBe(false);
  expect(options.safeParse({ a: { kind: 'float', value: '1' } }).error?.issues[0]).toMatchObject({
    path: ['a', 'kind'],
  });
  expect(options.safeParse({ a: { kind: 'int32' } }).success).toBe(false);
  expect(options.safeParse({ a: { kind: 'int32', value: '1', x: 1 } }).success).toBe(false);
});

test('a category that fills its dictionary begins another with the next batch', async () => {
  const ids = schema({ id: 'int32' });
  const stage = createStage(derive({ name: category((r) => `n${(r as { id: number }).id}`) }), ids);
  const batches = Array.from({ length: 40 }, (_, batch) =>
    Batch.from(
      Array.from({ length: 4096 }, (__, at) => ({ id: batch * 4096 + at })),
      ids,
    ),
  );
  const made = (await stage.run(batches)) as Batch[];
  const sizes = made.map(
    (batch) => (batch.column('name') as { dictionary: { size: number } } & object).dictionary.size,
  );
  expect(Math.max(...sizes)).toBeLessThanOrEqual(65_536 + 4096);
  expect(made.at(-1)!.toRows().at(-1)).toEqual({ id: 163_839, name: 'n163839' });
});
