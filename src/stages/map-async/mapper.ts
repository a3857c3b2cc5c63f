import { type Batch, MisfitError } from '../../batch/index.ts';
import {
  Cut,
  type Flow,
  isCut,
  RecordCollector,
  RowFailures,
  type Stage,
  type StageContext,
  Undelivered,
} from '../../core/index.ts';
import { isPipelineError, PipelineError } from '../../errors.ts';

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

type Result =
  | { readonly record: unknown }
  | { readonly dropped: string }
  | { readonly reason: string; readonly thrown: unknown };

/** How many rows more it may hold while others show whether those that fail do so by themselves. */
const spareRows = 256;

/**
 * Keeps up to `concurrency` calls under way. It reads on when every row it holds has been started,
 * and while it holds no more rows than one batch or the calls may have: one slow call holds up a
 * bounded number of rows. Before a cut goes on, every batch before it has, and no row behind it is
 * begun; but where all calls have failed and wait for a breaker, one more is begun, behind a cut and
 * beyond the number of calls if need be: it shows whether these rows alone fail, or all do.
 */
export class AsyncMapper implements Stage {
  readonly #options: AsyncMapperOptions;
  readonly #context: StageContext;
  readonly #failures: RowFailures;
  readonly #records: RecordCollector;
  readonly #rowsMax: number;
  /** What was read and has not gone on, in order. */
  readonly #open: (OpenBatch | Cut)[] = [];
  /** What aborts each call that is under way. */
  readonly #calls = new Set<AbortController>();
  /** Those of them that have failed and wait for a breaker. */
  readonly #stalled = new Set<AbortController>();
  #rowsHeld = 0;
  #changed = Promise.withResolvers<void>();
  #reading = false;
  #ended = false;
  #closed = false;
  #input: AsyncIterator<Flow> | undefined;
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
        if (finished !== undefined)
          yield finished instanceof Cut ? finished : this.#settle(finished);
        else if (this.#open.length > 0 || this.#reading) await this.#changed.promise;
        else if (this.#inputFailure !== undefined) throw this.#inputFailure.error;
        else if (this.#ended) return;
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
    if (!this.#mayStart) return false;
    if (this.#rowsHeld >= this.#rowsMax + (this.#isStalled ? spareRows : 0)) return false;
    if (!this.#isStalled && this.#open.some((flow) => flow instanceof Cut)) return false;
    return this.#nextToStart() === undefined;
  }

  /** Whether all calls have failed and wait: only another can show whether that is their own fault. */
  get #isStalled(): boolean {
    return this.#calls.size > 0 && this.#stalled.size === this.#calls.size;
  }

  get #mayStart(): boolean {
    return this.#calls.size < this.#options.concurrency || this.#isStalled;
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
        else if (isCut(value)) this.#open.push(value);
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
    for (const flow of this.#open) {
      if (!(flow instanceof Cut)) {
        if (flow.started < flow.batch.length) return flow;
      } else if (!this.#isStalled) return undefined;
    }
    return undefined;
  }

  #start(): void {
    while (this.#mayStart) {
      const open = this.#nextToStart();
      if (open === undefined) return;
      this.#call(open, open.started++);
    }
  }

  #call(open: OpenBatch, at: number): void {
    const call = new AbortController();
    const finish = (result: Result): void => {
      // A call that was given up may still end; nobody waits for it.
      if (!this.#calls.delete(call)) return;
      this.#stalled.delete(call);
      open.results[at] = result;
      open.done++;
      this.#advance();
      this.#wake();
    };
    this.#calls.add(call);
    const { batch } = open;
    const record = Object.freeze(batch.rowAt(batch.rows[at]!));
    const attempt = (signal: AbortSignal): Promise<unknown> => this.#attempt(record, signal);
    const name = (): string => nameOf(batch, at);
    const stalls = (isStalled: boolean): void | Promise<void> => {
      if (!isStalled) return this.#goOn(call);
      if (!this.#calls.has(call)) return;
      this.#stalled.add(call);
      this.#advance();
      this.#wake();
    };
    this.#context.call(attempt, call.signal, [record], { name, stalls }).then(
      (mapped) => finish({ record: mapped }),
      (thrown: unknown) => {
        if (thrown instanceof Undelivered) finish({ dropped: thrown.reason });
        else finish({ reason: this.#reasonOf(thrown), thrown });
      },
    );
  }

  /** Those that wait may be more than there may be calls at a time. */
  #goOn(call: AbortController): void | Promise<void> {
    const isFull = this.#calls.size - this.#stalled.size >= this.#options.concurrency;
    if (isFull && this.#calls.has(call)) return this.#changed.promise.then(() => this.#goOn(call));
    this.#stalled.delete(call);
  }

  #attempt(record: object, signal: AbortSignal): Promise<unknown> {
    const { map, timeoutMs } = this.#options;
    if (timeoutMs === undefined) return Promise.try(map, record as never, signal);
    return this.#attemptWithin(timeoutMs, record, signal);
  }

  /** An attempt that rejects, and whose signal aborts, when its time is over. */
  async #attemptWithin(timeoutMs: number, record: object, signal: AbortSignal): Promise<unknown> {
    const { id, clock } = this.#context;
    const [call, timer] = [new AbortController(), new AbortController()];
    const giveUp = (): void => {
      timer.abort();
      call.abort(signal.reason);
    };
    signal.addEventListener('abort', giveUp, { once: true });
    const { map } = this.#options;
    // Begun first: a call that takes exactly as long as it may is in time.
    const mapped = Promise.try(map, record as never, call.signal);
    const limit = new Promise<never>((_, reject) => {
      clock.sleep(timeoutMs, { signal: timer.signal }).then(
        () => {
          const fact = `a call took longer than ${timeoutMs} ms`;
          const error = { code: 'ERR_TIMEOUT', place: id, fact, retryable: true } as const;
          const timeout = new PipelineError(error);
          reject(timeout);
          call.abort(timeout);
        },
        () => {},
      );
    });
    try {
      return await Promise.race([mapped, limit]);
    } finally {
      signal.removeEventListener('abort', giveUp);
      timer.abort();
    }
  }

  /** Its own limit of time is told from whatever else a call may fail with. */
  #reasonOf(thrown: unknown): string {
    const isOwn = isPipelineError(thrown) && thrown.place === this.#context.id;
    return isOwn && thrown.code === 'ERR_TIMEOUT' ? 'row.timeout' : 'row.threw';
  }

  /** What may go on next: a batch that is done, or a cut that nothing is in front of. */
  #takeFinished(): OpenBatch | Cut | undefined {
    for (const [index, flow] of this.#open.entries()) {
      const isNext = flow instanceof Cut ? index === 0 : flow.done === flow.batch.length;
      if (isNext) return this.#open.splice(index, 1)[0];
      if (this.#options.ordered || flow instanceof Cut) return undefined;
    }
    return undefined;
  }

  #settle({ batch, results }: OpenBatch): Batch {
    this.#failures.begin(batch);
    for (let at = 0; at < results.length; at++) {
      const row = batch.rows[at]!;
      const result = results[at]!;
      if ('dropped' in result) this.#context.report.dropped(result.dropped, 1);
      else if ('reason' in result) this.#failures.add(row, result.reason, result.thrown);
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
    this.#stalled.clear();
    for (const call of calls) call.abort(reason);
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
    for (const flow of this.#open.splice(0)) if (!(flow instanceof Cut)) flow.batch.release();
    this.#rowsHeld = 0;
    if (this.#ended) return;
    const closed = input.return?.();
    // A generator that still waits for its own input would keep the end waiting with it.
    if (this.#reading) closed?.catch(() => {});
    else await closed;
  }
}

function nameOf({ origin, rows }: Batch, at: number): string {
  const row = rows[at]!;
  return `row ${origin.position(row)} of \`${origin.source}\`, record ${origin.recordId(row)}`;
}
