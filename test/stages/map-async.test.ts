import { getEventListeners } from 'node:events';

import { describe, expect, test } from 'vitest';
import * as z from 'zod';

import {
  Batch,
  type Fields as AnyFields,
  type RecordOf,
  schema,
  type Schema,
} from '../../src/batch/index.ts';
import {
  Cut,
  type Flow,
  isCut,
  seededRandom,
  silentLogger,
  type Stage,
  type StageContext,
  VirtualClock,
} from '../../src/core/index.ts';
import { defaultSettings } from '../../src/engine/index.ts';
import { Tally } from '../../src/engine/report.ts';
import { mapAsync, type MapAsyncOptions } from '../../src/stages/index.ts';

const jobs = schema({ id: 'int32', waitMs: 'int32' });
type Fields = (typeof jobs)['shape'];
type Job = RecordOf<Fields>;

/** A stage with its clock, its report and the signal of its run. */
function created<A extends AnyFields = Fields>(
  options: (clock: VirtualClock) => MapAsyncOptions<Fields, A>,
  rowsMax: number = defaultSettings.batch.rowsMax,
  call: StageContext['call'] = (attempt, signal) => attempt(signal),
): { stage: Stage; clock: VirtualClock; tally: Tally; run: AbortController } {
  const clock = new VirtualClock();
  const tally = new Tally();
  const run = new AbortController();
  const { definition, options: given } = mapAsync(options(clock));
  const parsed = definition.spec.options(z).parse(given) as never;
  const context = {
    clock,
    random: seededRandom(1),
    id: 'map-async',
    log: silentLogger,
    signal: run.signal,
    batchLimits: { ...defaultSettings.batch, rowsMax },
    input: jobs,
    output: definition.spec.output(jobs as Schema, parsed),
    report: tally,
    call,
  } as unknown as StageContext;
  return { stage: definition.spec.create(parsed, context) as Stage, clock, tally, run };
}

function numbered(...batches: readonly (readonly number[])[]): Batch[] {
  let id = 0;
  return batches.map((waits) =>
    Batch.from(
      waits.map((waitMs) => ({ id: id++, waitMs })),
      jobs,
    ),
  ) as never;
}

async function* stream(flows: Iterable<Flow>): AsyncGenerator<Flow> {
  yield* flows;
}

const shown = (flow: Flow): unknown =>
  isCut(flow) ? `cut ${flow.id}` : flow.toRows().map(({ id }) => id);

async function through(stage: Stage, flows: Iterable<Flow>): Promise<unknown[]> {
  return Array.fromAsync(stage.transform(stream(flows)), shown);
}

const waiting =
  (clock: VirtualClock) =>
  async (job: Job): Promise<Job> => {
    await clock.sleep(job.waitMs);
    return job;
  };

describe('order', () => {
  const flows = (): Flow[] => [...numbered([90, 10], [5, 5], [50]), new Cut(1), ...numbered([1])];

  test('ordered: batches and rows keep their order, however long each takes', async () => {
    const { stage, clock } = created((time) => ({ map: waiting(time) }));
    expect(await through(stage, flows())).toEqual([[0, 1], [2, 3], [4], 'cut 1', [0]]);
    // All at once: as long as the longest, and then the row behind the cut.
    expect(clock.monotonic()).toBe(91);
  });

  test('unordered: a batch that is done does not wait, but none passes a cut', async () => {
    const { stage } = created((time) => ({ map: waiting(time), ordered: false }));
    expect(await through(stage, flows())).toEqual([[2, 3], [4], [0, 1], 'cut 1', [0]]);
  });
});

test.each([1, 3, 7])(
  'at most %i calls are under way, over batches, and as many as may be',
  async (concurrency) => {
    let now = 0;
    let most = 0;
    const { stage, clock } = created((time) => ({
      concurrency,
      map: async (job) => {
        most = Math.max(most, ++now);
        await time.sleep(10);
        now--;
        return job;
      },
    }));
    const batches = numbered([1, 1], [1], [1, 1, 1, 1, 1], [1], [1, 1, 1], [1]);
    expect((await through(stage, batches)).flat().length).toBe(13);
    expect(most).toBe(concurrency);
    expect(clock.monotonic()).toBe(10 * Math.ceil(13 / concurrency));
  },
);

test('one slow call holds up a bounded number of rows', async () => {
  const { stage, clock } = created((time) => ({ map: waiting(time), concurrency: 4 }), 10);
  let read = 0;
  async function* endless(): AsyncGenerator<Flow> {
    for (const batch of numbered([1000, 1], ...Array.from({ length: 500 }, () => [1, 1]))) {
      read += batch.length;
      yield batch;
    }
  }
  const output = stage.transform(endless())[Symbol.asyncIterator]();
  const first = output.next();
  await clock.sleep(900);
  // Ten rows may be held, and one batch more was read when nine were.
  expect(read).toBe(10);
  expect(stage.held?.()).toBe(10);
  expect(shown((await first).value as Flow)).toEqual([0, 1]);
  await output.return?.();
  expect(stage.held?.()).toBe(0);
});

