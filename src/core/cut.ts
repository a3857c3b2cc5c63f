import type { Batch, Fields, JsonValue } from '../batch/index.ts';

/** What a source needs to resume: any JSON value, its own business. */
export type Position = JsonValue;

/**
 * A marker behind the last batch it covers, where positions, state and sinks are made to agree.
 * Cuts of one run are numbered from 1 and pass every point of the graph in that order.
 */
export class Cut {
  /** From 1; 0 in a cut that a hand-written source yields. */
  readonly id: number;
  /** Where each source that has passed this cut can resume, by source id. */
  readonly positions: ReadonlyMap<string, Position>;
  /**
   * By source id, of those with `eventTime`: the event time that it gives nothing before any more.
   * Infinity where its input has ended.
   */
  readonly watermarks: ReadonlyMap<string, number>;

  constructor(
    id: number,
    positions: ReadonlyMap<string, Position> = new Map(),
    watermarks: ReadonlyMap<string, number> = new Map(),
  ) {
    this.id = id;
    this.positions = positions;
    this.watermarks = watermarks;
  }

  /** The least watermark of these sources; −Infinity where one of them has none. */
  watermarkOf(sources: Iterable<string>): number {
    let least = Infinity;
    for (const source of sources) {
      least = Math.min(least, this.watermarks.get(source) ?? -Infinity);
    }
    return least;
  }
}

/** The cut that a hand-written source yields: everything before it is covered by `position`. */
export function positionCut(position: Position): Cut {
  return new Cut(0, new Map([['', position]]));
}

/** What flows through a pipeline. `F`: the fields of its rows. */
export type Flow<F extends Fields = Fields> = Batch<F> | Cut;

/** Tells cuts from batches. */
export function isCut<F extends Fields>(flow: Flow<F>): flow is Cut {
  return flow instanceof Cut;
}
