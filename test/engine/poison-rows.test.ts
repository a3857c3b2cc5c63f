import { describe, expect, test } from 'vitest';

import { schema } from '../../src/batch/index.ts';
import {
  circuitBreaker,
  type CircuitBreakerOptions,
  consecutiveFailures,
  retry,
} from '../../src/resilience/index.ts';
import { wrap } from '../../src/resilience/wrap.ts';
import { mapAsync } from '../../src/stages/map-async.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import {
  expectClosedLedger,
  numbered,
  scriptedSink,
  scriptedSource,
  testPipeline,
} from './ends.ts';

const minutes = 60_000;
const mapped = schema({ sensorId: 'category', value: 'float64' });

interface Case {
  readonly count: number;
  readonly isPoison?: (value: number) => boolean;
  readonly concurrency?: number;
  readonly ordered?: boolean;
  /** From when to when nothing is answered, in milliseconds of the run. */
  readonly down?: readonly [from: number, until: number];
  readonly breaker?: CircuitBreakerOptions;
  readonly retries?: boolean;
  /** Between batches of ten rows. */
  readonly everyMs?: number;
  readonly endless?: boolean;
  readonly checkpoint?: { readonly everyMs: number };
  readonly drainMsMax?: number;
}

/** Rows, ten a batch, each of which asks something behind a breaker; an answer takes 20 ms. */
function asking({
  count,
  isPoison = () => false,
  concurrency = 16,
  ordered = true,
  down = [Infinity, Infinity],
  breaker,
  retries = false,
  everyMs = 10,
  endless = false,
  checkpoint,
  drainMsMax = 30_000,
}: Case) {
  const outside = virtualOutside(2);
  const { clock, random } = outside;
  const rows: Record<string, unknown>[] = [];
  const dead: Record<string, unknown>[] = [];
  const calls = { now: 0, atMost: 0 };
  const map = async (record: { sensorId: string; value: number }) => {
    calls.atMost = Math.max(calls.atMost, ++calls.now);
    await clock.sleep(20);
    calls.now--;
    const now = clock.monotonic();
    if (now >= down[0] && now < down[1]) throw new Error('ECONNREFUSED');
    if (isPoison(record.value)) throw new Error('poison');
    return record;
  };
  const one = circuitBreaker({ name: 'api', clock, random, ...breaker });
  const policy = retries ? wrap(one, retry({ clock, random })) : one;
  const batches = Array.from({ length: count / 10 }, (_, at) => numbered(10, at * 10));
  const builder = testPipeline({ drainMsMax, ...(checkpoint && { checkpoint }) }, dead, outside)
    .from(
      scriptedSource({
        schema: mapped,
        batches,
        endless,
        before: (_read, signal) => clock.sleep(everyMs, { signal }),
      }),
    )
    .through(mapAsync({ schema: mapped, map, concurrency, ordered }), { id: 'ask', policy })
    .to(scriptedSink({ rows }));
  return {
    outside,
    builder,
    dead,
    calls,
    concurrency,
    values: () => rows.map(({ value }) => value as number),
  };
}

function upTo(count: number, except: (value: number) => boolean = () => false): number[] {
  return Array.from({ length: count }, (_, value) => value).filter((value) => !except(value));
}

