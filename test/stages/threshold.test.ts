import { describe, expect, test } from 'vitest';
import * as z from 'zod';

import { Batch, schema } from '../../src/batch/index.ts';
import { threshold } from '../../src/stages/threshold.ts';
import { stageSuite } from '../../src/testing/stage-suite.ts';
import { createStage } from '../../src/testing/stage.ts';

const input = schema({
  value: 'float64?',
  count: 'int32?',
  big: 'int64?',
  time: 'timestamp',
  name: 'text',
});
const records = [10, 9.999, 90, 90.001, null, NaN, Infinity, -Infinity, 0, -0, 50].map(
  (value, at) => ({
    value,
    count: at === 3 ? null : at,
    big: at === 4 ? null : 2n ** 62n + BigInt(at),
    time: at * 1000,
    name: `r${at}`,
  }),
);

for (const { name, run } of stageSuite(threshold, [
  {
    name: 'of both bounds',
    component: threshold({ field: 'value', min: 10, max: 90 }),
    input,
    records,
    expected: [records[0]!, records[2]!, records[10]!],
  },
  { name: 'of time', component: threshold({ field: 'time', min: 5000 }), input, records },
])) {
  test(name, run);
}

describe('what passes', () => {
  test.each([
    [{ field: 'value', min: 10, max: 90 }, [0, 2, 10]],
    [{ field: 'value', min: 90 }, [2, 3, 6]],
    [{ field: 'value', max: 9.999 }, [1, 7, 8, 9]],
    [{ field: 'value', min: 0, max: 0 }, [8, 9]],
    [{ field: 'count', min: 2.5, max: 5 }, [4, 5]],
    [{ field: 'big', min: 2 ** 62 + 1024 }, []],
    [{ field: 'big', max: 2 ** 62 }, [0]],
    [{ field: 'time', min: 3000, max: 4000 }, [3, 4]],
  ] as const)('%o', async (options, rows) => {
    const stage = createStage(threshold(options as never), input);
    expect(await stage.rows(records)).toEqual(rows.map((row) => records[row]));
    expect([...stage.tally.droppedBy]).toEqual([['threshold', records.length - rows.length]]);
  });

  test('all rows: the batch itself', async () => {
    const stage = createStage(threshold({ field: 'time', min: 0 }), input);
    const batch = Batch.from(records, input);
    expect((await stage.run([batch]))[0]).toBe(batch);
    expect(stage.tally.droppedRows).toBe(0);
  });
});

describe('is refused before data flows', () => {
  const options = threshold.spec.options(z);
  test.each([
    [{ field: 'value' }, 'give `min`, `max` or both'],
    [{ field: 'value', min: 2, max: 1 }, '`min` is greater than `max`'],
    [{ field: 'value', min: NaN }, 'expected number, received NaN'],
    [{ min: 2 }, 'expected string, received undefined'],
    [{ field: 'value', min: '2' }, 'expected number, received string'],
  ])('%o', (given, text) => {
    expect(
      options
        .safeParse(given)
        .error?.issues.map(({ message }) => message)
        .join(),
    ).toContain(text);
  });

  test('a field that is missing or no number', () => {
    expect(() => createStage(threshold({ field: 'vlaue', min: 1 } as never), input)).toThrow(
      'field `vlaue` does not exist here; fields: value, count, big, time, name',
    );
    expect(() => createStage(threshold({ field: 'name', min: 1 } as never), input)).toThrow(
      'field `name` is text, not float64 or int32 or int64 or timestamp; fields that are: value, count, big, time',
    );
  });
});
