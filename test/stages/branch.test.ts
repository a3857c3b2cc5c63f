import { expect, test } from 'vitest';
import * as z from 'zod';

import { Batch } from '../../src/batch/index.ts';
import { branch, type BranchOptions } from '../../src/stages/index.ts';
import { createStage } from '../../src/testing/stage.ts';
import { balanceOf, type Reading, readings, readingsFrom, selecting } from './readings.ts';

type Fields = (typeof readings)['shape'];

async function routed(
  options: BranchOptions<Fields>,
  batch: Batch,
): Promise<{ outputs: Record<string, unknown[]>; stage: ReturnType<typeof createStage> }> {
  const stage = createStage(branch(options), readings);
  const process = stage.instance as (batch: Batch) => Record<string, Batch>;
  const rowsIn = batch.length;
  const made = Object.entries(process(batch as Batch));
  const outputs = Object.fromEntries(
    made.map(([name, output]) => [name, output.toRows().map((row) => row['value'])]),
  );
  const balance = balanceOf(
    stage,
    rowsIn,
    made.reduce((rows, [, { length }]) => rows + length, 0),
  );
  expect(balance.made).toBe(balance.gone);
  for (const [, output] of made) output.release();
  expect(batch.holders).toBe(1);
  return { outputs, stage };
}

const batchOf = (count: number): Batch => Batch.from(readingsFrom(0, count), readings) as never;

test('a row takes the first route that matches; the others are dropped', async () => {
  const { outputs, stage } = await routed(
    { routes: { low: 'value < 3', even: (r) => r.flags % 2 === 0 } },
    batchOf(8),
  );
  expect(outputs).toEqual({ low: [0, 1, 2], even: [4, 6] });
  expect(stage.tally).toMatchObject({ absorbedRows: 5, createdRows: 5 });
  expect([...stage.tally.droppedBy]).toEqual([['unrouted', 3]]);
});

test('or every route, and the rest its own output', async () => {
  const { outputs, stage } = await routed(
    {
      routes: { low: 'value < 3', even: (r) => r.flags % 2 === 0 },
      mode: 'all',
      otherwise: 'rest',
    },
    batchOf(8),
  );
  expect(outputs).toEqual({ low: [0, 1, 2], even: [0, 2, 4, 6], rest: [3, 5, 7] });
  expect(stage.tally).toMatchObject({ absorbedRows: 8, createdRows: 10, droppedRows: 0 });
});

test('later conditions are not asked of rows that are routed', async () => {
  const asked: number[] = [];
  const see = (r: Reading): boolean => asked.push(r.value) > 100;
  await routed({ routes: { low: 'value < 3', seen: see } }, batchOf(5));
  expect(asked).toEqual([3, 4]);
});

test('null matches no route', async () => {
  const { outputs } = await routed(
    { routes: { good: 'quality > 0', bad: '!(quality > 0)' }, otherwise: 'unknown' },
    batchOf(5),
  );
  expect(outputs).toEqual({ good: [1, 2, 4], bad: [], unknown: [0, 3] });
});

test.each(['first', 'all'] as const)('a row that fails is in no output: mode %s', async (mode) => {
  const fails = (r: Reading): boolean => {
    if (r.flags === 2) throw new Error('boom');
    return r.flags === 1 ? (0 as never) : false;
  };
  const { outputs, stage } = await routed(
    {
      routes: { one: mode === 'all' ? 'value >= 0' : 'value < 1', two: fails },
      mode,
      otherwise: 'rest',
    },
    selecting(readingsFrom(0, 6), [0, 1, 2, 3]) as never,
  );
  expect(outputs).toEqual(
    mode === 'all' ? { one: [0, 3], two: [], rest: [] } : { one: [0], two: [], rest: [3] },
  );
  expect(stage.tally.failures.map(({ reason }) => reason).toSorted()).toEqual([
    'row.result',
    'row.threw',
  ]);
});

test('the outputs are named before data flows', () => {
  const options = branch.spec.options(z);
  const parsed = options.parse({
    routes: { hot: 'value > 80', cold: 'value < 10' },
    otherwise: 'rest',
  });
  expect(branch.spec.outputs?.(parsed)).toEqual(['hot', 'cold', 'rest']);
});

test.each([
  [{ routes: {} }, 'name at least one route'],
  [{ routes: { 'a.b': 'value > 1' } }, 'Invalid key in record'],
  [{ routes: { a: 'value > 1' }, otherwise: 'a' }, 'needs a name that no route has'],
  [{ routes: { a: 5 } }, 'takes an expression as text'],
])('%j is refused', (given, message) => {
  expect(branch.spec.options(z).safeParse(given).error?.issues[0]?.message).toContain(message);
});

test('what is wrong with several routes is told at once', () => {
  const wrong = branch<Fields>({ routes: { a: 'vlaue > 1', b: 'unti == 1' } });
  expect(() => createStage(wrong, readings)).toThrow(
    /did you mean `value`\?.*did you mean `unit`\?/s,
  );
});
