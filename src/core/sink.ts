import type { Batch, Fields } from '../batch/index.ts';
import type { Cut, Flow } from './cut.ts';
import type { PolicyHolder } from './policy.ts';
import { keepsProtocol } from './protocol.ts';

/** A row that a sink refused: it becomes a dead letter. */
export interface FailedRow {
  /** The stored index of the row in the batch. */
  readonly row: number;
  /** A dotted reason, as `value.range`: one of few. */
  readonly reason: string;
  /** What is wrong with it, for people. */
  readonly message: string;
}

/** What became of a written batch. Nothing at all means that every row was taken. */
export interface WriteResult {
  /** Rows that were refused; the others were taken. */
  readonly failed?: readonly FailedRow[];
  /** The batch was refused whole and nothing of it taken: the engine bisects it to find the rows. */
  readonly refused?: { readonly reason: string; readonly message: string };
  /** Nothing was taken and nothing is wrong with the batch: it is offered again after the delay. */
  readonly notNow?: { readonly retryAfterMs: number; readonly message: string };
}

/** A sink as connectors describe it; the engine writes behind from a bounded queue. */
export interface SinkConnector extends PolicyHolder {
  /** Called once, before the first `write`. */
  open(signal: AbortSignal): Promise<void>;
  /** Takes the rows that count. May hold them until `commit`. */
  write(batch: Batch, signal: AbortSignal): Promise<WriteResult | void>;
  /** Everything written before is now in its store at its stated durability. */
  commit(cut: Cut, signal: AbortSignal): Promise<void>;
  /** Called once, also after a failed `open`; again where an `open` that was given up ends late. */
  close(): Promise<void>;
}

/** The protocol of a sink: takes the stream to its end. `F`: the fields of the rows it can take. */
export interface Sink<in F extends Fields = Fields> extends PolicyHolder {
  /** Resolves at the end of the stream. A flow counts as taken when the next is asked for. */
  readonly consume: (stream: AsyncIterable<Flow<F>>) => Promise<void>;
}

/** Whether a value obeys the protocol of a sink; never throws. */
export function isSink(value: unknown): value is Sink {
  return keepsProtocol(value, 'sink');
}
