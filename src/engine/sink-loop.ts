import { type Batch, Selection } from '../batch/index.ts';
import {
  type Clock,
  type Cut,
  type FailedRow,
  type Flow,
  isCut,
  type Sink,
  type SinkConnector,
} from '../core/index.ts';
import type { Cuts } from './checkpoint.ts';
import { type Inlet, takeFlow } from './inlet.ts';
import type { Observed } from './observed.ts';
import type { PlannedSink } from './planned.ts';
import { brokenPromise, callConnector } from './protocol.ts';
import type { Tally } from './report.ts';

/** How often one refused batch is written again in part before the rest of it is given up. */
const bisectWritesMax = 1024;

export interface SinkWriterParts {
  readonly planned: PlannedSink;
  readonly connector: SinkConnector;
  readonly observed: Observed;
  readonly clock: Clock;
  /** Says that the run goes on but not as it should; undefined when all is well again. */
  readonly degraded: (id: string, reason: string | undefined) => void;
  readonly watch: ((sink: string, batch: Batch) => void) | undefined;
  readonly signal: AbortSignal;
}

/** Writes batches to a sink connector and finds the rows that it refuses. */
export class SinkWriter {
  readonly #parts: SinkWriterParts;

  constructor(parts: SinkWriterParts) {
    this.#parts = parts;
  }

  get id(): string {
    return this.#parts.planned.node.id;
  }

  open(): Promise<void> {
    const { planned, connector, signal } = this.#parts;
    return callConnector(planned.node, 'open', (attempt) => connector.open(attempt), signal);
  }

  /** Writes the rows that count; those refused are in the tally. Releases the batch. */
  async write(batch: Batch): Promise<void> {
    const { observed } = this.#parts;
    observed.meter.rowsIn += batch.length;
    this.#parts.watch?.(this.id, batch);
    const deadBefore = observed.tally.dead;
    const bisection = { writesLeft: bisectWritesMax };
    try {
      await observed.worked(() => this.#writeRows(batch, bisection));
      observed.meter.rowsOut += batch.length - (observed.tally.dead - deadBefore);
    } finally {
      batch.release();
    }
  }

  /** The rows refused since this was last asked. */
  takeRefused(): Tally['failures'] {
    return this.#parts.observed.tally.takeFailures();
  }

  commit(cut: Cut): Promise<void> {
    const { planned, connector, signal } = this.#parts;
    const commit = (attempt: AbortSignal): Promise<void> => connector.commit(cut, attempt);
    return callConnector(planned.node, 'commit', commit, signal);
  }

  close(): Promise<void> {
    const { planned, connector, signal } = this.#parts;
    return callConnector({ id: planned.node.id }, 'close', () => connector.close(), signal);
  }

  async #writeRows(batch: Batch, bisection: { writesLeft: number }): Promise<void> {
    const { observed } = this.#parts;
    bisection.writesLeft--;
    const result = await this.#offer(batch);
    if (result?.refused === undefined) {
      this.#refuseRows(batch, result?.failed ?? []);
      return;
    }
    const { reason, message } = result.refused;
    if (batch.length === 1 || bisection.writesLeft <= 0) {
      for (let at = 0; at < batch.length; at++) {
        observed.tally.failed(batch, batch.rows[at]!, reason, message);
      }
      return;
    }
    observed.tally.counted('batches bisected', 1);
    const half = batch.length >>> 1;
    for (const [start, end] of [
      [0, half],
      [half, batch.length],
    ] as const) {
      const part = batch.select(new Selection(batch.rows.slice(start, end), end - start));
      try {
        await this.#writeRows(part, bisection);
      } finally {
        part.release();
      }
    }
  }

