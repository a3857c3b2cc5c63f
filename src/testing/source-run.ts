import { ok } from 'node:assert/strict';

import * as z from 'zod';

import type { Batch, Schema } from '../batch/index.ts';
import {
  type BatchLimits,
  endOfInput,
  isSource,
  type Outside,
  type Position,
  silentLogger,
  type SourceComponent,
  type SourceConnector,
  type SourceContext,
  type WhenPaused,
} from '../core/index.ts';
import { defaultSettings } from '../engine/description.ts';
import { connectorOf } from '../engine/hand-written.ts';
import { assertMade } from '../engine/protocol.ts';
import { Tally } from '../engine/report.ts';
import { type Patience, type Skips, within } from './check.ts';
import { virtualOutside } from './outside.ts';

/** What a source is checked for. */
export type SourceCheck =
  | 'gives batches of the schema that it promises'
  | 'gives the records that are expected'
  | 'reports each record that it makes no row of'
  | 'goes on from each of its positions'
  | 'names each record, and the same way again'
  | 'keeps to the limits of a batch'
  | 'says again that it has ended'
  | 'gives positions that are JSON'
  | 'closes without an open, or after one that failed'
  | 'wakes a read that is aborted'
  | 'keeps what it promises while it is paused'
  | 'says how far it is behind, if it knows'
  | 'leaves nothing open';

/** A source, and the outside that it reads from. */
export interface SourceSetting {
  readonly component: SourceComponent;
  /** Virtual unless given. */
  readonly outside?: Outside;
}

/** A source with options, and what it must give. */
export interface SourceCase extends Patience {
  /** Tells cases apart: `two files`. */
  readonly name: string;
  /** Called for each instance: the same input every time. */
  readonly prepare: () => SourceSetting;
  /** What it gives, where that is written down. */
  readonly expected?: readonly Readonly<Record<string, unknown>>[];
  /** How many records it makes no row of; none unless given. */
  readonly failed?: number;
  /** How many rows to look at where it does not end soon; 1,000 unless given. */
  readonly rowsMax?: number;
  /** Checks that do not apply, each with the reason. */
  readonly skips?: Skips<SourceCheck>;
}

export interface SourceRunOptions {
  readonly from?: Position | undefined;
  readonly limits?: Partial<BatchLimits>;
  readonly signal?: AbortSignal;
  /** Puts itself between the source and its outside. */
  readonly through?: (outside: Outside) => Outside;
}

/** One row that a source gave, with what identifies it. */
export interface ReadRow {
  readonly id: string;
  readonly record: Readonly<Record<string, unknown>>;
}

/** One instance of a source, planned and created outside any pipeline, and what it gave. */
export class SourceRun {
  readonly id: string;
  readonly whenPaused: WhenPaused;
  readonly connector: SourceConnector;
  readonly tally: Tally;
  readonly output: Schema;
  readonly outside: Outside;
  readonly rows: ReadRow[] = [];
  /** Where it can resume, and how many rows it had given then. */
  readonly positions: { readonly position: Position; readonly rows: number }[] = [];
  readonly batchRows: number[] = [];
  #emptyReads = 0;
  readonly #from: Position | undefined;
  readonly #signal: AbortSignal;

  private constructor(
    whenPaused: WhenPaused,
    connector: SourceConnector,
    context: SourceContext,
    tally: Tally,
    from: Position | undefined,
  ) {
    this.id = context.id;
    this.whenPaused = whenPaused;
    this.connector = connector;
    this.tally = tally;
    this.output = context.output;
    this.outside = context;
    this.#from = from;
    this.#signal = context.signal;
  }

  static async create(
    { prepare, settleMsMax }: SourceCase,
    { from, limits, signal = new AbortController().signal, through }: SourceRunOptions = {},
  ): Promise<SourceRun> {
    const { component, outside: given = virtualOutside() } = prepare();
    const outside = through?.(given) ?? given;
    const { spec } = component.definition;
    const options = spec.options(z).parse(component.options) as never;
    const { clock, random, files, network } = outside;
    const planned = { clock, random, files, network, id: spec.name, signal };
    const schema = Promise.resolve(spec.output(options, { ...given, id: spec.name, signal }));
    const output = await within(schema, 'it does not find its schema', settleMsMax);
    const tally = new Tally();
    const context: SourceContext = {
      ...planned,
      log: silentLogger,
      batchLimits: { ...defaultSettings.batch, ...limits },
      output,
      report: tally,
      idle: (wait) => wait,
    };
    const created = await within(
      Promise.resolve(spec.create(options, context)),
      'it is never created',
      settleMsMax,
    );
    if (!isSource(created)) assertMade(spec.name, 'source', created);
    const connector = isSource(created) ? connectorOf(created) : created;
    return new SourceRun(spec.whenPaused, bounded(connector, settleMsMax), context, tally, from);
  }

  async open(): Promise<void> {
    await this.connector.open(this.#from, this.#signal);
    this.positions.push({ position: this.connector.position(), rows: 0 });
  }

  /** The next batch, noted and released; false at the end. */
  async read(see: (batch: Batch) => void = () => {}): Promise<boolean> {
    const batch = await this.connector.read(this.#signal);
    if (batch === endOfInput) return false;
    this.#emptyReads = batch.length === 0 ? this.#emptyReads + 1 : 0;
    ok(this.#emptyReads < emptyReadsMax, 'it gives batches without rows, and no end');
    see(batch);
    const records = batch.toRows() as Record<string, unknown>[];
    for (const [at, record] of records.entries()) {
      this.rows.push({ id: batch.origin.recordId(batch.rows[at]!), record });
    }
    this.batchRows.push(batch.length);
    batch.release();
    this.positions.push({ position: this.connector.position(), rows: this.rows.length });
    return true;
  }

  /** Opens, reads to the end or to `rowsMax` rows, and closes. */
  async readAll(rowsMax: number, see?: (batch: Batch) => void): Promise<this> {
    try {
      await this.open();
      while (this.rows.length < rowsMax && (await this.read(see)));
    } finally {
      await this.connector.close();
    }
    return this;
  }
}

const emptyReadsMax = 10_000;

/** The same connector; a call that never settles fails instead. */
function bounded(connector: SourceConnector, settleMsMax: number | undefined): SourceConnector {
  const soon = <T>(promise: Promise<T>, fact: string): Promise<T> =>
    within(promise, fact, settleMsMax);
  const same: SourceConnector = {
    open: (from, signal) => soon(connector.open(from, signal), 'it neither opens nor fails'),
    read: (signal) => soon(connector.read(signal), 'it gives neither a batch nor its end'),
    position: () => connector.position(),
    close: () => soon(connector.close(), 'it does not close'),
  };
  if (connector.acknowledge !== undefined) {
    same.acknowledge = (position, signal) =>
      soon(connector.acknowledge!(position, signal), 'it does not acknowledge');
  }
  if (connector.lag !== undefined) same.lag = () => connector.lag!();
  if (connector.policies !== undefined) same.policies = () => connector.policies!();
  return same;
}
