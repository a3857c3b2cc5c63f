import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

import { expect, test } from 'vitest';

import { Selection } from '../../src/batch/index.ts';
import { intervalSource } from '../../src/connectors/interval.ts';
import { isCut, type Stage } from '../../src/core/index.ts';
import type { RunStats } from '../../src/observe/index.ts';
import { circuitBreaker } from '../../src/resilience/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { numbered, readings, scriptedSink, scriptedSource, stageOf, testPipeline } from './ends.ts';

const second = 1000;

/** Whatever in it could still be changed. */
function unfrozenIn(value: unknown, path = 'stats'): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.entries(value).flatMap(([key, item]) => unfrozenIn(item, `${path}.${key}`));
  return Object.isFrozen(value) ? inner : [path, ...inner];
}

/** Fails each second row. */
function picky(): ReturnType<typeof stageOf> {
  return stageOf(
    (report) => (batch) => {
      const kept: number[] = [];
      for (const row of batch.rows.subarray(0, batch.length)) {
        if (row % 2 === 0) kept.push(row);
        else report.failed(batch, row, 'row.odd', new Error(`${row} is odd`));
      }
      return batch.select(new Selection(Uint32Array.from(kept), kept.length));
    },
    'picky',
  );
}

test.each(['dead-letter', 'drop'] as const)(
  'the last failures are known, and the share of records that fail (%s)',
  async (onRowError) => {
    const failed: unknown[] = [];
    const run = await testPipeline({ onRowError, logBodies: true })
      .from(scriptedSource({ schema: readings, batches: [numbered(50), numbered(50, 50)] }))
      .pipe(picky())
      .to(scriptedSink({}))
      .start();
    expect(run.stats()).toMatchObject({ errorRate: null, lastFailures: [] });
    run.listen(({ name, fields }) => {
      if (name === 'record.failed') failed.push(fields['eventId']);
    });
    await run.done;
    const { lastFailures, errorRate, components } = run.stats();
    expect(failed).toHaveLength(50);
    expect(lastFailures.map(({ eventId }) => eventId)).toEqual(failed.slice(-20));
    expect(lastFailures.at(-1)).toEqual({
      eventId: failed.at(-1),
      stage: 'picky',
      reason: 'row.odd',
      message: '49 is odd',
      at: expect.any(Number) as number,
    });
    expect(errorRate).toBe(0.5);
    expect(components.map(({ failed: count }) => count)).toEqual(
      [0, 50, 0, 0].slice(0, components.length),
    );
    const rates = Object.fromEntries(components.map((one) => [one.id, one.errorRate]));
    expect(rates).toMatchObject({ scripted: 0, picky: 0.5, 'scripted-2': 0 });
  },
);

test('a message that goes on and on is cut', async () => {
  const run = await testPipeline({ logBodies: true })
    .from(scriptedSource({ schema: readings, batches: [numbered(1)] }))
    .to(
      scriptedSink({
        answer: () => ({ failed: [{ row: 0, reason: 'row.refused', message: 'x'.repeat(1e5) }] }),
      }),
    )
    .start();
  await run.done;
  expect(run.stats().lastFailures[0]!.message).toHaveLength(500);
});

test('the slowest batches are known: where, how long, how many rows, when', async () => {
  const outside = virtualOutside();
  const { clock } = outside;
  const startedAt = clock.now();
  const run = await testPipeline({}, [], outside)
    .from(
      scriptedSource({
        schema: readings,
        batches: Array.from({ length: 30 }, (_, at) => numbered(at + 1)),
      }),
    )
    .to(
      scriptedSink({
        answer: ({ length }) => clock.sleep(length === 7 ? 5 * second : length * 10),
      }),
    )
    .start();
  await run.done;
  const { slowestBatches } = run.stats();
  expect(slowestBatches).toHaveLength(10);
  const [slowest, ...others] = slowestBatches;
  const before = [1, 2, 3, 4, 5, 6].reduce((sum, length) => sum + length * 10, 0);
  expect(slowest).toEqual({
    component: 'scripted-2',
    ms: 5 * second,
    rows: 7,
    at: startedAt + before + 5 * second,
  });
  expect(others.map(({ rows, ms }) => [rows, ms])).toEqual(
    [30, 29, 28, 27, 26, 25, 24, 23, 22].map((rows) => [rows, rows * 10]),
  );
});

