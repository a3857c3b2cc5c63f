import { PipelineError } from '../errors.ts';

const rowBatches = 10;

/** How a batch went: without a hitch, or with a breaker open, a fallback used or a failed stage. */
export type BatchStatus = 'HEALTHY' | 'DEGRADED';

/** Up to ten batches in a row; the first of a full row is 1, 11, 21, … */
export interface DegradationRow {
  /** Numbers of the first and the last batch, from 1. */
  readonly first: number;
  readonly last: number;
  /** A letter for each: `#` healthy, `.` degraded. */
  readonly marks: string;
  readonly healthy: number;
  readonly degraded: number;
}

/** How many batches are kept. */
export interface DegradationHistogramOptions {
  /** The last so many batches are shown; 50 unless given. */
  readonly size?: number | undefined;
}

/** The last batches at a glance, ten a row. A batch stays in its row as older ones slide out. */
export class DegradationHistogram {
  readonly #isDegraded: Uint8Array;
  #count = 0;

  constructor({ size = 50 }: DegradationHistogramOptions = {}) {
    if (!Number.isSafeInteger(size) || size < 1) {
      throw new PipelineError({
        code: 'ERR_CONFIG_INVALID',
        place: 'DegradationHistogram.size',
        fact: `cannot be ${String(size)}`,
        remedy: 'give a whole number, 1 or more',
      });
    }
    this.#isDegraded = new Uint8Array(size);
  }

  /** Takes the next batch. Throws `ERR_CONFIG_INVALID` for a word that is none of the two. */
  record(status: BatchStatus): void {
    if (status !== 'HEALTHY' && status !== 'DEGRADED') {
      throw new PipelineError({
        code: 'ERR_CONFIG_INVALID',
        place: 'DegradationHistogram.record',
        fact: `was given ${String(status)}`,
        remedy: 'give `HEALTHY` or `DEGRADED`',
      });
    }
    this.#isDegraded[this.#count++ % this.#isDegraded.length] = status === 'DEGRADED' ? 1 : 0;
  }

  /** Batches recorded so far, those too that have slid out. */
  get batches(): number {
    return this.#count;
  }

  /** The batches that are kept, the oldest first. */
  rows(): readonly DegradationRow[] {
    const rows: DegradationRow[] = [];
    let first = Math.max(1, this.#count - this.#isDegraded.length + 1);
    while (first <= this.#count) {
      const rowEnd = Math.ceil(first / rowBatches) * rowBatches;
      const last = Math.min(this.#count, rowEnd);
      rows.push(this.#row(first, last));
      first = last + 1;
    }
    return rows;
  }

  /** The rows as text, a line each: `Batch 11-20: ######....  (6 HEALTHY, 4 DEGRADED)`. */
  toString(): string {
    return this.rows().map(lineOf).join('\n');
  }

  #row(first: number, last: number): DegradationRow {
    let marks = '';
    let degraded = 0;
    for (let batch = first; batch <= last; batch++) {
      const isDegraded = this.#isDegraded[(batch - 1) % this.#isDegraded.length]!;
      degraded += isDegraded;
      marks += isDegraded ? '.' : '#';
    }
    return { first, last, marks, healthy: marks.length - degraded, degraded };
  }
}

function lineOf({ first, last, marks, healthy, degraded }: DegradationRow): string {
  const numbers = first === last ? `${first}` : `${first}-${last}`;
  const counts = [
    ...(healthy > 0 ? [`${healthy} HEALTHY`] : []),
    ...(degraded > 0 ? [`${degraded} DEGRADED`] : []),
  ];
  return `Batch ${numbers}: ${marks}  (${counts.join(', ')})`;
}
