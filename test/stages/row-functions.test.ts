import process from 'node:process';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { type Fields, schema } from '../../src/batch/index.ts';
import type { StageComponent } from '../../src/core/index.ts';
import { derive, filter, flatMap, float64, map, tap } from '../../src/stages/index.ts';
import { createStage } from '../../src/testing/index.ts';

const input = schema({ value: 'float64' });
type Input = (typeof input)['shape'];
const later = async (row: { value: number }): Promise<never> => {
  await Promise.resolve();
  // The row is gone by now, so this throws.
  throw new Error(String(row.value));
};

const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);
beforeEach(() => void process.on('unhandledRejection', note));
afterEach(() => void process.off('unhandledRejection', note));

test.each<[string, StageComponent<Input>]>([
  ['filter', filter(later as never)],
  ['derive', derive({ twice: float64(later as never) }) as unknown as StageComponent<Input>],
  ['map', map(input, later as never) as unknown as StageComponent<Input>],
  ['tap', tap(later as never)],
  ['flatMap', flatMap(input, later as never) as unknown as StageComponent<Input>],
])('%s: each row fails, and nothing else does', async (_name, component) => {
  const stage = createStage(component as unknown as StageComponent<Fields, Fields>, input);
  expect(await stage.rows([{ value: 1 }, { value: 2 }])).toEqual([]);
  expect(stage.tally.dead).toBe(2);
  expect(stage.tally.failures[0]).toMatchObject({ reason: 'row.result' });
  expect(stage.tally.failures[0]!.message).toContain('promise');
  await new Promise((resolve) => setImmediate(resolve));
  expect(unhandled).toEqual([]);
});

test('a row can be spread, listed and shown', async () => {
  const twice = schema({ value: 'float64', twice: 'float64' });
  const component = map<Input, (typeof twice)['shape']>(twice, (row) => ({
    ...row,
    twice: row.value * 2,
  }));
  const stage = createStage(component as unknown as StageComponent<Fields, Fields>, input);
  expect(await stage.rows([{ value: 3 }])).toEqual([{ value: 3, twice: 6 }]);
  const seen: unknown[] = [];
  const looking = tap((row: object) => void seen.push(Object.keys(row), JSON.stringify(row)));
  await createStage(looking as unknown as StageComponent<Fields, Fields>, input).rows([
    { value: 3 },
  ]);
  expect(seen).toEqual([['value'], '{"value":3}']);
});
