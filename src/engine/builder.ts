import type { Fields } from '../batch/index.ts';
import {
  deadLetterSchema,
  type Placement,
  type Sink,
  type SinkComponent,
  type SinkPlacement,
  type Source,
  type SourceComponent,
  type Stage,
  type StageComponent,
} from '../core/index.ts';
import type { RunReport } from '../observe/snapshot.ts';
import type { PipelineDescription } from './description.ts';
import { type BuilderDefaults, Draft, type SettingsInput } from './draft.ts';
import type { Pipeline } from './pipeline.ts';
import type { Plan } from './planned.ts';
import type { Problem } from './problem.ts';
import type { Run, RunOptions } from './run/options.ts';
import { startRun } from './start-run.ts';

/** A stage as a pipeline takes it: described, or written by hand. */
type AnyStage<In extends Fields, Out extends Fields> = StageComponent<In, Out> | Stage<In, Out>;

/** Said where there is no source yet, or where a sink has ended the flow. */
type FlowNeeded = 'no flow here: `from` begins one, its sink ends it; go on from what `pipe` gave';

/** The same of the chain. */
type NoChain = 'no chain here: `setSource` begins it, `setSink` ends it; go on from what they gave';

/** Where the chain of a builder is. */
type Chain = 'at a flow' | NoChain;

/**
 * Describes a pipeline step by step, as a chain (`setSource`, `addStage`, `setSink`) or by flows
 * (`from`, then `pipe` and `to`). Each call checks what it is given, and throws a `ValidationError`
 * that leaves the builder as it was. Nothing is opened and nothing flows before `run`. `F`: the fields
 * at the end of the chain. `C`: whether that takes stages and a sink.
 */
export class TypedPipelineBuilder<F extends Fields = Fields, C extends Chain = NoChain> {
  #draft: Draft;
  /** The flow or sink whose fields are `F`; where it was begun, what was added last. */
  #end: string | undefined;
  readonly #builderAt: BuilderAt = (sink) => this.#at(sink);
  /** Not there; of these types so that the compiler says what to do instead. */
  declare readonly pipe: (stage: FlowNeeded) => never;
  declare readonly to: (sink: FlowNeeded) => never;
  /** Carries the type; never set. */
  declare readonly chain: C;

  constructor(name: string, settings: SettingsInput, defaults: BuilderDefaults) {
    this.#draft = new Draft(name, settings ?? {}, defaults);
  }

  /** Begins the chain. A pipeline has one chain; `from` begins further flows. */
  setSource<A extends Fields>(
    source: SourceComponent<A> | Source<A>,
    placement?: Placement,
  ): TypedPipelineBuilder<A, 'at a flow'> {
    if (this.#draft.chain !== undefined) {
      const text = 'the chain has its source already; `from` begins another flow';
      this.#draft.refuseNext('source', 'topology', text);
    }
    return this.#goOn(this.#draft.add('source', [{ component: source, placement }], []));
  }

  /** Sends the chain through a stage. */
  addStage<A extends Fields>(
    this: TypedPipelineBuilder<F, 'at a flow'>,
    stage: AnyStage<F, A>,
    placement?: Placement,
  ): TypedPipelineBuilder<A, 'at a flow'> {
    const from = this.#chainOf('stage');
    return this.#goOn(this.#draft.add('stage', [{ component: stage, placement }], [from]));
  }

  /** Ends the chain. */
  setSink(
    this: TypedPipelineBuilder<F, 'at a flow'>,
    sink: SinkComponent<F> | Sink<F>,
    placement?: SinkPlacement,
  ): TypedPipelineBuilder<F> {
    const from = this.#chainOf('sink');
    const end = this.#draft.add('sink', [{ component: sink, placement }], [from]);
    this.#draft.chain = null;
    return this.#at(end);
  }

