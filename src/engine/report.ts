import type { Batch, Selection } from '../batch/index.ts';
import type { FailedRecord, SourceReport, StageReport } from '../core/index.ts';
import { isPipelineError, reasonOf } from '../errors.ts';
import { BoundedCounts } from '../observe/bounded-counts.ts';
import type { BatchTrace } from '../observe/tracing.ts';

/** A row that failed in a stage or sink, with the record as it was there. */
export interface FailedRowRecord {
  readonly source: string;
  readonly partition: string;
  readonly position: number;
  readonly recordId: string;
  readonly reason: string;
  readonly message: string;
  readonly quotesRecord: boolean;
  readonly record: unknown;
  readonly thrown: unknown;
  /** What the spans of its batch belong to. */
  readonly trace: BatchTrace | null | undefined;
}

/** Of so many kinds of failed calls the last message is kept, and so much of it. */
const callErrorsMax = 20;
const callErrorLengthMax = 2000;

type Entries = readonly (readonly [name: string, count: number])[];

/** What a tally counted in some time. */
export interface TallyPart extends Readonly<
  Pick<Tally, 'dead' | 'failedRecords' | 'droppedRows' | 'absorbedRows' | 'createdRows' | 'bytes'>
> {
  readonly droppedBy: Entries;
  readonly counts: Entries;
  readonly errors: Entries;
}

function takeEntries(counts: BoundedCounts): Entries {
  if (counts.size === 0) return [];
  const entries = [...counts];
  counts.clear();
  return entries;
}

/** The ledger's terms of one component, as it reports them. Filled by it, read by the engine. */
export class Tally implements SourceReport, StageReport {
  dead = 0;
  /** Records that failed, whatever became of them. */
  failedRecords = 0;
  droppedRows = 0;
  absorbedRows = 0;
  createdRows = 0;
  bytes = 0;
  /** Of the dead and the dropped, those that were counted elsewhere, as records that came in too. */
  countedIn = 0;
  readonly droppedBy: BoundedCounts = new BoundedCounts();
  readonly counts: BoundedCounts = new BoundedCounts();
  /** Failed records by reason, and failed calls by kind. */
  readonly errors: BoundedCounts = new BoundedCounts();
  /** What the last failed call of each kind failed with, of the first kinds. */
  readonly callErrors: Map<string, string> = new Map();
  /** Failures since they were last taken away. */
  failures: (FailedRowRecord | FailedRecord)[] = [];

  keep(batch: Batch, selection: Selection, reason = 'condition'): Batch {
    this.dropped(reason, batch.length - selection.length);
    return batch.select(selection);
  }

  dropped(reason: string, rows: number): void {
    if (rows === 0) return;
    this.droppedRows += rows;
    this.droppedBy.add(reason, rows);
  }

  failed(record: FailedRecord): void;
  failed(batch: Batch, row: number, reason: string, thrown?: unknown): void;
  failed(what: FailedRecord | Batch, row = 0, reason = '', thrown?: unknown): void {
    const failure = 'record' in what ? what : failedRow(what, row, reason, thrown);
    this.dead++;
    this.failedRecords++;
    this.failures.push(failure);
    this.errors.add(failure.reason);
  }

  /** The failures since this was last asked. */
  takeFailures(): Tally['failures'] {
    const { failures } = this;
    this.failures = [];
    return failures;
  }

  /** Whether nothing was counted since it was last taken. */
  get isEmpty(): boolean {
    const { dead, failedRecords, droppedRows, absorbedRows, createdRows, bytes } = this;
    const isCounted = dead + failedRecords + droppedRows + absorbedRows + createdRows + bytes > 0;
    return !isCounted && this.counts.size + this.errors.size === 0;
  }

  /** What was counted since this was last asked, and forgotten with that; not the records that failed. */
  takeAll(): TallyPart {
    const { dead, failedRecords, droppedRows, absorbedRows, createdRows, bytes } = this;
    this.dead = this.failedRecords = this.droppedRows = 0;
    this.absorbedRows = this.createdRows = this.bytes = 0;
    return {
      dead,
      failedRecords,
      droppedRows,
      absorbedRows,
      createdRows,
      bytes,
      droppedBy: takeEntries(this.droppedBy),
      counts: takeEntries(this.counts),
      errors: takeEntries(this.errors),
    };
  }

  /** Adds what was counted elsewhere, but for the records that died there. */
  add(part: TallyPart): void {
    this.failedRecords += part.failedRecords;
    this.droppedRows += part.droppedRows;
    this.countedIn += part.droppedRows;
    this.absorbedRows += part.absorbedRows;
    this.createdRows += part.createdRows;
    this.bytes += part.bytes;
    for (const kind of ['droppedBy', 'counts', 'errors'] as const) {
      for (const [name, count] of part[kind]) this[kind].add(name, count);
    }
  }

  /** Adds records that died elsewhere, which whoever takes them away settles. */
  addDead(failures: Tally['failures']): void {
    this.dead += failures.length;
    this.countedIn += failures.length;
    for (const failure of failures) this.failures.push(failure);
  }

  absorbed(rows: number): void {
    this.absorbedRows += rows;
  }

  created(rows: number): void {
    this.createdRows += rows;
  }

  counted(what: string, count: number): void {
    if (count > 0) this.counts.add(what, count);
  }

  callFailed(kind: string, message: string): void {
    this.errors.add(kind);
    const { callErrors } = this;
    if (!callErrors.has(kind) && callErrors.size >= callErrorsMax) return;
    // What failed last comes last.
    callErrors.delete(kind);
    callErrors.set(kind, message.slice(0, callErrorLengthMax));
  }

  bytesRead(bytes: number): void {
    this.bytes += bytes;
  }
}

export function failedRow(
  batch: Batch,
  row: number,
  reason: string,
  thrown: unknown,
): FailedRowRecord {
  const { origin } = batch;
  return {
    source: origin.source,
    partition: origin.partition,
    position: origin.position(row),
    recordId: origin.recordId(row),
    reason,
    message: thrown === undefined ? reason : reasonOf(thrown),
    quotesRecord: !isOurs(thrown),
    record: batch.rowAt(row),
    thrown,
    trace: origin.trace,
  };
}

/** Ours are of what a value should be, and never tell the value; a function's may tell anything. */
function isOurs(thrown: unknown): boolean {
  return thrown === undefined || (isPipelineError(thrown) && thrown.code === 'ERR_BATCH_VALUE');
}

/**
 * What is wrong with a record, for logs and figures: its message where that quotes nothing of it or
 * all may be told, else the error's code or class.
 */
export function toldOf(failure: FailedRecord | FailedRowRecord, logBodies: boolean): string {
  if (logBodies || failure.quotesRecord === false) return failure.message;
  const thrown = 'thrown' in failure ? failure.thrown : undefined;
  return Error.isError(thrown) ? kindOf(thrown) : failure.reason;
}

/** What a function threw on records, for logs and figures: its message where all may be told, or is ours. */
export function thrownText(thrown: unknown, logBodies: boolean): string {
  return logBodies || isPipelineError(thrown) ? reasonOf(thrown) : kindOf(thrown);
}

/** Of a closed set: codes and class names, never what an error says. */
export function kindOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { readonly code?: unknown; readonly name?: unknown };
  if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,63}$/.test(code)) return code;
  return error instanceof Error && typeof name === 'string' && /^\w{1,64}$/.test(name)
    ? name
    : 'unknown';
}
