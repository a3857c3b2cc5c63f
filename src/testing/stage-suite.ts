import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';

import { Batch, type Fields, type JsonValue, Selection } from '../batch/index.ts';
import { allRows } from '../batch/selection.ts';
import { Cut, type Flow, type RowsKept, type StageDefinition } from '../core/index.ts';
import { BatchCopy } from './batch-copy.ts';
import { type Check, checksOf, sameRecords, settles, type Skips, turns } from './check.ts';
import { descriptionChecks } from './description-checks.ts';
import {
  onlyOutput,
  type OutputRecords,
  type StageCase,
  type StageCheck,
  StageRun,
} from './stage-run.ts';

/** Everything a stage must do, as a list of checks. `skips` are those of every case. */
export function stageSuite<F extends Fields>(
  definition: StageDefinition,
  cases: readonly StageCase<F>[],
  skips: Skips<StageCheck> = {},
): Check[] {
  const { name } = definition.spec;
  ok(cases.length > 0, `the suite of \`${name}\` has no case`);
  return [
    ...checksOf(name, descriptionChecks, definition),
    ...cases.flatMap((stageCase) =>
      checksOf(`${name} ${stageCase.name}`, stageChecks, stageCase as unknown as StageCase, {
        ...skips,
        ...stageCase.skips,
      }),
    ),
  ];
}