test('of a stage in general form a slow batch is one, done with its last piece', async () => {
  const outside = virtualOutside();
  const { clock } = outside;
  const startedAt = clock.now();
  const slow: Stage = {
    async *transform(stream) {
      for await (const flow of stream) {
        if (!isCut(flow)) await clock.sleep(second);
        yield flow;
        if (!isCut(flow)) await clock.sleep(2 * second);
      }
    },
  };
  const run = await testPipeline({ checkpoint: { everyMs: 100 * second } }, [], outside)
    .from(
      scriptedSource({
        schema: readings,
        batches: [numbered(2), numbered(3)],
        before: async (read) => {
          if (read === 1) await clock.sleep(0.5 * 60 * second);
        },
      }),
    )
    .pipe(slow)
    .to(scriptedSink({}))
    .start();
  await run.done;
  const batches = run.stats().slowestBatches.filter(({ component }) => component === 'stage');
  expect(batches.map(({ ms, rows, at }) => [ms, rows, at - startedAt])).toEqual([
    [3 * second, 2, 3 * second],
    [3 * second, 3, 33 * second],
  ]);
});

test('what is open, how much there is to do, and what runs', async () => {
  const outside = virtualOutside();
  const { clock } = outside;
  const startedAt = clock.now();
  const run = await testPipeline({ queue: { rowsMax: 20 } }, [], outside)
    .from(
      scriptedSource({
        schema: readings,
        batches: Array.from({ length: 100 }, () => numbered(10)),
        open: () => clock.sleep(3 * second),
      }),
    )
    .to(scriptedSink({ answer: () => clock.sleep(second) }))
    .start();
  await clock.sleep(2.5 * second);
  const well = { state: 'open', reason: null };
  expect(run.stats().resources).toEqual([
    { ...well, tier: 'scripted-2', since: startedAt },
    { ...well, tier: 'scripted', state: 'opening', since: startedAt },
  ]);
  await clock.sleep(20 * second);
  const stats = run.stats();
  expect(stats.resources).toEqual([
    { ...well, tier: 'scripted-2', since: startedAt },
    { ...well, tier: 'scripted', since: startedAt + 3 * second },
  ]);
  // Of the same time, and not of all that the process did before.
  expect(stats.process.loopUtilization).toBe(stats.lanes[0]!.loopUtilization);
  expect(stats.lanes).toEqual([
    {
      id: 'main',
      busyShare: 1,
      loopUtilization: expect.any(Number) as number,
      queueFill: 1,
      bottleneck: 'scripted-2',
    },
  ]);
  const manifest = readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8');
  expect(stats.versions).toEqual({
    millrace: (JSON.parse(manifest) as { version: string }).version,
    node: process.versions.node,
  });
  expect(stats.uptimeMs).toBeGreaterThan(0);
  await run.done;
  const closed = { state: 'closed', since: clock.now(), reason: null };
  expect(run.stats().resources).toEqual([
    { ...closed, tier: 'scripted-2' },
    { ...closed, tier: 'scripted' },
  ]);
});

test.each([
  ['each second', 1],
  ['at the end alone', 38],
])('load is that of the last seconds, looked at %s', async (_, every) => {
  const outside = virtualOutside();
  const { clock } = outside;
  const run = await testPipeline({}, [], outside)
    .from(intervalSource({ everyMs: second }))
    .to(scriptedSink({ answer: (_, write) => clock.sleep(write < 20 ? 0 : 900) }))
    .start();
  const seen: (number | null)[] = [];
  for (let at = 0; at < 38; at++) {
    await clock.sleep(second);
    if ((at + 1) % every === 0) seen.push(run.stats().lanes[0]!.busyShare);
  }
  await run.stop();
  if (every === 1) expect(seen[18]).toBe(0);
  expect(seen.at(-1)).toBeCloseTo(0.9, 1);
});

test('figures are frozen with all that is in them', async () => {
  const outside = virtualOutside();
  const { clock, random } = outside;
  const policy = circuitBreaker({ name: 'store', clock, random });
  const seen: RunStats[] = [];
  const run = await testPipeline({}, [], outside)
    .from(scriptedSource({ schema: readings, batches: [numbered(50), numbered(50, 50)] }))
    .pipe(picky())
    .to(scriptedSink({ answer: () => clock.sleep(second) }), { policy })
    .start();
  await clock.sleep(1.5 * second);
  seen.push(run.stats());
  await run.done;
  seen.push(run.stats());
  expect(unfrozenIn(seen)).toEqual(['stats']);
  expect(Object.keys(seen[0]!.queues)).not.toEqual([]);
});

test('the end of a run is told by the clock as it stands, also where it was set meanwhile', async () => {
  const outside = virtualOutside();
  const { clock } = outside;
  const wall = clock.now.bind(clock);
  let aheadMs = 0;
  clock.now = () => wall() + aheadMs;
  const run = await testPipeline({}, [], outside)
    .from(
      scriptedSource({
        schema: readings,
        batches: [numbered(1), numbered(1)],
        before: () => clock.sleep(10 * second),
      }),
    )
    .to(scriptedSink({}))
    .start();
  await clock.sleep(5 * second);
  expect(run.stats().endedAt).toBeNull();
  aheadMs = 365 * 86_400_000;
  await run.done;
  const endedAt = clock.now();
  await clock.sleep(60 * second);
  expect(run.stats()).toMatchObject({ at: endedAt + 60 * second, endedAt });
});
