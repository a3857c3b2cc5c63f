import { describe, expect, test } from 'vitest';

import { schema } from '../../src/batch/index.ts';
import type { Policy } from '../../src/core/index.ts';
import { memoryCheckpoints } from '../../src/engine/index.ts';
import {
  circuitBreaker,
  consecutiveFailures,
  fallback,
  lastKnownGood,
  retry,
} from '../../src/resilience/index.ts';
import { wrap } from '../../src/resilience/wrap.ts';
import { mapAsync } from '../../src/stages/map-async.ts';
import { virtualOutside, type VirtualOutside } from '../../src/testing/outside.ts';
import {
  expectClosedLedger,
  numbered,
  reading,
  readings,
  scriptedSink,
  scriptedSource,
  testPipeline,
} from './ends.ts';

const minutes = 60_000;
const named = schema({ sensorId: 'category', value: 'float64', stale: 'bool?' });
type Named = { sensorId: string; value: number; stale: boolean | null };
type Ask = (record: { sensorId: string; value: number }) => Promise<Named>;

function breakerOf({ clock, random }: VirtualOutside) {
  return circuitBreaker({
    name: 'api',
    opens: consecutiveFailures(3),
    openMs: 10_000,
    clock,
    random,
  });
}

/** A pipeline of one batch after another, each row of which asks something outside. */
function asking(outside: VirtualOutside, policy: Policy, ask: Ask, batches = 4) {
  const rows: Record<string, unknown>[] = [];
  const dead: Record<string, unknown>[] = [];
  const builder = testPipeline({ checkpoint: { everyMs: 1000 } }, dead, outside)
    .from(
      scriptedSource({
        schema: readings,
        batches: Array.from({ length: batches }, (_, at) => numbered(5, at * 5)),
      }),
    )
    .through(mapAsync({ schema: named, map: ask, concurrency: 4 }), { id: 'ask', policy })
    .to(scriptedSink({ rows }));
  return { rows, dead, builder };
}

const live: Ask = ({ sensorId, value }) => Promise.resolve({ sensorId, value, stale: null });

