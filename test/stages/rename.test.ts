import { expect, test } from 'vitest';

import { schema, type Schema } from '../../src/batch/index.ts';
import { rename } from '../../src/stages/index.ts';
import { createStage } from '../../src/testing/stage.ts';
import { readings, readingsFrom } from './readings.ts';

const all: Schema = readings;

test('rename keeps order and values', async () => {
  const stage = createStage(rename({ fields: { value: 'celsius', note: 'remark' } }), readings);
  expect(stage.output.names).toEqual(['sensorId', 'celsius', 'unit', 'quality', 'remark', 'flags']);
  expect(await stage.rows(readingsFrom(1, 1))).toMatchObject([{ celsius: 1, remark: 'note 1' }]);
});

test('names may be exchanged', async () => {
  const pair = schema({ a: 'float64', b: 'text' });
  const stage = createStage(rename({ fields: { a: 'b', b: 'a' } }), pair);
  expect(await stage.rows([{ a: 1, b: 'x' }])).toEqual([{ b: 1, a: 'x' }]);
});

test('rename refuses a name that is taken and one that does not exist', () => {
  expect(() => createStage(rename({ fields: { value: 'note' } }), readings)).toThrow(
    'field `value` cannot be called `note`: another is',
  );
  expect(() => createStage(rename({ fields: { vlaue: 'x' } } as never) as never, all)).toThrow(
    'did you mean `value`?',
  );
});

test('names of the prototype are names', async () => {
  const odd = schema({ constructor: 'float64' });
  const stage = createStage(rename({ fields: { constructor: 'toString' } }), odd);
  expect(await stage.rows([{ constructor: 1 }] as never)).toEqual([{ toString: 1 }]);
});
