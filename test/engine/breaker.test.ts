import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { describe, expect, test } from 'vitest';

import type { Policy } from '../../src/core/index.ts';
import { memoryCheckpoints, type Run } from '../../src/engine/index.ts';
import type { RunStats } from '../../src/observe/index.ts';
import {
  circuitBreaker,
  consecutiveFailures,
  isRetryExhaustedError,
  rateLimit,
  retry,
} from '../../src/resilience/index.ts';
import { wrap } from '../../src/resilience/wrap.ts';
import { virtualOutside, type VirtualOutside } from '../../src/testing/outside.ts';
import { branch } from '../../src/stages/branch.ts';
import { merge } from '../../src/stages/merge.ts';
import {
  expectClosedLedger,
  numbered,
  readings,
  scriptedSink,
  scriptedSource,
  stageOf,
  testPipeline,
} from './ends.ts';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

const minutes = 60_000;
const queue = { rowsMax: 2 };

function breakerOf({ clock, random }: VirtualOutside, failureOn?: (error: unknown) => boolean) {
  const opens = consecutiveFailures(3);
  return circuitBreaker({ name: 'db', opens, openMs: 30_000, clock, random, failureOn });
}

/** A source of so many batches of one row, one each second. */
function ticking(
  { clock }: VirtualOutside,
  count: number,
  log: NonNullable<Parameters<typeof scriptedSource>[0]['log']> = {},
) {
  return scriptedSource({
    schema: readings,
    batches: numbered(count).map((row) => [row]),
    before: (read, signal) => (read < count ? clock.sleep(1000, { signal }) : Promise.resolve()),
    log,
  });
}

/** Fails while its dependency is down. */
function downUntil({ clock }: VirtualOutside, untilMs: number, fromMs = 0): () => Promise<void> {
  return () => {
    const now = clock.monotonic();
    return now >= fromMs && now < untilMs
      ? Promise.reject(new Error('ECONNREFUSED'))
      : Promise.resolve();
  };
}

async function statsAt(run: Run, { clock }: VirtualOutside, atMs: number): Promise<RunStats> {
  await clock.sleep(atMs - clock.monotonic());
  return run.stats();
}

