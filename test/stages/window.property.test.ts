import fc from 'fast-check';
import { expect, test } from 'vitest';

import { type Checkpoint, memoryCheckpoints } from '../../src/engine/index.ts';
import { branch } from '../../src/stages/branch.ts';
import { mapAsync } from '../../src/stages/map-async.ts';
import { merge } from '../../src/stages/merge.ts';
import { window } from '../../src/stages/window.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { expectClosedLedger, scriptedSink, testPipeline } from '../engine/ends.ts';
import { timed, type Timed, type TimedBatch, timedSource } from '../engine/timed-source.ts';

// 3,000 inputs a night, 60 in the suite.
const numRuns = process.env['MILLRACE_NIGHTLY'] ? 3_000 : 60;

interface Kind {
  readonly every?: number;
  readonly over?: number;
  readonly gap?: number;
}

const partitions = ['p', 'q', 'r'];

const kinds: fc.Arbitrary<Kind> = fc.oneof(
  fc.record({ every: fc.integer({ min: 1, max: 40 }) }),
  fc
    .record({ every: fc.integer({ min: 1, max: 15 }), panes: fc.integer({ min: 1, max: 5 }) })
    .map(({ every, panes }) => ({ every, over: every * panes })),
  fc.record({ gap: fc.integer({ min: 1, max: 30 }) }),
);

/** Each row is so much later than the one before it of its partition; less than 0 is out of order. */
const batches: fc.Arbitrary<TimedBatch[]> = fc
  .array(
    fc.record({
      partition: fc.constantFrom(...partitions),
      steps: fc.array(
        fc.record({
          step: fc.integer({ min: -25, max: 20 }),
          sensor: fc.constantFrom('a', 'b', 'c'),
          value: fc.oneof(
            fc.constantFrom(null, NaN, Infinity, -0, 1e9),
            fc.double({ min: -1e3, max: 1e3, noNaN: true }),
          ),
        }),
        { maxLength: 12 },
      ),
    }),
    { maxLength: 20 },
  )
  .map((parts) => {
    const latest = new Map<string, number>();
    return parts.map(({ partition, steps }) => ({
      partition,
      rows: steps.map(({ step, sensor, value }): Timed => {
        const at = (latest.get(partition) ?? 0) + step;
        latest.set(partition, Math.max(at, latest.get(partition) ?? 0));
        return { at, sensor, value };
      }),
    }));
  });

const cases = fc.record({
  kind: kinds,
  batches,
  lateMs: fc.constantFrom(0, 5, 20),
  isKeyed: fc.boolean(),
  cutRows: fc.integer({ min: 1, max: 30 }),
});
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

const ms = (count: number): `${number}ms` => `${count}ms`;

function stageOf({ kind, isKeyed }: Case) {
  const { every, over, gap } = kind;
  return window({
    time: 'at',
    ...(every !== undefined && { every: ms(every) }),
    ...(over !== undefined && { over: ms(over) }),
    ...(gap !== undefined && { gap: ms(gap) }),
    ...(isKeyed && { by: 'sensor' as const }),
    compute: {
      rows: 'count()',
      numbers: 'count(value)',
      sum: 'sum(value)',
      mean: 'mean(value)',
      min: 'min(value)',
      max: 'max(value)',
      stddev: 'stddev(value)',
      p50: 'p50(value)',
      p90: 'p90(value)',
    },
  });
}

type Row = Record<string, number | string | boolean | null>;

/** What a window of these rows is, in two passes over all of them. */
function computed(start: number, end: number, rows: readonly Timed[], isKeyed: boolean): Row {
  const numbers = rows.flatMap(({ value }) => (Number.isFinite(value) ? [value! + 0] : []));
  const sorted = numbers.toSorted((a, b) => a - b);
  const sum = numbers.reduce((total, number) => total + number, 0);
  const mean = sum / numbers.length;
  const squares = numbers.reduce((total, number) => total + (number - mean) ** 2, 0);
  const rank = (percent: number): number | null =>
    sorted[Math.max(1, Math.ceil((percent / 100) * sorted.length)) - 1] ?? null;
  const isEmpty = numbers.length === 0;
  return {
    ...(isKeyed && { sensor: rows[0]!.sensor }),
    start,
    end,
    rows: rows.length,
    numbers: numbers.length,
    sum: isEmpty ? null : sum,
    mean: isEmpty ? null : mean,
    min: sorted[0] ?? null,
    max: sorted.at(-1) ?? null,
    stddev: isEmpty ? null : Math.sqrt(squares / numbers.length),
    p50: rank(50),
    p90: rank(90),
    partial: false,
  };
}

