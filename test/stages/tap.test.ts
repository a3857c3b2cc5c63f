import { describe, expect, test } from 'vitest';
import * as z from 'zod';

import { Batch } from '../../src/batch/index.ts';
import { type Logger, silentLogger, type StageContext } from '../../src/core/index.ts';
import { Tally } from '../../src/engine/report.ts';
import { tap } from '../../src/stages/index.ts';
import { type Reading, readings, readingsFrom, selecting, onReadings } from './readings.ts';

describe('tap', () => {
  test('shows the rows that count, and lets the batch itself go on', async () => {
    const seen: number[] = [];
    const stage = onReadings(tap((r) => void seen.push(r.value)));
    const batch = selecting(readingsFrom(0, 9), [2, 7]);
    expect(await stage.run([batch])).toEqual([batch]);
    expect(seen).toEqual([2, 7]);
  });

  test('a throw costs no row: it is counted, and told once for each batch', async () => {
    const said: unknown[][] = [];
    const log: Logger = { ...silentLogger, warning: (...line) => void said.push(line) };
    const tally = new Tally();
    const angry = (r: Reading): void => {
      if (r.flags % 2 === 1) throw new Error(`no ${r.flags}`);
    };
    const context = { input: readings, report: tally, log } as unknown as StageContext;
    const process = tap.spec.create(angry as never, context) as (batch: Batch) => Batch;
    const batches = [0, 10].map((first) => Batch.from(readingsFrom(first, 10), readings));
    for (const batch of batches) expect(process(batch as never)).toBe(batch);
    expect([...tally.counts]).toEqual([['tap.threw', 10]]);
    expect(tally.dead).toBe(0);
    expect(said).toEqual([
      ['tap.failed', { rows: 5, message: 'no 1' }],
      ['tap.failed', { rows: 5, message: 'no 11' }],
    ]);
  });

  test('in a config file it is refused with a sentence', () => {
    const { error } = tap.spec.options(z).safeParse({});
    expect(error?.issues[0]?.message).toContain('takes a function, so it works from code only');
  });
});
