import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';

import { type Outside, type Position, type SourceDefinition, VirtualClock } from '../core/index.ts';
import { type Check, checksOf, sameRecords, settles, type Skips, turns, within } from './check.ts';
import { descriptionChecks } from './description-checks.ts';
import { virtualOutside } from './outside.ts';
import {
  type ReadRow,
  type SourceCase,
  type SourceCheck,
  SourceRun,
  type SourceRunOptions,
} from './source-run.ts';
import { VirtualFiles } from './virtual-files.ts';
import { withoutFiles } from './without-files.ts';

/** Everything a source must do, as a list of checks. `skips` are those of every case. */
export function sourceSuite(
  definition: SourceDefinition,
  cases: readonly SourceCase[],
  skips: Skips<SourceCheck> = {},
): Check[] {
  const { name } = definition.spec;
  ok(cases.length > 0, `the suite of \`${name}\` has no case`);
  return [
    ...checksOf(name, descriptionChecks, definition),
    ...cases.flatMap((sourceCase) =>
      checksOf(`${name} ${sourceCase.name}`, sourceChecks, sourceCase, {
        ...skips,
        ...sourceCase.skips,
      }),
    ),
  ];
}

const sourceChecks: Readonly<Record<SourceCheck, (sourceCase: SourceCase) => Promise<void>>> = {
  'gives batches of the schema that it promises': async (sourceCase) => {
    const run = await SourceRun.create(sourceCase);
    await run.readAll(rowsMaxOf(sourceCase), ({ schema, holders, origin }) => {
      ok(schema.equals(run.output), `it promised ${run.output} and gave ${schema}`);
      strictEqual(holders, 1, 'holders of a batch beside the source');
      strictEqual(origin.source, run.id, 'the source that a batch says it is of');
    });
  },

  'gives the records that are expected': async (sourceCase) => {
    const { rows } = await readAll(sourceCase);
    const { expected } = sourceCase;
    if (expected !== undefined) sameRecords(recordsOf(rows), expected, 'its records');
  },

  'reports each record that it makes no row of': async (sourceCase) => {
    const { tally } = await readAll(sourceCase);
    strictEqual(tally.dead, sourceCase.failed ?? 0, 'records that it reported');
    for (const { reason, position } of tally.failures) {
      ok(/^[a-z]+(\.[a-zA-Z]+)+$/.test(reason), `\`${reason}\` is no dotted reason`);
      ok(Number.isFinite(position), 'a failed record says where it was');
    }
  },

  'goes on from each of its positions': async (sourceCase) => {
    const whole = await readAll(sourceCase, { limits: { rowsMax: 7 } });
    for (const { position, rows } of atMost(whole.positions, 40)) {
      const rest = await readAll(sourceCase, { from: position }, whole.rows.length - rows);
      sameRecords(
        rest.rows.slice(0, whole.rows.length - rows),
        whole.rows.slice(rows),
        `the rest behind ${JSON.stringify(position)}, after ${rows} rows`,
      );
    }
  },

  'names each record, and the same way again': async (sourceCase) => {
    const { rows } = await readAll(sourceCase);
    const ids = rows.map(({ id }) => id);
    strictEqual(new Set(ids).size, ids.length, 'records with a name of their own');
    const again = await readAll(sourceCase, { limits: { rowsMax: 5 } });
    const count = Math.min(ids.length, again.rows.length);
    const names = again.rows.slice(0, count).map(({ id }) => id);
    deepStrictEqual(names, ids.slice(0, count), 'names when it is read again');
  },

  'keeps to the limits of a batch': async (sourceCase) => {
    const byRows = await readAll(sourceCase, { limits: { rowsMax: 3 } });
    ok(Math.max(0, ...byRows.batchRows) <= 3, `a batch of ${Math.max(...byRows.batchRows)} rows`);
    const byBytes = await readAll(sourceCase, { limits: { bytesMax: 1 } });
    ok(
      Math.max(0, ...byBytes.batchRows) <= 1,
      `a batch of ${Math.max(...byBytes.batchRows)} rows where one is too long`,
    );
  },

  'says again that it has ended': async (sourceCase) => {
    const run = await SourceRun.create(sourceCase);
    await run.open();
    while (run.rows.length < rowsMaxOf(sourceCase)) {
      if (await run.read()) continue;
      strictEqual(await run.read(), false, 'it read on behind its end');
      strictEqual(await run.read(), false, 'it read on behind its end');
      break;
    }
    await run.connector.close();
  },

  'gives positions that are JSON': async (sourceCase) => {
    const { positions } = await readAll(sourceCase, { limits: { rowsMax: 7 } });
    for (const { position } of positions) {
      deepStrictEqual(JSON.parse(JSON.stringify(position)), position);
    }
  },

  'closes without an open, or after one that failed': async (sourceCase) => {
    await (await SourceRun.create(sourceCase)).connector.close();
    const failing = await SourceRun.create(sourceCase, { through: withoutFiles });
    await failing.open().catch(() => {});
    await failing.connector.close();
  },

  'wakes a read that is aborted': async (sourceCase) => {
    const aborter = new AbortController();
    const { settleMsMax } = sourceCase;
    const run = await SourceRun.create(sourceCase, { signal: aborter.signal, through: stopped });
    ok(await settles(run.open(), settleMsMax), 'it waits for time to open');
    const reading = run.read();
    reading.catch(() => {});
    await turns(50);
    aborter.abort(new Error('stopped by the suite'));
    ok(await settles(reading, settleMsMax), 'it reads on after the abort');
    ok(await settles(run.read(), settleMsMax), 'it begins to read after the abort');
    await run.connector.close();
    assertNothingOpen(run);
  },

  'keeps what it promises while it is paused': async (sourceCase) => {
    const whole = await readAll(sourceCase, oftenPaused);
    const { whenPaused, connector } = whole;
    if (whenPaused === 'hold') await assertHeld(sourceCase, whole);
    if (whenPaused !== 'redeliver') return;
    ok(connector.acknowledge !== undefined, 'it promises to redeliver and has no `acknowledge`');
    await assertRedelivered(sourceCase, whole);
  },

  'says how far it is behind, if it knows': async (sourceCase) => {
    await readEach(sourceCase, ({ connector }) => {
      const lag = connector.lag?.() ?? null;
      if (lag === null) return;
      ok(['records', 'bytes'].includes(lag.unit), `it is behind by \`${lag.unit}\``);
      ok(Number.isFinite(lag.value) && lag.value >= 0, `it is behind by ${lag.value}`);
    });
  },

  'leaves nothing open': async (sourceCase) => {
    assertNothingOpen(await readAll(sourceCase));
    const early = await SourceRun.create(sourceCase, { limits: { rowsMax: 1 } });
    await early.open();
    await early.read();
    await early.connector.close();
    assertNothingOpen(early);
  },
};

