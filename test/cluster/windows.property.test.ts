import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { Fields } from '../../src/batch/index.ts';
import { withLanes } from '../../src/cluster/with-lanes.ts';
import {
  type Cut,
  defineStage,
  type Flow,
  isCut,
  type SinkComponent,
  type Stage,
  type StageComponent,
  systemOutside,
} from '../../src/core/index.ts';
import {
  type CheckpointStore,
  memoryCheckpoints,
  startRun,
  TypedPipelineBuilder,
} from '../../src/engine/index.ts';
import type { LanesChoice, Plan } from '../../src/engine/planned.ts';
import { branch } from '../../src/stages/branch.ts';
import { filter } from '../../src/stages/filter.ts';
import { merge } from '../../src/stages/merge.ts';
import { movingAverage } from '../../src/stages/moving-average.ts';
import { window } from '../../src/stages/window.ts';
import { expectClosedLedger, scriptedSink } from '../engine/ends.ts';
import { lanesHere, planHere } from './lanes-here.ts';
import {
  type GivenPiece,
  type Happened,
  type HappenedFields,
  pieceSource,
  decodedSource,
} from './piece-source.ts';

// 600 cases a night, 20 in the suite.
const numRuns = process.env['MILLRACE_NIGHTLY'] ? 600 : 20;

const partitions = ['p', 'q', 'r'];
/** Further ahead than any clock. */
const future = 1e15;

interface Kind {
  readonly every?: number;
  readonly over?: number;
  readonly gap?: number;
}

const kinds: fc.Arbitrary<Kind> = fc.oneof(
  fc.record({ every: fc.integer({ min: 1, max: 40 }) }),
  fc
    .record({ every: fc.integer({ min: 1, max: 15 }), panes: fc.integer({ min: 1, max: 5 }) })
    .map(({ every, panes }) => ({ every, over: every * panes })),
  fc.record({ gap: fc.integer({ min: 1, max: 30 }) }),
);

/** Each row is so much later than the latest before it of its partition; less than 0 is out of order. */
const piecesOfRows = fc
  .array(
    fc.record({
      partition: fc.constantFrom(...partitions),
      steps: fc.array(
        fc.record({
          step: fc.oneof(
            { weight: 9, arbitrary: fc.integer({ min: -25, max: 20 }) },
            { weight: 1, arbitrary: fc.constantFrom<(number | null)[]>(null, NaN) },
          ),
          sensor: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
          value: fc.option(fc.double({ min: -1e3, max: 1e3, noNaN: true })),
        }),
        { maxLength: 12 },
      ),
    }),
    { maxLength: 16 },
  )
  .map((parts) => {
    const latest = new Map<string, number>();
    // A run that is stopped when all rows have come need not have read what is behind them.
    const last = parts.findLastIndex(({ steps }) => steps.length > 0);
    return parts.slice(0, last + 1).map(({ partition, steps }) => ({
      partition,
      rows: steps.map(({ step, sensor, value }): Happened => {
        if (step === null) return { at: null, sensor, value };
        if (Number.isNaN(step)) return { at: future, sensor, value };
        const before = latest.get(partition) ?? 0;
        latest.set(partition, Math.max(before, before + step));
        return { at: before + step, sensor, value };
      }),
    }));
  });

/** What the source says of its partitions: nothing, all of them, or the one that it reads, as files. */
const pieces: fc.Arbitrary<GivenPiece[]> = fc
  .tuple(piecesOfRows, fc.constantFrom('nothing', 'all', 'own'))
  .map(([given, says]) => {
    if (says === 'nothing') return given;
    if (says === 'all') return given.map((piece) => ({ ...piece, partitions }));
    const inTurn = given.toSorted((a, b) => (a.partition < b.partition ? -1 : 1));
    return inTurn.map((piece, at) => ({
      ...piece,
      partitions: inTurn[at + 1]?.partition === piece.partition ? [piece.partition] : [],
    }));
  });

const cases = fc.record({
  kind: kinds,
  pieces,
  lateMs: fc.constantFrom(0, 5, 20),
  late: fc.constantFrom('drop' as const, 'dead-letter' as const),
  batchRows: fc.integer({ min: 1, max: 7 }),
  isDecoded: fc.boolean(),
  cutRows: fc.integer({ min: 1, max: 30 }),
  shape: fc.constantFrom('plain' as const, 'branched' as const, 'averaged' as const),
});
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

/** A sink that tells no option of what it was given: lanes compare what the plan shows. */
function sinkInto(rows: Record<string, unknown>[]): SinkComponent<Fields> {
  return scriptedSink({
    answer: (batch) => {
      for (let at = 0; at < batch.length; at++) rows.push(batch.rowAt(batch.rows[at]!));
    },
  });
}

