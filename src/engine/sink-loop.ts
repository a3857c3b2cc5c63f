import { type Flow, isCut, type Sink, type SinkConnector } from '../core/index.ts';
import type { Cuts } from './checkpoint.ts';
import { type Inlet, takeFlow } from './inlet.ts';
import type { Observed } from './observed.ts';
import { brokenPromise } from './protocol.ts';
import type { SinkWriter } from './sink-writer.ts';

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
      if (!cuts.isFinal(flow)) await writer.commit(flow);
      else await writer.commit(flow, (attempt) => withinDeadline(writer.id, 'commit', attempt));
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