const oftenPaused: SourceRunOptions = { limits: { rowsMax: 3 } };
const pausesMax = 5;
const pauseMs = 60_000;

/** What comes is the same where nothing is read for minutes, again and again. */
async function assertHeld(sourceCase: SourceCase, whole: SourceRun): Promise<void> {
  let pauses = 0;
  const paused = await readEach(sourceCase, async ({ outside: { clock } }) => {
    if (pauses++ >= pausesMax) return;
    if (!(clock instanceof VirtualClock)) return turns(50);
    const fact = 'time does not go on while nothing is read';
    await within(clock.sleep(pauseMs), fact, sourceCase.settleMsMax);
  });
  sameRecords(recordsOf(paused.rows), recordsOf(whole.rows), 'its records, read with pauses');
}

/** Of one far end, what was read and not acknowledged comes again, whatever else does. */
async function assertRedelivered(sourceCase: SourceCase, whole: SourceRun): Promise<void> {
  const setting = { outside: virtualOutside(), ...sourceCase.prepare() };
  const same = { ...sourceCase, prepare: () => setting };
  let safe: { readonly position?: Position; readonly rows: number } = { rows: 0 };
  await readEach(same, async ({ connector, positions }) => {
    // The first of two batches is stored when the second has been read.
    if (positions.length !== 3) return;
    safe = positions[1]!;
    await connector.acknowledge!(positions[1]!.position, new AbortController().signal);
  });
  const left = whole.rows.slice(safe.rows);
  const again = await readAll(same, { ...oftenPaused, from: safe.position });
  const ids = new Set(again.rows.map(({ id }) => id));
  const lost = left.filter(({ id }) => !ids.has(id)).length;
  strictEqual(lost, 0, `${lost} rows were not acknowledged and did not come again`);
}

/** Reads in small batches; `between`: after it has opened, and after each batch. */
async function readEach(
  sourceCase: SourceCase,
  between: (run: SourceRun) => void | Promise<void>,
): Promise<SourceRun> {
  const run = await SourceRun.create(sourceCase, oftenPaused);
  try {
    await run.open();
    do await between(run);
    while (run.rows.length < rowsMaxOf(sourceCase) && (await run.read()));
  } finally {
    await run.connector.close();
  }
  return run;
}

const rowsMaxUnlessGiven = 1000;

function rowsMaxOf({ rowsMax = rowsMaxUnlessGiven }: SourceCase): number {
  return rowsMax;
}

async function readAll(
  sourceCase: SourceCase,
  options: SourceRunOptions = {},
  rowsMax: number = rowsMaxOf(sourceCase),
): Promise<SourceRun> {
  return (await SourceRun.create(sourceCase, options)).readAll(rowsMax);
}

function recordsOf(rows: readonly ReadRow[]): ReadRow['record'][] {
  return rows.map(({ record }) => record);
}

function atMost<T>(items: readonly T[], count: number): T[] {
  const step = Math.max(1, Math.ceil(items.length / count));
  return items.filter((_, at) => at % step === 0 || at === items.length - 1);
}

function assertNothingOpen({ outside: { files } }: SourceRun): void {
  if (files instanceof VirtualFiles) strictEqual(files.openCount, 0, 'files that are still open');
}

/** Time stands still: what waits for it waits for ever. */
function stopped(outside: Outside): Outside {
  const { clock } = outside;
  if (clock instanceof VirtualClock) void clock.hold(new Promise(() => {}));
  return outside;
}
