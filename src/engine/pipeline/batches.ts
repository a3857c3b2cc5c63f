import type { Batch, Fields } from '../../batch/index.ts';
import { isPipelineError, PipelineError } from '../../errors.ts';
import type { Run } from '../run/options.ts';

/** Takes a batch that a sink took; resolves when whoever reads has consumed it. */
export type Hand = (batch: Batch, signal: AbortSignal) => Promise<void>;

const over: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });

/**
 * The batches of one run, which begins with the first that is asked for. To ask for the next says
 * that the one before is consumed: what is not is never acknowledged.
 */
export class PipelineBatches<F extends Fields = Fields>
  implements AsyncIterableIterator<Batch<F>, undefined>, AsyncDisposable
{
  readonly #start: (hand: Hand) => Run;
  #run: Run | undefined;
  /** Whether nothing more is given. */
  #isOver = false;
  /** To be settled when what was given last is consumed, or left. */
  #given: PromiseWithResolvers<void> | undefined;
  #asked: PromiseWithResolvers<IteratorResult<Batch, undefined>> | undefined;
  #ended: { readonly error?: unknown } | undefined;
  /** Calls of `next` have their turn one by one. */
  #turn: Promise<unknown> = Promise.resolve();

  /** `start`: starts the run, which gives its batches to `hand`. */
  constructor(start: (hand: Hand) => Run) {
    this.#start = start;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next batch, held for the caller. Rejects once where the run failed. */
  next(): Promise<IteratorResult<Batch<F>, undefined>> {
    const next = this.#turn.then(() => this.#next());
    this.#turn = next.catch(() => {});
    return next as Promise<IteratorResult<Batch<F>, undefined>>;
  }

  /**
   * Ends the run at once and closes everything. Rejects where the run had failed by itself, and
   * nobody had been told.
   */
  async return(): Promise<IteratorReturnResult<undefined>> {
    const wasOver = this.#isOver;
    this.#isOver = true;
    this.#asked?.resolve(over);
    this.#asked = undefined;
    if (this.#run === undefined || wasOver) return over;
    const left = new PipelineError({
      code: 'ERR_OUTPUT_CLOSED',
      place: this.#run.topology().pipeline,
      fact: 'the loop over the pipeline was left',
    });
    // A sink that waits for the loop ends the run by this; else the run has to be told.
    if (this.#given !== undefined) this.#given.reject(left);
    else void this.#run.abort(left);
    const failure: unknown = await this.#run.done.then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failure !== undefined && !isBy(left, failure)) throw failure as Error;
    return over;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async #next(): Promise<IteratorResult<Batch, undefined>> {
    if (this.#isOver) return over;
    this.#given?.resolve();
    this.#given = undefined;
    if (this.#run === undefined) this.#begin();
    const asked = (this.#asked = Promise.withResolvers());
    if (this.#ended !== undefined) this.#end(this.#ended);
    return asked.promise;
  }

  #begin(): void {
    try {
      this.#run = this.#start((batch, signal) => this.#hand(batch, signal));
    } catch (error) {
      this.#isOver = true;
      throw error;
    }
    this.#run.done.then(
      () => this.#end({}),
      (error: unknown) => this.#end({ error }),
    );
  }

  /** The run waits in it until the batch is consumed: the next is asked for before there is one. */
  async #hand(batch: Batch, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const consumed = (this.#given = Promise.withResolvers());
    const giveUp = (): void => consumed.reject(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    // A batch of its own: who lets go of it too often has the error, and not the run.
    this.#asked?.resolve({ done: false, value: batch.withColumns(batch.schema, batch.columns) });
    this.#asked = undefined;
    try {
      await consumed.promise;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  #end(ended: { readonly error?: unknown }): void {
    this.#ended = ended;
    if (this.#asked === undefined) return;
    this.#isOver = true;
    if ('error' in ended) this.#asked.reject(ended.error);
    else this.#asked.resolve(over);
    this.#asked = undefined;
  }
}

/** Whether a run failed by nothing else than that it was left. */
function isBy(left: PipelineError, failure: unknown): boolean {
  return failure === left || (isPipelineError(failure) && failure.cause === left);
}
