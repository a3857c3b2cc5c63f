import { type Batch, EncodedBatch, Selection } from '../batch/index.ts';
import type { Clock, Cut, FailedRow, SinkConnector } from '../core/index.ts';
import type { Calls } from './calls.ts';
import { unlessAborted } from './limit.ts';
import type { Observed } from './observed.ts';
import type { PlannedSink } from './planned.ts';
import { assertAnswer, brokenPromise, callConnector, type ConnectorCall } from './protocol.ts';
import type { Tally } from './report.ts';
import { traced } from './traced.ts';

/** How often one refused batch is written again in part before the rest of it is given up. */
const bisectWritesMax = 1024;

export interface SinkWriterParts {
  readonly planned: PlannedSink;
  readonly connector: SinkConnector;
  readonly observed: Observed;
  readonly calls: Calls;
  readonly clock: Clock;
  readonly watch: ((sink: string, batch: Batch) => void) | undefined;
  readonly signal: AbortSignal;
}

/** What is left of the search for the rows that a sink refuses. */
interface Bisection {
  writesLeft: number;
  /** The stored rows that were refused so far. */
  readonly refused: Set<number>;
}

/** Writes batches to a sink connector and finds the rows that it refuses. */
export class SinkWriter {
  readonly #parts: SinkWriterParts;
  #opened: Promise<void> | undefined;
  /** Rows taken since the last commit. */
  #taken = 0;

  constructor(parts: SinkWriterParts) {
    this.#parts = parts;
    const { meter, tally } = parts.observed;
    // What is neither committed nor refused may or may not be in the store.
    parts.observed.held = () => meter.rowsIn - meter.rowsOut - tally.dead - tally.droppedRows;
  }

  get id(): string {
    return this.#parts.planned.node.id;
  }

  /** Rows committed so far. */
  get committed(): number {
    return this.#parts.observed.meter.rowsOut;
  }

  /** Settles when the connector's `open` does. What it is given before waits with it. */
  open(givingUp: AbortSignal): Promise<void> {
    const { connector, calls } = this.#parts;
    const signal = AbortSignal.any([this.#parts.signal, givingUp]);
    const open = (attempt: AbortSignal): Promise<void> => connector.open(attempt);
    const opening = callConnector({ id: this.id, calls }, 'open', open, signal);
    // An `open` that hangs, whatever it is told, keeps nothing that waits for it.
    this.#opened = unlessAborted(opening, signal);
    // Met by whoever opens it, or by the first batch or cut.
    this.#opened.catch(() => {});
    return opening;
  }

  /** Resolves when it is open; rejects where that fails, and when the run is over. */
  get opened(): Promise<void> {
    return this.#opened ?? Promise.resolve();
  }

  /** Resolves when opening has to wait, for the first time. */
  get waits(): Promise<void> {
    return this.#parts.calls.waiting;
  }

  /**
   * Writes the rows that count; those refused are in the tally. Releases the batch. Until it is open
   * they are on their way to it.
   */
  async write(batch: Batch): Promise<void> {
    try {
      await this.#opened;
    } catch (error) {
      batch.release();
      throw error;
    }
    this.#parts.observed.meter.rowsIn += batch.length;
    return this.take(batch);
  }

  /** The same, for rows that were counted as they came. */
  async take(batch: Batch): Promise<void> {
    const { observed } = this.#parts;
    const seen = batch instanceof EncodedBatch ? batch.sample : batch;
    if (seen !== null) this.#parts.watch?.(this.id, seen);
    if (seen !== null && observed.taken.size > 0) observed.taken.tell(seen);
    const deadBefore = observed.tally.dead;
    const bisection = { writesLeft: bisectWritesMax, refused: new Set<number>() };
    try {
      await this.#opened;
      observed.begin();
      let rows = 0;
      try {
        await this.#work(batch, bisection);
        rows = batch.length;
      } finally {
        observed.end(rows);
      }
      this.#measure(batch);
      this.#taken += batch.length - (observed.tally.dead - deadBefore);
      await this.#hand(batch, bisection);
    } finally {
      batch.release();
    }
  }

  #work(batch: Batch, bisection: Bisection): void | Promise<void> {
    const { observed } = this.#parts;
    const { tracing } = observed;
    const write = (): Promise<void> => this.#writeRows(batch, bisection);
    return tracing === undefined ? write() : traced(observed, tracing, batch, write);
  }

  /** Hands on what the sink took, where somebody waits for that. */
  async #hand(batch: Batch, { refused }: Bisection): Promise<void> {
    const { planned, signal } = this.#parts;
    if (planned.hand === undefined || refused.size === batch.length) return;
    if (refused.size === 0) return planned.hand(batch, signal);
    const rows = batch.rows.slice(0, batch.length).filter((row) => !refused.has(row));
    const taken = batch.select(new Selection(rows, rows.length));
    try {
      await planned.hand(taken, signal);
    } finally {
      taken.release();
    }
  }

