import type { Batch, Fields, Schema } from '../batch/index.ts';
import type { Flow, Position } from './cut.ts';

/** What a source does while the pipeline cannot take more: wait, refuse, skip ticks, be sent again. */
export type WhenPaused = 'hold' | 'reject' | 'skip' | 'redeliver';

/** The end of a source's input, as `read` tells it. */
export const endOfInput: unique symbol = Symbol('millrace.endOfInput');

/** A source as connectors describe it; the engine makes a stream of it and reads ahead. */
export interface SourceConnector {
  /** Called once before the first `read`; `from` is where an earlier run was acknowledged. */
  open(from: Position | undefined, signal: AbortSignal): Promise<void>;
  /** The next batch, waiting for it as long as it takes. Never called twice at a time. */
  read(signal: AbortSignal): Promise<Batch | typeof endOfInput>;
  /** Where to resume behind the last batch that `read` gave. */
  position(): Position;
  /** Everything up to `position` is committed downstream. */
  acknowledge?(position: Position, signal: AbortSignal): Promise<void>;
  /** How far behind its input it is, in records or bytes; null when that cannot be known. */
  lag?(): number | null;
  /** Called once, also after a failed `open`. */
  close(): Promise<void>;
}

/**
 * The protocol of a source: a stream of batches and, where it knows its positions, cuts. `F`: the
 * fields of its rows.
 */
export interface Source<out F extends Fields = Fields> {
  /** The schema of its batches. */
  readonly schema: Schema<F>;
  readonly whenPaused?: WhenPaused;
  stream(options: {
    readonly from?: Position;
    readonly signal: AbortSignal;
  }): AsyncIterable<Flow<F>>;
  acknowledge?(position: Position, signal: AbortSignal): Promise<void>;
  lag?(): number | null;
}

export function isSource(value: unknown): value is Source {
  return typeof (value as Source | undefined)?.stream === 'function';
}
