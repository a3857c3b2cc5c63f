import type { FieldOf, Fields } from '../batch/index.ts';
import {
  deadLetterSchema,
  type Placement,
  type Sink,
  type SinkComponent,
  type SinkPlacement,
  type Source,
  type SourceComponent,
  type SourcePlacement,
  type Stage,
  type StageComponent,
} from '../core/index.ts';
import type { RunReport } from '../observe/snapshot.ts';
import type { AtFlow, Begun, Ended, FlowNeeded, NoChain, Place, Where } from './builder/place.ts';
import type { PipelineDescription } from './description.ts';
import { type BuilderDefaults, Draft, type SettingsInput, type Step } from './draft.ts';
import type { Pipeline } from './pipeline.ts';
import type { Plan } from './planned.ts';
import type { Problem } from './problem.ts';
import { checkLanes, type LanedRunOptions, type Run, type RunOptions } from './run/options.ts';
import { startRun } from './start-run.ts';

/** A stage as a pipeline takes it: described, or written by hand. */
type AnyStage<In extends Fields, Out extends Fields> = StageComponent<In, Out> | Stage<In, Out>;

/** A point of a pipeline being built, and how later steps refer to it. */
interface Point {
  readonly draft: Draft;
  readonly reference: string;
}

/** The builder of a draft, seen from a flow or sink of it. For this file alone. */
let builderAt: <F extends Fields, At extends Place>(
  draft: Draft,
  end: string,
) => TypedPipelineBuilder<F, At>;
/** The flow at a point. For this file alone. */
let flowAt: <F extends Fields>(draft: Draft, reference: string) => PipelineFlow<F>;
let pointOf: (flow: unknown) => Point | undefined;

/**
 * Describes a pipeline step by step, as a chain (`setSource`, `addStage`, `setSink`) or by flows
 * (`from`, then `pipe` and `to`). Each call checks what it is given, and throws a `ValidationError`
 * that leaves the builder as it was. Nothing is opened and nothing flows before `run`. `F`: the fields
 * at the point that it was given for. `At`: where that is.
 */
export class TypedPipelineBuilder<F extends Fields = Fields, At extends Place = Place> {
  static {
    builderAt = (draft, end) => {
      const seen = new TypedPipelineBuilder<never>(draft.name, draft.settings, draft.defaults);
      seen.#draft = draft;
      seen.#end = end;
      return seen as never;
    };
  }

  #draft: Draft;
  /** The flow or sink whose fields are `F`; where it was begun, what was added last. */
  #end: string | undefined;
  /** Not there; of these types so that the compiler says what to do instead. */
  declare readonly pipe: (stage: FlowNeeded) => never;
  declare readonly to: (sink: FlowNeeded) => never;
  /** Carries the type; never set. */
  declare readonly at: At;

  constructor(name: string, settings: SettingsInput, defaults: BuilderDefaults) {
    this.#draft = new Draft(name, settings ?? {}, defaults);
  }

  /** Begins the chain. A pipeline has one chain; `from` begins further flows. */
  setSource<A extends Fields>(
    this: TypedPipelineBuilder<F, Where<At, Begun | NoChain>>,
    source: SourceComponent<A> | Source<A>,
    placement?: SourcePlacement<FieldOf<A, 'timestamp'>>,
  ): TypedPipelineBuilder<A, AtFlow> {
    if (this.#draft.chain !== undefined) {
      const text = 'the chain has its source already; `from` begins another flow';
      this.#draft.refuseNext('source', 'topology', text);
    }
    return this.#goOn(this.#draft.add('source', [{ component: source, placement }], []));
  }

  /** Sends the chain through a stage. */
  addStage<A extends Fields>(
    this: TypedPipelineBuilder<F, AtFlow>,
    stage: AnyStage<F, A>,
    placement?: Placement,
  ): TypedPipelineBuilder<A, AtFlow> {
    const from = this.#chainOf('stage');
    return this.#goOn(this.#draft.add('stage', [{ component: stage, placement }], [from]));
  }

