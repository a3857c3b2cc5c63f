import { expect, test } from 'vitest';

import { Batch } from '../../src/batch/index.ts';
import { merge } from '../../src/stages/index.ts';
import { readings, readingsFrom, onReadings } from './readings.ts';

type Fields = (typeof readings)['shape'];

test('merge lets each batch go on itself', async () => {
  const batch = Batch.from(readingsFrom(0, 2), readings);
  expect(await onReadings(merge<Fields>()).run([batch])).toEqual([batch]);
  expect(merge.spec.inputs).toBe('many');
});
