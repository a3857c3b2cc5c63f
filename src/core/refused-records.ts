import type { BatchLimits, FailedRecord, SourceReport } from './context.ts';

/**
 * Passes on what a decoder reports and tells when as many records were refused as fill a batch:
 * then `read` gives back, so that their dead letters are taken away before there are more.
 */
export class RefusedRecords {
  readonly #report: SourceReport;
  readonly #limits: BatchLimits;
  #records = 0;
  #bytes = 0;

  constructor(report: SourceReport, limits: BatchLimits) {
    this.#report = report;
    this.#limits = limits;
  }

  /** Whether it is time to give back. */
  get areMany(): boolean {
    return this.#records >= this.#limits.rowsMax || this.#bytes >= this.#limits.bytesMax;
  }

  /** Starts anew, as `read` gives back. */
  clear(): void {
    this.#records = 0;
    this.#bytes = 0;
  }

  failed(record: FailedRecord): void {
    this.#records++;
    this.#bytes += record.record.length;
    this.#report.failed(record);
  }

  counted(what: string, count: number): void {
    this.#report.counted(what, count);
  }
}
