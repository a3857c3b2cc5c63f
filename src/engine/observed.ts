import type { Batch } from '../batch/index.ts';
import type { Clock, EventDefinition, EventFields, Logger, StageFigures } from '../core/index.ts';
import { Listeners, tell } from '../core/listeners.ts';
import { figuresFailed, ledgerBroken } from '../observe/events.ts';
import type {
  ComponentKind,
  PolicyReport,
  SensorsReport,
  SourceState,
} from '../observe/snapshot.ts';
import type { Emitter } from '../observe/emitter.ts';
import { meanMsOf, Meter } from '../observe/meter.ts';
import { RecentFigures } from '../observe/recent-figures.ts';
import type { RunTracing } from '../observe/tracing.ts';
import type { SlowestBatches } from '../observe/slowest-batches.ts';
import { Tally } from './report.ts';
import { type TimeKind, Times } from './times.ts';

export interface ObservedParts extends Pick<Observed, 'id' | 'name' | 'kind'> {
  readonly emitter: Emitter;
  /** Of the run. */
  readonly loop: LoopClock;
  readonly slowest: SlowestBatches;
}

/**
 * The clock of a run's loop, and when it was last read. Reading it costs as much as counting a row
 * does fifty times, so it is read where work and waits for the outside end: what begins then, begins at
 * that time.
 */
export class LoopClock {
  readonly clock: Clock;
  lastMs: number;

  constructor(clock: Clock) {
    this.clock = clock;
    this.lastMs = clock.monotonic();
  }

  read(): number {
    return (this.lastMs = this.clock.monotonic());
  }
}

/** What the engine keeps about one component: its meter, and what it reported itself. */
export class Observed {
  readonly id: string;
  readonly name: string;
  readonly kind: ComponentKind;
  readonly log: Logger;
  readonly meter: Meter = new Meter();
  /** Of the last second, while somebody follows the run. */
  readonly recent: RecentFigures;
  readonly tally: Tally = new Tally();
  /** Rows that the component holds now; null where it cannot say. */
  held: () => number | null = () => 0;
  /** Rows that its queues were given; undefined where it has none that it empties. */
  offeredRows: number | undefined;
  /** How its input is, where it is a source. */
  source: () => SourceState | undefined = () => undefined;
  /** How its sensors are, where it has such. */
  sensors: () => SensorsReport | undefined = () => undefined;
  /** What its policy did, where it has one. */
  policy: () => PolicyReport | undefined = () => undefined;
  /** Told what was measured by then, once for each batch, where the stage is monitored. */
  monitor: ((figures: StageFigures) => void) | undefined;
  /** Told of each batch that it takes, where it is a sink; may read it until it returns. */
  readonly taken: Listeners<Batch> = new Listeners();
  /** How often it threw, where it is a stage. */
  throws = 0;
  /** Traces its work, where the run is traced. */
  tracing: RunTracing | undefined;
  /** Until when its time is accounted for. */
  lastMs: number;
  /** When it began to wait for whoever reads the log; undefined while it does not. */
  logWaitSinceMs: number | undefined;
  /** Rows that nothing accounted for when it was last checked. */
  unaccounted = 0;
  readonly #emitter: Emitter;
  readonly #loop: LoopClock;
  readonly #slowest: SlowestBatches;
  readonly #times = new Times(this.meter);
  /** Its time at work when it began with what it is at work on. */
  #workedBefore = 0;
  /** Figures that it could not give when it was last asked, or take. */
  readonly #silent = new Set<string>();
  /** Work of it that waits for whoever reads the log. */
  #logWaits = 0;

  constructor({ id, name, kind, emitter, loop, slowest }: ObservedParts) {
    this.id = id;
    this.name = name;
    this.kind = kind;
    this.#emitter = emitter;
    this.log = emitter.logOf(id);
    this.#loop = loop;
    this.recent = new RecentFigures(this.meter, loop.clock);
    this.lastMs = loop.lastMs;
    this.#slowest = slowest;
  }

  /** Checks its ledger, at a moment when no row is inside it but those it holds. */
  checkLedger(): void {
    const held = this.held();
    if (held === null) return;
    const rows = this.#left() - held;
    if (rows === this.unaccounted) return;
    this.unaccounted = rows;
    if (rows !== 0) this.emit(ledgerBroken, { id: this.id, rows });
  }

  /** Asks the component for a figure; null where it throws, which is told once, until it answers. */
  ask<T>(figure: string, call: () => T): T | null {
    try {
      const value = call();
      this.#silent.delete(figure);
      return value;
    } catch (error) {
      this.#figureFailed(figure, error);
      return null;
    }
  }

