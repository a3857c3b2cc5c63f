import { Batch, Selection } from '../batch/index.ts';
import {
  type Cut,
  endOfInput,
  isSource,
  type Position,
  type Source,
  type SourceConnector,
} from '../core/index.ts';
import { PipelineError } from '../errors.ts';
import type { SourceState } from '../observe/snapshot.ts';
import type { BatchTrace } from '../observe/tracing.ts';
import { Acknowledgement } from './acknowledgement.ts';
import type { Calls } from './calls.ts';
import type { Cuts } from './checkpoint.ts';
import type { Settle } from './dead-letters.ts';
import { readLag } from './given-figures.ts';
import type { SourceTimes } from './event-time.ts';
import { connectorOf } from './hand-written.ts';
import type { Observed } from './observed.ts';
import { aborted } from './limit.ts';
import { isPaced, onlyOutput, type PlannedSource } from './planned.ts';
import type { Outlet } from './outlet.ts';
import { assertPromised, callConnector } from './protocol.ts';
import { SingleRead } from './single-read.ts';
import { Wakeup } from './wakeup.ts';

/** How long the loop goes on before timers, signals and I/O have their turn. */
const turnMsMax = 20;

type ReadResult = { batch: Batch | typeof endOfInput } | { error: unknown };

/** How many records a run may still read. */
export interface RecordBudget {
  left: number;
  /** Called when nothing is left. */
  readonly spent: () => void;
}

export interface SourceLoopParts {
  readonly planned: PlannedSource;
  readonly source: SourceConnector | Source;
  /** Where an earlier run left off. */
  readonly from: Position | undefined;
  readonly observed: Observed;
  readonly calls: Calls;
  readonly outlet: Outlet;
  readonly cuts: Cuts;
  readonly budget: RecordBudget;
  /** What looks at when its rows happened, where it says that. */
  readonly eventTime: SourceTimes | undefined;
  /** Whether cuts are saved anywhere. */
  readonly saves: boolean;
  /** Whether nothing more is to be read for now; whoever changes it wakes the loop. */
  readonly isPaused: () => boolean;
  readonly settle: Settle;
  /** Aborts when the run is stopped at once. */
  readonly signal: AbortSignal;
  readonly ended: () => void;
}

/** Reads a source into the stream, and puts the cuts between its batches, also while it is idle. */
export class SourceLoop {
  readonly #parts: SourceLoopParts;
  readonly #connector: SourceConnector;
  readonly #isHandWritten: boolean;
  /** Undefined without a policy: a call that nobody gives up is the only one. */
  readonly #reads: SingleRead | undefined;
  readonly #acknowledgement: Acknowledgement;
  readonly #wakeup = new Wakeup();
  readonly #stop = new AbortController();
  #opened: Promise<unknown> = Promise.resolve();
  #isOpened = false;
  readonly #signal: AbortSignal;
  #result: ReadResult | undefined;
  #reading = false;
  #ended = false;
  #closed = false;
  #lastCut = 0;
  #position: Position = null;
  /** Whether `#position` is that behind everything emitted; false only for a hand-written source. */
  #isCovered = true;
  /** Whether the run's limit of records fell into a batch. */
  #isCutShort = false;
  /** Whether a hand-written source says positions at all. */
  #saysPositions = false;
  /** Records that were read and did not become rows, as far as they are counted. */
  #withoutRow = 0;
  /** How long the source had been at work when it was last read. */
  #busyMs = 0;
  /** For how long it has been read, waiting included, and since when it is. */
  #readMs = 0;
  #readSinceMs: number | undefined;
  /** Whether its input has ended by itself. */
  #inputEnded = false;