  /** Adds a source; what it gives goes on in the returned flow. */
  from<A extends Fields>(
    source: SourceComponent<A> | Source<A>,
    placement?: Placement,
  ): PipelineFlow<A> {
    const reference = this.#draft.add('source', [{ component: source, placement }], []);
    return new PipelineFlow(this.#builderAt, this.#draft, reference);
  }

  /** Adds a stage that reads from several flows of one schema: `combine([a, b], merge())`. */
  combine<const P extends readonly PipelineFlow<Fields>[], A extends Fields>(
    flows: P & OfOneSchema<P[number]['fields']>,
    stage: StageComponent<P[number]['fields'], A>,
    placement?: Placement,
  ): PipelineFlow<A> {
    const from = this.#referencesOf(flows);
    const reference = this.#draft.add('stage', [{ component: stage, placement }], from);
    return new PipelineFlow(this.#builderAt, this.#draft, reference);
  }

  /** Names the sink for records that fail anywhere in the pipeline. */
  deadLetters(sink: SinkComponent | Sink, placement?: Placement): this {
    this.#draft.setDeadLetters({ component: sink, placement });
    return this;
  }

  /** The pipeline as data, which later steps leave as it is. */
  describe(): PipelineDescription {
    return this.#draft.describe();
  }

  /**
   * Checks the pipeline whole. Throws a `ValidationError` that lists every problem. `signal` gives
   * the plan up.
   */
  plan({ signal }: Pick<RunOptions, 'signal'> = {}): Promise<Plan> {
    return this.#plan(this.describe(), signal);
  }

  /**
   * Checks the pipeline whole, and gives it: to be run, or to be iterated, which needs no sink and
   * gives what flows at this point. Later steps of the builder leave it as it is.
   */
  async build({ signal }: Pick<RunOptions, 'signal'> = {}): Promise<Pipeline<F>> {
    const description = this.describe();
    const end = this.#end ?? this.#draft.end;
    const { Pipeline, sinkRead, withRecordsRead } = await import('./pipeline.ts');
    const read = withRecordsRead(description, end);
    const plan = await this.#plan(read, signal);
    return new Pipeline<F>(description, plan, sinkRead(read.sinks, this.#end));
  }

  /** Checks the pipeline whole and starts it. */
  async start(options?: RunOptions): Promise<Run> {
    return startRun(await this.plan(options), options);
  }

  /** Checks the pipeline, runs it to its end and reports. Rejects when it failed. */
  async run(options?: RunOptions): Promise<RunReport> {
    const run = await this.start(options);
    return run.done;
  }

  async #plan(description: PipelineDescription, signal?: AbortSignal): Promise<Plan> {
    const { checkSettings } = await import('./config/settings.ts');
    const { planPipeline } = await import('./plan.ts');
    const { settings: given, defaults } = this.#draft;
    const found: Problem[] = [];
    const settings = await checkSettings(given, found);
    const options = { outside: defaults.outside, found, deadLetterSchema, signal };
    return planPipeline({ ...description, settings }, options);
  }

  #chainOf(type: 'stage' | 'sink'): string {
    const { chain } = this.#draft;
    if (typeof chain === 'string') return chain;
    const text =
      chain === null
        ? 'the chain has its sink already: nothing comes after a sink'
        : 'the chain has no source yet: `setSource` begins it';
    return this.#draft.refuseNext(type, 'topology', text);
  }

  #referencesOf(flows: readonly PipelineFlow<Fields>[]): string[] {
    const isFlow = (flow: unknown): boolean => flow instanceof PipelineFlow;
    if (!Array.isArray(flows) || !flows.every(isFlow)) {
      const text =
        '`combine` was given what is no list of flows; give it what `from` and `pipe` return: `combine([a, b], merge())`';
      this.#draft.refuseNext('stage', 'protocol', text);
    }
    if (!flows.every((flow) => flow.isOf(this.#draft))) {
      const text = 'a flow of another pipeline cannot be combined; begin it with this builder';
      this.#draft.refuseNext('stage', 'topology', text);
    }
    return flows.map(({ reference }) => reference);
  }

  /** The chain has come to a flow. */
  #goOn<A extends Fields>(reference: string): TypedPipelineBuilder<A, 'at a flow'> {
    this.#draft.chain = reference;
    return this.#at(reference);
  }

  /** The same pipeline, seen from another point. */
  #at<A extends Fields, D extends Chain>(end: string): TypedPipelineBuilder<A, D> {
    const { name, settings, defaults } = this.#draft;
    const seen = new TypedPipelineBuilder<A, D>(name, settings, defaults);
    seen.#draft = this.#draft;
    seen.#end = end;
    return seen;
  }
}

/** The builder of a flow, seen from a sink of it. */
type BuilderAt = <F extends Fields>(sink: string) => TypedPipelineBuilder<F>;

/** Unknown where the flows have the same fields, else a text that no flow is. */
type OfOneSchema<F extends Fields> = (F extends unknown ? (fields: F) => void : never) extends (
  fields: infer Common,
) => void
  ? [F] extends [Common]
    ? unknown
    : 'flows that are combined must have the same fields'
  : never;

/** What flows at one point of a pipeline being built. `F`: the fields of its rows. */
export class PipelineFlow<F extends Fields> {
  /** How later steps refer to this point. */
  readonly reference: string;
  readonly #builderAt: BuilderAt;
  readonly #draft: Draft;
  /** Carries the type; never set. */
  declare readonly fields: F;

