import type { Batch } from '../batch/index.ts';
import type { BatchTrace, RunTracing } from '../observe/tracing.ts';
import type { Observed } from './observed.ts';

/** To how many batches one that was made of them is linked. */
const linksMax = 128;

/** Does the work on a batch, as a span where the batch is traced. */
export function traced<T>(
  observed: Observed,
  tracing: RunTracing,
  { origin: { trace }, length: rows }: Batch,
  work: () => T | Promise<T>,
): T | Promise<T> {
  if (!trace) return work();
  const { tally } = observed;
  const failedBefore = tally.dead;
  const span = tracing.begin(observed, { parents: [trace], rows, startMs: observed.now() });
  const end = (error?: unknown): void =>
    span.end({ endMs: observed.now(), failed: tally.dead - failedBefore, error });
  const fail = (error: unknown): never => {
    end(error);
    throw error;
  };
  let result: T | Promise<T>;
  try {
    result = span.run(work);
  } catch (error) {
    return fail(error);
  }
  if (!(result instanceof Promise)) {
    end();
    return result;
  }
  return result.then((value) => {
    end();
    return value;
  }, fail);
}

interface GivenBatch {
  readonly rows: number;
  readonly startMs: number;
}

/** The traced batches that a stage in general form was given and has not made anything of. */
export class GivenTraces {
  readonly #observed: Observed;
  readonly #given = new Map<BatchTrace, GivenBatch>();
  #last: BatchTrace | null | undefined;

  constructor(observed: Observed) {
    this.#observed = observed;
  }

  take({ origin: { trace }, length: rows }: Batch): void {
    this.#last = trace;
    if (!trace) return;
    const [oldest] = this.#given.keys();
    if (this.#given.size >= linksMax) this.#given.delete(oldest!);
    this.#given.set(trace, { rows, startMs: this.#observed.now() });
  }

  /** The stage gave a batch: made of one that it was given, of several, or one more of the last. */
  gave({ origin }: Batch): void {
    const { trace } = origin;
    if (trace === null || this.#observed.tracing === undefined) return;
    if (trace !== undefined) {
      if (this.#given.has(trace)) this.#record([trace], undefined);
      return;
    }
    const parents = [...this.#given.keys()];
    const made = this.#record(parents, undefined);
    origin.trace = parents.length > 1 ? made : (parents[0] ?? this.#last);
  }

  /** The stage threw on what it was given. */
  threw(error: unknown): void {
    this.#record([...this.#given.keys()], error);
  }

  /** From when the newest of them was given. */
  #record(parents: readonly BatchTrace[], error: unknown): BatchTrace | undefined {
    const given = parents.map((trace) => this.#given.get(trace)!);
    for (const trace of parents) this.#given.delete(trace);
    if (given.length === 0) return undefined;
    const rows = given.reduce((sum, one) => sum + one.rows, 0);
    const work = { parents, rows, startMs: given.at(-1)!.startMs };
    const span = this.#observed.tracing?.begin(this.#observed, work);
    span?.end({ endMs: this.#observed.now(), error });
    return span?.trace;
  }
}
