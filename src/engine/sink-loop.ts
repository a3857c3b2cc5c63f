import { type Batch, Selection } from '../batch/index.ts';
import {
  type Clock,
  type Cut,
  type Flow,
  isCut,
  type Sink,
  type SinkConnector,
} from '../core/index.ts';
import { PipelineError } from '../errors.ts';
import type { Cuts } from './checkpoint.ts';
import type { Inlet } from './inlet.ts';
import type { Observed } from './observed.ts';
import type { PlannedSink } from './plan.ts';
import { underPolicy } from './source-loop.ts';

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
    return underPolicy(planned.node.policy, (attempt) => connector.open(attempt), signal);
  }

  /** Writes the rows that count; those refused are in the tally. Releases the batch. */
  async write(batch: Batch): Promise<void> {
    const { observed } = this.#parts;
    observed.meter.rowsIn += batch.length;
    this.#parts.watch?.(this.id, batch);
    const deadBefore = observed.tally.dead;
    const bisection = { writesLeft: bisectWritesMax };
    await observed.worked(() => this.#writeRows(batch, bisection));
    observed.meter.rowsOut += batch.length - (observed.tally.dead - deadBefore);
    batch.release();
  }

  commit(cut: Cut): Promise<void> {
    const { planned, connector, signal } = this.#parts;
    return underPolicy(planned.node.policy, (attempt) => connector.commit(cut, attempt), signal);
  }

  close(): Promise<void> {
    return this.#parts.connector.close();
  }

  async #writeRows(batch: Batch, bisection: { writesLeft: number }): Promise<void> {
    const { observed } = this.#parts;
    bisection.writesLeft--;
    const result = await this.#offer(batch);
    for (const { row, reason, message } of result?.failed ?? []) {
      observed.tally.failed(batch, row, reason, message);
    }
    if (result?.refused === undefined) return;
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
      await this.#writeRows(part, bisection);
      part.release();
    }
  }

  /** Offers a batch until the sink takes or refuses it: "not now" is no failure of the batch. */
  async #offer(batch: Batch): ReturnType<SinkConnector['write']> {
    const { planned, connector, clock, degraded, signal } = this.#parts;
    let waited = false;
    for (;;) {
      const result = await underPolicy(
        planned.node.policy,
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
  readonly signal: AbortSignal;
}

/** Takes the flow to its end: batches are written, cuts committed. */
export async function runSink({
  writer,
  inlet,
  observed,
  cuts,
  settle,
  signal,
}: SinkLoopParts): Promise<void> {
  for (;;) {
    let flow = inlet.next();
    if (flow instanceof Promise) flow = await observed.waited('idleMs', flow);
    signal.throwIfAborted();
    if (flow === undefined) return;
    if (isCut(flow)) {
      await writer.commit(flow);
      cuts.committed(flow, writer.id);
    } else {
      await writer.write(flow);
      await settle(observed);
    }
  }
}

/** Makes a connector of a hand-written sink: a flow counts as taken when it asks for the next one. */
export function connectorOfSink(sink: Sink, id: string): SinkConnector {
  let offered: PromiseWithResolvers<Flow | undefined> = Promise.withResolvers();
  let taken: PromiseWithResolvers<void> | undefined;
  let closing = false;
  let consumed: Promise<void> = Promise.resolve();
  const stream = async function* (): AsyncGenerator<Flow> {
    for (;;) {
      const flow = await offered.promise;
      if (flow === undefined) return;
      yield flow;
      offered = Promise.withResolvers();
      taken?.resolve();
    }
  };
  const consume = async (): Promise<void> => {
    let failure: unknown;
    try {
      await sink.consume(stream());
      if (!closing) failure = stoppedEarly(id);
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
      offered.resolve(undefined);
      await consumed;
    },
  };
}

function stoppedEarly(id: string): PipelineError {
  return new PipelineError({
    code: 'ERR_CONNECTOR_PROTOCOL',
    place: id,
    fact: 'its `consume(stream)` returned before the stream ended',
    remedy: 'take the stream to its end',
  });
}