describe('a sink whose breaker opens', () => {
  test('keeps the batch in hand for half an hour, loses nothing, and is back within one opening', async () => {
    const outside = virtualOutside();
    const rows: Record<string, unknown>[] = [];
    const times: number[] = [];
    const down = downUntil(outside, 30 * minutes, 10_000);
    const log = { reads: 0 };
    const sink = scriptedSink({
      rows,
      answer: async () => {
        times.push(outside.clock.monotonic());
        await down();
      },
    });
    const run = await testPipeline({ queue }, [], outside)
      .from(ticking(outside, 100, log))
      .to(sink, { id: 'store', policy: breakerOf(outside) })
      .start();

    const stats = await statsAt(run, outside, 20 * minutes);
    expect(stats.status).toBe('running');
    // Nine were written; one at the sink, two in the queue, one that waits for room.
    expect(log.reads).toBe(13);
    expect(stats.queues).toMatchObject({ store: { depth: 2 } });
    expect(stats.degraded['store']).toMatch(
      /^breaker `db` is open, tried again at 2026-01-01T00:20:\d\d\.\d{3}Z; could not write: ECONNREFUSED$/,
    );
    expect(stats.components.find(({ id }) => id === 'store')!.policy).toMatchObject({
      breakers: { worst: [{ name: 'db', state: 'open', opens: 40 }] },
    });

    const report = await run.done;
    expect(rows).toEqual(numbered(100));
    expectClosedLedger(report);
    expect(report.deadLetters).toBe(0);
    // Three failures open it; from then on one probe each 30 seconds.
    const tried = times.filter((time) => time >= 10_000 && time <= 31 * minutes);
    expect(tried.slice(0, 4)).toEqual([10_000, 10_100, 10_200, 40_200]);
    const recovered = tried.find((time) => time >= 30 * minutes)!;
    expect(recovered - 30 * minutes).toBeLessThanOrEqual(30_000);
    expect(run.stats().degraded).toEqual({});
  });

  test('costs no memory while it waits, at full rate', async () => {
    const outside = virtualOutside();
    const batch = numbered(1000);
    let taken = 0;
    const down = downUntil(outside, 30 * minutes);
    const sink = scriptedSink({
      answer: async ({ length }) => {
        await down();
        taken += length;
      },
    });
    const source = scriptedSource({
      schema: readings,
      batches: Array.from({ length: 2000 }, () => batch),
    });
    const run = await testPipeline({ queue: { rowsMax: 8000 } }, [], outside)
      .from(source)
      .to(sink, { id: 'store', policy: breakerOf(outside) })
      .start();
    const heaps: number[] = [];
    for (let minute = 1; minute <= 29; minute += 7) {
      await statsAt(run, outside, minute * minutes);
      expect(run.stats().queues['store']).toMatchObject({ depth: 8, fill: 1 });
      gc();
      heaps.push(process.memoryUsage().heapUsed);
    }
    expect(Math.max(...heaps) - heaps[0]!).toBeLessThan(2 * 2 ** 20);
    const report = await run.done;
    expect(taken).toBe(2_000_000);
    expect(report.durationMs).toBeLessThanOrEqual(30 * minutes + 30_000);
  });

  test('cuts go on behind another sink only as far as it has committed', async () => {
    const outside = virtualOutside();
    const saved: number[] = [];
    const memory = memoryCheckpoints();
    const log: { acknowledged: never[] } = { acknowledged: [] };
    const down = downUntil(outside, Infinity, 5500);
    const run = await testPipeline({ queue }, [], outside)
      .from(ticking(outside, 100, log))
      .to(scriptedSink({ answer: down }), { policy: breakerOf(outside) })
      .start({
        store: {
          load: () => memory.load(),
          save: (checkpoint) => {
            saved.push(Number(checkpoint.positions['scripted']));
            return memory.save(checkpoint);
          },
        },
      });
    await outside.clock.sleep(10 * minutes);
    const failed = run.stop();
    await expect(failed).rejects.toMatchObject({
      code: 'ERR_RUN_DEADLINE',
      fact: expect.stringMatching(/`scripted-?\d?`: breaker `db` is open/) as string,
    });
    expect(run.stats().status).toBe('not-drained');
    expect(Math.max(...saved)).toBeLessThanOrEqual(5);
    expect(log.acknowledged.at(-1) ?? 0).toBeLessThanOrEqual(5);
  });

  test('a stop while it is open drains, where it closes within the deadline', async () => {
    const outside = virtualOutside();
    const rows: Record<string, unknown>[] = [];
    const answer = downUntil(outside, 5 * minutes, 2500);
    const run = await testPipeline({ queue, drainMsMax: 60_000 }, [], outside)
      .from(ticking(outside, 1000))
      .to(scriptedSink({ rows, answer }), { policy: breakerOf(outside) })
      .start();
    await outside.clock.sleep(5 * minutes - 5000);
    const report = await run.stop();
    expect(report.status).toBe('stopped');
    expect(rows).toEqual(numbered(report.recordsIn));
    expectClosedLedger(report);
  });

  test('an abort while it is open ends the run at once, and the sink is closed', async () => {
    const outside = virtualOutside();
    const log = { closed: 0 };
    const run = await testPipeline({ queue }, [], outside)
      .from(ticking(outside, 100))
      .to(scriptedSink({ log, answer: downUntil(outside, Infinity) }), {
        policy: breakerOf(outside),
      })
      .start();
    await outside.clock.sleep(minutes);
    const before = outside.clock.monotonic();
    await run.abort();
    expect(outside.clock.monotonic() - before).toBeLessThanOrEqual(1);
    expect(run.stats().status).toBe('aborted');
    expect(log.closed).toBe(1);
  });

  test('waits with a commit too, also the last one, for as long as that takes', async () => {
    const outside = virtualOutside();
    const log: { commits: number[] } = { commits: [] };
    const commit = downUntil(outside, 10 * minutes);
    const report = await testPipeline({}, [], outside)
      .from(ticking(outside, 3))
      .to(scriptedSink({ log, commit }), { policy: breakerOf(outside) })
      .run();
    expect(report.status).toBe('done');
    expect(log.commits.at(-1)).toBeGreaterThan(0);
    expect(report.durationMs).toBeGreaterThanOrEqual(10 * minutes);
    expect(report.durationMs).toBeLessThanOrEqual(10.5 * minutes);
  });

  test('an error that its breaker does not count fails the run', async () => {
    const outside = virtualOutside();
    const policy = breakerOf(outside, (error) => !(error as Error).message.includes('denied'));
    const running = testPipeline({}, [], outside)
      .from(ticking(outside, 3))
      .to(scriptedSink({ answer: () => Promise.reject(new Error('denied')) }), { policy })
      .run();
    await expect(running).rejects.toThrow('denied');
  });

  test('held open by hand, it waits until it is released', async () => {
    const outside = virtualOutside();
    const rows: Record<string, unknown>[] = [];
    const policy = breakerOf(outside);
    policy.hold('open');
    const run = await testPipeline({}, [], outside)
      .from(ticking(outside, 3))
      .to(scriptedSink({ rows }), { id: 'store', policy })
      .start();
    const { degraded } = await statsAt(run, outside, 60 * minutes);
    expect(degraded).toEqual({ store: 'breaker `db` is open, held by hand' });
    policy.release();
    const report = await run.done;
    expect(rows).toEqual(numbered(3));
    expect(report.durationMs).toBeLessThan(61 * minutes);
  });

  test('with a retry inside it, a call is one call and its retries', async () => {
    const outside = virtualOutside();
    const { clock } = outside;
    const times: number[] = [];
    const down = downUntil(outside, 30_000);
    const answer = async (): Promise<void> => {
      times.push(clock.monotonic());
      await down();
    };
    const policy = wrap(breakerOf(outside), retry({ baseDelayMs: 1000, clock }));
    const report = await testPipeline({}, [], outside)
      .from(scriptedSource({ schema: readings, batches: [numbered(3)] }))
      .to(scriptedSink({ answer }), { policy })
      .run();
    // Three calls of three attempts, with no pause between them: the retries have waited.
    expect(times).toEqual([0, 1000, 3000, 3000, 4000, 6000, 6000, 7000, 9000, 39_000]);
    expect(report.components.at(-1)!.policy).toMatchObject({ retries: 6, suppressed: 0 });
  });

  test('what a retry inside it ends with is no failure where that is a refusal', async () => {
    const outside = virtualOutside();
    const { clock } = outside;
    const rows: Record<string, unknown>[] = [];
    const breaker = breakerOf(outside);
    const limited = wrap(
      breaker,
      // It may wait for less than what the limit asks for.
      retry({ retryOn: () => true, delayMsMax: 100, clock }),
      rateLimit({ callsMax: 1, perMs: 5000, clock }),
    );
    const batches = numbered(6).map((row) => [row]);
    await testPipeline({ checkpoint: { everyMs: 3_600_000 } }, [], outside)
      .from(scriptedSource({ schema: readings, batches }))
      .to(scriptedSink({ rows }), { policy: limited })
      .run();
    expect(rows).toEqual(numbered(6));
    expect(breaker.metrics).toMatchObject({ failure: 0, openCount: 0 });
    expect(breaker.metrics.ignored).toBeGreaterThan(3);
  });

  test('says of a probe that hangs since when, and names no time that has passed', async () => {
    const outside = virtualOutside();
    const { clock } = outside;
    const policy = breakerOf(outside);
    const down = downUntil(outside, 50_000);
    // Down, then for a minute without an answer to the first that asks.
    let hangs = true;
    const answer = async (): Promise<void> => {
      await down();
      if (hangs) {
        hangs = false;
        await clock.sleep(minutes);
      }
    };
    const flow = testPipeline({ queue }, [], outside).from(ticking(outside, 5));
    flow.to(scriptedSink({ answer }), { id: 'a', policy });
    flow.to(scriptedSink({ answer }), { id: 'b', policy });
    const run = await flow.to(scriptedSink({}), { id: 'c' }).start();
    const seen = new Set<string>();
    for (let at = 1500; at < 2 * minutes; at += 1000) {
      const { degraded } = await statsAt(run, outside, at);
      for (const reason of Object.values(degraded)) {
        seen.add(reason.replaceAll(/2026-\S+Z/g, 'T'));
        const [, until] = /(?:again at|has until) (2026-\S+Z)/.exec(reason) ?? [];
        if (until !== undefined) {
          expect(Date.parse(until), reason).toBeGreaterThanOrEqual(clock.now());
        }
      }
    }
    await run.done;
    expect([...seen].toSorted()).toEqual([
      'breaker `db` is half-open, its probe has until T; could not write: ECONNREFUSED',
      'breaker `db` is open, tried again at T; could not write: ECONNREFUSED',
      'tried since T, breaker `db` was open; could not write: ECONNREFUSED',
    ]);
  });

  test('with a retry outside of it, too', async () => {
    const outside = virtualOutside();
    const { clock } = outside;
    const rows: Record<string, unknown>[] = [];
    const policy = wrap(retry({ baseDelayMs: 1000, clock }), breakerOf(outside));
    await testPipeline({}, [], outside)
      .from(scriptedSource({ schema: readings, batches: [numbered(3)] }))
      .to(scriptedSink({ rows, answer: downUntil(outside, 100_000) }), { policy })
      .run();
    expect(rows).toEqual(numbered(3));
  });
});

