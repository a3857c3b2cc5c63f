import type { Batch, Fields, Schema } from '../batch/index.ts';
import type { Flow, Position } from './cut.ts';
import type { PolicyHolder } from './policy.ts';
import { keepsProtocol } from './protocol.ts';
import type { SensorReport } from './sensor-report.ts';

/**
 * What a source does while the pipeline cannot take more. The engine pauses it by not calling `read`
 * from the batch on that finds no room; nothing is read ahead of that. What this means is up to the
 * source, and said to whoever runs it:
 *
 * - `hold`: its input waits where it is, and nothing is lost.
 * - `redeliver`: what was not acknowledged is sent again. It has `acknowledge`, which is called only
 *   for what is committed; a run refuses a source without.
 * - `skip`: moments that pass meanwhile give no records. It counts them by `report.counted`.
 * - `reject`: it refuses what comes at its own door once its own bounded queue is full, and counts
 *   that by `report.counted`.
 */
export type WhenPaused = 'hold' | 'reject' | 'skip' | 'redeliver';

/** How far a source is behind its input. */
export interface Lag {
  readonly value: number;
  readonly unit: 'records' | 'bytes';
}

/** The end of a source's input, as `read` tells it. */
export const endOfInput: unique symbol = Symbol('millrace.endOfInput');

/** A source as connectors describe it; the engine makes a stream of it and reads ahead. */
export interface SourceConnector extends PolicyHolder {
  /** Called once before the first `read`; `from` is where an earlier run was acknowledged. */
  open(from: Position | undefined, signal: AbortSignal): Promise<void>;
  /** The next batch, waiting for it as long as it takes. Never called twice at a time. */
  read(signal: AbortSignal): Promise<Batch | typeof endOfInput>;
  /** Where to resume behind the last batch that `read` gave. */
  position(): Position;
  /** Everything up to `position` is committed downstream. */
  acknowledge?(position: Position, signal: AbortSignal): Promise<void>;
  /** How far behind its input it is; null when that cannot be known. */
  lag?(): Lag | null;
  /**
   * The partitions that it reads now: event time waits for each of them, until that is idle, and for
   * no others. Asked for at each batch; the same array where they are the same. Without it, it waits
   * for those that gave something.
   */
  partitions?(): readonly string[];
  /** How each of its sensors is, where it has such. What it gives is copied at once. */
  sensors?(): readonly SensorReport[];
  /** Called once, also after a failed `open`; again where an `open` that was given up ends late. */
  close(): Promise<void>;
}

/**
 * The protocol of a source: a stream of batches and, where it knows its positions, cuts. While the
 * pipeline is paused nobody asks its stream for more. `F`: the fields of its rows.
 */
export interface Source<out F extends Fields = Fields> extends PolicyHolder {
  /** The schema of its batches. */
  readonly schema: Schema<F>;
  /**
   * What that does to its input. `hold` says that all of it waits, as a file does: it cannot fall
   * behind, and neither its queues nor its lag are watched. One that does not say has a pace of its own.
   */
  readonly whenPaused?: WhenPaused;
  /** From the position of an earlier cut, or from the beginning; ends when the signal aborts. */
  stream(options: {
    readonly from?: Position;
    readonly signal: AbortSignal;
  }): AsyncIterable<Flow<F>>;
  /** Everything up to `position` is committed downstream. */
  acknowledge?(position: Position, signal: AbortSignal): Promise<void>;
  /** How far behind its input it is; null when that cannot be known. */
  lag?(): Lag | null;
  /** How each of its sensors is, where it has such. What it gives is copied at once. */
  sensors?(): readonly SensorReport[];
}

/** Whether a value obeys the protocol of a source; never throws. */
export function isSource(value: unknown): value is Source {
  return keepsProtocol(value, 'source');
}
