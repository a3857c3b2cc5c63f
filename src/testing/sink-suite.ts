import { ok, strictEqual } from 'node:assert/strict';

import * as z from 'zod';

import { Batch, type RecordOf, type Schema, Selection } from '../batch/index.ts';
import {
  Cut,
  isSink,
  type Outside,
  silentLogger,
  type SinkComponent,
  type SinkConnector,
  type SinkDefinition,
} from '../core/index.ts';
import { defaultSettings } from '../engine/description.ts';
import { assertMade } from '../engine/protocol.ts';
import { connectorOfSink } from '../engine/sink-loop.ts';
import { BatchCopy } from './batch-copy.ts';
import {
  type Check,
  checksOf,
  type Patience,
  sameRecords,
  settles,
  type Skips,
  within,
} from './check.ts';
import { descriptionChecks } from './description-checks.ts';
import { virtualOutside } from './outside.ts';
import { VirtualFiles } from './virtual-files.ts';
import { withoutFiles } from './without-files.ts';

/** What a sink is checked for. */
export type SinkCheck =
  | 'has everything in its store after a commit'
  | 'takes only the rows that are selected'
  | 'takes nulls'
  | 'takes an empty batch'
  | 'commits where nothing was written'
  | 'writes to no batch that it is given'
  | 'gives back every buffer'
  | 'names the row that it refuses'
  | 'closes without an open, or after one that failed'
  | 'ends a write that is aborted'
  | 'leaves nothing open';

type Records = readonly Readonly<Record<string, unknown>>[];

/** A sink, and the store that it writes to. */
export interface SinkSetting {
  readonly component: SinkComponent<never>;
  /** Virtual unless given. */
  readonly outside?: Outside;
  /** The records in the store, in the order in which they were written. */
  readonly stored: () => Records | Promise<Records>;
}

/** A sink with options, and records that are written to it. */
export interface SinkCase extends Patience {
  /** Tells cases apart: `appended to`. */
  readonly name: string;
  /** The schema of the records. */
  readonly input: Schema;
  /** A dozen or more show the most. */
  readonly records: Records;
  /** Called for each instance: an empty store every time. */
  readonly prepare: () => SinkSetting;
  /** How a record looks in the store; as it was written unless given. */
  readonly asStored?: (record: Readonly<Record<string, unknown>>) => unknown;
  /** A record that the store refuses. */
  readonly refused?: Readonly<Record<string, unknown>>;
  /** Checks that do not apply, each with the reason. */
  readonly skips?: Skips<SinkCheck>;
}

/** Everything a sink must do, as a list of checks. `skips` are those of every case. */
export function sinkSuite(
  definition: SinkDefinition,
  cases: readonly SinkCase[],
  skips: Skips<SinkCheck> = {},
): Check[] {
  const { name } = definition.spec;
  ok(cases.length > 0, `the suite of \`${name}\` has no case`);
  return [
    ...checksOf(name, descriptionChecks, definition),
    ...cases.flatMap((sinkCase) =>
      checksOf(`${name} ${sinkCase.name}`, sinkChecks, sinkCase, { ...skips, ...sinkCase.skips }),
    ),
  ];
}

const sinkChecks: Readonly<Record<SinkCheck, (sinkCase: SinkCase) => Promise<void>>> = {
  'has everything in its store after a commit': async (sinkCase) => {
    const { records } = sinkCase;
    const half = Math.ceil(records.length / 2);
    await using sink = await openSink(sinkCase);
    await sink.write(batchOf(sinkCase, records.slice(0, half)));
    await sink.commit();
    await sink.assertStored(records.slice(0, half));
    for (const record of records.slice(half)) await sink.write(batchOf(sinkCase, [record]));
    await sink.commit();
    await sink.assertStored(records);
  },

  'takes only the rows that are selected': async (sinkCase) => {
    const { records } = sinkCase;
    await using sink = await openSink(sinkCase);
    const all = batchOf(sinkCase, records);
    const odd = Uint32Array.from(records.keys()).filter((row) => row % 2 === 1);
    await sink.write(all.select(new Selection(odd, odd.length)));
    all.release();
    await sink.commit();
    await sink.assertStored(records.filter((_, row) => row % 2 === 1));
  },

  'takes nulls': async (sinkCase) => {
    const { input, records } = sinkCase;
    const nulls = input.fields.filter((field) => field.nullable).map(({ name }) => [name, null]);
    const record = { ...records[0], ...(Object.fromEntries(nulls) as Record<string, null>) };
    await using sink = await openSink(sinkCase);
    await sink.write(batchOf(sinkCase, [record]));
    await sink.commit();
    await sink.assertStored([record]);
  },

  'takes an empty batch': async (sinkCase) => {
    const { records } = sinkCase;
    await using sink = await openSink(sinkCase);
    await sink.write(batchOf(sinkCase, []));
    await sink.write(batchOf(sinkCase, records));
    await sink.write(batchOf(sinkCase, []));
    await sink.commit();
    await sink.assertStored(records);
  },

  'commits where nothing was written': async (sinkCase) => {
    await using sink = await openSink(sinkCase);
    await sink.commit();
    await sink.commit();
    await sink.assertStored([]);
  },

  'writes to no batch that it is given': async (sinkCase) => {
    await withCopy(sinkCase, (copy) => copy.assertUnchanged());
  },

  'gives back every buffer': async (sinkCase) => {
    await withCopy(sinkCase, (copy) => copy.assertGivenBack());
  },

  'names the row that it refuses': async (sinkCase) => {
    const { records, refused } = sinkCase;
    if (refused === undefined) return;
    const many = Array.from({ length: 4095 }, (_, at) => records[at % records.length]!);
    await using sink = await openSink(sinkCase);
    const failed = await sink.write(
      batchOf(sinkCase, [...many.slice(0, 2000), refused, ...many.slice(2000)]),
    );
    strictEqual(failed.join(), '2000', 'rows that it refused');
    await sink.commit();
    await sink.assertStored(many);
  },

  'closes without an open, or after one that failed': async (sinkCase) => {
    await (await createSink(sinkCase)).connector.close();
    const { connector } = await createSink(sinkCase, withoutFiles);
    await connector.open(new AbortController().signal).catch(() => {});
    await connector.close();
  },

  'ends a write that is aborted': async (sinkCase) => {
    const { connector, outside } = await createSink(sinkCase);
    const aborter = new AbortController();
    await connector.open(aborter.signal);
    const writing = connector.write(batchOf(sinkCase, sinkCase.records), aborter.signal);
    aborter.abort(new Error('stopped by the suite'));
    ok(
      await settles(Promise.resolve(writing), sinkCase.settleMsMax),
      'it writes on after the abort',
    );
    ok(await settles(connector.close(), sinkCase.settleMsMax), 'it does not close after the abort');
    assertNothingOpen(outside);
  },

  'leaves nothing open': async (sinkCase) => {
    const sink = await openSink(sinkCase);
    await sink.write(batchOf(sinkCase, sinkCase.records));
    await sink[Symbol.asyncDispose]();
    assertNothingOpen(sink.outside);
  },
};

