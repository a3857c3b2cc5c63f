import type { Fields } from '../batch/index.ts';
import {
  deadLetterSchema,
  type Described,
  type Outside,
  type Placement,
  type Sink,
  type SinkComponent,
  type SinkPlacement,
  type Source,
  type SourceComponent,
  type SourceDefinition,
  type Stage,
  type StageComponent,
} from '../core/index.ts';
import type { RunReport } from '../observe/snapshot.ts';
import {
  defaultSettings,
  type PipelineDescription,
  type Settings,
  type SinkNode,
  type SourceNode,
  type StageNode,
} from './description.ts';
import type { Plan } from './planned.ts';
import type { Problem } from './problem.ts';
import { brokenPromise } from './protocol.ts';
import type { Run, RunOptions } from './run/options.ts';
import { startRun } from './run.ts';

/** What a builder is given by whoever composes the library. */
export interface BuilderDefaults {
  readonly outside: Outside;
  /** Takes failed records where the pipeline names no sink for them. */
  readonly deadLetters?: SinkComponent;
}

/** Settings as a pipeline gives them: what is left out keeps its default. */
export type SettingsInput = {
  readonly [K in keyof Settings]?: Settings[K] extends object ? Partial<Settings[K]> : Settings[K];
};

/**
 * Describes a pipeline step by step. Nothing is opened and nothing flows before `run`, which
 * checks the description whole first.
 */
export class TypedPipelineBuilder {
  readonly #name: string;
  readonly #defaults: BuilderDefaults;
  readonly #settings: SettingsInput;
  readonly #sources: SourceNode[] = [];
  readonly #stages: StageNode[] = [];
  readonly #sinks: SinkNode[] = [];
  /** Not there; of these types so that the compiler says what to do instead. */
  declare readonly pipe: (stage: FlowNeeded) => never;
  declare readonly to: (sink: FlowNeeded) => never;
  /** What is wrong with how it was built. */
  readonly #problems: Problem[] = [];
  #deadLetters: SinkNode | undefined;

  constructor(name: string, settings: SettingsInput, defaults: BuilderDefaults) {
    this.#name = name;
    this.#settings = settings ?? {};
    this.#defaults = defaults;
    const { deadLetters } = defaults;
    if (deadLetters !== undefined) {
      this.#deadLetters = { id: 'dead-letters', component: deadLetters, from: [], path: [] };
    }
  }

  /** Adds a source; what it gives goes on in the returned flow. */
  from<F extends Fields>(
    source: SourceComponent<F> | Source<F>,
    placement: Placement = {},
  ): PipelineFlow<F> {
    const node = this.#place(source, placement, ['sources', this.#sources.length]);
    this.#sources.push(node);
    return new PipelineFlow(this, node.id);
  }

