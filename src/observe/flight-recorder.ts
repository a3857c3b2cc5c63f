import { join } from 'node:path';

import { type Clock, systemClock } from '../core/index.ts';
import { redactorOf } from '../core/mask.ts';
import { mapTexts } from '../core/plain-text.ts';
import { stateDirectory } from '../core/state-directory.ts';
import { isPipelineError, PipelineError, reasonOf } from '../errors.ts';
import { alertFired } from './alerts/events.ts';
import { type Emit, type EventListener, isEvent, type ObservedEvent } from './emitter.ts';
import { recordFailed, runEnded, runFailed, runStarted } from './events.ts';
import { flightRecorded, flightUnrecorded } from './flight-recorder/events.ts';
import { writeFlightFile } from './flight-recorder/flight-file.ts';
import type { FlightReason, FlightRecord } from './flight-recorder/record.ts';
import { RecentEvents } from './flight-recorder/recent-events.ts';
import { SeriesRing } from './flight-recorder/series.ts';
import { requireKnownNames } from './known-names.ts';
import type { RunStats } from './snapshot.ts';
import type { StatsFollower } from './ticker.ts';

/** What is recorded: a run, or anything that has its figures and events. */
export interface RecordedRun {
  stats(): RunStats;
  /** Gives the figures once a second. */
  follow(follower: StatsFollower): () => void;
  listen(listener: EventListener): () => void;
  /** Hears where a file is. */
  readonly emit: Emit;
  topology?(): object;
}

/** How a run is recorded. */
export interface FlightRecorderOptions {
  /** Where files go; `flight` in the state directory of the pipeline unless given. */
  readonly directory?: string;
  /** How many minutes back its figures go; 5 unless given. */
  readonly minutes?: number;
  /** How many files are kept; 10 unless given. The oldest make room. */
  readonly filesMax?: number;
  /** That of the run. */
  readonly clock?: Clock;
  /** Takes out of a text what may not be shown, beside the credentials in its addresses. */
  readonly scrub?: (text: string) => string;
}

const optionNames = [
  'directory',
  'minutes',
  'filesMax',
  'clock',
  'scrub',
] as const satisfies (keyof FlightRecorderOptions)[];

/** Alerts write a file at most so often; what comes sooner is in the next. */
const alertEveryMs = 60_000;
const eventBytesMax = 256 * 1024;
const failureBytesMax = 128 * 1024;
/** How many failed records of one second are kept. */
const failuresPerSecondMax = 5;

interface Due {
  readonly reason: FlightReason;
  readonly why: string;
  readonly stack?: string;
}

/**
 * Keeps the last minutes of a run in memory that does not grow: 12 KiB for each component (of 5
 * minutes), and 384 KiB. Writes them to a file when an alert turns critical, when the run fails, and,
 * where that was asked for by `recordOnCrash`, when the process crashes.
 */
export class FlightRecorder implements Disposable {
  readonly #run: RecordedRun;
  readonly #options: FlightRecorderOptions;
  readonly #clock: Clock;
  readonly #scrub: (text: string) => string;
  readonly #topology: object | null;
  readonly #series: SeriesRing;
  readonly #events: RecentEvents;
  readonly #failures: RecentEvents;
  readonly #ends: readonly (() => void)[];
  #stats: RunStats;
  /** What fails before anything flows is said by its error. */
  #hasStarted: boolean;
  /** Whether the run has ended, or nothing more is recorded. */
  #isOver = false;
  #failureSecond = 0;
  #failuresInSecond = 0;
  #due: Due | undefined;
  #alertWrittenMs = -Infinity;

  constructor(run: RecordedRun, options: FlightRecorderOptions = {}) {
    const { minutes = 5, clock = systemClock, scrub } = options;
    this.#scrub = redactorOf(scrub);
    checkOptions(options);
    this.#run = run;
    this.#options = options;
    this.#clock = clock;
    this.#topology = run.topology?.() ?? null;
    this.#series = new SeriesRing(Math.ceil(minutes * 60));
    this.#events = new RecentEvents(eventBytesMax, this.#scrub);
    this.#failures = new RecentEvents(failureBytesMax, this.#scrub);
    this.#stats = run.stats();
    this.#hasStarted = this.#stats.status !== 'starting';
    this.#ends = [
      run.listen((event) => this.#hear(event)),
      run.follow((stats) => this.#look(stats)),
    ];
  }

  /** Bytes that it holds: a number that stays as it is once the minutes are full. */
  get heldBytes(): number {
    return this.#series.bytes + this.#events.bytes + this.#failures.bytes;
  }

  #hear(event: ObservedEvent): void {
    const { level, fields } = event;
    if (isEvent(event, recordFailed)) this.#sample(event);
    else this.#events.add(event);
    if (isEvent(event, runStarted)) this.#hasStarted = true;
    if (isEvent(event, runEnded)) this.#end();
    if (isEvent(event, alertFired) && level === 'CRITICAL') {
      const { rule, id, text } = event.fields;
      this.#request({ reason: 'alert', why: `${rule}${id === '' ? '' : ` of ${id}`}: ${text}` });
    }
    const { error } = fields;
    const wasStopped = isPipelineError(error) && error.code === 'ERR_RUN_ABORTED';
    if (isEvent(event, runFailed) && !wasStopped && this.#hasStarted) {
      this.#request({ reason: 'run-failed', ...causeOf(error) });
    }
  }