  /** Each row is refused once, however often it is named; one that was not offered cannot be. */
  #refuseRows(batch: Batch, failed: readonly FailedRow[]): void {
    if (failed.length === 0) return;
    const offered = new Set(batch.rows.subarray(0, batch.length));
    const named = new Set<number>();
    for (const { row, reason, message } of failed) {
      if (!offered.has(row)) {
        const fact = `refused row ${row}, which is not among those that were offered`;
        const remedy = 'name stored rows: `batch.rows[at]` for the row at `at`';
        throw brokenPromise(this.id, fact, remedy);
      }
      if (!named.has(row)) this.#parts.observed.tally.failed(batch, row, reason, message);
      named.add(row);
    }
  }

  /** Offers a batch until the sink takes or refuses it: "not now" is no failure of the batch. */
  async #offer(batch: Batch): ReturnType<SinkConnector['write']> {
    const { planned, connector, clock, degraded, signal } = this.#parts;
    let waited = false;
    for (;;) {
      const result = await callConnector(
        planned.node,
        'write',
        (attempt) => connector.write(batch, attempt),
        signal,
      );
      if (result?.notNow === undefined) {
        if (waited) degraded(this.id, undefined);
        return result;
      }
      waited = true;
      degraded(this.id, result.notNow.message);
      await clock.sleep(result.notNow.retryAfterMs, { signal });
    }
  }
}

export interface SinkLoopParts {
  readonly writer: SinkWriter;
  readonly inlet: Inlet;
  readonly observed: Observed;
  readonly cuts: Cuts;
  readonly settle: (observed: Observed) => Promise<void>;
  /** Waits for what holds up the end of the run, as long as that may. */
  readonly withinDeadline: (id: string, what: string, call: () => Promise<void>) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Takes the flow to its end: batches are written, cuts committed. */
export async function runSink({
  writer,
  inlet,
  observed,
  cuts,
  settle,
  withinDeadline,
  signal,
}: SinkLoopParts): Promise<void> {
  for (;;) {
    const flow = await takeFlow(inlet, observed, signal);
    if (flow === undefined) return;
    if (isCut(flow)) {
      const committing = (): Promise<void> => writer.commit(flow);
      if (!cuts.isFinal(flow)) await committing();
      else await withinDeadline(writer.id, 'commit', committing);
      cuts.committed(flow, writer.id);
    } else {
      await writer.write(flow);
      await settle(observed);
    }
  }
}

/**
 * Makes a connector of a hand-written sink: a flow counts as taken when it asks for the next one. A
 * run that fails throws into its stream, so that the sink does not take that for the end.
 */
export function connectorOfSink(sink: Sink, id: string, signal: AbortSignal): SinkConnector {
  let offered: PromiseWithResolvers<Flow | undefined> = Promise.withResolvers();
  let taken: PromiseWithResolvers<void> | undefined;
  let closing = false;
  let consumed: Promise<void> = Promise.resolve();
  const stream = async function* (): AsyncGenerator<Flow> {
    for (;;) {
      const flow = await offered.promise;
      if (flow === undefined) return;
      yield flow;
      if (closing) signal.throwIfAborted();
      if (closing) return;
      offered = Promise.withResolvers();
      taken?.resolve();
    }
  };
  const consume = async (): Promise<void> => {
    let failure: unknown;
    try {
      await sink.consume(stream());
      const remedy = 'take the stream to its end';
      if (!closing)
        failure = brokenPromise(
          id,
          'its `consume(stream)` returned before the stream ended',
          remedy,
        );
    } catch (error) {
      failure = error;
    }
    if (failure === undefined) return;
    taken ??= Promise.withResolvers();
    taken.reject(failure);
    // Met by the next offer; until then it is not unhandled.
    taken.promise.catch(() => {});
    throw failure as Error;
  };
  const offer = async (flow: Flow): Promise<void> => {
    taken ??= Promise.withResolvers();
    offered.resolve(flow);
    await taken.promise;
    taken = undefined;
  };
  return {
    open: () => {
      consumed = consume();
      consumed.catch(() => {});
      return Promise.resolve();
    },
    write: (batch) => offer(batch),
    commit: (cut) => offer(cut),
    close: async () => {
      closing = true;
      if (signal.aborted) {
        offered.promise.catch(() => {});
        offered.reject(signal.reason);
      } else offered.resolve(undefined);
      await consumed;
    },
  };
}