test('before a cut goes on, everything before it has, and nothing behind it was begun', async () => {
  const seen: string[] = [];
  const { stage } = created((time) => ({
    map: async (job) => {
      seen.push(`begin ${job.id}`);
      await time.sleep(job.waitMs);
      return job;
    },
  }));
  const flows: Flow[] = [
    ...numbered([5, 50], [20]),
    new Cut(1),
    new Cut(2),
    ...numbered([1]),
    new Cut(3),
  ];
  for await (const flow of stage.transform(stream(flows))) {
    seen.push(isCut(flow) ? `cut ${flow.id}, held ${stage.held?.()}` : `rows ${flow.length}`);
  }
  expect(seen).toEqual([
    'begin 0',
    'begin 1',
    'begin 2',
    'rows 2',
    'rows 1',
    'cut 1, held 0',
    'cut 2, held 0',
    'begin 0',
    'rows 1',
    'cut 3, held 0',
  ]);
});

describe('while all calls have failed and wait for a breaker, rows behind a cut are begun', () => {
  test.each([true, false])('and go on behind it (ordered: %s)', async (ordered) => {
    const seen: string[] = [];
    const blocked = Promise.withResolvers<void>();
    // The first row waits for a breaker, and goes on when two behind the cut have shown the way.
    const call: StageContext['call'] = async (attempt, signal, args, made) => {
      const { id } = args![0] as Job;
      if (id === 0) {
        await made!.stalls!(true);
        await blocked.promise;
        await made!.stalls!(false);
      }
      if (id === 4) blocked.resolve();
      return attempt(signal);
    };
    const { stage } = created(
      (time) => ({
        ordered,
        concurrency: 2,
        map: async (job) => {
          seen.push(`begin ${job.id}`);
          await time.sleep(job.waitMs);
          return job;
        },
      }),
      undefined,
      call,
    );
    const batch = (...ids: number[]): Batch =>
      Batch.from(
        ids.map((id) => ({ id, waitMs: 1 })),
        jobs,
      );
    const flows = [batch(0), batch(1, 2), new Cut(1), batch(3), batch(4), batch(5)];
    for await (const flow of stage.transform(stream(flows))) seen.push(String(shown(flow)));
    const behind = ['begin 1', 'begin 2', 'begin 3'];
    expect(seen.filter((one) => one.startsWith('begin')).slice(0, 3)).toEqual(behind);
    expect(seen.filter((one) => !one.startsWith('begin'))).toEqual(
      ordered ? ['0', '1,2', 'cut 1', '3', '4', '5'] : ['1,2', '0', 'cut 1', '3', '4', '5'],
    );
  });
});

describe('a row that fails costs only itself', () => {
  test('rejections, throws, and records that do not fit', async () => {
    const results: readonly (() => unknown)[] = [
      () => ({ id: 0, waitMs: 0 }),
      () => Promise.reject(new Error('refused')),
      () => {
        throw new Error('thrown');
      },
      () => ({ id: 'x', waitMs: 0 }),
      () => undefined,
      async () => ({ id: 5, waitMs: 0 }),
      () => Promise.reject(undefined),
    ];
    const { stage, tally } = created(() => ({ map: (job) => results[job.id]!() as never }));
    expect(await through(stage, numbered([0, 0, 0], [0, 0, 0, 0]))).toEqual([[0], [5]]);
    expect(tally.failures).toMatchObject([
      { reason: 'row.threw', message: 'refused', record: { id: 1 } },
      { reason: 'row.threw', message: 'thrown' },
      { reason: 'field.type', record: { id: 3 } },
      { reason: 'field.type' },
      { reason: 'row.threw', record: { id: 6 } },
    ]);
  });

  test('a call that takes too long fails its row, is told, and does not hold up the others', async () => {
    const aborted: unknown[] = [];
    const { stage, tally, clock } = created((time) => ({
      timeoutMs: 100,
      concurrency: 1,
      map: async (job, signal) => {
        signal.addEventListener('abort', () =>
          aborted.push([job.id, (signal.reason as Error).message]),
        );
        await time.sleep(job.waitMs);
        return job;
      },
    }));
    expect(await through(stage, numbered([99, 5000, 1, 100]))).toEqual([[0, 2, 3]]);
    expect(tally.failures).toMatchObject([{ reason: 'row.timeout', record: { id: 1 } }]);
    expect(aborted).toEqual([[1, expect.stringContaining('longer than 100 ms')]]);
    // 99 + 100 + 1 + 100, and no timer was left behind but the abandoned call's own.
    expect(clock.monotonic()).toBeLessThan(400);
  });
});