describe('a stage that waits, under a policy', () => {
  test('whose breaker opens keeps the rows in hand, and goes on when it closes', async () => {
    const outside = virtualOutside();
    let calls = 0;
    const ask: Ask = async (record) => {
      calls++;
      if (outside.clock.monotonic() < 4.5 * minutes) throw new Error('ECONNREFUSED');
      return live(record);
    };
    const { rows, dead, builder } = asking(outside, breakerOf(outside), ask);
    const run = await builder.start();
    await outside.clock.sleep(3 * minutes);
    expect(run.stats().degraded['ask']).toMatch(/^breaker `api` is open, tried again at 2026/);
    // Four that were under way, then one probe each ten seconds.
    expect(calls).toBeLessThan(4 + 3 * 6 + 1);
    const report = await run.done;
    expect(rows.map(({ value }) => value)).toEqual(numbered(20).map(({ value }) => value));
    expect(dead).toEqual([]);
    expectClosedLedger(report);
    expect(report.durationMs).toBeLessThan(4.5 * minutes + 20_000);
  });

  test('with a retry alone fails the row that no attempt helped', async () => {
    const outside = virtualOutside();
    const ask: Ask = (record) =>
      record.value === 7 ? Promise.reject(new Error('never')) : live(record);
    const { rows, dead, builder } = asking(outside, retry({ clock: outside.clock }), ask);
    const report = await builder.run();
    expect(rows).toHaveLength(19);
    expect(dead).toMatchObject([{ reason: 'row.threw', component: 'ask' }]);
    expect(report.components.find(({ id }) => id === 'ask')!.policy).toMatchObject({
      calls: 20,
      attempts: 22,
      retries: 2,
    });
  });

  test('a row that fails while its breaker stays closed does not hold up the others for ever', async () => {
    const outside = virtualOutside();
    const ask: Ask = (record) =>
      record.value === 7 ? Promise.reject(new Error('poison')) : live(record);
    const breaker = breakerOf(outside);
    breaker.hold('closed');
    const { rows, dead, builder } = asking(outside, breaker, ask);
    const report = await builder.run();
    expect(rows).toHaveLength(19);
    expect(dead).toMatchObject([{ reason: 'row.threw', message: 'poison' }]);
    expectClosedLedger(report);
  });

  test('with a fallback goes on with what that gives, by key, and counts it', async () => {
    const outside = virtualOutside();
    const { clock } = outside;
    let calls = 0;
    const ask: Ask = (record) =>
      ++calls > 4
        ? Promise.reject(new Error('down'))
        : live({ ...record, value: record.value * 10 });
    const policy = wrap(
      fallback({
        strategy: lastKnownGood<Named>({ clock }),
        key: (({ sensorId }: Named) => sensorId) as never,
      }),
      breakerOf(outside),
    );
    const rows: Record<string, unknown>[] = [];
    const dead: Record<string, unknown>[] = [];
    const run = await testPipeline({}, dead, outside)
      .from(
        scriptedSource({
          schema: readings,
          batches: [
            [reading(1, 'a'), reading(2, 'b'), reading(3, 'a'), reading(4, 'b')],
            [reading(5, 'a'), reading(6, 'b'), reading(7, 'c')],
            [reading(8, 'a')],
          ],
        }),
      )
      .through(mapAsync({ schema: named, map: ask, concurrency: 1 }), { id: 'ask', policy })
      .to(scriptedSink({ rows }))
      .start();
    const report = await run.done;
    expect(rows.slice(4)).toEqual([
      { sensorId: 'a', value: 30, stale: true },
      { sensorId: 'b', value: 40, stale: true },
      { sensorId: 'a', value: 30, stale: true },
    ]);
    expect(dead).toEqual([]);
    expectClosedLedger(report);
    const {
      counts,
      droppedBy,
      policy: figures,
    } = report.components.find(({ id }) => id === 'ask')!;
    expect(counts).toEqual({ 'substituted.last-known-good': 3 });
    // Nothing is known of `c`.
    expect(droppedBy).toEqual({ 'no-history': 1 });
    expect(figures).toMatchObject({ substituted: 3, substitutedBy: { 'last-known-good': 3 } });
  });

  test('a stop while its breaker is open ends by the deadline, and acknowledges nothing of it', async () => {
    const outside = virtualOutside();
    const down: Ask = () => Promise.reject(new Error('down'));
    const { builder } = asking(outside, breakerOf(outside), down);
    const run = await builder.start();
    await outside.clock.sleep(minutes);
    await expect(run.stop()).rejects.toMatchObject({ code: 'ERR_RUN_DEADLINE' });
  });
});

interface Hard {
  readonly concurrency: number;
  /** The row that never succeeds. */
  readonly poison?: number;
  readonly isDown?: () => boolean;
  readonly everyMs?: number;
  readonly rowsMax?: number;
}

/** Five rows a second, for two hundred seconds, under a breaker that opens at once for ten. */
function hardTimes(
  outside: VirtualOutside,
  { concurrency, poison, isDown = () => false, everyMs = 3_600_000, rowsMax = 4096 }: Hard,
) {
  const { clock, random } = outside;
  const rows: Record<string, unknown>[] = [];
  const dead: Record<string, unknown>[] = [];
  const calls = new Map<number, number>();
  const ask: Ask = async (record) => {
    calls.set(record.value, (calls.get(record.value) ?? 0) + 1);
    await clock.sleep(20);
    if (isDown()) throw new Error('ECONNREFUSED');
    if (record.value === poison) throw new Error('poison');
    return live(record);
  };
  const opens = consecutiveFailures(1);
  const policy = circuitBreaker({ name: 'api', opens, openMs: 10_000, clock, random });
  const batches = Array.from({ length: 200 }, (_, at) => numbered(5, at * 5));
  const before = (read: number, signal: AbortSignal): Promise<void> =>
    read < batches.length ? clock.sleep(1000, { signal }) : Promise.resolve();
  const builder = testPipeline({ checkpoint: { everyMs }, batch: { rowsMax } }, dead, outside)
    .from(scriptedSource({ schema: readings, batches, before }))
    .through(mapAsync({ schema: named, map: ask, concurrency }), { id: 'ask', policy })
    .to(scriptedSink({ rows }));
  return { values: () => rows.map(({ value }) => value), dead, calls, builder };
}