  /** Adds a stage that reads from several flows of one schema: `combine([a, b], merge())`. */
  combine<const P extends readonly PipelineFlow<Fields>[], A extends Fields>(
    flows: P & OfOneSchema<P[number]['fields']>,
    stage: StageComponent<P[number]['fields'], A>,
    placement: Placement = {},
  ): PipelineFlow<A> {
    const path = ['stages', this.#stages.length];
    if (!Array.isArray(flows) || flows.some((flow) => !(flow instanceof PipelineFlow))) {
      const fact = '`combine` was given what is no list of flows';
      const remedy = 'give it what `from` and `pipe` return: `combine([a, b], merge())`';
      throw brokenPromise(`${this.#name} ${path.join('.')}`, fact, remedy);
    }
    if (flows.some((flow) => !flow.isOf(this))) {
      const text = 'a flow of another pipeline cannot be combined; begin it with this builder';
      this.#problems.push({ kind: 'topology', path, text });
    }
    const from = flows.map(({ reference }) => reference);
    return this.addStage(stage, placement, from) as PipelineFlow<Fields> as PipelineFlow<A>;
  }

  /** Names the sink for records that fail anywhere in the pipeline. */
  deadLetters(sink: SinkComponent | Sink, placement: Placement = {}): this {
    const node = this.#place(sink, { id: 'dead-letters', ...placement }, ['deadLetters']);
    this.#deadLetters = { ...node, from: [] };
    return this;
  }

  /** The pipeline as data. */
  describe(): PipelineDescription {
    return {
      name: this.#name,
      sources: this.#sources,
      stages: this.#stages,
      sinks: this.#sinks,
      deadLetters: this.#deadLetters,
      settings: withDefaults(this.#settings),
    };
  }

  /**
   * Checks the pipeline whole. Throws a `ValidationError` that lists every problem. `signal` gives
   * the plan up.
   */
  async plan({ signal }: Pick<RunOptions, 'signal'> = {}): Promise<Plan> {
    const { checkSettings } = await import('./config/settings.ts');
    const { planPipeline } = await import('./plan.ts');
    const found = [...this.#problems];
    const settings = await checkSettings(this.#settings, found);
    const { outside } = this.#defaults;
    const options = { outside, found, deadLetterSchema, signal };
    return planPipeline({ ...this.describe(), settings }, options);
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

  /** The step under `pipe` and `combine`. */
  addStage(
    stage: Step<never, Fields>,
    placement: Placement,
    from: readonly string[],
  ): PipelineFlow<Fields> {
    const node = this.#place(stage as StageComponent | Stage, placement, [
      'stages',
      this.#stages.length,
    ]);
    this.#stages.push({ ...node, from });
    return new PipelineFlow(this, node.id);
  }

  /** The step under `to`. */
  addSink(
    sink: SinkComponent | Sink<never>,
    placement: SinkPlacement,
    from: readonly string[],
  ): this {
    const path = ['sinks', this.#sinks.length];
    const node = this.#place(sink as SinkComponent | Sink, placement, path);
    const { required, overflow } = placement ?? {};
    this.#sinks.push({
      ...node,
      ...(required !== undefined && { required }),
      ...(overflow !== undefined && { overflow }),
      at: path,
      from,
    });
    return this;
  }

  #place<C extends object>(
    component: C,
    placement: Placement,
    path: readonly (string | number)[],
  ): { id: string; component: C; path: readonly (string | number)[] } & Placement {
    if (component === null || !['object', 'function'].includes(typeof component)) {
      const fact = `was given ${component === null ? 'null' : typeof component} where a component was due`;
      const remedy = 'give it what `fileSource({ … })` and its like return';
      throw brokenPromise(`${this.#name} ${path.join('.')}`, fact, remedy);
    }
    const name = nameOf(component) ?? String(path[0]).replace(/s$/, '');
    const { id, policy } = placement ?? {};
    if (id !== undefined && typeof id !== 'string') {
      const text = `an \`id\` is text, not ${typeof id}`;
      this.#problems.push({ kind: 'invalid-option', path, text });
    }
    const node = { id: id ?? this.#freeId(name), component, path };
    return policy === undefined ? node : { ...node, policy };
  }

  #freeId(name: string): string {
    const taken = new Set([...this.#sources, ...this.#stages, ...this.#sinks].map(({ id }) => id));
    let id = name;
    for (let count = 2; taken.has(id); count++) id = `${name}-${count}`;
    return id;
  }
}

/** Said where there is no source yet, or where a sink has ended the flow. */
type FlowNeeded = 'no flow here: `from` begins one, its sink ends it; go on from what `pipe` gave';

/** Unknown where the flows have the same fields, else a text that no flow is. */
type OfOneSchema<F extends Fields> = (F extends unknown ? (fields: F) => void : never) extends (
  fields: infer Common,
) => void
  ? [F] extends [Common]
    ? unknown
    : 'flows that are combined must have the same fields'
  : never;

/** A stage as a flow takes it: described, or written by hand. */
type Step<In extends Fields, Out extends Fields> = StageComponent<In, Out> | Stage<In, Out>;

/** What flows at one point of a pipeline being built. `F`: the fields of its rows. */
export class PipelineFlow<F extends Fields> {
  /** How later steps refer to this point. */
  readonly reference: string;
  readonly #builder: TypedPipelineBuilder;
  /** Carries the type; never set. */
  declare readonly fields: F;

  constructor(builder: TypedPipelineBuilder, reference: string) {
    this.#builder = builder;
    this.reference = reference;
  }

  /** Whether it is a point of the pipeline that this builder describes. */
  isOf(builder: TypedPipelineBuilder): boolean {
    return this.#builder === builder;
  }

  /** Sends the flow through stages, in order; up to five at a time. */
  pipe<A extends Fields>(a: Step<F, A>): PipelineFlow<A>;
  pipe<A extends Fields, B extends Fields>(a: Step<F, A>, b: Step<A, B>): PipelineFlow<B>;
  pipe<A extends Fields, B extends Fields, C extends Fields>(
    a: Step<F, A>,
    b: Step<A, B>,
    c: Step<B, C>,
  ): PipelineFlow<C>;
  pipe<A extends Fields, B extends Fields, C extends Fields, D extends Fields>(
    a: Step<F, A>,
    b: Step<A, B>,
    c: Step<B, C>,
    d: Step<C, D>,
  ): PipelineFlow<D>;
  pipe<A extends Fields, B extends Fields, C extends Fields, D extends Fields, E extends Fields>(
    a: Step<F, A>,
    b: Step<A, B>,
    c: Step<B, C>,
    d: Step<C, D>,
    e: Step<D, E>,
  ): PipelineFlow<E>;
  pipe(...stages: readonly Step<never, Fields>[]): PipelineFlow<Fields> {
    let reference = this.reference;
    for (const stage of stages)
      reference = this.#builder.addStage(stage, {}, [reference]).reference;
    return new PipelineFlow(this.#builder, reference);
  }

  /** Sends the flow through one stage with a name, or a policy, of its own. */
  through<A extends Fields>(stage: Step<F, A>, placement: Placement): PipelineFlow<A> {
    const added = this.#builder.addStage(stage, placement, [this.reference]);
    return added as PipelineFlow<Fields> as PipelineFlow<A>;
  }

  /** One output of a stage that has several, as `branch` does. */
  output(name: string): PipelineFlow<F> {
    return new PipelineFlow(this.#builder, `${this.reference}.${name}`);
  }

  /** Ends the flow in a sink. Several sinks may read from one flow. */
  to(sink: SinkComponent<F> | Sink<F>, placement: SinkPlacement = {}): TypedPipelineBuilder {
    return this.#builder.addSink(sink, placement, [this.reference]);
  }
}

/** Settings with their defaults filled in. */
function withDefaults(settings: SettingsInput): Settings {
  const { batch, queue, checkpoint, health, ...plain } = settings;
  return {
    ...defaultSettings,
    ...plain,
    batch: { ...defaultSettings.batch, ...batch },
    queue: { ...defaultSettings.queue, ...queue },
    checkpoint: { ...defaultSettings.checkpoint, ...checkpoint },
    health: { ...defaultSettings.health, ...health },
  };
}

function nameOf(component: object): string | undefined {
  const { definition, spec } = component as Partial<SourceComponent> & Partial<SourceDefinition>;
  return (definition?.spec ?? spec)?.name ?? nameOfClass(component.constructor);
}

/** `json-sink` for an instance of `JsonSink`, where that class describes itself. */
function nameOfClass(made: unknown): string | undefined {
  if (typeof made !== 'function' || !Object.hasOwn(made, 'describe')) return undefined;
  const { className } = (made as Partial<Described>).describe?.() ?? {};
  const words = className?.replace(/(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, '-');
  return words?.toLowerCase();
}
