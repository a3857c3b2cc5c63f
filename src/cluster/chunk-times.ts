import type { Batch, JsonValue } from '../batch/index.ts';
import { type AsRead, EventTime, type SourceTimes } from '../engine/event-time.ts';
import type { EventTimeSettings } from '../engine/event-time/row-times.ts';
import type { Tally } from '../engine/report.ts';
import type { PieceTimes } from './lane-times.ts';

/**
 * Event time of a source whose chunks are decoded on lanes, on the run's thread. Where the source is
 * read no more is known than when each chunk was, and each cut entered: that is kept for the lanes.
 * What these find is followed, to be saved with the cuts.
 */
export class ChunkTimes implements SourceTimes {
  readonly #settings: EventTimeSettings;
  readonly #asRead = new WeakMap<Batch, AsRead>();
  readonly #readMsOf = new Map<number, number>();
  #reached: EventTime | undefined;

  constructor(settings: EventTimeSettings) {
    this.#settings = settings;
  }

  /** `state`: what an earlier run saved. */
  open(report: Pick<Tally, 'failed' | 'counted'>, state: JsonValue | undefined): void {
    this.#reached = new EventTime(this.#settings, report);
    if (state !== undefined) this.#reached.restore(state);
  }

  take(chunk: Batch, asRead: AsRead): Batch {
    this.#asRead.set(chunk, asRead);
    return chunk;
  }

  watermark(readMs: number, cut: number): undefined {
    this.#readMsOf.set(cut, readMs);
  }

  snapshot(): undefined {}

  asRead(chunk: Batch): AsRead {
    return this.#asRead.get(chunk)!;
  }

  /** For how long the source had been read when the cut entered its stream; asked for once. */
  takeReadMs(cut: number): number {
    const readMs = this.#readMsOf.get(cut)!;
    this.#readMsOf.delete(cut);
    return readMs;
  }

  /** A piece of work goes on. */
  note(piece: PieceTimes): void {
    this.#reached!.note(piece, piece.asRead);
  }

  /** A cut goes on: how far the source is by then, and what is saved of that. */
  reachedAt(readMs: number): { readonly watermark: number; readonly state: JsonValue } {
    const watermark = this.#reached!.watermark(readMs);
    return { watermark, state: this.#reached!.snapshot() };
  }
}