describe('a row that fails by itself, and an outage', () => {
  const all = Array.from({ length: 1000 }, (_, value) => value);
  const others = all.filter((value) => value !== 7);
  /** Whether it is down, from the third second to the thirtieth minute. */
  const outage =
    ({ clock }: VirtualOutside) =>
    () =>
      clock.monotonic() > 2500 && clock.monotonic() < 30 * minutes;

  test.each([1, 2, 8])(
    'the row ends as a dead letter, and opens it no more (%i calls)',
    async (n) => {
      const outside = virtualOutside();
      const { values, dead, calls, builder } = hardTimes(outside, { concurrency: n, poison: 7 });
      const report = await builder.run();
      expect(values()).toEqual(others);
      expect(dead).toMatchObject([{ reason: 'row.threw', message: 'poison', component: 'ask' }]);
      // Ten, each after a success of another, but the first, which says nothing yet.
      expect(calls.get(7)).toBeLessThanOrEqual(12);
      expect(report.durationMs).toBeLessThan(3.5 * minutes);
      expectClosedLedger(report);
    },
  );

  test.each([2, 8])('also where only rows behind a cut can show it (%i calls)', async (n) => {
    const outside = virtualOutside();
    const saved: [cut: number, position: number][] = [];
    const log = memoryCheckpoints();
    const { values, dead, builder } = hardTimes(outside, {
      concurrency: n,
      poison: 7,
      everyMs: 1000,
      rowsMax: 8,
    });
    const done: number[] = [];
    const report = await builder.run({
      store: {
        load: () => log.load(),
        save: (checkpoint) => {
          saved.push([checkpoint.cut, Number(checkpoint.positions['scripted'])]);
          done.push(values().length + dead.length);
          return log.save(checkpoint);
        },
      },
    });
    expect(values()).toEqual(others);
    expect(dead).toMatchObject([{ message: 'poison' }]);
    // Each cut that was saved covers only rows that had come to their end.
    for (const [index, [, position]] of saved.entries()) {
      expect(done[index]).toBeGreaterThanOrEqual(position * 5);
    }
    expect(report.durationMs).toBeLessThan(6 * minutes);
    expectClosedLedger(report);
  });

  test.each([1, 8])('half an hour of outage costs no row (%i calls)', async (concurrency) => {
    const outside = virtualOutside();
    const isDown = outage(outside);
    const { values, dead, builder } = hardTimes(outside, { concurrency, isDown });
    const run = await builder.start();
    await outside.clock.sleep(20 * minutes);
    expect(run.stats().degraded['ask']).toMatch(
      /could not call: ECONNREFUSED \(row \d+ of `scripted`, record [\w-]+\)$/,
    );
    const report = await run.done;
    expect(values()).toEqual(all);
    expect(dead).toEqual([]);
    expectClosedLedger(report);
  });

  test('in both, the row alone ends as a dead letter', async () => {
    const outside = virtualOutside();
    const isDown = outage(outside);
    const { values, dead, builder } = hardTimes(outside, { concurrency: 8, poison: 7, isDown });
    const report = await builder.run();
    expect(values()).toEqual(others);
    expect(dead).toMatchObject([{ message: 'poison' }]);
    expect(report.durationMs).toBeLessThan(36 * minutes);
    expectClosedLedger(report);
  });
});

describe('a fallback where none can be', () => {
  test('is refused for a source and a sink, with where it can be', () => {
    const outside = virtualOutside();
    const { clock } = outside;
    const policy = fallback({ strategy: lastKnownGood({ clock }) });
    const builder = testPipeline({}, [], outside);
    const source = scriptedSource({ schema: readings, batches: [] });
    expect(() => builder.from(source, { id: 'in', policy })).toThrow(
      '`in` has a fallback in its policy, and nothing can stand in for what a source does; it is for stages that wait, as `map-async`, and for functions of your own',
    );
    const sink = { id: 'out', policy: wrap(policy, retry({ clock })) };
    expect(() => builder.from(source).to(scriptedSink({}), sink)).toThrow(
      '`out` has a fallback in its policy, and nothing can stand in for what a sink does; it is for stages that wait, as `map-async`, and for functions of your own',
    );
  });
});