  /** The last minutes as they are now. */
  record(): FlightRecord {
    this.#stats = this.#run.stats();
    return this.#recordOf({ reason: 'asked', why: '' });
  }

  /**
   * Writes a file when the process ends by an exception or a rejection that nobody took, while the run
   * goes on. Returns what undoes it, as disposing does.
   */
  recordOnCrash(): () => void {
    // Listened to once, however often this is asked for.
    if (!this.#isOver) {
      process.off('uncaughtExceptionMonitor', this.#crashed);
      process.on('uncaughtExceptionMonitor', this.#crashed);
    }
    return () => this.#forgetCrash();
  }

  readonly #crashed = (error: unknown): void => {
    this.#write({ reason: 'crash', ...causeOf(error) });
  };

  #forgetCrash(): void {
    process.off('uncaughtExceptionMonitor', this.#crashed);
  }

  /** What crashes from now on is not the run. */
  #end(): void {
    this.#isOver = true;
    this.#forgetCrash();
  }

  /** Looks no more, and writes what is still to be written. */
  [Symbol.dispose](): void {
    for (const end of this.#ends) end();
    this.#end();
    if (this.#due !== undefined) this.#write(this.#due);
  }

  #look(stats: RunStats): void {
    this.#stats = stats;
    this.#series.add(stats);
    this.#writeDue();
  }

  /** In a process that crashes even the figures may not be had any more. */
  #lookAgain(): void {
    try {
      const stats = this.#run.stats();
      if (stats.monotonicMs > this.#stats.monotonicMs) this.#series.add(stats);
      this.#stats = stats;
    } catch {
      // Those of the last look are at most a second old.
    }
  }

  #sample(event: ObservedEvent): void {
    const second = Math.floor(event.at / 1000);
    if (second !== this.#failureSecond) this.#failuresInSecond = 0;
    this.#failureSecond = second;
    if (this.#failuresInSecond++ < failuresPerSecondMax) this.#failures.add(event);
  }

  /** Writes behind what happens now, so that what comes with it is in the file too. */
  #request(due: Due): void {
    if (this.#due?.reason !== 'run-failed') this.#due = due;
    void Promise.resolve().then(() => this.#writeDue());
  }

  #writeDue(): void {
    const due = this.#due;
    if (due === undefined) return;
    const now = this.#clock.monotonic();
    if (due.reason === 'alert') {
      if (now - this.#alertWrittenMs < alertEveryMs) return;
      this.#alertWrittenMs = now;
    }
    this.#write(due);
  }

  #write(due: Due): void {
    this.#due = undefined;
    const { filesMax = 10 } = this.#options;
    const { reason } = due;
    try {
      this.#lookAgain();
      const text = `${JSON.stringify(this.#recordOf(due))}\n`;
      const directory = this.#directory;
      const path = writeFlightFile({ directory, filesMax, reason, at: this.#clock.now(), text });
      this.#run.emit(flightRecorded, { path, reason });
    } catch (error) {
      this.#run.emit(flightUnrecorded, { error });
    }
  }

  get #directory(): string {
    const { directory } = this.#options;
    return directory ?? join(stateDirectory(process.env, this.#stats.pipeline), 'flight');
  }

  #recordOf({ reason, why, stack }: Due): FlightRecord {
    const scrub = this.#scrub;
    return {
      format: 'millrace-flight',
      version: 1,
      reason,
      why: scrub(why),
      ...(stack !== undefined && { stack: scrub(stack) }),
      at: this.#clock.now(),
      pid: process.pid,
      topology: this.#topology,
      stats: mapTexts(this.#stats, scrub),
      series: this.#series.list(scrub),
      events: this.#events.list(),
      failures: this.#failures.list(),
    };
  }
}

function causeOf(error: unknown): Pick<Due, 'why' | 'stack'> {
  const why = reasonOf(error);
  const { stack } = (error ?? {}) as { readonly stack?: unknown };
  return typeof stack === 'string' ? { why, stack } : { why };
}

function checkOptions(options: FlightRecorderOptions): void {
  const { minutes = 5, filesMax = 10 } = options;
  requireKnownNames('flightRecorder', options, optionNames);
  for (const [name, value, max] of [
    ['minutes', minutes, 60],
    ['filesMax', filesMax, 1000],
  ] as const) {
    if (value >= 1 && value <= max && (name === 'minutes' || Number.isInteger(value))) continue;
    throw new PipelineError({
      code: 'ERR_CONFIG_INVALID',
      place: `flightRecorder.${name}`,
      fact: `cannot be ${String(value)}`,
      remedy: `give a number from 1 to ${max}`,
    });
  }
}
