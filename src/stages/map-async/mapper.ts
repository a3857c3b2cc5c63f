import { type Batch, MisfitError } from '../../batch/index.ts';
import {
  type Cut,
  type Flow,
  isCut,
  RecordCollector,
  RowFailures,
  type Stage,
  type StageContext,
} from '../../core/index.ts';
import { PipelineError } from '../../errors.ts';

export interface AsyncMapperOptions {
  readonly map: (record: never, signal: AbortSignal) => unknown;
  readonly concurrency: number;
  readonly ordered: boolean;
  readonly timeoutMs?: number | undefined;
}

/** A batch whose rows are being mapped; results stand by place in the batch. */
interface OpenBatch {
  readonly batch: Batch;
  readonly results: Result[];
  started: number;
  done: number;
}

type Result = { readonly record: unknown } | { readonly reason: string; readonly thrown: unknown };

/** A call under way. */
interface Call {
  /** Aborts the call itself. */
  readonly controller: AbortController;
  /** Ends the wait for its time to be over. */
  readonly timer: AbortController;
}

/**
 * Keeps up to `concurrency` calls under way. It reads on when every row it holds has been started,
 * and while it holds no more rows than one batch or the calls may have: one slow call holds up a
 * bounded number of rows. Before a cut goes on, every batch before it has.
 */
export class AsyncMapper implements Stage {
  readonly #options: AsyncMapperOptions;
  readonly #context: StageContext;
  readonly #failures: RowFailures;
  readonly #records: RecordCollector;
  readonly #rowsMax: number;
  readonly #open: OpenBatch[] = [];
  readonly #calls = new Set<Call>();
  #rowsHeld = 0;
  #changed = Promise.withResolvers<void>();
  #reading = false;
  #ended = false;
  #closed = false;
  #input: AsyncIterator<Flow> | undefined;
  #cut: Cut | undefined;
  #inputFailure: { readonly error: unknown } | undefined;

  constructor(options: AsyncMapperOptions, context: StageContext) {
    this.#options = options;
    this.#context = context;
    this.#failures = new RowFailures(context.report);
    this.#records = new RecordCollector(context.output);
    this.#rowsMax = Math.max(context.batchLimits.rowsMax, options.concurrency);
  }

  held(): number {
    return this.#rowsHeld;
  }