const stageChecks: Readonly<Record<StageCheck, (stageCase: StageCase) => Promise<void>>> = {
  'makes batches of the schema that it promises': async (stageCase) => {
    const { run } = await runWhole(stageCase);
    const { output } = run;
    for (const schema of run.schemas) {
      ok(schema.equals(output), `it promised ${output} and made ${schema}`);
    }
  },

  'makes the records that are expected': async (stageCase) => {
    const { records } = await runWhole(stageCase);
    const { expected } = stageCase;
    if (expected !== undefined) sameRecords(Object.values(records).flat(), expected, 'its records');
  },

  'keeps to its kind of rows': async (stageCase) => {
    const { run } = await runWhole(stageCase);
    const { tally, rowsIn, rowsOut } = run;
    const { dead, droppedRows, absorbedRows, createdRows } = tally;
    const kind: RowsKept = stageCase.component.definition.spec.rows;
    if (kind === 'same' || kind === 'fewer') {
      deepStrictEqual([absorbedRows, createdRows], [0, 0], 'rows absorbed and created');
      if (kind === 'same') strictEqual(droppedRows, 0, 'rows dropped by a stage that keeps all');
      return;
    }
    strictEqual(rowsOut, createdRows, 'rows out and rows created');
    strictEqual(rowsIn, absorbedRows + droppedRows + dead + run.held, 'rows in, by what became');
  },

  'closes the ledger': async (stageCase) => {
    for (const { run } of [await runWhole(stageCase), await runPieces(stageCase, 1)]) {
      assertLedger(run);
    }
  },

  'writes to no batch that it is given': async (stageCase) => {
    await withCopies(stageCase, (copy) => copy.assertUnchanged());
  },

  'gives back every buffer': async (stageCase) => {
    const run = await withCopies(stageCase, (copy) => copy.assertGivenBack());
    strictEqual(run.columnsHeld, 0, 'columns of its output that are still held');
  },

  'takes only the rows that are selected': async (stageCase) => {
    const { input, records } = stageCase;
    // Each record is followed by another that does not count.
    const stored = records.flatMap((record, at) => [record, records.at(-1 - at)!]);
    const rows = Uint32Array.from(records, (_, at) => at * 2);
    const all = Batch.from(stored, input);
    const batch = all.select(new Selection(rows, rows.length));
    all.release();
    const selected = await runFlows(stageCase, [batch]);
    sameOutputs(stageCase, selected.records, (await runWhole(stageCase)).records);
  },

  'makes the same of batches cut anywhere': async (stageCase) => {
    const whole = (await runWhole(stageCase)).records;
    sameOutputs(stageCase, (await runPieces(stageCase, 1)).records, whole, 'row by row');
    for (const at of splits(stageCase)) {
      const { records } = await runFlows(stageCase, piecesOf(stageCase, [at]));
      sameOutputs(stageCase, records, whole, `cut after ${at} rows`);
    }
  },

  'goes on from a snapshot': async (stageCase) => {
    const whole = (await runWhole(stageCase)).records;
    for (const at of splits(stageCase)) {
      const [first, rest] = piecesOf(stageCase, [at]);
      const before = new StageRun(stageCase);
      let state: JsonValue = null;
      await before.takeWithCuts([first!], (snapshot) => {
        state = JSON.parse(JSON.stringify(snapshot)) as JsonValue;
        deepStrictEqual(state, snapshot, 'a snapshot is JSON');
      });
      const after = await runFlows(stageCase, [rest!], state);
      const records: Record<string, OutputRecords[string]> = { ...before.records };
      for (const [output, more] of Object.entries(after.records)) {
        records[output] = [...(records[output] ?? []), ...more];
      }
      sameOutputs(stageCase, records, whole, `restored after ${at} rows`);
    }
    await assertSnapshotsKept(stageCase);
  },

  'takes nulls': async (stageCase) => {
    const { input, records } = stageCase;
    const nullable = input.fields.filter((field) => field.nullable).map(({ name }) => name);
    const withNulls = records.map((record, at) => {
      const field = nullable[at % (nullable.length + 1)];
      return field === undefined ? record : { ...record, [field]: null };
    });
    const nullsOnly = {
      ...records[0],
      ...Object.fromEntries(nullable.map((name) => [name, null])),
    };
    for (const given of [withNulls, [nullsOnly, nullsOnly]]) {
      assertLedger((await runFlows(stageCase, [Batch.from(given, input)])).run);
    }
  },

  'takes an empty batch': async (stageCase) => {
    const { input } = stageCase;
    const empty = (): Batch => Batch.from([], input);
    const { run } = await runFlows(stageCase, [empty(), new Cut(1), empty()]);
    strictEqual(run.rowsOut, 0, 'rows made of none');
    assertLedger(run);
    const mixed = await runFlows(stageCase, [empty(), ...piecesOf(stageCase, []), empty()]);
    sameOutputs(stageCase, mixed.records, (await runWhole(stageCase)).records);
  },

  'loses only the row that fails': async (stageCase) => {
    const { input, records, poison } = stageCase;
    if (poison === undefined) return;
    const many = Array.from({ length: 4096 }, (_, at) => records[at % records.length]!);
    const whole = await runFlows(stageCase, [Batch.from(many, input)]);
    for (const at of [0, 1234, 4095]) {
      const given = [...many.slice(0, at), poison, ...many.slice(at)];
      const { run, records: made } = await runFlows(stageCase, [Batch.from(given, input)]);
      strictEqual(run.tally.dead - whole.run.tally.dead, 1, 'rows that failed');
      ok(
        run.tally.failures.some(({ position }) => position === at),
        'the failed row is named',
      );
      sameOutputs(stageCase, made, whole.records, 'records beside the one that failed');
      assertLedger(run);
    }
  },

  'passes cuts in order': async (stageCase) => {
    const pieces = piecesOf(stageCase, splits(stageCase).slice(0, 3));
    const cuts = pieces.map((_, at) => new Cut(at + 1));
    const flows = [new Cut(0), ...pieces.flatMap((batch, at) => [batch, cuts[at]!])];
    const { run, records } = await runFlows(stageCase, flows);
    deepStrictEqual(run.cuts, [0, ...cuts.map(({ id }) => id)], 'cuts that came out');
    sameOutputs(stageCase, records, (await runWhole(stageCase)).records, 'records between cuts');
    assertLedger(run);
  },

  'ends when it is aborted': async (stageCase) => {
    const aborter = new AbortController();
    const run = new StageRun(stageCase, { signal: aborter.signal });
    const done = run.take(piecesOf(stageCase, [1]), { endless: true });
    done.catch(() => {});
    await turns(50);
    aborter.abort(new Error('stopped by the suite'));
    ok(await settles(done, stageCase.settleMsMax), 'it goes on after the abort');
  },
};

