import fc from 'fast-check';
import { expect, test } from 'vitest';

import { Batch, schema, Selection } from '../../src/batch/index.ts';
import { ChunkTimes } from '../../src/cluster/chunk-times.ts';
import { LaneTimes, type PieceTimes } from '../../src/cluster/lane-times.ts';
import { EventTime } from '../../src/engine/event-time.ts';

// 20,000 cases a night, 300 in the suite.
const numRuns = process.env['MILLRACE_NIGHTLY'] ? 20_000 : 300;

const rows = schema({ at: 'timestamp?', key: 'int32' });
const lanes = 2;
const partitions = ['p', 'q', 'r', 's'];

const pieces = fc.array(
  fc.record({
    partition: fc.constantFrom(...partitions),
    listed: fc.uniqueArray(fc.constantFrom(...partitions)),
    /** Milliseconds since the piece before; 30 make a partition idle. */
    afterMs: fc.integer({ min: 0, max: 40 }),
    nowMs: fc.integer({ min: 0, max: 50 }),
    rows: fc.array(
      fc.record({
        at: fc.option(fc.integer({ min: 0, max: 120 })),
        key: fc.integer({ min: 0, max: lanes - 1 }),
      }),
      { maxLength: 10 },
    ),
    isCutBehind: fc.boolean(),
  }),
  { maxLength: 12 },
);

const cases = fc.record({
  pieces,
  says: fc.boolean(),
  lateMs: fc.constantFrom(0, 5, 20),
  batchRows: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
});
type Piece = (typeof pieces extends fc.Arbitrary<infer T> ? T : never)[number];

function batchesOf({ partition, rows: given }: Piece, rowsMax: number): Batch[] {
  return Array.from({ length: Math.ceil(given.length / rowsMax) }, (_, part) =>
    Batch.from(given.slice(part * rowsMax, (part + 1) * rowsMax), rows, {
      partition,
      position: part * rowsMax,
    }),
  );
}

/** What a source reads before it has come to the end of a piece: its partition too. */
function within({ partition, listed }: Piece): string[] {
  return [...new Set([...listed, partition])];
}

/** By position, how far the watermark was as each row came; rows that are not there were refused. */
function marksOf(batches: readonly Batch[]): [number, number][] {
  return batches.flatMap(({ rows: selected, length, origin }) =>
    [...selected.subarray(0, length)].map((row): [number, number] => [
      origin.position(row),
      origin.watermarks?.[row] ?? NaN,
    ]),
  );
}

test('marks, watermarks and what is saved are the same wherever rows are looked at', () => {
  fc.assert(
    fc.property(cases, ({ pieces: given, says, lateMs, batchRows: [alone, laned] }) => {
      const settings = { field: 'at', lateMs, idleAfterMs: 30, futureMsMax: 50 };
      const failed: number[][] = [[], []];
      const reportTo = (list: number[]) => ({
        failed: (batch: unknown, row = 0) => {
          list.push((batch as Batch).origin.position(row));
        },
        counted: () => {},
      });
      const one = new EventTime(settings, reportTo(failed[0]!));
      const run = new ChunkTimes(settings);
      run.open(reportTo([]), undefined);
      const many = Array.from(
        { length: lanes },
        () => new LaneTimes(settings, reportTo(failed[1]!), undefined),
      );
      let readMs = 0;
      for (const [turn, piece] of given.entries()) {
        readMs += piece.afterMs;
        const asRead = { nowMs: piece.nowMs, readMs, partitions: says ? piece.listed : undefined };
        const before = says ? { ...asRead, partitions: within(piece) } : asRead;
        const batches = batchesOf(piece, alone);
        // A source that gives nothing still says what it reads.
        if (piece.rows.length === 0) batches.push(Batch.from([], rows, piece));
        const taken = batches.map((batch, at) =>
          one.take(batch, at === batches.length - 1 ? asRead : before),
        );
        const look = many[turn % lanes]!.look(piece.partition, asRead);
        const looked = batchesOf(piece, laned).map((batch) => look.take(batch));
        const times = structuredClone<PieceTimes>(look.times);
        run.note(times);
        const shares = many.map((lane, index) => {
          const share = looked.map((batch) => ofKey(batch, index).compact());
          lane.enter(times, share);
          return marksOf(share);
        });
        const byPosition = ([a]: [number, number], [b]: [number, number]): number => a - b;
        expect(shares.flat().sort(byPosition)).toEqual(marksOf(taken));
        if (!piece.isCutBehind) continue;
        const reached = one.watermark(readMs);
        expect(many.map((lane) => lane.watermark(readMs))).toEqual(many.map(() => reached));
        expect(run.reachedAt(readMs)).toEqual({ watermark: reached, state: one.snapshot() });
      }
      expect(failed[1]).toEqual(failed[0]);
    }),
    { numRuns },
  );
});

function ofKey(batch: Batch, key: number): Batch {
  const kept = batch.rows
    .subarray(0, batch.length)
    .filter((row) => batch.column('key').value(row) === key);
  return batch.select(new Selection(kept, kept.length));
}