describe('rows that no call helps', () => {
  const one = (value: number): boolean => value === 50;
  const seventeen = (value: number): boolean => value >= 40 && value < 57;

  test.each<[string, Case, limitMs: number]>([
    ['one in a short file', { count: 100, isPoison: one }, 6 * minutes],
    ['and a retry inside', { count: 100, isPoison: one, retries: true }, 10 * minutes],
    ['one called alone', { count: 100, isPoison: one, concurrency: 1 }, 6 * minutes],
    ['the last', { count: 100, isPoison: (value) => value === 99 }, 6 * minutes],
    ['the last, alone', { count: 100, isPoison: (v) => v === 99, concurrency: 1 }, 6 * minutes],
    ['all', { count: 10, isPoison: () => true }, 12 * minutes],
    ['as many as calls', { count: 1000, isPoison: seventeen }, 15 * minutes],
    ['as many at the end', { count: 60, isPoison: seventeen }, 20 * minutes],
    ['far apart', { count: 10_000, isPoison: (v) => v === 20 || v === 9990 }, 7 * minutes],
    ['out of order', { count: 100, isPoison: one, ordered: false }, 6 * minutes],
  ])('%s: the run ends, they alone are dead letters', async (_, given, limitMs) => {
    const { builder, dead, values, calls, concurrency } = asking(given);
    const report = await builder.run();
    expect(calls.atMost).toBeLessThanOrEqual(concurrency);
    expect(values().toSorted((a, b) => a - b)).toEqual(upTo(given.count, given.isPoison));
    expect(dead).toHaveLength(given.count - values().length);
    expect(dead).toEqual(
      dead.map(() => expect.objectContaining({ message: expect.stringMatching(/poison$/) })),
    );
    expect(report.durationMs).toBeLessThan(limitMs);
    expectClosedLedger(report);
  });

  test.each<[string, Partial<Case>, limitMs: number]>([
    ['many calls', {}, 1 * minutes],
    ['two calls, often a cut', { concurrency: 2, checkpoint: { everyMs: 100 } }, 1 * minutes],
    ['one call', { concurrency: 1 }, 2 * minutes],
    ['opens at once', { breaker: { opens: consecutiveFailures(1) } }, 6.5 * minutes],
    ['seventeen', { isPoison: seventeen }, 10 * minutes],
  ])('on an endless source they hold up the others for a while: %s', async (_, given, limitMs) => {
    const isPoison = given.isPoison ?? one;
    const everyMs = 250;
    const { builder, outside, dead, values } = asking({
      count: 100_000,
      everyMs,
      isPoison,
      ...given,
    });
    const run = await builder.start();
    await outside.clock.sleep(limitMs);
    expect(dead.length).toBe(upTo(100).filter(isPoison).length);
    expect(values().slice(0, 200)).toEqual(upTo(300, isPoison).slice(0, 200));
    expect(run.stats().degraded).toEqual({});
    await run.abort();
  });

  test('out of order, batches that are done do not wait for them', async () => {
    const { builder, outside, values } = asking({ count: 100, isPoison: one, ordered: false });
    const run = await builder.start();
    await outside.clock.sleep(1 * minutes);
    expect(values()).toEqual(upTo(100, (value) => value >= 50 && value < 60));
    await run.abort();
  });

  test('while they wait, the reason names the row', async () => {
    const { builder, outside } = asking({ count: 100, isPoison: one });
    const run = await builder.start();
    await outside.clock.sleep(1 * minutes);
    expect(run.stats().degraded['ask']).toMatch(
      /^breaker `api` is open, .*; could not call: poison \(row 5000 of `scripted`, record [\w-]{22}\)$/,
    );
    await run.abort();
  });
});

describe('an outage costs no row', () => {
  test.each<[string, Case]>([
    ['at the end, less than five minutes', { count: 100, down: [60, 4.8 * minutes] }],
    ['at the end, one call', { count: 100, concurrency: 1, down: [500, 4.8 * minutes] }],
    [
      'at the end, a breaker that is open for a second',
      { count: 100, down: [60, 4.8 * minutes], breaker: { openMs: 1000 } },
    ],
    ['in the middle', { count: 1000, everyMs: 60_000, down: [60_000, 31 * minutes] }],
    ['in the middle, at full speed', { count: 20_000, concurrency: 8, down: [5000, 31 * minutes] }],
    ['in the middle, one call', { count: 10_000, concurrency: 1, down: [5000, 31 * minutes] }],
  ])('%s', async (_, given) => {
    const { builder, dead, values, calls, concurrency } = asking(given);
    const report = await builder.run();
    expect(calls.atMost).toBeLessThanOrEqual(concurrency);
    expect(dead).toEqual([]);
    expect(values()).toEqual(upTo(given.count));
    expectClosedLedger(report);
  });

  test('nor does one that is longer, where the run is stopped meanwhile', async () => {
    const { builder, outside, dead } = asking({
      count: 1000,
      down: [500, Infinity],
      everyMs: 100,
      drainMsMax: 60 * minutes,
    });
    const run = await builder.start();
    await outside.clock.sleep(1000);
    const stopped = run.stop();
    await expect(stopped).rejects.toMatchObject({ code: 'ERR_RUN_DEADLINE' });
    expect(dead).toEqual([]);
  });
});