/** A snapshot is saved while the stage goes on: it must not be what the stage goes on with. */
async function assertSnapshotsKept(stageCase: StageCase): Promise<void> {
  const taken: { readonly snapshot: JsonValue; readonly text: string }[] = [];
  await new StageRun(stageCase).takeWithCuts(
    piecesOf(stageCase, splits(stageCase).slice(1, -1)),
    (snapshot) => taken.push({ snapshot, text: JSON.stringify(snapshot) }),
  );
  for (const { snapshot, text } of taken) {
    const message = 'a snapshot changes while the stage goes on: give a copy of what it holds';
    strictEqual(JSON.stringify(snapshot), text, message);
  }
}

async function runFlows(
  stageCase: StageCase,
  flows: readonly Flow[],
  state?: JsonValue,
): Promise<{ run: StageRun; records: OutputRecords }> {
  const run = new StageRun(stageCase, { state });
  await run.take(flows);
  return { run, records: run.records };
}

/** All records in one batch. */
function runWhole(stageCase: StageCase): Promise<{ run: StageRun; records: OutputRecords }> {
  return runFlows(stageCase, piecesOf(stageCase, []));
}

function runPieces(
  stageCase: StageCase,
  rows: number,
): Promise<{ run: StageRun; records: OutputRecords }> {
  const ends = stageCase.records.map((_, at) => at).filter((at) => at > 0 && at % rows === 0);
  return runFlows(stageCase, piecesOf(stageCase, ends));
}

/** The records as batches that end where `ends` say. */
function piecesOf({ input, records }: StageCase, ends: readonly number[]): Batch[] {
  const bounds = [0, ...ends, records.length];
  return bounds.slice(1).map((end, at) => {
    const position = bounds[at]!;
    return Batch.from(records.slice(position, end), input, { position });
  });
}

/** Places to cut the records at, at most 40, the ends among them. */
function splits({ records: { length } }: StageCase): number[] {
  const step = Math.max(1, Math.ceil(length / 40));
  return [...allRows(length + 1).subarray(0, length + 1)].filter(
    (at) => at % step === 0 || at === length,
  );
}

async function withCopies(
  stageCase: StageCase,
  assert: (copy: BatchCopy) => void,
): Promise<StageRun> {
  const pieces = piecesOf(stageCase, splits(stageCase).slice(1, 4));
  const copies = pieces.map((batch) => new BatchCopy(batch));
  const { run } = await runFlows(stageCase, pieces);
  for (const copy of copies) assert(copy);
  for (const copy of copies) copy.release();
  return run;
}

function assertLedger({ tally, rowsIn, rowsOut, held }: StageRun): void {
  const { createdRows, absorbedRows, droppedRows, dead } = tally;
  const text = `${rowsIn} in + ${createdRows} created, ${rowsOut} out + ${absorbedRows} absorbed + ${droppedRows} dropped + ${dead} dead + ${held} held`;
  strictEqual(rowsIn + createdRows, rowsOut + absorbedRows + droppedRows + dead + held, text);
}

function sameOutputs(
  { order }: StageCase,
  actual: OutputRecords,
  expected: OutputRecords,
  message = 'records',
): void {
  const arranged = (some: OutputRecords[string] = []): OutputRecords[string] =>
    order === 'any' ? some.toSorted(byText) : some;
  for (const output of new Set([...Object.keys(actual), ...Object.keys(expected)])) {
    const what = output === onlyOutput ? message : `${message}, output \`${output}\``;
    sameRecords(arranged(actual[output]), arranged(expected[output]), what);
  }
}

function byText(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
): number {
  const [left, right] = [JSON.stringify(a, writable), JSON.stringify(b, writable)];
  return left < right ? -1 : Number(left > right);
}

function writable(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value;
}
