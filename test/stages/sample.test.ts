import { describe, expect, test } from 'vitest';
import * as z from 'zod';

import { Batch } from '../../src/batch/index.ts';
import { seededRandom } from '../../src/core/index.ts';
import { sample } from '../../src/stages/index.ts';
import { createStage } from '../../src/testing/stage.ts';
import { type Reading, readings, readingsFrom, rowsThrough, onReadings } from './readings.ts';

type Fields = (typeof readings)['shape'];

describe('sample', () => {
  const valuesOf = (rows: readonly Record<string, unknown>[]): unknown[] =>
    rows.map(({ value }) => value);

  test('every n-th row, counted across batches', async () => {
    const stage = onReadings(sample<Fields>({ every: 3 }));
    const batches = [
      [0, 4],
      [4, 1],
      [5, 5],
    ].map(([first, count]) => Batch.from(readingsFrom(first!, count!), readings));
    expect(valuesOf(await rowsThrough(stage, ...batches))).toEqual([0, 3, 6, 9]);
    expect([...stage.tally.droppedBy]).toEqual([['sampled', 6]]);
  });

  test('every n-th row of each key', async () => {
    const stage = onReadings(sample<Fields>({ every: 2, by: 'sensorId' }));
    const rows = await rowsThrough(stage, Batch.from(readingsFrom(0, 28), readings));
    expect(valuesOf(rows)).toEqual([0, 1, 2, 3, 4, 5, 6, 14, 15, 16, 17, 18, 19, 20]);
  });

  test('a key that was forgotten begins anew', async () => {
    const stage = onReadings(sample<Fields>({ every: 100, by: 'sensorId', keysMax: 2 }));
    const row = (at: number): Reading => readingsFrom(at, 1)[0]!;
    const batch = Batch.from([row(0), row(1), row(0), row(2), row(1)], readings);
    expect(valuesOf(await rowsThrough(stage, batch))).toEqual([0, 1, 2, 1]);
    expect(stage.tally.counts.get('keys.evicted')).toBe(2);
  });

  test('the count goes on in a second run', async () => {
    const component = sample<Fields>({ every: 3, by: 'unit' });
    const whole = onReadings(component);
    const expected = await rowsThrough(whole, Batch.from(readingsFrom(0, 40), readings));
    const first = onReadings(component);
    const before = await rowsThrough(first, Batch.from(readingsFrom(0, 17), readings));
    const second = createStage(component, readings, { state: first.snapshot() });
    const after = await rowsThrough(second, Batch.from(readingsFrom(17, 23), readings));
    expect([...before, ...after]).toEqual(expected);
    const other = sample<Fields>({ every: 4, by: 'unit' });
    expect(() => createStage(other, readings, { state: first.snapshot() })).toThrow(
      'ERR_SNAPSHOT_INVALID',
    );
  });

  test('a share by chance, the same with the same seed', async () => {
    const kept = async (): Promise<unknown[]> => {
      const stage = onReadings(sample<Fields>({ rate: 0.25 }));
      return valuesOf(await rowsThrough(stage, Batch.from(readingsFrom(0, 4096), readings)));
    };
    const values = await kept();
    expect(values.length).toBeGreaterThan(900);
    expect(values.length).toBeLessThan(1150);
    expect(await kept()).toEqual(values);
  });

  test('chance goes on in a second run as it would have', async () => {
    const component = sample<Fields>({ rate: 0.25 });
    const expected = await rowsThrough(
      onReadings(component),
      Batch.from(readingsFrom(0, 3000), readings),
    );
    const first = onReadings(component);
    const before = await rowsThrough(first, Batch.from(readingsFrom(0, 1000), readings));
    const state = first.snapshot();
    // What the first run decides behind its snapshot, a second decides in the same way.
    const lost = await rowsThrough(first, Batch.from(readingsFrom(1000, 2000), readings));
    const outside = { random: seededRandom('another seed') };
    const second = createStage(component, readings, { outside, state });
    const after = await rowsThrough(second, Batch.from(readingsFrom(1000, 2000), readings));
    expect(after).toEqual(lost);
    expect([...before, ...after]).toEqual(expected);
  });

  test('chance is another with another seed', async () => {
    const valuesWith = async (seed: string): Promise<unknown[]> => {
      const outside = { random: seededRandom(seed) };
      const stage = createStage(sample<Fields>({ rate: 0.5 }), readings, { outside });
      return valuesOf(await rowsThrough(stage, Batch.from(readingsFrom(0, 100), readings)));
    };
    expect(await valuesWith('a')).not.toEqual(await valuesWith('b'));
  });

  test('a rate of 0 keeps nothing and one of 1 everything', async () => {
    for (const rate of [0, 1]) {
      const rows = await rowsThrough(
        onReadings(sample<Fields>({ rate })),
        Batch.from(readingsFrom(0, 1000), readings),
      );
      expect(rows).toHaveLength(rate * 1000);
    }
  });

  test.each([
    [null],
    [{}],
    [{ rate: 0.25 }],
    [{ rate: 0.5, state: 1 }],
    [{ rate: 0.25, state: -1 }],
  ])('a share is not restored from %j', (state) => {
    expect(() => createStage(sample<Fields>({ rate: 0.25 }), readings, { state })).toThrow(
      'ERR_SNAPSHOT_INVALID',
    );
  });

  test.each([
    [{}, 'needs either'],
    [{ every: 2, rate: 0.5 }, 'needs either'],
    [{ rate: 0.5, by: 'sensorId' }, 'chance knows no keys'],
    [{ every: 0 }, 'Too small'],
    [{ rate: 1.5 }, 'Too big'],
  ])('%j is refused', (options, message) => {
    expect(sample.spec.options(z).safeParse(options).error?.issues[0]?.message).toContain(message);
  });
});
