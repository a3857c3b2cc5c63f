import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ZodError } from 'zod';

import { type SimulateOptions, simulateSource } from '../../src/connectors/simulate.ts';
import { endOfInput, readingSchema, VirtualClock } from '../../src/core/index.ts';
import { createSource } from './created.ts';

/** For the nightly sizes. */
const long = { timeout: 900_000 };

const startMs = Date.UTC(2026, 0, 1);
const calm: SimulateOptions = {
  realTime: false,
  spikes: { rate: 0 },
  dropouts: { rate: 0 },
  stuck: { rate: 0 },
  bursts: { rate: 0 },
};

type Reading = { sensorId: string; timestamp: number; value: number; unit: string };

async function readings(options: SimulateOptions): Promise<readonly Reading[]> {
  return (await createSource(simulateSource({ realTime: false, ...options }))).rows();
}

describe('a simulated fleet', () => {
  test('reads every sensor at every tick, kinds in turn, with units', async () => {
    const { rows, output } = await createSource(
      simulateSource({ ...calm, sensors: 7, everyMs: 500, durationMs: 1000 }),
    );
    const read = await rows();
    expect(output.equals(readingSchema)).toBe(true);
    expect(read.map(({ sensorId }) => sensorId).slice(0, 7)).toEqual([
      'temperature-1',
      'humidity-1',
      'pressure-1',
      'vibration-1',
      'power-1',
      'temperature-2',
      'humidity-2',
    ]);
    expect(read.map(({ unit }) => unit).slice(0, 6)).toEqual(['C', '%', 'hPa', 'mm/s', 'W', 'C']);
    expect(read.map(({ timestamp }) => timestamp - startMs)).toEqual([
      ...Array(7).fill(0),
      ...Array(7).fill(500),
    ]);
  });

  test('gives other values for another seed, and to each sensor its own', async () => {
    const values = async (seed: number | string): Promise<number[]> =>
      (await readings({ ...calm, sensors: 4, kinds: ['power'], count: 400, seed })).map(
        ({ value }) => value,
      );
    const [one, again, two] = [await values(1), await values(1), await values(2)];
    expect(one).toEqual(again);
    expect(one.filter((value, at) => value === two[at]).length).toBeLessThan(20);
    expect(new Set(one.slice(0, 4)).size).toBe(4);
  });

  test('a sensor is the same in any fleet', async () => {
    const of = async (sensors: number): Promise<number[]> =>
      (await readings({ sensors, kinds: ['temperature'], durationMs: 60_000 }))
        .filter(({ sensorId }) => sensorId === 'temperature-2')
        .map(({ value }) => value);
    expect(await of(2)).toEqual(await of(9));
  });

  test('gives the same rows in batches of any size, and from any position', long, async () => {
    const options = fc.record({
      sensors: fc.integer({ min: 1, max: 7 }),
      seed: fc.nat(1000),
      count: fc.nat(9000), // more than the 1,024 ticks of a block
      everyMs: fc.constantFrom(100, 0.5, 5000),
    });
    const many = { rate: 0.02, durationMs: 3000 };
    const property = fc.asyncProperty(
      options,
      fc.integer({ min: 1, max: 3000 }),
      fc.nat(4),
      async (given, rowsMax, stopAfter) => {
        const component = simulateSource({
          ...given,
          realTime: false,
          dropouts: many,
          stuck: many,
          bursts: many,
          spikes: { rate: 0.02 },
        });
        const whole = await createSource(component);
        const expected = await whole.batches();
        const first = await createSource(component, { limits: { rowsMax } });
        const before = await first.batches(stopAfter);
        const second = await createSource(component, { from: first.connector.position() });
        const all = [...before, ...(await second.batches())];
        expect(all.flatMap((batch) => batch.toRows())).toEqual(
          expected.flatMap((batch) => batch.toRows()),
        );
        const positions = (batches: typeof all): number[] =>
          batches.flatMap((batch) =>
            Array.from(batch.rows.subarray(0, batch.length), (row) => batch.origin.position(row)),
          );
        expect(positions(all)).toEqual(positions(expected));
        const missing = [first, second].map(
          ({ tally }) => tally.counts.get('readings.missing') ?? 0,
        );
        expect(missing[0]! + missing[1]! + positions(all).length).toBe(given.count);
      },
    );
    await fc.assert(property, { numRuns: process.env['MILLRACE_NIGHTLY'] ? 2_000 : 40 }); // fleets
  });

  test('closes a batch by rows and by bytes', async () => {
    const lengths = async (limits: object): Promise<number[]> => {
      const { batches } = await createSource(simulateSource({ ...calm, sensors: 3, count: 10 }), {
        limits,
      });
      return (await batches()).map(({ length }) => length);
    };
    expect(await lengths({ rowsMax: 4 })).toEqual([4, 4, 2]);
    expect(await lengths({ bytesMax: 100 })).toEqual([4, 4, 2]);
    expect(await lengths({ bytesMax: 1 })).toEqual(Array(10).fill(1));
  });

  test('follows a daily curve, highest in the afternoon', async () => {
    const day = await readings({
      ...calm,
      kinds: ['temperature'],
      sensors: 1,
      noise: 0,
      drift: 0,
      everyMs: 600_000,
      durationMs: 86_400_000,
    });
    const hottest = day.reduce((best, reading) => (reading.value > best.value ? reading : best));
    const coldest = day.reduce((best, reading) => (reading.value < best.value ? reading : best));
    const hour = ({ timestamp }: Reading): number => new Date(timestamp).getUTCHours();
    expect(hour(hottest)).toBeGreaterThanOrEqual(14);
    expect(hour(hottest)).toBeLessThanOrEqual(18);
    expect(hottest.value - coldest.value).toBeGreaterThan(4);
    const flat = await readings({
      ...calm,
      kinds: ['temperature'],
      sensors: 1,
      noise: 0,
      drift: 0,
      daily: 0,
      count: 50,
    });
    expect(new Set(flat.map(({ value }) => value)).size).toBe(1);
  });

  test('has noise of the size asked for', async () => {
    const deviation = async (noise: number): Promise<number> => {
      const read = await readings({
        ...calm,
        kinds: ['power'],
        sensors: 1,
        daily: 0,
        drift: 0,
        noise,
        count: 4000,
      });
      const values = read.map(({ value }) => value);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    };
    const [one, three] = [await deviation(1), await deviation(3)];
    expect(three / one).toBeGreaterThan(2.8);
    expect(three / one).toBeLessThan(3.2);
    expect(await deviation(0)).toBeLessThan(1e-9);
  });

  test('drifts in a straight line', async () => {
    const read = await readings({
      ...calm,
      kinds: ['pressure'],
      sensors: 1,
      daily: 0,
      noise: 0,
      drift: 100,
      startMs: 682 * 30 * 86_400_000, // just set right
      everyMs: 3_600_000,
      durationMs: 10 * 86_400_000,
    });
    const steps = read.slice(24).map(({ value }, at) => value - read[at]!.value);
    expect(Math.max(...steps) - Math.min(...steps)).toBeLessThan(0.03);
    expect(Math.abs(steps[0]!)).toBeGreaterThan(0.05);
  });

  test('spikes now and then', async () => {
    const read = await readings({
      ...calm,
      kinds: ['temperature'],
      sensors: 1,
      daily: 0,
      drift: 0,
      count: 20_000,
      spikes: { rate: 0.01, size: 50 },
    });
    const middle = read.map(({ value }) => value).sort((a, b) => a - b)[10_000]!;
    const far = read.filter(({ value }) => Math.abs(value - middle) > 2);
    expect(far.length).toBeGreaterThan(140);
    expect(far.length).toBeLessThan(270);
  });

  test('drops out for as long as asked, and counts what is missing', async () => {
    const source = simulateSource({
      ...calm,
      sensors: 1,
      everyMs: 100,
      count: 20_000,
      dropouts: { rate: 0.002, durationMs: 1000 },
    });
    const { rows, tally } = await createSource(source);
    const read = await rows();
    const gaps = read
      .slice(1)
      .map(({ timestamp }, at) => (timestamp - read[at]!.timestamp) / 100 - 1)
      .filter((gap) => gap > 0);
    // Ten readings each, or twice ten where one follows another; the end of a block cuts one short.
    expect(gaps.filter((gap) => gap % 10 === 0).length).toBeGreaterThan(gaps.length * 0.9);
    expect(tally.counts.get('readings.missing')).toBe(20_000 - read.length);
    expect(20_000 - read.length).toBeGreaterThan(200);
  });

  test('sticks for as long as asked', async () => {
    const read = await readings({
      ...calm,
      kinds: ['power'],
      sensors: 1,
      everyMs: 100,
      count: 20_000,
      stuck: { rate: 0.001, durationMs: 5000 },
    });
    const runs: number[] = [];
    for (let at = 1, length = 1; at <= read.length; at++) {
      if (read[at]?.value === read[at - 1]!.value) length++;
      else {
        if (length > 5) runs.push(length);
        length = 1;
      }
    }
    expect(runs.length).toBeGreaterThan(5);
    expect(runs.filter((length) => length === 50).length).toBeGreaterThan(runs.length * 0.6);
  });

  test('has bursts of stronger noise', async () => {
    const read = await readings({
      ...calm,
      kinds: ['power'],
      sensors: 1,
      daily: 0,
      drift: 0,
      count: 20_000,
      bursts: { rate: 0.002, durationMs: 2000, factor: 20 },
    });
    const middle = read.map(({ value }) => value).sort((a, b) => a - b)[10_000]!;
    const far = read.map(({ value }) => Math.abs(value - middle) > 200);
    const [strong, followed] = [
      far.filter(Boolean).length,
      far.filter((is, at) => is && far.slice(at + 1, at + 6).some(Boolean)).length,
    ];
    expect(strong).toBeGreaterThan(100);
    expect(followed / strong).toBeGreaterThan(0.8); // they come together
  });

  test('stays inside what its sensors can show', async () => {
    const read = await readings({
      sensors: 5,
      count: 20_000,
      noise: 50,
      spikes: { rate: 0.1, size: 1000 },
    });
    const limits: Record<string, [number, number]> = {
      C: [-40, 125],
      '%': [0, 100],
      hPa: [300, 1100],
      'mm/s': [0, 50],
      W: [0, 10_000],
    };
    for (const { value, unit } of read) {
      expect(value >= limits[unit]![0] && value <= limits[unit]![1] && !Object.is(value, -0)).toBe(
        true,
      );
    }
  });

  test('in real time comes as time passes, and skips what a pause covers', async () => {
    const clock = new VirtualClock();
    const component = simulateSource({
      ...calm,
      sensors: 2,
      everyMs: 1000,
      realTime: true,
      count: 20,
    });
    const { batches, tally, connector } = await createSource(component, { outside: { clock } });
    const first = await batches(3);
    expect(
      first.map((batch) => batch.toRows().map(({ timestamp }) => timestamp - startMs)),
    ).toEqual([
      [0, 0],
      [1000, 1000],
      [2000, 2000],
    ]);
    await clock.sleep(3500);
    const after = await batches();
    expect(after.map((batch) => batch.toRows()[0]!.timestamp - startMs)).toEqual([
      5500, 6000, 7000, 8000, 9000,
    ]);
    expect(tally.counts.get('ticks.skipped')).toBe(2);
    expect(connector.position()).toBe(20);
    // A reading belongs to its tick, whatever was skipped before it.
    const steady = await createSource(component, { outside: { clock: new VirtualClock() } });
    const all = await steady.rows();
    expect(after[2]!.toRows().map(({ value }) => value)).toEqual(
      all.slice(14, 16).map(({ value }) => value),
    );
  });

  test('gives what it has when it is stopped', async () => {
    const clock = new VirtualClock();
    const { connector } = await createSource(
      simulateSource({ sensors: 3, everyMs: 60, realTime: true }),
      { outside: { clock } },
    );
    const stop = new AbortController();
    const reading = connector.read(stop.signal);
    await clock.sleep(70);
    stop.abort(new Error('stopped'));
    const batch = await reading;
    expect(batch === endOfInput ? 0 : batch.length).toBe(6);
  });

  test.each([
    { sensors: 0 },
    { sensors: 1e9 },
    { everyMs: 0 },
    { kinds: [] },
    { kinds: ['sound'] },
    { spikes: { rate: 2 } },
    { dropouts: { durationMs: 0 } },
    { stuck: { rat: 0.1 } },
    { hz: 10 },
  ])('refuses the options %j', async (options) => {
    await expect(createSource(simulateSource(options as never))).rejects.toBeInstanceOf(ZodError);
  });

  test('refuses a position that is not its own', async () => {
    await expect(createSource(simulateSource({}), { from: 'x' })).rejects.toThrow(
      'ERR_SNAPSHOT_INVALID',
    );
  });
});
