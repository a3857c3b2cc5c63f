import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { describe, expect, test } from 'vitest';

import {
  type SensorOptions,
  type SensorsOptions,
  sensorsSource,
} from '../../src/connectors/sensors.ts';
import { type Clock, endOfInput } from '../../src/core/index.ts';
import { virtualOutside } from '../../src/testing/index.ts';
import { createSource } from './created.ts';

type Read = (signal: AbortSignal) => Promise<number>;

/** What many sensors of a source were asked, and when. */
class Site {
  readonly clock: Clock = virtualOutside().clock;
  readonly reads = new Map<string, number>();
  readonly busy = new Set<string>();
  most = 0;

  /** A sensor that answers after `tookMs`; where that is Infinity, never. */
  sensor(id: string, tookMs: (tick: number) => number, fails = false): SensorOptions {
    const read: Read = async (signal) => {
      expect(this.busy.has(id)).toBe(false);
      this.busy.add(id);
      this.most = Math.max(this.most, this.busy.size);
      this.reads.set(id, (this.reads.get(id) ?? 0) + 1);
      try {
        await this.clock.sleep(tookMs(Math.floor(this.clock.monotonic() / 1000)), { signal });
        if (fails) throw new Error('connection reset');
        return 1;
      } finally {
        this.busy.delete(id);
      }
    };
    return { id, read };
  }

  many(prefix: string, count: number, tookMs: (tick: number) => number, fails = false) {
    return Array.from({ length: count }, (_, at) => this.sensor(`${prefix}${at}`, tookMs, fails));
  }

  /** For each batch: when it was emitted, behind its tick, and how many of each kind were live. */
  async watch(
    options: SensorsOptions,
    limits = {},
    watched: (tick: number) => void = () => {},
  ): Promise<{ behindMs: number; live: Live; rows: number }[]> {
    const outside = { ...virtualOutside(), clock: this.clock };
    const { connector } = await createSource(sensorsSource(options), { outside, limits });
    const seen = [];
    for (let tick = 0; ; tick++) {
      watched(tick);
      const batch = await connector.read(new AbortController().signal);
      if (batch === endOfInput) break;
      const live: Live = {};
      for (const { sensorId, quality } of batch.toRows()) {
        const kind = String(sensorId).replace(/\d+$/, '');
        live[kind] = (live[kind] ?? 0) + (quality === 'live' ? 1 : 0);
      }
      seen.push({ behindMs: this.clock.monotonic() - tick * 1000, live, rows: batch.length });
    }
    await connector.close();
    return seen;
  }
}

type Live = Record<string, number>;

const took = (ms: number) => () => ms;

describe('a thousand sensors, of which a hundred are bad', () => {
  test('which hang: each other one is live in each batch, and each batch is in time', async () => {
    const site = new Site();
    const sensors = [...site.many('bad', 100, took(Infinity)), ...site.many('good', 900, took(20))];
    const batches = await site.watch({ sensors, count: 40 });
    expect(batches).toHaveLength(40);
    for (const { behindMs, live, rows } of batches) {
      expect({ live, rows }).toEqual({ live: { bad: 0, good: 900 }, rows: 1000 });
      expect(behindMs).toBeLessThanOrEqual(1000);
    }
    expect(site.most).toBe(64);
  });

  test('which hang all at once, with few places: two batches suffer, and none of the others', async () => {
    const site = new Site();
    const hangs = (tick: number): number => (tick < 3 ? 10 : Infinity);
    const sensors = [...site.many('bad', 100, hangs), ...site.many('good', 900, took(10))];
    const batches = await site.watch({ sensors, count: 20, concurrentMax: 16 });
    const good = batches.map(({ live }) => live['good']);
    // The first hundred hold all 16 places until 1400 ms after their tick.
    expect(good.slice(0, 5)).toEqual([900, 900, 900, 0, 0]);
    expect(good.slice(5)).toEqual(Array.from({ length: 15 }, () => 900));
    for (const { behindMs, rows } of batches) {
      expect(behindMs).toBeLessThanOrEqual(1000);
      expect(rows).toBe(1000);
    }
    expect(site.most).toBe(16);
  });

  test('which fail after most of their time', async () => {
    const site = new Site();
    const sensors = [
      ...site.many('bad', 100, took(190), true),
      ...site.many('good', 900, took(20)),
    ];
    const batches = await site.watch({ sensors, count: 20 });
    expect(batches.map(({ live }) => live)).toEqual(
      Array.from({ length: 20 }, () => ({ bad: 0, good: 900 })),
    );
  });

  test('which are well again: all are live once probed', async () => {
    const site = new Site();
    const hangs = (tick: number): number => (tick < 60 ? Infinity : 20);
    const sensors = [...site.many('bad', 100, hangs), ...site.many('good', 900, took(20))];
    const batches = await site.watch({ sensors, count: 120 });
    expect(batches.every(({ live }) => live['good'] === 900)).toBe(true);
    expect(batches.slice(100).every(({ live }) => live['bad'] === 100)).toBe(true);
  });
});

