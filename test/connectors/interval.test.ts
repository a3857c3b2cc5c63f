import { describe, expect, test } from 'vitest';
import { ZodError } from 'zod';

import { intervalSource } from '../../src/connectors/interval.ts';
import { endOfInput, VirtualClock } from '../../src/core/index.ts';
import { createSource } from './created.ts';

const start = Date.UTC(2026, 0, 1);

describe('an interval source', () => {
  test('gives a row at once and then at each moment of its schedule', async () => {
    const { rows, tally } = await createSource(intervalSource({ everyMs: 1000, count: 4 }));
    expect(await rows()).toEqual(
      [0, 1, 2, 3].map((tick) => ({ time: start + tick * 1000, tick: BigInt(tick) })),
    );
    expect(tally.counts.size).toBe(0);
  });

  test('closes a batch when it is full or has waited long enough', async () => {
    const limits = { waitMsMax: 100, rowsMax: 8 };
    const lengths = async (everyMs: number): Promise<number[]> => {
      const { batches } = await createSource(intervalSource({ everyMs, count: 20 }), { limits });
      return (await batches()).map(({ length }) => length);
    };
    expect(await lengths(1000)).toEqual(Array.from({ length: 20 }, () => 1));
    expect(await lengths(30)).toEqual([4, 4, 4, 4, 4]); // at 0, 30, 60 and 90 ms
    expect(await lengths(1)).toEqual([8, 8, 4]);
  });

  test('does not drift, whatever the time between two reads', async () => {
    const { connector, outside } = await createSource(intervalSource({ everyMs: 100, count: 50 }));
    const times: number[] = [];
    for (;;) {
      const batch = await connector.read(new AbortController().signal);
      if (batch === endOfInput) break;
      times.push(...batch.toRows().map((row) => row['time'] as number));
      await outside.clock.sleep(37.5);
    }
    expect(times.map((time) => (time - start) % 100).every((late) => late === 0)).toBe(true);
  });

  test('skips the ticks of a pause, counts them, and keeps to the schedule', async () => {
    const { batches, outside, tally } = await createSource(
      intervalSource({ everyMs: 1000, count: 4 }),
    );
    const before = await batches(2);
    await outside.clock.sleep(5300);
    const after = await batches();
    expect(
      [...before, ...after].flatMap((batch) => batch.toRows().map((row) => Number(row['tick']))),
    ).toEqual([0, 1, 6, 7]);
    expect(after[1]!.toRows()[0]!['time']).toBe(start + 7000);
    expect(tally.counts.get('ticks.skipped')).toBe(4);
  });

  test('goes on where an earlier run ended', async () => {
    const first = await createSource(intervalSource({ everyMs: 1000, count: 5 }));
    const before = await first.batches(2);
    const from = first.connector.position();
    const second = await createSource(intervalSource({ everyMs: 1000, count: 5 }), { from });
    const after = await second.batches();
    const all = [...before, ...after];
    expect(all.flatMap((batch) => batch.toRows().map((row) => row['tick']))).toEqual([
      0n,
      1n,
      2n,
      3n,
      4n,
    ]);
    expect(all.map((batch) => batch.origin.position(0))).toEqual([0, 1, 2, 3, 4]);
  });

  test('refuses a position that is not its own', async () => {
    const opened = createSource(intervalSource({ everyMs: 1000 }), { from: 'byte 7' });
    await expect(opened).rejects.toThrow('ERR_SNAPSHOT_INVALID [source]');
  });

  test('gives what it has when it is stopped, and then nothing', async () => {
    const clock = new VirtualClock();
    const { connector } = await createSource(intervalSource({ everyMs: 40 }), {
      outside: { clock },
      limits: { waitMsMax: 1000 },
    });
    const stop = new AbortController();
    const reading = connector.read(stop.signal);
    await clock.sleep(90);
    stop.abort(new Error('stopped'));
    const batch = await reading;
    expect(batch === endOfInput ? [] : batch.toRows().map((row) => row['tick'])).toEqual([
      0n,
      1n,
      2n,
    ]);
    await expect(connector.read(stop.signal)).rejects.toThrow('stopped');
  });

  test.each([
    { everyMs: 0 },
    { everyMs: -1 },
    { everyMs: NaN },
    {},
    { everyMs: 1, count: 1.5 },
    { everyMs: 1, x: 1 },
  ])('refuses the options %j', async (options) => {
    await expect(createSource(intervalSource(options as never))).rejects.toBeInstanceOf(ZodError);
  });
});