describe('without a breaker', () => {
  test('a retry that is exhausted fails the run', async () => {
    const outside = virtualOutside();
    const policy = retry({ name: 'store', clock: outside.clock });
    const error: unknown = await testPipeline({}, [], outside)
      .from(ticking(outside, 3))
      .to(scriptedSink({ answer: downUntil(outside, Infinity) }), { policy })
      .run()
      .catch((thrown: unknown) => thrown);
    expect(isRetryExhaustedError(error)).toBe(true);
    expect(error).toMatchObject({ place: 'store', attempts: 3 });
  });

  test('what a policy refuses is no failure either', async () => {
    const outside = virtualOutside();
    const { clock } = outside;
    const rows: Record<string, unknown>[] = [];
    const policy = rateLimit({ callsMax: 1, perMs: 5000, clock });
    const batches = numbered(4).map((row) => [row]);
    const report = await testPipeline({ checkpoint: { everyMs: 3_600_000 } }, [], outside)
      .from(scriptedSource({ schema: readings, batches }))
      .to(scriptedSink({ rows }), { policy })
      .run();
    expect(rows).toEqual(numbered(4));
    // An opening, four batches, a commit.
    expect(report.durationMs).toBe(25_000);
  });
});

describe('a dependency that is down at the start', () => {
  const policies: Record<string, (outside: VirtualOutside) => Policy> = {
    'a breaker': (outside) => breakerOf(outside),
    'a retry': ({ clock }) => retry({ maxAttempts: 20, delayMsMax: 10_000, clock }),
  };

  test.each(Object.keys(policies))('with %s a sink starts degraded', async (name) => {
    const outside = virtualOutside();
    const rows: Record<string, unknown>[] = [];
    const log = { reads: 0 };
    const run = await testPipeline({ queue }, [], outside)
      .from(ticking(outside, 20, log))
      .to(scriptedSink({ rows, open: downUntil(outside, 2 * minutes) }), {
        id: 'store',
        policy: policies[name]!(outside),
      })
      .start();
    const stats = await statsAt(run, outside, minutes);
    expect(stats.status).toBe('running');
    expect(stats.degraded['store']).toContain('could not open: ECONNREFUSED');
    // Two in the queue, one that waits for room; a cut is in front of them.
    expect(log.reads).toBe(3);
    await run.done;
    expect(rows).toEqual(numbered(20));
  });

  test.each(Object.keys(policies))('with %s a source starts degraded', async (name) => {
    const outside = virtualOutside();
    const rows: Record<string, unknown>[] = [];
    const source = scriptedSource({
      schema: readings,
      batches: [numbered(3)],
      open: downUntil(outside, 2 * minutes),
    });
    const saved: number[] = [];
    const memory = memoryCheckpoints();
    const run = await testPipeline({}, [], outside)
      .from(source, { id: 'broker', policy: policies[name]!(outside) })
      .to(scriptedSink({ rows }))
      .start({
        store: {
          load: () => memory.load(),
          save: (checkpoint) => {
            saved.push(checkpoint.cut);
            return memory.save(checkpoint);
          },
        },
      });
    const stats = await statsAt(run, outside, minutes);
    expect(stats.degraded['broker']).toContain('could not open: ECONNREFUSED');
    // Cuts go on.
    expect(saved.length).toBeGreaterThan(50);
    await run.done;
    expect(rows).toEqual(numbered(3));
  });

  test('a stop meanwhile ends a source that was never open', async () => {
    const outside = virtualOutside();
    const log = { reads: 0, closed: 0 };
    const run = await testPipeline({}, [], outside)
      .from(
        scriptedSource({
          schema: readings,
          batches: [numbered(3)],
          open: downUntil(outside, Infinity),
          log,
        }),
        { policy: breakerOf(outside) },
      )
      .to(scriptedSink({}))
      .start();
    await outside.clock.sleep(minutes);
    expect(await run.stop()).toMatchObject({ status: 'stopped', recordsIn: 0 });
    expect(log).toMatchObject({ reads: 0, closed: 1 });
  });
});