describe('with too few places for all', () => {
  test('each has its turn, and what is late is in the next batch', async () => {
    const site = new Site();
    const sensors = site.many('good', 100, took(100));
    // Four at a time: 40 of 100 in a tick.
    const batches = await site.watch({ sensors, count: 51, concurrentMax: 4 });
    expect(batches.slice(1).map(({ live }) => live['good'])).toEqual(
      Array.from({ length: 50 }, () => 40),
    );
    const reads = [...site.reads.values()];
    expect([Math.min(...reads), Math.max(...reads)]).toEqual([20, 21]);
  });

  test('one place: the others go before each that hangs', async () => {
    const site = new Site();
    const sensors = [...site.many('good', 20, took(10)), ...site.many('bad', 20, took(Infinity))];
    const batches = await site.watch({ sensors, count: 30, concurrentMax: 1 });
    expect(site.most).toBe(1);
    // The 20 that hang have the place for 200 ms each, once; from then on one between two turns.
    expect(batches.map(({ live }) => live['good'])).toEqual([
      20,
      0,
      0,
      0,
      0,
      ...Array.from({ length: 25 }, () => 20),
    ]);
  });

  test('a probe that waits long for its place has not failed', async () => {
    const site = new Site();
    // They share one place, at 600 ms a probe: each waits for 120 s.
    const hangs = (tick: number): number => (tick < 100 ? Infinity : 10);
    const batches = await site.watch({
      sensors: [...site.many('bad', 200, took(Infinity)), ...site.many('well', 1, hangs)],
      count: 400,
      concurrentMax: 4,
      breaker: { failures: 1, successesToClose: 1, growth: 10 },
    });
    const well = batches.map(({ live }) => live['well']).join('');
    expect(well).toMatch(/^0{100,250}1{150,}$/);
  });
});

// Where each of those that wait looks at all the others, this takes 15 seconds.
test('twenty thousand sensors are asked as fast, each, as a few', { timeout: 10_000 }, async () => {
  const site = new Site();
  const read = async (): Promise<number> => 1;
  const sensors = Array.from({ length: 20_000 }, (_, at) => ({ id: `good${at}`, read }));
  const batches = await site.watch({ sensors, count: 2 }, { rowsMax: 20_000, bytesMax: 1e9 });
  expect(batches.map(({ live }) => live)).toEqual([{ good: 20_000 }, { good: 20_000 }]);
});

test('memory stays flat, whatever the sensors do', async () => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const site = new Site();
  const sensors = [
    ...site.many('good', 10, took(10)),
    ...site.many('bad', 10, took(10), true),
    ...site.many('hangs', 10, took(Infinity)),
  ];
  const heaps: number[] = [];
  const breaker = { openMs: 3000 };
  await site.watch({ sensors, count: 3001, breaker }, {}, (tick) => {
    if (tick % 1000 !== 0) return;
    gc();
    heaps.push(process.memoryUsage().heapUsed);
  });
  // What a batch leaves behind, were there anything, would be here 2000 times.
  expect(heaps.at(-1)! - heaps.at(1)!).toBeLessThan(1 << 20);
});
