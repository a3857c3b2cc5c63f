import type { Batch, Fields } from '../../batch/index.ts';
import { isPipelineError, PipelineError } from '../../errors.ts';
import type { Run } from '../run/options.ts';

/** Takes a batch that a sink took; resolves when whoever reads has consumed it. */
export type Hand = (batch: Batch, signal: AbortSignal) => Promise<void>;

const over: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });

interface Offer {
  /** Held for whoever is given it. */
  readonly batch: Batch;
  readonly consumed: PromiseWithResolvers<void>;
}

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
  /** What the run has ready. */
  #offer: Offer | undefined;
  /** What was given last. */
  #given: Offer | undefined;
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
    if (this.#run === undefined || wasOver) return over;
    const left = new PipelineError({
      code: 'ERR_OUTPUT_CLOSED',
      place: this.#run.topology().pipeline,
      fact: 'the loop over the pipeline was left',
    });
    const waiting = this.#given ?? this.#offer;
    this.#letGo();
    // A sink that waits for the loop ends the run by this; else the run has to be told.
    if (waiting !== undefined) waiting.consumed.reject(left);
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
    this.#given?.consumed.resolve();
    this.#given = undefined;
    if (this.#run === undefined) this.#begin();
    this.#asked = Promise.withResolvers();
    const { promise } = this.#asked;
    this.#answer();
    return promise;
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

  async #hand(batch: Batch, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const consumed = Promise.withResolvers<void>();
    const giveUp = (): void => consumed.reject(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    this.#offer = { batch: batch.retain(), consumed };
    this.#answer();
    try {
      await consumed.promise;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  #end(ended: { readonly error?: unknown }): void {
    this.#ended = ended;
    this.#letGo();
    this.#answer();
  }

  /** Gives what there is to whoever asked. */
  #answer(): void {
    const asked = this.#asked;
    if (asked === undefined) return;
    if (this.#offer !== undefined) {
      this.#given = this.#offer;
      this.#offer = undefined;
      asked.resolve({ done: false, value: this.#given.batch });
    } else if (this.#ended !== undefined) {
      this.#isOver = true;
      if ('error' in this.#ended) asked.reject(this.#ended.error);
      else asked.resolve(over);
    } else return;
    this.#asked = undefined;
  }

  /** Lets go of a batch that nobody was given. */
  #letGo(): void {
    this.#offer?.batch.release();
    this.#offer = undefined;
  }
}

/** Whether a run failed by nothing else than that it was left. */
function isBy(left: PipelineError, failure: unknown): boolean {
  return failure === left || (isPipelineError(failure) && failure.cause === left);
}
