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

/** The ledger's terms of one component, as it reports them. Filled by it, read by the engine. */
export class Tally implements SourceReport, StageReport {
  dead = 0;
  /** Records that failed, whatever became of them. */
  failedRecords = 0;
  droppedRows = 0;
  absorbedRows = 0;
  createdRows = 0;
  bytes = 0;
  readonly droppedBy: BoundedCounts = new BoundedCounts();
  readonly counts: BoundedCounts = new BoundedCounts();
  /** Failed records by reason, and failed calls by the error's code. */
  readonly errors: BoundedCounts = new BoundedCounts();
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

  absorbed(rows: number): void {
    this.absorbedRows += rows;
  }

  created(rows: number): void {
    this.createdRows += rows;
  }

  counted(what: string, count: number): void {
    if (count > 0) this.counts.add(what, count);
  }

  /** A call to the outside failed, whether or not it is made again. One that was given up has not. */
  callFailed(error: unknown): void {
    const kind = kindOf(error);
    if (kind !== 'ERR_RUN_ABORTED') this.errors.add(kind);
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

/** Of a closed set: codes and class names, never what an error says. */
function kindOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { readonly code?: unknown; readonly name?: unknown };
  if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,63}$/.test(code)) return code;
  return error instanceof Error && typeof name === 'string' && /^\w{1,64}$/.test(name)
    ? name
    : 'unknown';
}
