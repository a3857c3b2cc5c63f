import type { Batch, Schema, Selection } from '../batch/index.ts';
import type { Clock } from './clock.ts';
import type { Cut } from './cut.ts';
import type { Files } from './files.ts';
import type { Logger } from './log.ts';
import type { Network } from './network.ts';
import type { Random } from './random.ts';

/** When a source closes a batch: whichever comes first. */
export interface BatchLimits {
  readonly rowsMax: number;
  /** About how many bytes: a batch that has reached it takes no more rows. */
  readonly bytesMax: number;
  /** How long the first row of a batch waits for more. */
  readonly waitMsMax: number;
}

/** The outside, as a component may reach it: nothing else tells time, rolls dice or touches it. */
export interface Outside {
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  readonly network: Network;
}

/** What every component is given when it is created. */
export interface Context extends Outside {
  /** The id of the component in its pipeline. */
  readonly id: string;
  /** Bound to the component's id. */
  readonly log: Logger;
  /** Aborts when the run is stopped at once. */
  readonly signal: AbortSignal;
  readonly batchLimits: BatchLimits;
}

/** A record that a source could not make a row of. */
export interface FailedRecord {
  /** Where it was in the source: a byte offset or a sequence number. */
  readonly position: number;
  /** The part of the source, as the path of a file; empty where it has none. */
  readonly partition: string;
  /** A dotted reason, as `field.type`: one of a closed set for each codec. */
  readonly reason: string;
  /** What is wrong with it, for people. */
  readonly message: string;
  /**
   * Whether `message` may tell something of the record, which is then for the dead letter alone; true
   * unless given.
   */
  readonly quotesRecord?: boolean;
  /** The record as it came; the first bytes only where `recordBytes` says that it is longer. */
  readonly record: Uint8Array;
  /** The length of the whole record. */
  readonly recordBytes: number;
  /** SHA-256 of the whole record, in hex; where `record` is all of it, it may be left out. */
  readonly recordSha256?: string;
}

/** How a source tells the ledger of records that do not become rows. */
export interface SourceReport {
  /** A record that becomes a dead letter instead of a row. */
  failed(record: FailedRecord): void;
  /** Records dropped by a rule of the source, by reason. */
  dropped(reason: string, records: number): void;
  /** Things worth a number that are no records: blank lines, extra fields, skipped ticks. */
  counted(what: string, count: number): void;
  /**
   * A call to the outside failed, whether or not it is made again: of which kind, as `timeout`, of a
   * closed set, and what it failed with, for people.
   */
  callFailed(kind: string, message: string): void;
  /** Bytes taken in. */
  bytesRead(bytes: number): void;
}

/** How a stage tells the ledger what became of rows that do not leave it. */
export interface StageReport {
  /** The selected rows of `batch`; the others are dropped for `reason`. Takes over the selection. */
  keep(batch: Batch, selection: Selection, reason?: string): Batch;
  /** Rows dropped by rule, by reason. */
  dropped(reason: string, rows: number): void;
  /** One stored row of an input batch that failed; it must not be in the output. */
  failed(batch: Batch, row: number, reason: string, thrown?: unknown): void;
  /** Rows that went into something else (expand, reduce, branch). */
  absorbed(rows: number): void;
  /** Rows made from absorbed ones. */
  created(rows: number): void;
  /** Things worth a number that are no rows: evicted keys, substituted values. */
  counted(what: string, count: number): void;
}

/** What a source is given when it is created. */
export interface SourceContext extends Context {
  /** The schema of the rows that it gives. */
  readonly output: Schema;
  readonly report: SourceReport;
  /**
   * Waits for a promise. A source gives it what it waits for input by, so that the time counts as
   * idle and not as work; what it sleeps on `clock` counts so anyway.
   */
  idle<T>(wait: Promise<T>): Promise<T>;
}

/** What a stage makes a call for. */
export interface CallFor {
  /** The row, for people: asked where the call fails. */
  readonly name?: () => string;
  /**
   * Told when the call has failed and waits for a breaker, and when it may go on, which it does when
   * a promise given here has resolved. While it waits nothing is under way for it.
   */
  readonly stalls?: (isStalled: boolean) => void | Promise<void>;
}

/** What a stage is given when it is created. */
export interface StageContext extends Context {
  /** The schema of the rows that come in. */
  readonly input: Schema;
  /** The schema of the rows that go out. */
  readonly output: Schema;
  readonly report: StageReport;
  /**
   * Makes a call to something outside under the stage's policy, or plainly where it has none. While
   * a breaker is open it waits. `args`: of the function that is called, for the key of a fallback.
   * Rejects with what the call, or the policy, gives up with; with `Undelivered` where the row is to
   * be dropped. For a stage that says `calls: true`.
   */
  readonly call: <T>(
    attempt: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
    args?: readonly unknown[],
    made?: CallFor,
  ) => Promise<T>;
  /**
   * The event time that nothing behind the cut is before, as far as the sources know that feed the
   * stage; −Infinity where one of them does not. For a stage that says `eventTime: true`.
   */
  readonly watermark: (cut: Cut) => number;
}

/** What encodes the rows of a sink is given. */
export interface EncoderContext {
  /** The schema of the rows that come in. */
  readonly input: Schema;
  /** Things worth a number that are no rows: requests, new files. */
  readonly report: { counted(what: string, count: number): void };
}

/** What a sink is given when it is created. */
export interface SinkContext extends Context, EncoderContext {
  /**
   * Whether the run saves how far its sources are: what comes again behind a crash then has the ids
   * that it had. Where it does not, each run is another, whatever its records are called.
   */
  readonly savesPositions: boolean;
}