  /** Ends the chain. */
  setSink(
    this: TypedPipelineBuilder<F, AtFlow>,
    sink: SinkComponent<F> | Sink<F>,
    placement?: SinkPlacement,
  ): TypedPipelineBuilder<F, Ended> {
    const from = this.#chainOf('sink');
    const end = this.#draft.add('sink', [{ component: sink, placement }], [from]);
    this.#draft.chain = null;
    return builderAt(this.#draft, end);
  }

  /** Adds a source; what it gives goes on in the returned flow. */
  from<A extends Fields>(
    source: SourceComponent<A> | Source<A>,
    placement?: SourcePlacement<FieldOf<A, 'timestamp'>>,
  ): PipelineFlow<A> {
    const reference = this.#draft.add('source', [{ component: source, placement }], []);
    return flowAt(this.#draft, reference);
  }

  /** Adds a stage that reads from several flows of one schema: `combine([a, b], merge())`. */
  combine<const P extends readonly PipelineFlow<Fields>[], A extends Fields>(
    flows: P & OfOneSchema<P[number]['fields']>,
    stage: StageComponent<P[number]['fields'], A>,
    placement?: Placement,
  ): PipelineFlow<A> {
    const from = this.#referencesOf(flows);
    const reference = this.#draft.add('stage', [{ component: stage, placement }], from);
    return flowAt(this.#draft, reference);
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
  async build(
    this: TypedPipelineBuilder<F, Where<At, Exclude<Place, Begun>>>,
    { signal }: Pick<RunOptions, 'signal'> = {},
  ): Promise<Pipeline<F>> {
    const description = this.describe();
    const end = this.#end ?? this.#draft.end;
    const { Pipeline, sinkRead, withRecordsRead } = await import('./pipeline.ts');
    const read = withRecordsRead(description, end);
    const plan = await this.#plan(read, signal);
    return new Pipeline<F>(description, plan, sinkRead(read.sinks, this.#end));
  }

  /** Checks the pipeline whole and starts it. */
  async start({ lanes, module, ...options }: LanedRunOptions = {}): Promise<Run> {
    const plan = await this.plan(options);
    const { onLanes } = this.#draft.defaults;
    if (lanes !== undefined) checkLanes(lanes);
    const wanted = lanes ?? plan.settings.lanes;
    if (wanted === 1 || onLanes === undefined) return startRun(plan, options);
    const settings = { ...plan.settings, lanes: wanted };
    return startRun(await onLanes({ ...plan, settings }, module, options), options);
  }

  /** Checks the pipeline, runs it to its end and reports. Rejects when it failed. */
  async run(options?: LanedRunOptions): Promise<RunReport> {
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
    const points = Array.isArray(flows) ? flows.map(pointOf) : [undefined];
    if (!points.every((point) => point !== undefined)) {
      const text =
        '`combine` was given what is no list of flows; give it what `from` and `pipe` return: `combine([a, b], merge())`';
      this.#draft.refuseNext('stage', 'protocol', text);
    }
    if (!points.every(({ draft }) => draft === this.#draft)) {
      const text = 'a flow of another pipeline cannot be combined; begin it with this builder';
      this.#draft.refuseNext('stage', 'topology', text);
    }
    return points.map(({ reference }) => reference);
  }

  /** The chain has come to a flow. */
  #goOn<A extends Fields>(reference: string): TypedPipelineBuilder<A, AtFlow> {
    this.#draft.chain = reference;
    return builderAt(this.#draft, reference);
  }
}

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
  static {
    flowAt = (draft, reference) => new PipelineFlow<never>({ draft, reference }) as never;
    pointOf = (flow) =>
      typeof flow === 'object' && flow !== null && #point in flow ? flow.#point : undefined;
  }

  readonly #point: Point;
  /** Carries the type, as in `memorySink<typeof flow.fields>()`; never set. */
  declare readonly fields: F;

  private constructor(point: Point) {
    this.#point = point;
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
    if (stages.length === 0) return this;
    return this.#through(stages.map((component) => ({ component })));
  }

  /** Sends the flow through one stage with a name, or a policy, of its own. */
  through<A extends Fields>(stage: AnyStage<F, A>, placement: Placement): PipelineFlow<A> {
    return this.#through([{ component: stage, placement }]);
  }

  /** One output of a stage that has several, as `branch` does. */
  output(name: string): PipelineFlow<F> {
    const { draft, reference } = this.#point;
    return flowAt(draft, `${reference}.${name}`);
  }

  /** Ends the flow in a sink. Several sinks may read from one flow. */
  to(
    sink: SinkComponent<F> | Sink<F>,
    placement?: SinkPlacement,
  ): TypedPipelineBuilder<F, NoChain> {
    const { draft, reference } = this.#point;
    return builderAt(draft, draft.add('sink', [{ component: sink, placement }], [reference]));
  }

  #through<A extends Fields>(steps: readonly Step[]): PipelineFlow<A> {
    const { draft, reference } = this.#point;
    return flowAt(draft, draft.add('stage', steps, [reference]));
  }
}