/** The windows of rows of one key. */
function windowsOf({ every, over = every, gap }: Kind, rows: readonly Timed[]): [number, number][] {
  if (gap === undefined) {
    const ends = rows.flatMap(({ at }) => {
      const first = (Math.floor(at / every!) + 1) * every!;
      return Array.from({ length: over! / every! }, (_, index) => first + index * every!);
    });
    return [...new Set(ends)].map((end) => [end - over!, end]);
  }
  const sessions: [number, number][] = [];
  for (const at of rows.map((row) => row.at).sort((a, b) => a - b)) {
    const last = sessions.at(-1);
    if (last !== undefined && at < last[1]) last[1] = at + gap;
    else sessions.push([at, at + gap]);
  }
  return sessions;
}

/** All windows, and how many rows are late, by a look at all rows at once. */
function oracle({ kind, batches, lateMs, isKeyed }: Case): { rows: Row[]; late: number } {
  const latest = new Map(partitions.map((name) => [name, -Infinity]));
  const inTime: Timed[] = [];
  let late = 0;
  for (const { partition, rows } of batches) {
    for (const row of rows) {
      const reached = latest.get(partition!)! - lateMs;
      const firstEnd =
        kind.gap === undefined
          ? (Math.floor(row.at / kind.every!) + 1) * kind.every!
          : row.at + Number.MIN_VALUE;
      const isLate = kind.gap === undefined ? firstEnd <= reached : row.at < reached;
      if (isLate) late++;
      else inTime.push(row);
      latest.set(partition!, Math.max(latest.get(partition!)!, row.at));
    }
  }
  const byKey = Map.groupBy(inTime, ({ sensor }) => (isKeyed ? sensor : ''));
  const rows = [...byKey.values()].flatMap((ofKey) =>
    windowsOf(kind, ofKey).map(([start, end]) => {
      const within = ofKey.filter(({ at }) => at >= start && at < end);
      return computed(start, end, within, isKeyed);
    }),
  );
  return { rows, late };
}

function expectSame(actual: readonly Row[], expected: readonly Row[]): void {
  const keyOf = ({ start, sensor }: Row): string => `${String(start)} ${String(sensor)}`;
  const sorted = (rows: readonly Row[]): Row[] =>
    rows.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  expect(sorted(actual).map(keyOf)).toEqual(sorted(expected).map(keyOf));
  for (const [index, row] of sorted(expected).entries()) {
    const given = sorted(actual)[index]!;
    for (const [name, value] of Object.entries(row)) {
      const other = given[name];
      const [a, b] = [Number(other), Number(value)];
      const isNear =
        typeof value === 'number' && Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b), 1e9);
      if (!isNear) expect(other, `${name} of ${JSON.stringify(row)}`).toBe(value);
    }
  }
}

interface Ran {
  readonly rows: Row[];
  readonly late: number;
  /** Each checkpoint, with how many rows the sink had committed by then. */
  readonly saved: { checkpoint: Checkpoint; rows: number }[];
}

/** Runs a case, from a checkpoint where one is given. */
async function run(one: Case, { from, isSplit }: { from?: Checkpoint; isSplit?: boolean } = {}) {
  const ran: Ran = { rows: [], late: 0, saved: [] };
  const committed = new Map<number, number>();
  const dead: Record<string, unknown>[] = [];
  const outside = virtualOutside();
  const settings = { checkpoint: { everyMs: 3_600_000, rowsMax: one.cutRows } };
  const builder = testPipeline(settings, dead, outside);
  const source = timedSource({ batches: one.batches, partitions: () => partitions });
  const flow = builder.from(source, {
    eventTime: { field: 'at', lateMs: one.lateMs, idleAfterMs: 1e9 },
  });
  const splitAndMerged = () => {
    const wait = async (row: Timed): Promise<Timed> => {
      await outside.clock.sleep(7);
      return row;
    };
    const even = (row: { at: number }): boolean => row.at % 2 === 0;
    const split = flow.pipe(branch({ routes: { even }, otherwise: 'odd' }));
    const slow = split.output('even').pipe(mapAsync({ map: wait, schema: timed, concurrency: 2 }));
    return builder.combine([slow, split.output('odd')], merge());
  };
  const together = isSplit === true ? splitAndMerged() : flow;
  const commit = (cut: { id: number }): Promise<void> => {
    committed.set(cut.id, ran.rows.length);
    return Promise.resolve();
  };
  const rows = ran.rows as Record<string, unknown>[];
  const store = {
    load: () => Promise.resolve(from),
    save: (checkpoint: Checkpoint) => {
      ran.saved.push({
        checkpoint: JSON.parse(JSON.stringify(checkpoint)) as Checkpoint,
        rows: committed.get(checkpoint.cut)!,
      });
      return Promise.resolve();
    },
  };
  const ends = together.pipe(stageOf(one)).to(scriptedSink({ rows, commit }));
  const report = await ends.run({ store });
  expectClosedLedger(report);
  return { ...ran, late: dead.length };
}

