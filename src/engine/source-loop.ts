import { type Batch, Selection } from '../batch/index.ts';
import {
  endOfInput,
  type Flow,
  isCut,
  type Policy,
  type Position,
  type Source,
  type SourceConnector,
} from '../core/index.ts';
import { PipelineError } from '../errors.ts';
import type { Cuts } from './checkpoint.ts';
import type { Observed } from './observed.ts';
import { onlyOutput, type PlannedSource } from './plan.ts';
import type { Outlet } from './outlet.ts';
import { Wakeup } from './wakeup.ts';

/** How long the loop goes on before timers, signals and I/O have their turn. */
const turnMsMax = 20;

/** How many records a run may still read. */
export interface RecordBudget {
  left: number;
  /** Called when nothing is left. */
  readonly spent: () => void;
}

export interface SourceLoopParts {
  readonly planned: PlannedSource;
  readonly connector: SourceConnector;
  readonly observed: Observed;
  readonly outlet: Outlet;
  readonly cuts: Cuts;
  readonly budget: RecordBudget;
  /** Takes failed records to the dead letters. */
  readonly settle: (observed: Observed) => Promise<void>;
  /** Aborts when the run is stopped at once. */
  readonly signal: AbortSignal;
  readonly ended: () => void;
}

/** Reads a source into the stream, and puts the cuts between its batches, also while it is idle. */
export class SourceLoop {
  readonly #parts: SourceLoopParts;
  readonly #wakeup = new Wakeup();
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  #result: { batch: Batch | typeof endOfInput } | { error: unknown } | undefined;
  #reading = false;
  #ended = false;
  #lastCut = 0;
  #position: Position = null;

  constructor(parts: SourceLoopParts) {
    this.#parts = parts;
    this.#signal = AbortSignal.any([parts.signal, this.#stop.signal]);
    parts.signal.addEventListener('abort', () => this.#wakeup.set(), { once: true });
  }

  get id(): string {
    return this.#parts.planned.node.id;
  }

  get connector(): SourceConnector {
    return this.#parts.connector;
  }

  async open(from: Position | undefined): Promise<void> {
    const { planned, connector, signal } = this.#parts;
    await underPolicy(planned.node.policy, (attempt) => connector.open(from, attempt), signal);
    this.#position = connector.position();
  }

  /** Looks for a cut that is due. */
  wake(): void {
    this.#wakeup.set();
  }

  /** Reads no more; what was read flows on, and the final cut comes behind it. */
  stop(): void {
    this.#stop.abort(new Stopped());
    this.#wakeup.set();
  }

  async run(): Promise<void> {
    const { outlet, signal, cuts, observed } = this.#parts;
    let turnMs = observed.now();
    for (;;) {
      // Where nothing waits for the outside, promises alone would keep everything else out for ever.
      if (observed.now() - turnMs > turnMsMax) {
        await observed.turn();
        turnMs = observed.now();
      }
      signal.throwIfAborted();
      const cut = cuts.enter(this.id, this.#lastCut, this.#position);
      if (cut !== undefined) {
        this.#lastCut = cut.id;
        await outlet.pass(cut);
        if (cuts.isFinal(cut)) break;
        continue;
      }
      if (this.#result !== undefined) await this.#take();
      else {
        this.#read();
        await this.#parts.observed.waited('idleMs', this.#wakeup.wait());
      }
    }
    outlet.close();
  }

  async close(): Promise<void> {
    await this.#parts.connector.close();
  }

  #read(): void {
    if (this.#reading || this.#ended) return;
    if (this.#signal.aborted) {
      this.#end();
      return;
    }
    this.#reading = true;
    const { planned, connector, observed } = this.#parts;
    const read = (signal: AbortSignal): ReturnType<SourceConnector['read']> =>
      connector.read(signal);
    Promise.resolve(observed.worked(() => underPolicy(planned.node.policy, read, this.#signal)))
      .then(
        (batch) => (this.#result = { batch }),
        (error: unknown) => (this.#result = { error }),
      )
      .finally(() => this.#wakeup.set());
  }

  async #take(): Promise<void> {
    const result = this.#result!;
    this.#result = undefined;
    this.#reading = false;
    const { observed, connector, settle } = this.#parts;
    if ('error' in result) {
      if (!this.#stop.signal.aborted) throw result.error;
      this.#end();
      return;
    }
    const dead = observed.tally.failures.length;
    observed.meter.rowsIn += dead;
    await settle(observed);
    if (result.batch === endOfInput) {
      this.#position = connector.position();
      this.#end();
      return;
    }
    await this.#emit(result.batch);
  }

  async #emit(batch: Batch): Promise<void> {
    const { planned, observed, outlet, cuts, budget, connector } = this.#parts;
    if (!batch.schema.equals(planned.output)) throw wrongSchema(this.id, batch, planned);
    const taken = Math.min(batch.length, budget.left);
    budget.left -= taken;
    // A batch that is cut short leaves the position before it: a later run reads it again whole.
    if (taken === batch.length) this.#position = connector.position();
    const emitted = taken === batch.length ? batch : firstRows(batch, taken);
    observed.meter.rowsIn += taken;
    cuts.rowsRead(taken);
    await outlet.send(onlyOutput, emitted);
    if (budget.left === 0) budget.spent();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#parts.ended();
    this.#wakeup.set();
  }
}

/** Why a read was given up: the run takes no more input. Not an error. */
class Stopped extends PipelineError {
  constructor() {
    super({ code: 'ERR_RUN_ABORTED', place: 'source', fact: 'the run reads no more input' });
  }
}

/** Runs a connector's call under its policy, or plainly where it has none. */
export function underPolicy<T>(
  policy: Policy | undefined,
  attempt: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  return policy === undefined ? attempt(signal) : policy.execute(attempt, signal);
}

/** Makes a connector of a hand-written source, whose own cuts say its positions. */
export function connectorOf(source: Source): SourceConnector {
  let position: Position | undefined;
  let opened: Position | undefined;
  let iterator: AsyncIterator<Flow> | undefined;
  const start = (signal: AbortSignal): void => {
    opened = position;
    const options = position === undefined ? { signal } : { from: position, signal };
    iterator = source.stream(options)[Symbol.asyncIterator]();
  };
  const connector: SourceConnector = {
    open(from, signal) {
      position = from;
      start(signal);
      return Promise.resolve();
    },
    async read(signal) {
      for (;;) {
        try {
          const next = await iterator!.next();
          if (next.done === true) return endOfInput;
          if (!isCut(next.value)) return next.value;
          position = next.value.positions.get('') ?? position;
        } catch (error) {
          // A generator that threw is finished for ever: begin another behind the last position,
          // unless that is where this one began.
          if (signal.aborted || position === undefined || position === opened) throw error;
          start(signal);
        }
      }
    },
    position: () => position ?? null,
    close: async () => {
      await iterator?.return?.();
    },
  };
  if (source.acknowledge !== undefined) connector.acknowledge = source.acknowledge.bind(source);
  if (source.lag !== undefined) connector.lag = source.lag.bind(source);
  return connector;
}

function firstRows(batch: Batch, count: number): Batch {
  const first = batch.select(new Selection(batch.rows.slice(0, count), count));
  batch.release();
  return first;
}

function wrongSchema(id: string, batch: Batch, planned: PlannedSource): PipelineError {
  return new PipelineError({
    code: 'ERR_CONNECTOR_PROTOCOL',
    place: id,
    fact: `gave a batch of ${batch.schema} after promising ${planned.output}`,
    remedy: 'give batches of the schema that the source declares',
  });
}
