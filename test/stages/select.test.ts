import { expect, test } from 'vitest';

import { Batch, type Schema } from '../../src/batch/index.ts';
import { select } from '../../src/stages/index.ts';
import { createStage } from '../../src/testing/stage.ts';
import { readings, readingsFrom } from './readings.ts';

const all: Schema = readings;

test('select keeps fields in the order given, without a copy', async () => {
  const stage = createStage(select({ fields: ['note', 'value'] }), readings);
  expect(stage.output.names).toEqual(['note', 'value']);
  const batch = Batch.from(readingsFrom(0, 3), readings).retain();
  const [made] = await stage.run([batch]);
  expect((made as Batch).column('value')).toBe(batch.column('value'));
  expect((made as Batch).toRows()).toEqual(
    readingsFrom(0, 3).map(({ note, value }) => ({ note, value })),
  );
});

test('select refuses names that do not exist, all of them, and names given twice', () => {
  const wrong = select({ fields: ['vlaue', 'value', 'nota'] } as never);
  expect(() => createStage(wrong as never, all)).toThrow(
    /`vlaue` does not exist here;.*did you mean `value`\?.*`nota` does not exist here;.*did you mean `note`/s,
  );
  expect(() => createStage(select({ fields: ['value', 'value'] }), readings)).toThrow(
    'named twice',
  );
});