  async *transform(stream: AsyncIterable<Flow>): AsyncGenerator<Flow> {
    const { signal } = this.#context;
    const input = (this.#input = stream[Symbol.asyncIterator]());
    const stop = (): void => this.#abandonCalls(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    try {
      for (;;) {
        signal.throwIfAborted();
        this.#advance();
        const finished = this.#takeFinished();
        if (finished !== undefined) yield this.#settle(finished);
        else if (this.#open.length > 0 || this.#reading) await this.#changed.promise;
        else if (this.#inputFailure !== undefined) throw this.#inputFailure.error;
        else if (this.#cut !== undefined) {
          const cut = this.#cut;
          this.#cut = undefined;
          yield cut;
        } else if (this.#ended) return;
      }
    } finally {
      signal.removeEventListener('abort', stop);
      await this.#close(input);
    }
  }

  /** Starts calls and reads on, as far as the limits let it; also while nobody asks for more. */
  #advance(): void {
    if (this.#closed || this.#context.signal.aborted) return;
    this.#start();
    if (this.#mayRead()) this.#read();
  }

  #mayRead(): boolean {
    if (this.#reading || this.#ended || this.#inputFailure !== undefined) return false;
    if (this.#cut !== undefined || this.#calls.size >= this.#options.concurrency) return false;
    return this.#rowsHeld < this.#rowsMax && this.#nextToStart() === undefined;
  }

  #read(): void {
    const readDone = (): void => {
      this.#reading = false;
      this.#advance();
      this.#wake();
    };
    this.#reading = true;
    this.#input!.next().then(
      ({ done, value }) => {
        if (done) this.#ended = true;
        else if (isCut(value)) this.#cut = value;
        else this.#openBatch(value);
        readDone();
      },
      (error: unknown) => {
        this.#inputFailure = { error };
        readDone();
      },
    );
  }

  #openBatch(batch: Batch): void {
    if (this.#closed) return batch.release();
    this.#open.push({ batch, results: new Array<Result>(batch.length), started: 0, done: 0 });
    this.#rowsHeld += batch.length;
  }

  #nextToStart(): OpenBatch | undefined {
    return this.#open.find(({ batch, started }) => started < batch.length);
  }

  #start(): void {
    while (this.#calls.size < this.#options.concurrency) {
      const open = this.#nextToStart();
      if (open === undefined) return;
      this.#call(open, open.started++);
    }
  }

  #call(open: OpenBatch, at: number): void {
    const call: Call = { controller: new AbortController(), timer: new AbortController() };
    const finish = (result: Result): void => {
      // A call that was given up may still end; nobody waits for it.
      if (!this.#calls.delete(call)) return;
      call.timer.abort();
      open.results[at] = result;
      open.done++;
      this.#advance();
      this.#wake();
    };
    this.#calls.add(call);
    const { batch } = open;
    const record = Object.freeze(batch.rowAt(batch.rows[at]!));
    Promise.try(this.#options.map, record as never, call.controller.signal).then(
      (mapped) => finish({ record: mapped }),
      (thrown: unknown) => finish({ reason: 'row.threw', thrown }),
    );
    this.#limitTime(call, finish);
  }

  #limitTime({ controller, timer }: Call, finish: (result: Result) => void): void {
    const { timeoutMs } = this.#options;
    if (timeoutMs === undefined) return;
    this.#context.clock.sleep(timeoutMs, { signal: timer.signal }).then(
      () => {
        const thrown = new PipelineError({
          code: 'ERR_TIMEOUT',
          place: this.#context.id,
          fact: `a call took longer than ${timeoutMs} ms`,
          retryable: true,
        });
        finish({ reason: 'row.timeout', thrown });
        controller.abort(thrown);
      },
      () => {},
    );
  }

  /** The next batch that may go on and is done, if there is one. */
  #takeFinished(): OpenBatch | undefined {
    const isDone = ({ batch, done }: OpenBatch): boolean => done === batch.length;
    const first = this.#open[0];
    const index = this.#options.ordered
      ? first && isDone(first)
        ? 0
        : -1
      : this.#open.findIndex(isDone);
    return index < 0 ? undefined : this.#open.splice(index, 1)[0];
  }

  #settle({ batch, results }: OpenBatch): Batch {
    this.#failures.begin(batch);
    for (let at = 0; at < results.length; at++) {
      const row = batch.rows[at]!;
      const result = results[at]!;
      if ('reason' in result) this.#failures.add(row, result.reason, result.thrown);
      else this.#collect(row, result.record);
    }
    const mapped = this.#records.replace(batch.origin);
    this.#rowsHeld -= batch.length;
    batch.release();
    return mapped;
  }

  #collect(row: number, record: unknown): void {
    try {
      this.#records.add(record, row);
    } catch (error) {
      if (!(error instanceof MisfitError)) throw error;
      this.#failures.add(row, error.reason, error);
    }
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  #abandonCalls(reason: unknown): void {
    const calls = [...this.#calls];
    this.#calls.clear();
    for (const { controller, timer } of calls) {
      timer.abort();
      controller.abort(reason);
    }
    this.#wake();
  }

  async #close(input: AsyncIterator<Flow>): Promise<void> {
    this.#closed = true;
    this.#abandonCalls(
      new PipelineError({
        code: 'ERR_RUN_CLOSED',
        place: this.#context.id,
        fact: 'the stage was closed',
      }),
    );
    for (const { batch } of this.#open.splice(0)) batch.release();
    this.#rowsHeld = 0;
    if (this.#ended) return;
    const closed = input.return?.();
    // A generator that still waits for its own input would keep the end waiting with it.
    if (this.#reading) closed?.catch(() => {});
    else await closed;
  }
}