async function createSink(
  { prepare, input, settleMsMax }: SinkCase,
  through: (outside: Outside) => Outside = (outside) => outside,
): Promise<SinkSetting & { readonly connector: SinkConnector; readonly outside: Outside }> {
  const setting = prepare();
  const outside = through(setting.outside ?? virtualOutside());
  const { spec } = setting.component.definition;
  const options = spec.options(z).parse(setting.component.options) as never;
  spec.check?.(input, options);
  const { clock, random, files, network } = outside;
  const { signal } = new AbortController();
  const creating = spec.create(options, {
    clock,
    random,
    files,
    network,
    id: spec.name,
    log: silentLogger,
    signal,
    batchLimits: defaultSettings.batch,
    input,
    report: { counted: () => {} },
    savesPositions: true,
  });
  const created = await within(Promise.resolve(creating), 'it is never created', settleMsMax);
  if (!isSink(created)) assertMade(spec.name, 'sink', created);
  const connector = isSink(created) ? connectorOfSink(created, spec.name, signal) : created;
  return { ...setting, connector: bounded(connector, settleMsMax), outside };
}

/** The same connector; a call that never settles fails instead. */
function bounded(connector: SinkConnector, settleMsMax: number | undefined): SinkConnector {
  const soon = <T>(promise: T | Promise<T>, fact: string): Promise<T> =>
    within(Promise.resolve(promise), fact, settleMsMax);
  return {
    open: (signal) => soon(connector.open(signal), 'it neither opens nor fails'),
    write: (batch, signal) =>
      soon(connector.write(batch, signal), 'it neither takes a batch nor refuses it'),
    commit: (cut, signal) => soon(connector.commit(cut, signal), 'it does not commit'),
    close: () => soon(connector.close(), 'it does not close'),
  };
}

interface OpenSink extends AsyncDisposable {
  readonly outside: Outside;
  /** Writes and releases a batch as the engine does; gives the stored rows that were refused. */
  write(batch: Batch): Promise<number[]>;
  commit(): Promise<void>;
  assertStored(records: Records): Promise<void>;
}

async function openSink(sinkCase: SinkCase): Promise<OpenSink> {
  const { connector, outside, stored } = await createSink(sinkCase);
  const { signal } = new AbortController();
  const { asStored = (record) => record } = sinkCase;
  let cuts = 0;
  await connector.open(signal);
  return {
    outside,
    async write(batch) {
      const failed = await writeParts(connector, batch, signal);
      batch.release();
      return failed;
    },
    commit: () => connector.commit(new Cut(++cuts), signal),
    async assertStored(records) {
      sameRecords(await stored(), records.map(asStored), 'records in the store');
    },
    [Symbol.asyncDispose]: () => connector.close(),
  };
}

/** Writes a batch, in halves where it is refused whole; gives the stored rows that stay refused. */
async function writeParts(
  connector: SinkConnector,
  batch: Batch,
  signal: AbortSignal,
): Promise<number[]> {
  const result = await connector.write(batch, signal);
  ok(result?.notNow === undefined, 'it can take nothing now');
  if (result?.refused === undefined) return (result?.failed ?? []).map(({ row }) => row);
  if (batch.length <= 1) return [...batch.rows.subarray(0, batch.length)];
  const half = batch.length >>> 1;
  const failed: number[] = [];
  for (const [start, end] of [
    [0, half],
    [half, batch.length],
  ] as const) {
    const part = batch.select(new Selection(batch.rows.slice(start, end), end - start));
    failed.push(...(await writeParts(connector, part, signal)));
    part.release();
  }
  return failed;
}

/** A batch of records that say where among those of the case they are: each has an id of its own. */
function batchOf({ input, records: all }: SinkCase, records: Records): Batch {
  const position = Math.max(0, all.indexOf(records[0]!));
  return Batch.from(records as readonly RecordOf<Schema['shape']>[], input, { position });
}

async function withCopy(sinkCase: SinkCase, assert: (copy: BatchCopy) => void): Promise<void> {
  await using sink = await openSink(sinkCase);
  const batch = batchOf(sinkCase, sinkCase.records);
  const copy = new BatchCopy(batch);
  await sink.write(batch);
  await sink.commit();
  assert(copy);
  copy.release();
}

function assertNothingOpen({ files }: Outside): void {
  if (files instanceof VirtualFiles) strictEqual(files.openCount, 0, 'files that are still open');
}
