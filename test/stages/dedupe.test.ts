import { describe, expect, test } from 'vitest';
import * as z from 'zod';

import { schema } from '../../src/batch/index.ts';
import { dedupe } from '../../src/stages/dedupe.ts';
import { stageSuite } from '../../src/testing/stage-suite.ts';
import { createStage } from '../../src/testing/stage.ts';

const input = schema({ id: 'text?', part: 'int32', at: 'timestamp?', value: 'float64' });
const ids = ['x', 'y', 'x', null, 'x', null, 'z', 'y', 'x', 'z', '', 'null'];
const records = ids.map((id, at) => ({ id, part: at % 2, at: at * 1000, value: at }));
const rows = (...indexes: number[]): object[] => indexes.map((at) => records[at]!);

for (const { name, run } of stageSuite(dedupe, [
  {
    name: 'by one field',
    component: dedupe({ by: 'id' }),
    input,
    records,
    expected: rows(0, 1, 3, 6, 10, 11) as never,
  },
  {
    name: 'by two fields',
    component: dedupe({ by: ['id', 'part'] }),
    input,
    records,
    expected: rows(0, 1, 3, 6, 9, 10, 11) as never,
  },
  {
    // x: 0, 4 (more than 2 s after 0), 8; y: 1, 7; null: 3; z: 6, 9.
    name: 'of 2 seconds',
    component: dedupe({ by: 'id', withinMs: 2000, time: 'at' }),
    input,
    records,
    expected: rows(0, 1, 3, 4, 6, 7, 8, 9, 10, 11) as never,
  },
  {
    // At each row the last two keys are known.
    name: 'of few keys',
    component: dedupe({ by: 'id', keysMax: 2 }),
    input,
    records,
    expected: rows(0, 1, 3, 6, 7, 8, 9, 10, 11) as never,
  },
])) {
  test(name, run);
}

test('what is dropped and what is forgotten is counted', async () => {
  const stage = createStage(dedupe({ by: 'id', keysMax: 2 }), input);
  await stage.rows(records);
  expect([...stage.tally.droppedBy]).toEqual([['duplicate', 3]]);
  expect([...stage.tally.counts]).toEqual([['keys.evicted', 7]]);
});

test('in time, late rows are near too, and a missing time is a repeat', async () => {
  const stage = createStage(dedupe({ by: 'id', withinMs: 10, time: 'at' }), input);
  const times = [null, null, 100, 90, 110, null, 111, 50, 60, 111];
  const kept = await stage.rows(times.map((at, value) => ({ id: 'x', part: 0, at, value })));
  expect(kept.map(({ value }) => value)).toEqual([0, 2, 6, 7, 9]);
});

describe('is refused', () => {
  const options = dedupe.spec.options(z);
  test.each([
    [{}, 'Invalid input'],
    [{ by: [] }, 'Invalid input'],
    [{ by: 'id', withinMs: 5 }, 'give both `withinMs` and `time`'],
    [{ by: 'id', time: 'at' }, 'give both `withinMs` and `time`'],
    [{ by: 'id', withinMs: -1, time: 'at' }, '>=0'],
  ])('%o', (given, text) => {
    const { error } = options.safeParse(given);
    expect(error?.issues.map(({ message }) => message).join()).toMatch(
      text === 'Invalid input' ? /./ : text,
    );
  });

  test('a field that is missing, or a time that is none', () => {
    const plan = (given: object) => () => createStage(dedupe(given as never), input);
    expect(plan({ by: ['id', 'prt'] })).toThrow(
      'field `prt` does not exist here; fields: id, part',
    );
    expect(plan({ by: 'id', withinMs: 1, time: 'part' })).toThrow('`part` is int32, not timestamp');
  });
});
