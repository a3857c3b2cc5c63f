import type { Batch } from '../batch/index.ts';
import type { Cut } from './cut.ts';
import type { SinkConnector, WriteResult } from './sink.ts';

type Result = Promise<WriteResult | void>;

interface Made {
  readonly what: 'open' | 'write' | 'commit';
  /** The batch or the cut. */
  readonly subject: unknown;
  readonly result: Result;
  /** Whether somebody waited for the result when it came; then the same again is another call. */
  isTaken: boolean;
}

/**
 * Makes the calls of a sink that cannot stop in the middle one at a time, whatever its policy does. One
 * that was given up, as it took too long, goes on, and the same call made again has its result. So
 * nothing is written twice, or beside something else.
 */
export class SingleCalls implements SinkConnector {
  readonly #sink: SinkConnector;
  /** Of the run: with it all calls end. */
  readonly #signal: AbortSignal;
  #last: Made | undefined;

  constructor(sink: SinkConnector, signal: AbortSignal) {
    this.#sink = sink;
    this.#signal = signal;
  }

  async open(signal: AbortSignal): Promise<void> {
    await this.#make('open', undefined, signal, () => this.#sink.open(this.#signal));
  }

  write(batch: Batch, signal: AbortSignal): Result {
    return this.#make('write', batch, signal, () => this.#sink.write(batch, this.#signal));
  }

  async commit(cut: Cut, signal: AbortSignal): Promise<void> {
    await this.#make('commit', cut, signal, () => this.#sink.commit(cut, this.#signal));
  }

  async close(): Promise<void> {
    await this.#last?.result.catch(() => {});
    await this.#sink.close();
  }

  async #make(
    what: Made['what'],
    subject: unknown,
    signal: AbortSignal,
    call: () => Result,
  ): Result {
    const last = this.#last;
    const isAgain = last?.what === what && last.subject === subject && !last.isTaken;
    const made = isAgain ? last : this.#begin(what, subject, call);
    try {
      const result = await made.result;
      made.isTaken ||= !signal.aborted;
      return result;
    } catch (error) {
      made.isTaken = true;
      throw error;
    }
  }

  #begin(what: Made['what'], subject: unknown, call: () => Result): Made {
    const last = this.#last;
    const result = last === undefined || last.isTaken ? call() : last.result.then(call, call);
    return (this.#last = { what, subject, result, isTaken: false });
  }
}
