import { describe, expect, test } from 'vitest';

import { VirtualClock } from '../../src/core/index.ts';
import { type AlertRule, FlightRecorder, type RunStats } from '../../src/observe/index.ts';
import { Ticker } from '../../src/observe/ticker.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { numbered, readings, scriptedSink, scriptedSource, testPipeline } from './ends.ts';

const second = 1000;

/** A run of so many rows, ten in nine seconds. */
function aRun(rows: number, outside = virtualOutside(), rules: readonly AlertRule[] = []) {
  const { clock } = outside;
  return testPipeline({}, [], outside)
    .from(
      scriptedSource({
        schema: readings,
        batches: Array.from({ length: rows }, () => numbered(1)),
        before: (_, signal) => clock.sleep(0.9 * second, { signal }),
      }),
    )
    .to(scriptedSink({}))
    .start({ alerts: rules });
}

test('all who watch a run are given the same figures, once a second and at the end', async () => {
  const outside = virtualOutside();
  const seen: RunStats[][] = [[], [], []];
  const rule: AlertRule = {
    name: 'looks',
    summary: 'Sees what alerts see.',
    unit: '',
    limits: { warn: 1, clear: 0 },
    of: { m: 1, n: 1 },
    read: ({ stats }) => {
      seen[0]!.push(stats);
      return [];
    },
  };
  const run = await aRun(10, outside, [rule]);
  const { follow } = run;
  run.follow = (follower) =>
    follow.call(run, (stats) => {
      seen[1]!.push(stats);
      follower(stats);
    });
  using _recorder = new FlightRecorder(run, { clock: outside.clock });
  const end = follow.call(run, (stats) => seen[2]!.push(stats));
  await run.done;
  end();
  const [ofAlerts, ofRecorder, ofMine] = seen;
  // The end of its input is the eleventh read.
  expect(ofMine!.map(({ durationMs }) => Math.floor(durationMs / second))).toEqual([
    1, 2, 3, 4, 5, 6, 7, 8, 9, 9,
  ]);
  expect(ofRecorder).toHaveLength(ofMine!.length);
  expect(ofRecorder!.every((stats, at) => stats === ofMine![at])).toBe(true);
  expect(ofMine!.slice(-ofAlerts!.length).every((stats, at) => stats === ofAlerts![at])).toBe(true);
  expect(ofAlerts!.length).toBeGreaterThanOrEqual(9);
  expect(ofMine!.at(-1)).toMatchObject({ status: 'done', recordsOut: 10 });
  expect(ofMine!.every((stats) => Object.isFrozen(stats))).toBe(true);
});

test('whoever asks for figures changes nothing of what others are given', async () => {
  const figuresOf = async (asksPerSecond: number): Promise<unknown[]> => {
    const outside = virtualOutside();
    const run = await aRun(20, outside);
    const seen: unknown[] = [];
    run.follow(({ components, lanes, recordsIn }) => {
      const rates = components.map(({ id, perSecond, work }) => [id, perSecond, work.count]);
      seen.push([rates, lanes.map(({ busyShare }) => busyShare), recordsIn]);
    });
    for (let at = 0; at < 12 * asksPerSecond; at++) {
      await outside.clock.sleep(second / asksPerSecond);
      run.stats();
    }
    await run.done;
    return seen;
  };
  const once = await figuresOf(1);
  expect(once).toHaveLength(19);
  expect(await figuresOf(10)).toEqual(once);
});

test('of the last second they have the times of its batches, while somebody follows', async () => {
  const outside = virtualOutside();
  const { clock } = outside;
  const run = await testPipeline({}, [], outside)
    .from(
      scriptedSource({
        schema: readings,
        batches: Array.from({ length: 40 }, () => numbered(1)),
        before: (_, signal) => clock.sleep(0.1 * second, { signal }),
      }),
    )
    .to(
      scriptedSink({
        // Slow for a second, and quick again.
        answer: async () => {
          const { durationMs } = run.stats();
          const isSlow = durationMs >= 1 * second && durationMs < 2 * second;
          await clock.sleep(isSlow ? 80 : 2);
        },
      }),
    )
    .start();
  const p95s: unknown[] = [];
  const end = run.follow(({ components, status }) => {
    if (status === 'running') p95s.push(Math.round(components.at(-1)!.recent?.work.p95Ms ?? -1));
  });
  expect(run.stats().components.every(({ recent }) => recent === null)).toBe(true);
  await clock.sleep(3.5 * second);
  expect(p95s).toEqual([2, 80, 2]);
  const { recent, work } = run.stats().components.at(-1)!;
  expect(recent).toEqual(run.stats().components.at(-1)!.recent);
  expect(recent!.work).toMatchObject({ count: 10 });
  expect(work.p95Ms).toBeGreaterThan(70);
  end();
  expect(run.stats().components.every(({ recent: times }) => times === null)).toBe(true);
  await run.done;
});

describe('a ticker', () => {
  const figures = {} as RunStats;

  test('takes nothing for nobody, and gives nothing to who follows no more', async () => {
    const clock = new VirtualClock();
    let [taken, given] = [0, 0];
    const ticker = new Ticker(clock, () => (taken++, figures));
    await clock.sleep(3 * second);
    expect(taken).toBe(0);
    const end = ticker.follow(() => given++);
    const endOther = ticker.follow(() => {
      throw new Error('its own affair');
    });
    await clock.sleep(2.5 * second);
    end();
    endOther();
    await clock.sleep(3 * second);
    ticker.tick();
    expect([taken, given]).toEqual([2, 2]);
  });
});