const ms = (count: number): `${number}ms` => `${count}ms`;

interface Ends {
  readonly rows: Record<string, unknown>[];
  readonly dead: Record<string, unknown>[];
}

function planOf(one: Case, { rows, dead }: Ends, endless: boolean): Promise<Plan> {
  const { kind, lateMs, late, batchRows, cutRows } = one;
  const settings = { checkpoint: { everyMs: 3_600_000, rowsMax: cutRows } };
  const builder = new TypedPipelineBuilder('windows', settings, {
    outside: systemOutside(),
    deadLetters: sinkInto(dead) as unknown as SinkComponent,
  });
  const source = (one.isDecoded ? decodedSource : pieceSource)({
    pieces: one.pieces,
    batchRows,
    endless,
  });
  const flow = builder
    .from(source, { eventTime: { field: 'at', lateMs, idleAfterMs: 1e9 } })
    .pipe(filter({ where: ({ value }) => value === null || value > -900 }));
  const { every, over, gap } = kind;
  const stage = window({
    time: 'at',
    ...(every !== undefined && { every: ms(every) }),
    ...(over !== undefined && { over: ms(over) }),
    ...(gap !== undefined && { gap: ms(gap) }),
    by: 'sensor',
    late,
    compute: { n: 'count()', sum: 'sum(value)', dev: 'stddev(value)', p50: 'p50(value)' },
  });
  const sink = sinkInto(rows);
  if (one.shape === 'plain') return flow.pipe(stage).to(sink).plan();
  if (one.shape === 'branched') {
    const even = ({ sensor }: Happened): boolean => sensor < 'c';
    const split = flow.pipe(branch({ routes: { even }, otherwise: 'odd' }));
    const together = builder.combine([split.output('even'), split.output('odd')], merge());
    return together.pipe(stage).to(sink).plan();
  }
  const rolling = movingAverage({ field: 'n', window: 3, by: 'sensor', into: 'rolling' });
  return flow.pipe(stage, rolling).to(sink).plan();
}

interface Options {
  readonly store?: CheckpointStore;
  /** Is stopped when all that there is has been read. */
  readonly isStopped?: boolean;
}

async function run(one: Case, lanes: number, { store, isStopped = false }: Options = {}) {
  const ends: Ends = { rows: [], dead: [] };
  const plan = await planOf(one, ends, isStopped);
  const choice = { count: lanes, by: ['sensor'], reason: '' };
  const laned = lanes === 1 ? plan : withLanes(plan, choice, lanesHere(plan), planHere);
  const going = await startRun(laned, store && { store });
  const due = one.pieces.reduce((sum, { rows }) => sum + rows.length, 0);
  while (isStopped && going.stats().recordsIn < due && going.status !== 'failed') {
    await new Promise((resolve) => setImmediate(resolve));
  }
  const report = await (isStopped ? going.stop() : going.done);
  expectClosedLedger(report);
  const figures = report.components.map((component) => ({
    id: component.id,
    in: component.in,
    out: component.out,
    dropped: component.droppedBy,
    dead: component.dead,
    absorbed: component.absorbed,
    created: component.created,
    counts: component.counts,
  }));
  const placeOf = ({ component, reason, position, partition }: Record<string, unknown>): string =>
    JSON.stringify([component, reason, partition, position]);
  return {
    byKey: new Map([...Map.groupBy(ends.rows, ({ sensor }) => String(sensor))].sort()),
    figures,
    dead: ends.dead.map(placeOf).sort(),
  };
}

describe('windows by a key on lanes', () => {
  test('are for each key the very rows of one lane, in their order, and so are late rows', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (one) => {
        const alone = await run(one, 1);
        for (const lanes of [2, 3]) expect(await run(one, lanes)).toStrictEqual(alone);
      }),
      { numRuns },
    );
  }, 600_000);

  test('are partial where a run is stopped that saves nothing', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (one) => {
        const alone = await run(one, 1, { isStopped: true });
        expect(await run(one, 2, { isStopped: true })).toStrictEqual(alone);
      }),
      { numRuns: numRuns / 2 },
    );
  }, 600_000);

  test('go on where a run that saved them was stopped', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat({ max: 10 }), async (one, count) => {
        const alone = await run(one, 1);
        const store = memoryCheckpoints();
        const last = one.pieces.findLastIndex(({ rows }, at) => at < count && rows.length > 0);
        const begun = { ...one, pieces: one.pieces.slice(0, last + 1) };
        const first = await run(begun, 2, { store, isStopped: true });
        const second = await run(one, 2, { store });
        const keys = [...new Set([...first.byKey.keys(), ...second.byKey.keys()])].sort();
        const together = keys.map((key) => [
          key,
          [...(first.byKey.get(key) ?? []), ...(second.byKey.get(key) ?? [])],
        ]);
        expect(together).toStrictEqual([...alone.byKey]);
        expect([...first.dead, ...second.dead].sort()).toEqual(alone.dead);
      }),
      { numRuns: numRuns / 2 },
    );
  }, 600_000);
});

