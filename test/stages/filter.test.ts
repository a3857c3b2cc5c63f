import { expect, test } from 'vitest';
import * as z from 'zod';

import { Batch, type Schema } from '../../src/batch/index.ts';
import { filter } from '../../src/stages/index.ts';
import { createStage } from '../../src/testing/stage.ts';
import { readings, readingsFrom, rowsThrough } from './readings.ts';

const all: Schema = readings;

test.each([
  ['a function', filter((r) => (r['value'] as number) > 3)],
  ['an expression', filter('value > 3')],
  ['options with a function', filter({ where: (r) => (r['value'] as number) > 3 })],
  ['options with an expression', filter({ where: 'value > 3' })],
])('%s', async (_name, component) => {
  const stage = createStage(component, all);
  const rows = await rowsThrough(stage, Batch.from(readingsFrom(0, 6), readings));
  expect(rows).toEqual(readingsFrom(4, 2));
  expect([...stage.tally.droppedBy]).toEqual([['condition', 4]]);
});

test('a batch of which every row is kept goes on itself', async () => {
  const batch = Batch.from(readingsFrom(0, 6), readings);
  expect(await createStage(filter('value >= 0'), all).run([batch])).toEqual([batch]);
});

test('null does not hold, as an expression and as a function', async () => {
  const expected = readingsFrom(0, 9).filter(({ quality }) => quality !== null && quality > 1);
  const asNull = (r: Readonly<Record<string, unknown>>): boolean | null =>
    r['quality'] === null ? null : (r['quality'] as number) > 1;
  for (const component of [filter('quality > 1'), filter(asNull)]) {
    const stage = createStage(component, all);
    expect(await stage.rows(readingsFrom(0, 9) as never)).toEqual(expected);
    expect(stage.tally.dead).toBe(0);
  }
});

test('a result that is no boolean costs its row', async () => {
  const results = [true, undefined, 1, 'yes', false, {}];
  const stage = createStage(
    filter((r) => results[r['flags'] as number] as boolean),
    all,
  );
  expect(await stage.rows(readingsFrom(0, 6) as never)).toEqual(readingsFrom(0, 1));
  expect(stage.tally.failures).toMatchObject(
    [1, 2, 3, 5].map((position) => ({ position, reason: 'row.result' })),
  );
  expect(stage.tally.failures[0]).toMatchObject({
    message: expect.stringContaining(
      'a condition gives true, false or null, not undefined',
    ) as string,
  });
  expect(stage.tally.droppedRows).toBe(1);
});

test('a wrong condition is refused before data flows', () => {
  expect(() => createStage(filter('vlaue > 3'), all)).toThrow('did you mean `value`?');
  expect(() => createStage(filter('flags'), all)).toThrow('a condition is true or false');
});

test('wrong options are refused, and say so', () => {
  const options = filter.spec.options(z);
  expect(options.safeParse({ wher: 'value > 3' }).error?.issues.map(({ code }) => code)).toContain(
    'unrecognized_keys',
  );
  expect(options.safeParse({ where: 3 }).error?.issues[0]?.path).toEqual(['where']);
  expect(options.safeParse(3).success).toBe(false);
});

test('a row kept beyond its callback cannot be read', async () => {
  const kept: { value: number }[] = [];
  const stage = createStage(
    filter((r) => kept.push(r as never) > 0),
    all,
  );
  await stage.rows(readingsFrom(0, 2) as never);
  expect(() => kept[0]!.value).toThrow('after its callback returned');
});