  #figureFailed(figure: string, error: unknown): void {
    const isKnown = this.#silent.has(figure);
    this.#silent.add(figure);
    if (!isKnown) this.emit(figuresFailed, { id: this.id, figure, error });
  }

  /** Rows that came in, or were made, and have not gone any way. */
  #left(): number {
    const { meter, tally } = this;
    const gone = meter.rowsOut + tally.absorbedRows + tally.droppedRows + tally.dead;
    return meter.rowsIn + tally.createdRows - gone;
  }

  /** Rows on their way to it. */
  get undelivered(): number {
    return this.offeredRows === undefined ? 0 : this.offeredRows - this.meter.rowsIn;
  }

  /** For the end of a run that was cut short: what it took and has not accounted for was in its hands. */
  keepInHand(): void {
    // A sink tells that of itself.
    if (this.kind === 'source' || this.kind === 'stage') {
      const rows = this.#left();
      this.held = () => rows;
    }
  }

  /** Says what happened to it. */
  emit<N extends string>(event: EventDefinition<N>, fields: EventFields<N>): void {
    this.#emitter.emit(event, fields, { log: this.log });
  }

  /** Lines that must not be lost wait for whoever reads the log, and so does what makes them. */
  async logTaken(): Promise<void> {
    const { blocked } = this.log;
    if (blocked === undefined) return;
    this.logWaitSinceMs ??= this.#loop.clock.monotonic();
    this.#logWaits++;
    await blocked;
    if (--this.#logWaits === 0) this.logWaitSinceMs = undefined;
    this.now();
  }

  /** Reads the clock. */
  now(): number {
    return (this.lastMs = this.#loop.read());
  }

  /** When the clock was last read for any component of the run. */
  get loopMs(): number {
    return this.#loop.lastMs;
  }

  /** Lets timers, signals and I/O have their turn. Virtual time stands still meanwhile. */
  turn(): Promise<void> {
    return this.#loop.clock.hold(new Promise((resolve) => setImmediate(resolve)));
  }

  /** A wait for another component begins: `blockedMs` for room, `idleMs` for input. */
  waits(kind: 'blockedMs' | 'idleMs', sinceMs: number): void {
    this.#times.begin(kind, sinceMs);
  }

  /** Such a wait is over. */
  waited(kind: 'blockedMs' | 'idleMs'): void {
    this.lastMs = this.#loop.lastMs;
    this.#times.end(kind, this.lastMs);
  }

  /** Its time by now, with what is under way: a call that hangs is work as long as it does. */
  timesAt(nowMs: number): Readonly<Record<TimeKind, number>> {
    return this.#times.at(nowMs);
  }

  /** Work begins: when that is. */
  begin(): number {
    const { lastMs } = this.#loop;
    this.#times.begin('busyMs', lastMs);
    this.#workedBefore = this.#times.workedMs;
    return lastMs;
  }

  /** The work on a batch is over. */
  end(rows: number): void {
    this.worked(this.endPiece(), rows);
  }

  /** A piece of the work on a batch is over. Gives how long it was at work, and did not wait, in it. */
  endPiece(): number {
    const ms = this.endOther();
    this.meter.lastProgressMs = this.lastMs;
    return ms;
  }

  /** The same of work that is no batch's, as a commit: it is no progress by itself. */
  endOther(): number {
    this.#times.end('busyMs', this.now());
    return this.#times.workedMs - this.#workedBefore;
  }

  /** All work on a batch is over, which took so long. */
  worked(ms: number, rows: number): void {
    this.meter.work.record(ms / 1000);
    this.#slowest.add(this.id, ms, rows, this.meter.lastProgressMs ?? this.lastMs);
    this.tellMonitor();
  }

  /** Tells whoever monitors it what was measured by now. What that throws does not fail the run. */
  tellMonitor(): void {
    if (this.monitor === undefined) return;
    const { rowsIn, work } = this.meter;
    const figures = {
      recordsProcessed: rowsIn,
      meanLatencyMs: meanMsOf(work),
      errorCount: this.tally.failedRecords + this.throws,
    };
    tell(this.monitor, figures, (error) => this.#figureFailed('figures', error));
  }

  /** Waits for what the component waits for within its work: `idleMs` for input, else the outside. */
  async sleep<T>(kind: 'idleMs' | 'waitingMs', wait: Promise<T>): Promise<T> {
    this.#times.begin(kind, this.#loop.read());
    try {
      return await wait;
    } finally {
      this.#times.end(kind, this.#loop.read());
    }
  }

  /** The clock of the run, by which it sleeps so. */
  clockOf(kind: 'idleMs' | 'waitingMs'): Clock {
    const { clock } = this.#loop;
    return {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      timer: (goOff) => clock.timer(goOff),
      hold: (promise) => clock.hold(promise),
      sleep: (delayMs, options) => this.sleep(kind, clock.sleep(delayMs, options)),
    };
  }
}