test('what a call gives after its time is over is not taken', async () => {
  const { stage, tally } = created((time) => ({
    map: waiting(time),
    timeoutMs: 100,
    concurrency: 2,
  }));
  // The first is given up at 100 and ends at 150, while the last two are under way.
  expect(await through(stage, numbered([150, 90, 90, 90]))).toEqual([[1, 2, 3]]);
  expect(tally.failures).toMatchObject([{ reason: 'row.timeout', record: { id: 0 } }]);
});

test('a callback is given a frozen record that stays valid', async () => {
  const kept: Job[] = [];
  const { stage } = created(() => ({
    map: async (job) => {
      expect(() => ((job as { id: number }).id = 9)).toThrow(TypeError);
      kept.push(job);
      return { ...job, waitMs: 7 };
    },
  }));
  const made = await Array.fromAsync(stage.transform(stream(numbered([0, 0]))));
  for (const flow of made) (flow as Batch).release();
  expect(kept).toEqual([
    { id: 0, waitMs: 0 },
    { id: 1, waitMs: 0 },
  ]);
});

test('records of another schema', async () => {
  const names = schema({ name: 'text' });
  const { stage } = created(() => ({
    schema: names,
    map: async (job) => ({ name: `job ${job.id}` }),
  }));
  const [made] = await Array.fromAsync(stage.transform(stream(numbered([0, 0]))));
  expect((made as Batch).toRows()).toEqual([{ name: 'job 0' }, { name: 'job 1' }]);
});

describe('the end', () => {
  test.each(['abort', 'close'] as const)(
    '%s: calls under way are told, and nothing stays behind',
    async (how) => {
      const told: unknown[] = [];
      const { stage, run, clock } = created((time) => ({
        timeoutMs: 60_000,
        map: async (job, signal) => {
          signal.addEventListener('abort', () => told.push(job.id));
          await time.sleep(job.waitMs);
          return job;
        },
      }));
      const [first, second] = numbered([1], [5000, 5000]);
      second!.retain();
      const output = stage.transform(stream([first!, second!]))[Symbol.asyncIterator]();
      expect(shown((await output.next()).value as Flow)).toEqual([0]);
      expect(getEventListeners(run.signal, 'abort').length).toBe(1);
      // Time for the second batch to be read and begun.
      await clock.sleep(0);
      if (how === 'abort') {
        const next = output.next();
        run.abort(new Error('stopped'));
        await expect(next).rejects.toThrow('stopped');
      } else await output.return?.();
      expect(told).toEqual([1, 2]);
      expect(getEventListeners(run.signal, 'abort').length).toBe(0);
      expect(second!.holders).toBe(1);
      expect(stage.held?.()).toBe(0);
    },
  );

  test('an input that fails fails the stage, after what came before it', async () => {
    const { stage } = created((time) => ({ map: waiting(time) }));
    async function* failing(): AsyncGenerator<Flow> {
      yield* numbered([10]);
      throw new Error('no more');
    }
    const output = stage.transform(failing())[Symbol.asyncIterator]();
    expect(shown((await output.next()).value as Flow)).toEqual([0]);
    await expect(output.next()).rejects.toThrow('no more');
  });

  test('a source that hangs does not keep a closed stage open', async () => {
    const { stage, clock } = created((time) => ({ map: waiting(time) }));
    async function* hanging(): AsyncGenerator<Flow> {
      yield* numbered([1]);
      await new Promise(() => {});
    }
    const output = stage.transform(hanging())[Symbol.asyncIterator]();
    await output.next();
    await clock.sleep(1);
    expect(await output.return?.()).toEqual({ done: true, value: undefined });
  });
});

test('every batch is released once it is mapped', async () => {
  const { stage } = created((time) => ({ map: waiting(time) }));
  const batches = numbered([3, 1], [], [2]).map((batch) => batch.retain());
  expect(await through(stage, batches)).toEqual([[0, 1], [], [2]]);
  expect(batches.map(({ holders }) => holders)).toEqual([1, 1, 1]);
});

test('wrong options are refused', () => {
  const options = mapAsync.spec.options(z);
  expect(options.safeParse({}).error?.issues[0]?.message).toContain('works from code only');
  expect(options.safeParse({ map: () => 1, concurrency: 0 }).success).toBe(false);
  expect(options.parse({ map: () => 1 })).toMatchObject({ concurrency: 16, ordered: true });
});