  constructor(builderAt: BuilderAt, draft: Draft, reference: string) {
    this.#builderAt = builderAt;
    this.#draft = draft;
    this.reference = reference;
  }

  /** Whether it is a point of the pipeline of that draft. */
  isOf(draft: Draft): boolean {
    return this.#draft === draft;
  }

  /** Sends the flow through stages, in order; up to five at a time. Takes all of them, or none. */
  pipe<A extends Fields>(a: AnyStage<F, A>): PipelineFlow<A>;
  pipe<A extends Fields, B extends Fields>(a: AnyStage<F, A>, b: AnyStage<A, B>): PipelineFlow<B>;
  pipe<A extends Fields, B extends Fields, C extends Fields>(
    a: AnyStage<F, A>,
    b: AnyStage<A, B>,
    c: AnyStage<B, C>,
  ): PipelineFlow<C>;
  pipe<A extends Fields, B extends Fields, C extends Fields, D extends Fields>(
    a: AnyStage<F, A>,
    b: AnyStage<A, B>,
    c: AnyStage<B, C>,
    d: AnyStage<C, D>,
  ): PipelineFlow<D>;
  pipe<A extends Fields, B extends Fields, C extends Fields, D extends Fields, E extends Fields>(
    a: AnyStage<F, A>,
    b: AnyStage<A, B>,
    c: AnyStage<B, C>,
    d: AnyStage<C, D>,
    e: AnyStage<D, E>,
  ): PipelineFlow<E>;
  pipe(...stages: readonly AnyStage<never, Fields>[]): PipelineFlow<Fields> {
    const steps = stages.map((component) => ({ component }));
    if (steps.length === 0) return this.#at(this.reference);
    return this.#at(this.#draft.add('stage', steps, [this.reference]));
  }

  /** Sends the flow through one stage with a name, or a policy, of its own. */
  through<A extends Fields>(stage: AnyStage<F, A>, placement: Placement): PipelineFlow<A> {
    return this.#at(this.#draft.add('stage', [{ component: stage, placement }], [this.reference]));
  }

  /** One output of a stage that has several, as `branch` does. */
  output(name: string): PipelineFlow<F> {
    return this.#at(`${this.reference}.${name}`);
  }

  /** Ends the flow in a sink. Several sinks may read from one flow. */
  to(sink: SinkComponent<F> | Sink<F>, placement?: SinkPlacement): TypedPipelineBuilder<F> {
    return this.#builderAt(
      this.#draft.add('sink', [{ component: sink, placement }], [this.reference]),
    );
  }

  #at<A extends Fields>(reference: string): PipelineFlow<A> {
    return new PipelineFlow<A>(this.#builderAt, this.#draft, reference);
  }
}
