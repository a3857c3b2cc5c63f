import type { Encoder } from '../batch/codec/contract.ts';
import type { Batch } from '../batch/index.ts';
import {
  type BatchLimits,
  type Context,
  type DecodesChunks,
  isDescribed,
  isSink,
  isSource,
  isStage,
  type PolicyHolder,
  type SinkComponent,
  type Source,
  type SourceComponent,
  type SourceConnector,
  type StageComponent,
  type StageContext,
  type StageInstance,
} from '../core/index.ts';
import { isPipelineError } from '../errors.ts';
import type { ComponentKind } from '../observe/snapshot.ts';
import type { BreakerWatch } from '../observe/breaker-watch.ts';
import type { Emitter } from '../observe/emitter.ts';
import type { SlowestBatches } from '../observe/slowest-batches.ts';
import type { RunTracing } from '../observe/tracing.ts';
import { Calls } from './calls.ts';
import type { SinkNode, StageNode } from './description.ts';
import { readHeld } from './given-figures.ts';
import { LoopClock, Observed } from './observed.ts';
import {
  isPaced,
  type Plan,
  type PlannedSink,
  type PlannedSource,
  type PlannedStage,
  whenPausedOf,
} from './planned.ts';
import { breakersOf } from './policy-parts.ts';
import { assertMade, assertMethods, failedAs } from './protocol.ts';
import { kindOf, thrownText } from './report.ts';
import { readSensors } from './sensors.ts';
import { connectorOfSink } from './sink-loop.ts';
import { SinkWriter } from './sink-writer.ts';
import { sourcesOf } from './sources-of.ts';
import type { StageNodeParts } from './stage-parts.ts';

/** A row whose calls fail so often, while those of others do not, has failed by itself. */
const rowTriesMax = 10;

export interface ComponentsParts {
  readonly plan: Plan;
  readonly emitter: Emitter;
  /** Aborts when the run is stopped at once. */
  readonly signal: AbortSignal;
  readonly watch: ((sink: string, batch: Batch) => void) | undefined;
  readonly degraded: (id: string, reason: string | undefined) => void;
  /** Watches the breakers of each component. */
  readonly breakers: BreakerWatch;
  readonly tracing: RunTracing | undefined;
  readonly slowest: SlowestBatches;
  /** Whether cuts are saved anywhere. */
  readonly saves: boolean;
}

/** Creates the components of a plan, each behind its observer and with its own context. */
export class Components {
  readonly #parts: ComponentsParts;
  readonly #loop: LoopClock;
  readonly #observed = new Map<string, Observed>();
  readonly #calls = new Map<string, Calls>();
  /** Those of a plan that stands for another, in place of the stages of that. */
  readonly #unshown = new Set<string>();
  readonly #sourcesOf: ReadonlyMap<string, ReadonlySet<string>>;

  constructor(parts: ComponentsParts) {
    this.#parts = parts;
    this.#sourcesOf = sourcesOf(parts.plan);
    this.#loop = new LoopClock(parts.plan.outside.clock);
    const { sources, stages, sinks } = parts.plan;
    for (const planned of sources) {
      const state = { isPaced: isPaced(planned), hasEnded: false };
      this.#observe(planned, 'source').source = () => state;
    }
    const { standsFor } = parts.plan;
    for (const planned of standsFor?.plan.stages ?? stages) this.#observe(planned, 'stage');
    for (const planned of sinks) this.#observe(planned, 'sink');
    if (standsFor === undefined) return;
    for (const planned of stages) {
      this.#observe(planned, 'stage');
      this.#unshown.add(planned.node.id);
    }
  }

  /** Now, also for what begins next. */
  readClock(): number {
    return this.#loop.read();
  }