test('are what a look at all rows at once gives, and which are late too', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async (one) => {
      const { rows, late } = await run(one);
      const expected = oracle(one);
      expect(late).toBe(expected.late);
      expectSame(rows, expected.rows);
    }),
    { numRuns },
  );
}, 600_000);

test('a second run from any checkpoint gives what the first did not commit, bit for bit', async () => {
  await fc.assert(
    fc.asyncProperty(cases, fc.nat(), async (one, seed) => {
      const whole = await run(one);
      const cut = whole.saved[seed % whole.saved.length]!;
      const second = await run({ ...one, cutRows: 1 + (seed % 17) }, { from: cut.checkpoint });
      expect(second.rows).toStrictEqual(whole.rows.slice(cut.rows));
    }),
    { numRuns },
  );
}, 600_000);

test('branches of unequal speed that come together again change nothing', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async (one) => {
      const { rows, late } = await run(one, { isSplit: true });
      const expected = oracle(one);
      expect(late).toBe(expected.late);
      expectSame(rows, expected.rows);
    }),
    { numRuns: numRuns / 3 },
  );
}, 600_000);

test('a stop and a start again give what one run gives', async () => {
  await fc.assert(
    fc.asyncProperty(cases, fc.nat({ max: 20 }), async (one, count) => {
      const store = memoryCheckpoints();
      const rows: Row[] = [];
      const outside = virtualOutside();
      const start = (batches: readonly TimedBatch[], endless: boolean) =>
        testPipeline({}, [], outside)
          .from(timedSource({ batches, endless, partitions: () => partitions }), {
            eventTime: { field: 'at', lateMs: one.lateMs, idleAfterMs: 1e9 },
          })
          .pipe(stageOf(one))
          .to(scriptedSink({ rows: rows as Record<string, unknown>[] }))
          .start({ store });
      const first = await start(one.batches.slice(0, count), true);
      await outside.clock.sleep(100);
      await first.stop();
      await (
        await start(one.batches, false)
      ).done;
      expectSame(rows, oracle(one).rows);
    }),
    { numRuns },
  );
}, 600_000);

test('windows are counted again by their end, or by their start in multiples, whatever the cuts', async () => {
  const again = async (one: Case, time: 'start' | 'end', everyMs: number): Promise<Row[]> => {
    const dead: Record<string, unknown>[] = [];
    const rows: Record<string, unknown>[] = [];
    const settings = { checkpoint: { everyMs: 3_600_000, rowsMax: one.cutRows } };
    const source = timedSource({ batches: one.batches, partitions: () => partitions });
    const second = window({ time, every: ms(everyMs), compute: { windows: 'count()' } });
    const report = await testPipeline(settings, dead, virtualOutside())
      .from(source, { eventTime: { field: 'at', lateMs: one.lateMs, idleAfterMs: 1e9 } })
      .pipe(stageOf(one), second as never)
      .to(scriptedSink({ rows }))
      .run();
    expectClosedLedger(report);
    expect(dead).toHaveLength(oracle(one).late);
    return rows as Row[];
  };
  await fc.assert(
    fc.asyncProperty(cases, fc.integer({ min: 1, max: 40 }), async (one, length) => {
      const { every, over = every } = one.kind;
      const isSideBySide = every !== undefined && over === every;
      const [time, everyMs] = isSideBySide
        ? (['start', every * length] as const)
        : (['end', length] as const);
      const expected = Map.groupBy(oracle(one).rows, (row) =>
        Math.floor(Number(row[time]) / everyMs),
      );
      const counted = (await again(one, time, everyMs)).map(({ start, windows }) => [
        start,
        windows,
      ]);
      const starts = [...expected].sort(([a], [b]) => a - b);
      expect(counted).toEqual(starts.map(([index, rows]) => [index * everyMs, rows.length]));
    }),
    { numRuns },
  );
}, 600_000);