describe('a source whose breaker opens', () => {
  test('is not read, cuts go on, and what is safe is acknowledged when it is back', async () => {
    const outside = virtualOutside();
    const { clock } = outside;
    const down = downUntil(outside, 10 * minutes, 5500);
    const saved: number[] = [];
    const acknowledged: number[] = [];
    const rows: Record<string, unknown>[] = [];
    const memory = memoryCheckpoints();
    const base = scriptedSource({
      schema: readings,
      batches: numbered(20).map((row) => [row]),
      before: async (_, signal) => {
        await clock.sleep(700, { signal });
        await down();
      },
    });
    const create = base.definition.spec.create;
    const spec = {
      ...base.definition.spec,
      create: async (...given: Parameters<typeof create>) => {
        const made = await create(...given);
        return Object.assign(made, {
          acknowledge: async (position: number) => {
            await down();
            acknowledged.push(position);
          },
        });
      },
    };
    const source = { ...base, definition: { ...base.definition, spec } } as typeof base;
    const run = await testPipeline({}, [], outside)
      .from(source, { id: 'broker', policy: breakerOf(outside) })
      .to(scriptedSink({ rows }))
      .start({
        store: {
          load: () => memory.load(),
          save: (checkpoint) => {
            saved.push(Number(checkpoint.positions['broker']));
            return memory.save(checkpoint);
          },
        },
      });
    const stats = await statsAt(run, outside, 9 * minutes);
    expect(stats.degraded['broker']).toContain('breaker `db` is open');
    expect(saved.length).toBeGreaterThan(500);
    expect(acknowledged.length).toBeLessThan(8);
    const report = await run.done;
    expect(rows).toEqual(numbered(20));
    expect(acknowledged.at(-1)).toBe(20);
    expect(report.durationMs).toBeLessThan(11 * minutes);
  });
});