  /** Every component in the order of the plan, and behind them the sink for dead letters. */
  get observed(): readonly Observed[] {
    return [...this.#observed.values()].filter(({ id }) => !this.#unshown.has(id));
  }

  async createSource(
    planned: PlannedSource,
  ): Promise<{ observed: Observed; calls: Calls; source: SourceConnector | Source }> {
    const { node, options, output } = planned;
    const component = node.component!;
    const observed = this.#observed.get(node.id)!;
    const context = {
      ...this.#contextOf(observed),
      clock: observed.clockOf('idleMs'),
      idle: <T>(wait: Promise<T>) => observed.sleep('idleMs', wait),
      output,
      report: observed.tally,
    };
    const source = isDescribed(component)
      ? await this.#connectorOf(observed, () =>
          component.definition.spec.create(options as never, context),
        )
      : component;
    if (!isSource(source)) assertMade(node.id, 'source', source);
    observed.sensors = () =>
      observed.ask('sensors', () => readSensors(node.id, output, source.sensors?.())) ?? undefined;
    if (whenPausedOf(planned) === 'redeliver') assertMethods(node.id, source, ['acknowledge']);
    const calls = this.#callsOf(node, observed);
    this.#addPolicies(observed, calls, source);
    return { observed, calls, source };
  }

  /** What decodes the chunks of a source, on whatever thread. `batchLimits`: of the batches it gives. */
  createDecoder(
    { node, options, output }: PlannedSource,
    batchLimits: BatchLimits,
  ): Promise<DecodesChunks> {
    const observed = this.#observed.get(node.id)!;
    const { definition } = node.component as SourceComponent;
    const idle = <T>(wait: Promise<T>): Promise<T> => wait;
    const { tally: report } = observed;
    const context = { ...this.#contextOf(observed), batchLimits, idle, output, report };
    return this.#connectorOf(observed, () =>
      definition.spec.chunks!.decode(options as never, context),
    );
  }

