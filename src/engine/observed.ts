import type { Clock, EventDefinition, EventFields, Logger, StageFigures } from '../core/index.ts';
import { tell } from '../core/listeners.ts';
import { CoveredTime } from '../observe/covered-time.ts';
import { figuresFailed, ledgerBroken } from '../observe/events.ts';
import type { ComponentKind, PolicyReport, SourceState } from '../observe/snapshot.ts';
import type { Emitter } from '../observe/emitter.ts';
import { Meter } from '../observe/meter.ts';
import type { RunTracing } from '../observe/tracing.ts';
import type { SlowestBatches } from '../observe/slowest-batches.ts';
import { Tally } from './report.ts';

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
  readonly tally: Tally = new Tally();
  /** Rows that the component holds now; null where it cannot say. */
  held: () => number | null = () => 0;
  /** Rows that its queues were given; undefined where it has none that it empties. */
  offeredRows: number | undefined;
  /** How its input is, where it is a source. */
  source: () => SourceState | undefined = () => undefined;
  /** What its policy did, where it has one. */
  policy: () => PolicyReport | undefined = () => undefined;
  /** Told what was measured by then, once for each batch, where the stage is monitored. */
  monitor: ((figures: StageFigures) => void) | undefined;
  /** How often it threw, where it is a stage. */
  throws = 0;
  /** Traces its work, where the run is traced. */
  tracing: RunTracing | undefined;
  /** Until when its time is accounted for. */
  lastMs: number;
  /** Rows that nothing accounted for when it was last checked. */
  unaccounted = 0;
  readonly #emitter: Emitter;
  readonly #loop: LoopClock;
  readonly #slowest: SlowestBatches;
  /** Milliseconds that the component has waited by its own word: asleep, or idle. */
  #sleptMs = 0;
  /** The same, when it last began to work. */
  #sleptBefore = 0;
  readonly #asleep = new CoveredTime();
  /** Figures that it could not give when it was last asked. */
  readonly #silent = new Set<string>();

  constructor({ id, name, kind, emitter, loop, slowest }: ObservedParts) {
    this.id = id;
    this.name = name;
    this.kind = kind;
    this.#emitter = emitter;
    this.log = emitter.log.bindContext({ component: id, stageId: id });
    this.#loop = loop;
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
      const isKnown = this.#silent.has(figure);
      this.#silent.add(figure);
      if (!isKnown) this.emit(figuresFailed, { id: this.id, figure, error });
      return null;
    }
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
    await blocked;
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

  /** Counts a wait for another component that is over: `blockedMs` for room, `idleMs` for input. */
  waited(kind: 'blockedMs' | 'idleMs', sinceMs: number): void {
    this.lastMs = this.#loop.lastMs;
    this.meter[kind] += this.lastMs - sinceMs;
  }

  /** Work on a batch begins: when that is. */
  begin(): number {
    this.#sleptBefore = this.#sleptMs;
    return this.#loop.lastMs;
  }

  /** The work is over; what the component slept meanwhile was waiting for input. */
  end(startMs: number, rows: number): void {
    const endMs = this.now();
    const slept = Math.min(endMs - startMs, this.#sleptMs - this.#sleptBefore);
    this.meter.idleMs += slept;
    this.measured(endMs - startMs - slept, endMs, rows);
    this.tellMonitor();
  }

  /**
   * Tells whoever monitors it what was measured by now, on so many batches. What that throws does not
   * fail the run.
   */
  tellMonitor(batches: number = this.meter.work.count): void {
    if (this.monitor === undefined) return;
    const { busyMs, rowsIn } = this.meter;
    tell(this.monitor, {
      recordsProcessed: rowsIn,
      meanLatencyMs: batches === 0 ? null : busyMs / batches,
      errorCount: this.tally.failedRecords + this.throws,
    });
  }

  /** Counts time at work on a batch, whoever took it. */
  measured(ms: number, endMs: number, rows: number): void {
    this.meter.worked(ms, endMs);
    this.#slowest.add(this.id, ms, rows, endMs);
  }

  /** Waits for what the component waits for; however many waits there are at a time, time is one. */
  async idle<T>(wait: Promise<T>): Promise<T> {
    this.#asleep.begin(this.#loop.clock.monotonic());
    try {
      return await wait;
    } finally {
      this.#sleptMs += this.#asleep.end(this.#loop.clock.monotonic());
    }
  }

  /** The clock for a component that does one thing at a time, as a source does. */
  get clock(): Clock {
    const { clock } = this.#loop;
    return {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      timer: (goOff) => clock.timer(goOff),
      hold: (promise) => clock.hold(promise),
      sleep: (delayMs, options) => this.idle(clock.sleep(delayMs, options)),
    };
  }
}