  constructor(parts: SourceLoopParts) {
    this.#parts = parts;
    this.#signal = AbortSignal.any([parts.signal, this.#stop.signal]);
    this.#isHandWritten = isSource(parts.source);
    this.#connector = isSource(parts.source) ? this.#handWritten(parts.source) : parts.source;
    const { calls, signal } = parts;
    const { id } = this;
    if (parts.planned.node.policy !== undefined) {
      this.#reads = new SingleRead((within) => this.#readConnector(within), this.#signal);
    }
    this.#acknowledgement = new Acknowledgement({ id, connector: this.#connector, calls, signal });
    parts.signal.addEventListener('abort', () => this.#wakeup.set(), { once: true });
    parts.observed.source = () => this.#state();
  }

  get id(): string {
    return this.#parts.planned.node.id;
  }

  #state(): SourceState {
    const state = { isPaced: isPaced(this.#parts.planned), hasEnded: this.#ended };
    const lag = this.#parts.observed.ask('lag', () => readLag(this.id, this.#connector.lag?.()));
    return lag ? { ...state, lag } : state;
  }

  /**
   * Opens it where an earlier run left off. Resolves when it is open, and never where a stop gave that
   * up; rejects where it fails.
   */
  open(givingUp: AbortSignal): Promise<void> {
    const opened = this.#open(givingUp);
    this.#opened = opened;
    // Met by whoever opens it, or by the first read.
    opened.catch(() => {});
    return opened.then((isOpen) => (isOpen ? undefined : new Promise(() => {})));
  }

  /** Resolves when opening has to wait, or is given up: it is read later, or not at all. */
  get waits(): Promise<void> {
    return Promise.race([this.#parts.calls.waiting, aborted(this.#stop.signal)]);
  }

  /** Whether it is open: false where a stop came before. */
  async #open(givingUp: AbortSignal): Promise<boolean> {
    const { calls, from } = this.#parts;
    this.#position = from ?? null;
    const open = (signal: AbortSignal): Promise<void> => this.#connector.open(from, signal);
    try {
      // The signal of a hand-written stream is not that of one attempt to open it.
      if (this.#isHandWritten) await open(this.#signal);
      else {
        const signal = AbortSignal.any([this.#signal, givingUp]);
        await callConnector({ id: this.id, calls }, 'open', open, signal);
      }
      this.#position = this.#connector.position();
      return true;
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error;
      return false;
    }
  }

  /** Looks for a cut that is due, and for whether it is still paused. */
  wake(): void {
    this.#parts.observed.now();
    this.#wakeup.set();
  }

  /** Reads no more; what was read flows on, and the final cut comes behind it. */
  stop(): void {
    this.#stop.abort(new Stopped());
    this.#wakeup.set();
  }

  async run(): Promise<void> {
    try {
      await this.#flow();
    } finally {
      this.#closed = true;
      this.#letGo();
    }
    this.#parts.outlet.close();
  }

  /** Tells the source that everything up to the position is safe. `within` limits one attempt. */
  acknowledge(
    position: Position,
    within: (attempt: () => Promise<void>) => Promise<void>,
  ): Promise<void> {
    return this.#acknowledgement.send(position, within);
  }

  async close(): Promise<void> {
    const { signal } = this.#parts;
    await callConnector({ id: this.id }, 'close', () => this.#connector.close(), signal);
  }

  async #flow(): Promise<void> {
    const { outlet, signal, cuts, observed } = this.#parts;
    let turnMs = observed.now();
    for (;;) {
      // Where nothing waits for the outside, promises alone would keep everything else out for ever.
      if ((observed.meter.lastProgressMs ?? turnMs) - turnMs > turnMsMax) {
        await observed.turn();
        turnMs = observed.now();
      }
      if (observed.log.blocked !== undefined) await observed.logTaken();
      signal.throwIfAborted();
      const mayCut = cuts.isDue(this.#lastCut) && (await this.#mayCut());
      const agrees = !this.#isCutShort && (this.#isCovered || !this.#saysPositions);
      const cut = mayCut ? this.#enterCut(agrees) : undefined;
      if (cut !== undefined) {
        this.#lastCut = cut.id;
        // A read that goes on may have counted records that it has not given.
        if (!this.#reading) observed.checkLedger();
        await outlet.pass(cut);
        if (cuts.isFinal(cut)) return;
      } else if (this.#result !== undefined) await this.#take();
      else {
        this.#read();
        // What it waits for input is in the times of the read.
        await this.#wakeup.wait();
      }
    }
  }

  #enterCut(agrees: boolean): Cut | undefined {
    const { cuts, eventTime, saves, observed } = this.#parts;
    const sinceMs = this.#readSinceMs;
    const readMs = this.#readMs + (sinceMs === undefined ? 0 : observed.now() - sinceMs);
    const reached = eventTime?.watermark(readMs, this.#lastCut + 1);
    const watermark = eventTime !== undefined && this.#inputEnded ? Infinity : reached;
    const passage = { position: this.#position, agrees, watermark };
    const cut = cuts.enter(this.id, this.#lastCut, passage);
    const state = cut !== undefined && saves ? eventTime?.snapshot() : undefined;
    if (cut !== undefined && state !== undefined) cuts.snapshot(cut, this.id, state);
    return cut;
  }

  /**
   * A cut waits until the position of a hand-written source is that behind what it gave. Before it
   * said a first position, it is only asked for more to see whether it is about to.
   */
  async #mayCut(): Promise<boolean> {
    if (!this.#isCovered && !this.#saysPositions && !this.#ended) {
      this.#read();
      await this.#parts.observed.turn();
    }
    return this.#isCovered || !this.#saysPositions || this.#ended;
  }

  #handWritten(source: Source): SourceConnector {
    const connector = connectorOf(source);
    connector.positioned = (position) => {
      if (this.#ended) return;
      this.#position = position;
      this.#isCovered = this.#saysPositions = true;
      this.#wakeup.set();
    };
    return connector;
  }

  #read(): void {
    if (this.#reading || this.#ended) return;
    if (this.#signal.aborted) {
      this.#end();
      return;
    }
    if (this.#parts.isPaused()) return;
    this.#reading = true;
    void this.#readNext();
  }

  async #readNext(): Promise<void> {
    const { calls, observed } = this.#parts;
    this.#busyMs = observed.meter.busyMs;
    const read: SourceConnector['read'] = (signal) =>
      this.#reads?.next(signal) ?? this.#readConnector(signal);
    const startMs = observed.begin();
    this.#readSinceMs = startMs;
    let rows = 0;
    try {
      if (!this.#isOpened) await observed.sleep('idleMs', this.#opened);
      this.#isOpened = true;
      this.#signal.throwIfAborted();
      const batch = await callConnector({ id: this.id, calls }, 'read', read, this.#signal);
      if (batch instanceof Batch) rows = batch.length;
      this.#result = { batch };
    } catch (error) {
      this.#result = { error };
    }
    observed.end(rows);
    this.#readMs += observed.lastMs - startMs;
    this.#readSinceMs = undefined;
    if (this.#closed) this.#letGo();
    this.#wakeup.set();
  }

  #readConnector(signal: AbortSignal): ReturnType<SourceConnector['read']> {
    const reading = this.#connector.read(signal);
    // A hand-written stream cannot say what it waits for: most of them wait for all that they give.
    return this.#isHandWritten ? this.#parts.observed.sleep('idleMs', reading) : reading;
  }

  async #take(): Promise<void> {
    this.#takeTimes();
    const result = this.#result!;
    const { observed, settle } = this.#parts;
    this.#countWithoutRow();
    const trace = this.#traceOf(result);
    // The result stays where it is meanwhile, so that a failure lets go of it.
    await settle(observed, trace);
    this.#result = undefined;
    this.#reading = false;
    if ('error' in result) {
      if (!this.#stop.signal.aborted) throw result.error;
      this.#end();
    } else if (result.batch === endOfInput) {
      if (this.#isCovered) this.#position = this.#connector.position();
      // One that was stopped may say so too.
      this.#inputEnded = !this.#stop.signal.aborted;
      this.#end();
    } else await this.#emit(result.batch, trace);
  }

  /** Looks at when the rows happened that were read. */
  #takeTimes(): void {
    const { eventTime, planned, observed } = this.#parts;
    const result = this.#result!;
    if (eventTime === undefined || 'error' in result) return;
    const { batch } = result;
    // What is no batch of the schema is refused where it would go on.
    if (batch instanceof Batch && batch.schema.equals(planned.output)) {
      const partitions = this.#connector.partitions?.();
      const asRead = { nowMs: observed.clockOf('idleMs').now(), readMs: this.#readMs, partitions };
      this.#result = { batch: eventTime.take(batch, asRead) };
    }
  }

  /** Counts records that were read and failed, or that the source dropped by a rule of its own. */
  #countWithoutRow(): void {
    const { observed, budget } = this.#parts;
    const { dead, droppedRows, countedIn } = observed.tally;
    const records = dead + droppedRows - countedIn - this.#withoutRow;
    this.#withoutRow += records;
    observed.meter.rowsIn += records;
    budget.left = Math.max(0, budget.left - records);
  }

  async #emit(batch: Batch, trace: BatchTrace | null): Promise<void> {
    const { planned, observed, outlet, cuts, budget } = this.#parts;
    try {
      assertPromised(this.id, batch, planned.output);
    } catch (error) {
      (batch as Partial<Batch> | undefined)?.release?.();
      throw error;
    }
    const taken = Math.min(batch.length, budget.left);
    budget.left -= taken;
    // A batch that is cut short leaves the position before it, and no cut behind it is saved: a
    // later run begins where position and state agree, and reads the batch again whole.
    if (this.#isHandWritten) this.#isCovered = false;
    else if (taken < batch.length) this.#isCutShort = true;
    else this.#position = this.#connector.position();
    const emitted = taken === batch.length ? batch : firstRows(batch, taken);
    emitted.origin.readMs = observed.meter.lastProgressMs;
    emitted.origin.trace = trace;
    observed.meter.rowsIn += taken;
    cuts.rowsRead(taken);
    await outlet.send(onlyOutput, emitted);
    if (budget.left === 0) budget.spent();
  }

  /** The last read, where it gave anything or failed. */
  #traceOf(result: ReadResult): BatchTrace | null {
    const { observed, budget } = this.#parts;
    if (observed.tracing === undefined) return null;
    if ('error' in result) return this.#stop.signal.aborted ? null : this.#trace(0, result.error);
    if (result.batch instanceof Batch) {
      return this.#trace(Math.min(result.batch.length, budget.left));
    }
    return observed.tally.failures.length > 0 ? this.#trace(0) : null;
  }

  /** As the time that it was at work for: most of the rest it waited for input. */
  #trace(rows: number, error?: unknown): BatchTrace | null {
    const { observed } = this.#parts;
    const { busyMs, lastProgressMs: endMs = 0 } = observed.meter;
    const startMs = endMs - (busyMs - this.#busyMs);
    return observed.tracing?.read(observed, { startMs, endMs, rows, error }) ?? null;
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#parts.ended();
    this.#wakeup.set();
  }

  /** Lets go of a batch that was read and will not be emitted. */
  #letGo(): void {
    void this.#reads?.letGo();
    const result = this.#result;
    this.#result = undefined;
    if (result !== undefined && 'batch' in result && result.batch !== endOfInput)
      result.batch.release();
  }
}

/** Why a read was given up: the run takes no more input. Not an error. */
class Stopped extends PipelineError {
  constructor() {
    super({ code: 'ERR_RUN_ABORTED', place: 'source', fact: 'the run reads no more input' });
  }
}

function firstRows(batch: Batch, count: number): Batch {
  const first = batch.select(new Selection(batch.rows.slice(0, count), count));
  batch.release();
  return first;
}
