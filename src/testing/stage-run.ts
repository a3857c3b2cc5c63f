import {
  Batch,
  type Column,
  type Fields,
  type JsonValue,
  type RecordOf,
  type Schema,
} from '../batch/index.ts';
import {
  Cut,
  type Flow,
  isCut,
  isStage,
  seededRandom,
  type Stage,
  type StageComponent,
} from '../core/index.ts';
import type { Tally } from '../engine/report.ts';
import { bounded, type Patience, type Skips, within } from './check.ts';
import { createStage, type TestedStage } from './stage.ts';

/** What a stage is checked for. */
export type StageCheck =
  | 'makes batches of the schema that it promises'
  | 'makes the records that are expected'
  | 'keeps to its kind of rows'
  | 'closes the ledger'
  | 'writes to no batch that it is given'
  | 'gives back every buffer'
  | 'takes only the rows that are selected'
  | 'makes the same of batches cut anywhere'
  | 'goes on from a snapshot'
  | 'takes nulls'
  | 'takes an empty batch'
  | 'loses only the row that fails'
  | 'passes cuts in order'
  | 'ends when it is aborted';

/** A stage with options, and records that are put through it: a dozen or more show the most. */
export interface StageCase<F extends Fields = Fields> extends Patience {
  /** Tells cases apart: `by two keys`. */
  readonly name: string;
  readonly component: StageComponent<F, Fields>;
  readonly input: Schema<F>;
  readonly records: readonly RecordOf<F>[];
  /** What comes out, where that is written down; by output where there are several. */
  readonly expected?: readonly Readonly<Record<string, unknown>>[];
  /** A record that costs its own row: a function of the options throws on it. */
  readonly poison?: RecordOf<F>;
  /** `any` where rows come out in an order that depends on chance or time. */
  readonly order?: 'any';
  /** Checks that do not apply, each with the reason. */
  readonly skips?: Skips<StageCheck>;
}

/** What the output of a stage with one is named. */
export const onlyOutput = 'out';

/** The records of each output, by its name. */
export type OutputRecords = Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;

export interface StageRunOptions {
  readonly state?: JsonValue | undefined;
  readonly signal?: AbortSignal;
}

/** One instance of a stage at work as the engine drives it, and everything that came of it. */
export class StageRun {
  readonly tally: Tally;
  readonly output: Schema;
  readonly schemas: Set<Schema> = new Set();
  readonly records: Record<string, Readonly<Record<string, unknown>>[]> = {};
  /** The ids of the cuts that came out. */
  readonly cuts: number[] = [];
  rowsIn = 0;
  rowsOut = 0;
  readonly #stage: TestedStage;
  readonly #signal: AbortSignal;
  readonly #settleMsMax: number | undefined;
  readonly #given = new Set<Column>();
  readonly #made = new Set<Column>();

  constructor(
    { component, input, settleMsMax }: StageCase,
    { state, signal = new AbortController().signal }: StageRunOptions = {},
  ) {
    // Chance falls otherwise in a second run: what must go on as it was is in the snapshot.
    const outside = state === undefined ? {} : { random: seededRandom('another run') };
    this.#stage = createStage(component, input, { outside, state, signal });
    this.#signal = signal;
    this.#settleMsMax = settleMsMax;
    this.tally = this.#stage.tally;
    this.output = this.#stage.output;
  }

  /** Input rows that it says it holds. */
  get held(): number {
    const { instance } = this.#stage;
    return isStage(instance) ? (instance.held?.() ?? 0) : 0;
  }

  /** Columns that it made, sent out and did not let go. */
  get columnsHeld(): number {
    return [...this.#made].filter((column) => !this.#given.has(column) && column.holders > 0)
      .length;
  }

  /** Takes flows to the end of the stream; an endless one ends when the signal aborts. */
  async take(
    flows: readonly Flow[],
    { endless = false }: { endless?: boolean } = {},
  ): Promise<void> {
    const { instance } = this.#stage;
    if (isStage(instance)) {
      const made = instance.transform(this.#stream(flows, endless));
      for await (const flow of bounded(
        made,
        'it neither gives anything nor ends',
        this.#settleMsMax,
      )) {
        this.#send(flow);
      }
      return;
    }
    for await (const flow of this.#stream(flows, endless)) {
      if (isCut(flow)) this.#send(flow);
      else await this.#process(flow);
    }
  }

  /** Takes each batch and a cut behind it. `see`: the state that is saved with a cut. */
  async takeWithCuts(batches: readonly Batch[], see: (state: JsonValue) => void): Promise<void> {
    const { instance } = this.#stage;
    if (isStage(instance)) return this.#takeWithCuts(instance, batches, see);
    for (const [at, batch] of batches.entries()) {
      await this.take([batch, new Cut(at + 1)]);
      see(this.#stage.snapshot());
    }
  }

  async #takeWithCuts(
    stage: Stage,
    batches: readonly Batch[],
    see: (state: JsonValue) => void,
  ): Promise<void> {
    const stop = new AbortController();
    const flows = batches.flatMap((batch, at) => [batch, new Cut(at + 1)]);
    try {
      const made = stage.transform(this.#stream(flows, true, stop.signal));
      const fact = 'it keeps a cut to itself while it waits for more';
      for await (const flow of bounded(made, fact, this.#settleMsMax)) {
        this.#send(flow);
        if (!isCut(flow)) continue;
        see(this.#stage.snapshot());
        if (flow.id < batches.length) continue;
        stop.abort();
        break;
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    }
  }

  async *#stream(
    flows: readonly Flow[],
    endless: boolean,
    signal: AbortSignal = this.#signal,
  ): AsyncGenerator<Flow> {
    for (const flow of flows) {
      if (!isCut(flow)) {
        this.rowsIn += flow.length;
        for (const column of flow.columns) this.#given.add(column);
      }
      yield flow;
    }
    if (endless) await aborted(signal);
  }

  async #process(batch: Batch): Promise<void> {
    const { instance } = this.#stage;
    if (isStage(instance)) return;
    const process = typeof instance === 'function' ? instance : instance.process;
    const processed = Promise.resolve(process(batch, this.#signal));
    const fact = 'it neither gives what it makes of a batch nor fails';
    const result = await within(processed, fact, this.#settleMsMax);
    const outputs = result instanceof Batch ? { [onlyOutput]: result } : result;
    const isPassedOn = Object.values(outputs).includes(batch);
    for (const [output, made] of Object.entries(outputs)) this.#send(made, output);
    if (!isPassedOn) batch.release();
  }

  /** Reads what came out and lets it go, as a sink does. */
  #send(flow: Flow, output: string = onlyOutput): void {
    if (isCut(flow)) {
      this.cuts.push(flow.id);
      return;
    }
    this.rowsOut += flow.length;
    this.schemas.add(flow.schema);
    for (const column of flow.columns) this.#made.add(column);
    (this.records[output] ??= []).push(...(flow.toRows() as Record<string, unknown>[]));
    flow.release();
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}
