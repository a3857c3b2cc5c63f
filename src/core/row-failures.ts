import { type Batch, Selection, takeValues } from '../batch/index.ts';
import type { RowFailed } from '../batch/row.ts';
import { PipelineError } from '../errors.ts';
import type { StageReport } from './context.ts';

/**
 * True for a promise, from a function that is asynchronous by mistake: what becomes of it is nobody's
 * business any more, and no unhandled rejection either.
 */
function letGo(result: unknown): boolean {
  if (!(result instanceof Promise)) return false;
  result.catch(() => {});
  return true;
}

function gavePromise(): PipelineError {
  return new PipelineError({
    code: 'ERR_BATCH_VALUE',
    place: 'row.result',
    fact: 'the function gave a promise; wait in `mapAsync` instead',
  });
}

/** The rows of one batch that failed: each is reported once and left out of what goes on. */
export class RowFailures {
  readonly #report: StageReport;
  readonly #rows = new Set<number>();
  #batch: Batch | undefined;

  constructor(report: StageReport) {
    this.#report = report;
  }

  /** How many rows of the batch failed. */
  get size(): number {
    return this.#rows.size;
  }

  /** Starts anew with a batch. */
  begin(batch: Batch): void {
    this.#batch = batch;
    if (this.#rows.size > 0) this.#rows.clear();
  }

  has(row: number): boolean {
    return this.#rows.has(row);
  }

  add(row: number, reason: string, thrown?: unknown): void {
    if (this.#rows.has(row)) return;
    this.#rows.add(row);
    this.#report.failed(this.#batch!, row, reason, thrown);
  }

  /** For rows whose function gave what is no result. */
  refuse(row: number, result: unknown, reason: string, misfit: unknown): void {
    if (!letGo(result)) this.add(row, reason, misfit);
    else this.add(row, 'row.result', gavePromise());
  }

  /** For rows on which a user's function threw. */
  readonly threw: RowFailed = (row, thrown) => this.add(row, 'row.threw', thrown);

  /** Leaves the failed rows out of a batch with the same stored rows, which it takes over. */
  leaveOut<B extends Batch>(made: B): B {
    if (this.#rows.size === 0) return made;
    const { rows, length } = made;
    const rest = takeValues(Uint32Array, length);
    let count = 0;
    for (let at = 0; at < length; at++) {
      const row = rows[at]!;
      if (!this.#rows.has(row)) rest[count++] = row;
    }
    const selected = made.select(new Selection(rest, count)) as B;
    made.release();
    return selected;
  }
}
