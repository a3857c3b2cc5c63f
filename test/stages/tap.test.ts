import { describe, expect, test } from 'vitest';
import * as z from 'zod';

import { Batch } from '../../src/batch/index.ts';
import { tap } from '../../src/stages/index.ts';
import { onReadings, readings, readingsFrom, rowsThrough, selecting } from './readings.ts';

describe('tap', () => {
  test('shows the rows that count, and lets the batch itself go on', async () => {
    const seen: number[] = [];
    const stage = onReadings(tap((r) => void seen.push(r.value)));
    const batch = selecting(readingsFrom(0, 9), [2, 7]);
    expect(await stage.run([batch])).toEqual([batch]);
    expect(seen).toEqual([2, 7]);
  });

  test('a throw costs its row, and no other', async () => {
    const stage = onReadings(
      tap((r) => {
        if (r.flags % 2 === 1) throw new Error(`no ${r.flags}`);
      }),
    );
    const rows = await rowsThrough(stage, Batch.from(readingsFrom(0, 4), readings));
    expect(rows.map(({ flags }) => flags)).toEqual([0, 2]);
    expect(stage.tally.dead).toBe(2);
    expect(stage.tally.failures).toMatchObject([
      { reason: 'row.threw', message: 'no 1', record: { flags: 1 } },
      { reason: 'row.threw', message: 'no 3', record: { flags: 3 } },
    ]);
  });

  test('in a config file it is refused with a sentence', () => {
    const { error } = tap.spec.options(z).safeParse({});
    expect(error?.issues[0]?.message).toContain('takes a function, so it works from code only');
  });
});
