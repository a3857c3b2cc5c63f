import type { Batch, JsonValue } from '../batch/index.ts';
import { type AsRead, EventTime, type LookedAt } from '../engine/event-time.ts';
import { type EventTimeSettings, RowTimes } from '../engine/event-time/row-times.ts';
import type { Tally } from '../engine/report.ts';

/** When the rows of a piece of work happened, as far as the lane that decoded it can tell. */
export interface PieceTimes extends LookedAt {
  readonly asRead: AsRead;
}

/** Looks at the rows of one piece of work, batch by batch, before it is the turn of that. */
export class PieceLook {
  readonly #rowTimes: RowTimes;
  readonly #partition: string;
  readonly #asRead: AsRead;
  #rows = 0;
  #latestMs = -Infinity;

  constructor(rowTimes: RowTimes, partition: string, asRead: AsRead) {
    this.#rowTimes = rowTimes;
    this.#partition = partition;
    this.#asRead = asRead;
  }

  /** As `RowTimes.look`. */
  take(batch: Batch): Batch {
    this.#rows += batch.length;
    const looked = this.#rowTimes.look(batch, this.#asRead.nowMs, this.#latestMs);
    this.#latestMs = looked.latestMs;
    return looked.batch;
  }

  get times(): PieceTimes {
    const [partition, rows, latestMs] = [this.#partition, this.#rows, this.#latestMs];
    return { partition, rows, latestMs, asRead: this.#asRead };
  }
}

/**
 * Event time of one source on one lane. Each lane is told of every piece of work in the same order,
 * whoever decoded it, so that all know the same of how far the source is.
 */
export class LaneTimes {
  readonly #rowTimes: RowTimes;
  readonly #reached: EventTime;

  /** `state`: of an earlier run, where there was one. */
  constructor(
    settings: EventTimeSettings,
    report: Pick<Tally, 'failed'>,
    state: JsonValue | undefined,
  ) {
    this.#rowTimes = new RowTimes(settings, report);
    this.#reached = new EventTime(settings, unheard);
    if (state !== undefined) this.#reached.restore(state);
  }

  /** For a piece of work that is decoded here. */
  look(partition: string, asRead: AsRead): PieceLook {
    return new PieceLook(this.#rowTimes, partition, asRead);
  }

  /** It is the turn of a piece of work: marks those of its rows that are late by what came before. */
  enter(piece: PieceTimes, rows: readonly Batch[]): void {
    const before = this.#reached.note(piece, piece.asRead);
    for (const batch of rows) if (this.#rowTimes.raise(batch, before)) return;
  }

  watermark(readMs: number): number {
    return this.#reached.watermark(readMs);
  }
}

/** What is counted is so where the run follows the same. */
const unheard = { failed: (): void => {}, counted: (): void => {} };