  /** What encodes the rows of a sink, on whatever thread; undefined where only the sink can. */
  createEncoder({ node, options, input }: PlannedSink): Promise<Encoder | undefined> {
    const observed = this.#observed.get(node.id)!;
    const { component } = node;
    if (component === undefined || !isDescribed(component)) return Promise.resolve(undefined);
    return this.#connectorOf(observed, () =>
      component.definition.spec.encoder?.(options as never, { input, report: observed.tally }),
    );
  }

  createStage(planned: PlannedStage): StageNodeParts {
    const { node, options, input, output } = planned;
    const component = node.component!;
    const observed = this.#observed.get(node.id)!;
    const calls = this.#callsOf(node, observed);
    const context: StageContext = {
      ...this.#contextOf(observed),
      input,
      output,
      report: observed.tally,
      call: (attempt, signal, args, made) => calls.make('call', attempt, signal, args, made),
      watermark: (cut) => cut.watermarkOf(this.#sourcesOf.get(node.id)!),
    };
    const instance: StageInstance = isDescribed(component)
      ? create(observed, () =>
          (component as StageComponent).definition.spec.create(options as never, context),
        )
      : component;
    if ('takeFigures' in component && component.takeFigures !== undefined) {
      const { clock } = this.#loop;
      observed.monitor = (figures) => component.takeFigures!(figures, clock);
    }
    if (isStage(instance)) {
      observed.held = () => observed.ask('held', () => readHeld(node.id, instance.held?.()));
    } else if (typeof instance !== 'function') assertMade(node.id, 'stage', instance);
    if (typeof instance !== 'function') this.#addPolicies(observed, calls, instance);
    const { logBodies } = this.#parts.plan.settings;
    return { planned, instance, observed, logBodies, inputEnded: () => calls.inputEnded() };
  }

  /** `signal`: aborts what the sink is asked; that of the run unless given. */
  async createWriter(
    planned: PlannedSink,
    kind: 'sink' | 'dead-letters',
    signal: AbortSignal = this.#parts.signal,
  ): Promise<{ observed: Observed; writer: SinkWriter }> {
    const { node, options, input } = planned;
    const { watch, saves } = this.#parts;
    const component = node.component!;
    const observed = this.#observed.get(node.id) ?? this.#observe(planned, kind);
    const context = {
      ...this.#contextOf(observed),
      signal,
      input,
      report: observed.tally,
      savesPositions: saves,
    };
    const sink = isDescribed(component)
      ? await this.#connectorOf(observed, () =>
          (component as SinkComponent).definition.spec.create(options as never, context),
        )
      : component;
    if (!isSink(sink)) assertMade(node.id, 'sink', sink);
    const calls = this.#callsOf(node, observed);
    this.#addPolicies(observed, calls, sink);
    const writer = new SinkWriter({
      planned,
      connector: isSink(sink) ? connectorOfSink(sink, node.id, signal) : sink,
      observed,
      calls,
      clock: observed.clockOf('waitingMs'),
      watch: kind === 'sink' ? watch : undefined,
      signal,
    });
    return { observed, writer };
  }

  has(id: string): boolean {
    return this.#observed.has(id);
  }

  /** The component that an error says it happened in. */
  failedIn(error: unknown): string | undefined {
    return isPipelineError(error) && this.has(error.place) ? error.place : undefined;
  }

  observedOf(id: string): Observed {
    return this.#observed.get(id)!;
  }

  /** What is observed of a component, and its calls. */
  partsOf(node: StageNode | SinkNode): { readonly observed: Observed; readonly calls: Calls } {
    const observed = this.#observed.get(node.id)!;
    return { observed, calls: this.#callsOf(node, observed) };
  }

  #callsOf({ id, policy }: Pick<StageNode, 'id' | 'policy'>, observed: Observed): Calls {
    const known = this.#calls.get(id);
    if (known !== undefined) return known;
    const { degraded, plan } = this.#parts;
    const { settings } = plan;
    const { kind, tally } = observed;
    const calls = new Calls({
      id,
      policy,
      clock: observed.clockOf('waitingMs'),
      degraded,
      erred: (error) => {
        const errorKind = kindOf(error);
        // One that was given up has not failed.
        if (errorKind === 'ERR_RUN_ABORTED') return;
        // A stage calls for a row, which its errors may quote.
        tally.callFailed(errorKind, thrownText(error, kind !== 'stage' || settings.logBodies));
      },
      ...(kind === 'stage' && {
        substituted: (strategy) => tally.counted(`substituted.${strategy}`, 1),
        // A batch that its breaker holds back is all that a sink has to do; a row is one of many.
        triesMax: rowTriesMax,
      }),
    });
    this.#calls.set(id, calls);
    observed.policy = () => observed.ask('policies', () => calls.report()) ?? undefined;
    return calls;
  }

  /** Counts, and hears, the policies that a component has inside. */
  #addPolicies(observed: Observed, calls: Calls, made: PolicyHolder): void {
    const inside = create(observed, () => made.policies?.() ?? []);
    if (inside.length === 0) return;
    calls.addInside(inside);
    this.#parts.breakers.add(inside.flatMap(breakersOf), observed.id);
  }

  #observe({ node }: PlannedSource | PlannedStage | PlannedSink, kind: ComponentKind): Observed {
    const component = node.component as Partial<SourceComponent | StageComponent | SinkComponent>;
    const name = component.definition?.spec.name ?? node.id;
    const { emitter, slowest } = this.#parts;
    const loop = this.#loop;
    const observed = new Observed({ id: node.id, name, kind, emitter, loop, slowest });
    observed.tracing = this.#parts.tracing;
    this.#observed.set(node.id, observed);
    if (node.policy !== undefined) this.#parts.breakers.add(breakersOf(node.policy), node.id);
    return observed;
  }

  /** Creates a connector, which may load code first: virtual time stands still meanwhile. */
  async #connectorOf<T>(observed: Observed, make: () => T | Promise<T>): Promise<T> {
    const { clock } = this.#parts.plan.outside;
    try {
      return await clock.hold(Promise.resolve().then(make));
    } catch (error) {
      throw notCreated(observed, error);
    }
  }

  #contextOf(observed: Observed): Context {
    const { plan, signal } = this.#parts;
    const { clock, random, files, network } = plan.outside;
    return {
      clock,
      random: random.fork(observed.id),
      files,
      network,
      id: observed.id,
      log: observed.log,
      signal,
      batchLimits: plan.settings.batch,
    };
  }
}

function create<T>(observed: Observed, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw notCreated(observed, error);
  }
}

/** A component that cannot be created fails the run, and says which it is. */
function notCreated({ id, kind }: Observed, error: unknown): unknown {
  const code = kind === 'stage' ? 'ERR_STAGE_FAILED' : 'ERR_CONNECTOR_FAILED';
  return failedAs(code, id, 'could not be created', error);
}