test('a breaker in a graph with a stage that holds, a branch and a merge loses no row', async () => {
  const outside = virtualOutside();
  const [left, right]: Record<string, unknown>[][] = [[], []];
  const holding = stageOf(() => ({
    async *transform(stream) {
      for await (const flow of stream) {
        await outside.clock.sleep(10);
        yield flow;
      }
    },
  }));
  const builder = testPipeline({ queue, checkpoint: { everyMs: 50 } }, [], outside);
  const split = builder
    .from(scriptedSource({ schema: readings, batches: numbered(200).map((row) => [row]) }))
    .pipe(holding as never as ReturnType<typeof branch>)
    .pipe(
      branch({
        routes: { even: (row) => Number(row['value']) % 2 === 0 },
        otherwise: 'odd',
      }) as never as ReturnType<typeof branch>,
    );
  split
    .output('even')
    .to(scriptedSink({ rows: left!, answer: downUntil(outside, 5 * minutes, 500) }), {
      policy: breakerOf(outside),
    });
  builder
    .combine([split.output('odd'), split.output('even')] as never, merge() as never)
    .to(scriptedSink({ rows: right! }));
  const report = await builder.run();
  expect(left!.length).toBe(100);
  expect(new Set(right!.map(({ value }) => value)).size).toBe(200);
  expectClosedLedger(report);
});