  /** How long the batch took, from the source's read on. */
  #measure({ origin: { readMs } }: Batch): void {
    const { endToEnd, lastProgressMs } = this.#parts.observed.meter;
    if (readMs !== undefined) endToEnd.record((lastProgressMs! - readMs) / 1000);
  }

  /** The rows refused since this was last asked. */
  takeRefused(): Tally['failures'] {
    return this.#parts.observed.tally.takeFailures();
  }

  /** `within`: what limits one attempt. */
  async commit(
    cut: Cut,
    within: (attempt: () => Promise<void>) => Promise<void> = (attempt) => attempt(),
  ): Promise<void> {
    const { connector, observed } = this.#parts;
    await this.#opened;
    const taken = this.#taken;
    observed.begin();
    try {
      await this.#call('commit', (signal) => within(() => connector.commit(cut, signal)));
    } finally {
      observed.endOther();
    }
    observed.meter.sent(taken);
    this.#taken -= taken;
  }

  async close(): Promise<void> {
    const { connector, signal } = this.#parts;
    await callConnector({ id: this.id }, 'close', () => connector.close(), signal);
  }

  async #writeRows(batch: Batch, bisection: Bisection): Promise<void> {
    const { observed } = this.#parts;
    bisection.writesLeft--;
    const result = await this.#offer(batch);
    if (result?.refused === undefined) {
      this.#refuseRows(batch, result?.failed ?? [], bisection);
      return;
    }
    const { reason, message } = result.refused;
    if (batch.length === 1 || bisection.writesLeft <= 0) {
      for (let at = 0; at < batch.length; at++) {
        const row = batch.rows[at]!;
        bisection.refused.add(row);
        observed.tally.failed(batch, row, reason, message);
      }
      return;
    }
    observed.tally.counted('batches bisected', 1);
    const half = batch.length >>> 1;
    for (const [start, end] of [
      [0, half],
      [half, batch.length],
    ] as const) {
      const part = batch.select(new Selection(batch.rows.slice(start, end), end - start));
      try {
        await this.#writeRows(part, bisection);
      } finally {
        part.release();
      }
    }
  }

  /** Each row is refused once, however often it is named; one that was not offered cannot be. */
  #refuseRows(batch: Batch, failed: readonly FailedRow[], { refused }: Bisection): void {
    if (failed.length === 0) return;
    const offered = new Set(batch.rows.subarray(0, batch.length));
    for (const { row, reason, message } of failed) {
      if (!offered.has(row)) {
        const fact = `refused row ${row}, which is not among those that were offered`;
        const remedy = 'name stored rows: `batch.rows[at]` for the row at `at`';
        throw brokenPromise(this.id, fact, remedy);
      }
      if (!refused.has(row)) this.#parts.observed.tally.failed(batch, row, reason, message);
      refused.add(row);
    }
  }

  /** Offers a batch until the sink takes or refuses it: "not now" is no failure of the batch. */
  async #offer(batch: Batch): ReturnType<SinkConnector['write']> {
    const { connector, calls, clock, signal } = this.#parts;
    const write = (attempt: AbortSignal): ReturnType<SinkConnector['write']> =>
      connector.write(batch, attempt);
    for (;;) {
      const result = await this.#call('write', write);
      assertAnswer(this.id, result);
      if (result?.notNow === undefined) {
        calls.recovered('offer');
        return result;
      }
      calls.degrade('offer', result.notNow.message);
      await clock.sleep(result.notNow.retryAfterMs, { signal });
    }
  }

  #call<T>(what: ConnectorCall, attempt: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { calls, signal } = this.#parts;
    return callConnector({ id: this.id, calls }, what, attempt, signal);
  }
}