describe('event time on lanes', () => {
  const row = (at: number, sensor: string): Happened => ({ at, sensor, value: at });
  const pieces = [
    { partition: 'p', rows: [row(5, 'a'), row(30, 'b')] },
    { partition: 'q', rows: [row(11, 'c'), row(future, 'b'), row(28, 'a')] },
    { partition: 'p', rows: [row(41, 'a')] },
  ].map((piece) => ({ ...piece, partitions: ['p', 'q'] }));

  /** What is saved, what the sink was told at the last cut, and what was refused. */
  const told = async (choice: LanesChoice, stage?: StageComponent<HappenedFields>) => {
    const watermarks: unknown[] = [];
    const dead: Record<string, unknown>[] = [];
    const store = memoryCheckpoints();
    const builder = new TypedPipelineBuilder(
      'told',
      { checkpoint: { everyMs: 3_600_000, rowsMax: 1 } },
      {
        outside: systemOutside(),
        deadLetters: sinkInto(dead) as unknown as SinkComponent,
      },
    );
    const commit = (cut: Cut): Promise<void> => {
      watermarks.push(cut.watermarks.get('pieces'));
      return Promise.resolve();
    };
    const source = pieceSource({ pieces, batchRows: 10, endless: true });
    const plan = await builder
      .from(source, { eventTime: { field: 'at', lateMs: 5, idleAfterMs: 1e9 } })
      .pipe(stage ?? (filter({ where: ({ at }) => at !== null }) as never))
      .to(scriptedSink({ commit }))
      .plan();
    const laned = choice.count === 1 ? plan : withLanes(plan, choice, lanesHere(plan), planHere);
    const going = await startRun(laned, { store });
    while (going.stats().recordsIn < 6 && going.status !== 'failed') {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expectClosedLedger(await going.stop());
    const { state, positions } = (await store.load())!;
    const places = dead.map(({ reason, partition }) => [reason, partition]);
    return { pieces: state['pieces'], positions, watermark: watermarks.at(-1), places };
  };

  const alone = {
    pieces: {
      watermark: 23,
      partitions: [
        ['p', 41],
        ['q', 28],
      ],
    },
    watermark: 23,
    places: [['time.future', 'q']],
  };

  test.each([
    ['one lane', { count: 1, by: null, reason: '' }],
    ['lanes that have rows by key', { count: 2, by: ['sensor'], reason: '' }],
    ['lanes that have rows as they come', { count: 2, by: null, reason: '' }],
  ])('is saved, and told to sinks, the same on %s', async (_, choice) => {
    expect(await told(choice)).toMatchObject(alone);
  });

  /** Keeps each row until a cut; or cuts until a row. */
  const general = (holds: 'rows' | 'cuts') =>
    defineStage<(options: object) => StageComponent<HappenedFields>, object>({
      name: 'holding',
      summary: 'Hold back what comes.',
      options: (z) => z.looseObject({}),
      example: {},
      rows: 'same',
      keeps: () => ({ by: ['sensor'] }),
      changes: () => [],
      output: (input) => input,
      create: (): Stage => {
        const held: Flow[] = [];
        const isHeld = (flow: Flow): boolean => isCut(flow) === (holds === 'cuts');
        return {
          async *transform(stream) {
            for await (const flow of stream) {
              if (!isHeld(flow)) yield* held.splice(0);
              if (isHeld(flow)) held.push(flow);
              else yield flow;
            }
            yield* held;
          },
          held: () => held.reduce((sum, flow) => sum + (isCut(flow) ? 0 : flow.length), 0),
          snapshot: () => null,
          restore: () => {},
        };
      },
    })({});

  test('goes through a stage in general form, which gives its rows before the cut', async () => {
    const choice = { count: 2, by: ['sensor'], reason: '' };
    expect(await told(choice, general('rows'))).toMatchObject(alone);
    await expect(told(choice, general('cuts'))).rejects.toThrow(
      /ERR_CONNECTOR_PROTOCOL \[holding\] kept back cut 1/,
    );
  });
});
