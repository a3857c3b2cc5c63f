import { type Batch, type FixedColumn, getBit, Selection } from '../../batch/index.ts';
import type { EventTimeOptions } from '../../core/index.ts';
import { PipelineError } from '../../errors.ts';
import type { Tally } from '../report.ts';

/** The options with their defaults. */
export type EventTimeSettings = {
  readonly [K in keyof EventTimeOptions]-?: NonNullable<EventTimeOptions[K]>;
};

/** Looks at when rows happened: which are late, and which are too far ahead of the clock. */
export class RowTimes {
  readonly #settings: EventTimeSettings;
  readonly #report: Pick<Tally, 'failed'>;
  readonly #tooFarAhead: PipelineError;

  constructor(settings: EventTimeSettings, report: Pick<Tally, 'failed'>) {
    this.#settings = settings;
    this.#tooFarAhead = tooFarAhead(settings);
    this.#report = report;
  }

  /**
   * Marks the rows of a batch that are late, and gives it without those that are too far ahead of the
   * clock, which failed. `latestMs`: the latest time of the partition before, and behind, as far as it
   * is known; −Infinity where it is not. Takes over the hold on the batch.
   */
  look(batch: Batch, nowMs: number, latestMs: number): { batch: Batch; latestMs: number } {
    const { lateMs, futureMsMax, field } = this.#settings;
    const { rows, length, rowsStored, origin } = batch;
    if (length === 0) return { batch, latestMs };
    const { values, validity } = batch.column(field) as FixedColumn<Float64Array>;
    const limit = nowMs + futureMsMax;
    // What is ahead of the clock is so whatever came before, also where the clock was put back.
    let latest = Math.min(latestMs, limit);
    let ahead = 0;
    let marks: Float64Array | undefined;
    for (let at = 0; at < length; at++) {
      const row = rows[at]!;
      const time = values[row]!;
      if (time > latest) {
        if (validity !== null && !getBit(validity, row)) continue;
        if (time > limit) ahead++;
        else latest = time;
      } else if (time < latest - lateMs && (validity === null || getBit(validity, row))) {
        marks ??= new Float64Array(rowsStored).fill(NaN);
        marks[row] = latest - lateMs;
      }
    }
    if (marks !== undefined) origin.watermarks = marks;
    const looked = ahead === 0 ? batch : this.#withoutAhead(batch, values, limit, length - ahead);
    if (latestMs > limit) this.raise(looked, latestMs);
    return { batch: looked, latestMs: Math.max(latest, latestMs) };
  }

  /**
   * Marks what `look` could not know to be late: rows behind `latestMs`, the latest time of their
   * partition before them all. True once a row has reached that: whatever is late behind such a row
   * is so by rows that `look` has seen.
   */
  raise(batch: Batch, latestMs: number): boolean {
    const { rows, length, rowsStored, origin } = batch;
    const { values, validity } = batch.column(this.#settings.field) as FixedColumn<Float64Array>;
    const mark = latestMs - this.#settings.lateMs;
    for (let at = 0; at < length; at++) {
      const row = rows[at]!;
      const time = values[row]!;
      if (time >= latestMs) {
        if (validity === null || getBit(validity, row)) return true;
      } else if (time < mark && (validity === null || getBit(validity, row))) {
        const marks = (origin.watermarks ??= new Float64Array(rowsStored).fill(NaN));
        // A row between may have moved it on further.
        if (!(marks[row]! > mark)) marks[row] = mark;
      }
    }
    return false;
  }

  #withoutAhead(batch: Batch, times: Float64Array, limit: number, length: number): Batch {
    const kept = new Uint32Array(length);
    const { validity } = batch.column(this.#settings.field);
    let count = 0;
    for (const row of batch.rows.subarray(0, batch.length)) {
      const isAhead = times[row]! > limit && (validity === null || getBit(validity, row));
      if (isAhead) this.#report.failed(batch, row, 'time.future', this.#tooFarAhead);
      else kept[count++] = row;
    }
    const rest = batch.select(new Selection(kept, count));
    batch.release();
    return rest;
  }
}

function tooFarAhead({ field, futureMsMax }: EventTimeSettings): PipelineError {
  return new PipelineError({
    code: 'ERR_BATCH_VALUE',
    place: field,
    fact: `field \`${field}\` is more than \`futureMsMax\` ${futureMsMax} ms ahead of the clock`,
  });
}
