import type { QueueStats } from '../observe/snapshot.ts';
import type { Checkpoint, Cuts } from './checkpoint.ts';
import { Channels } from './channels.ts';
import type { Components } from './components.ts';
import type { Settle } from './dead-letters.ts';
import { EventTime, type SourceTimes } from './event-time.ts';
import type { OptionalLane } from './overflow/lane.ts';
import type { OptionalQueue } from './overflow/overflow-queue.ts';
import type { Observed } from './observed.ts';
import { onlyOutput, type Plan, type PlannedSink, type PlannedSource } from './planned.ts';
import type { FlowQueue } from './queue.ts';
import type { TierStack } from './resources/tier-stack.ts';
import { connectorTier, type OpenableConnector } from './run/connector-tier.ts';
import { runSink } from './sink-loop.ts';
import { type RecordBudget, SourceLoop } from './source-loop.ts';
import { sourcesOf } from './sources-of.ts';
import { runStages } from './stage-loop.ts';
import { isOfLanes, savedElsewhere } from './state-of-lanes.ts';

export interface RunGraphParts {
  readonly plan: Plan;
  readonly components: Components;
  readonly cuts: Cuts;
  readonly budget: RecordBudget;
  /** Whether cuts are saved anywhere. */
  readonly saves: boolean;
  /** Whether the run was asked to stop before its input ended. */
  readonly isStopping: () => boolean;
  /** Whether sources are not to be read for now. */
  readonly isPaused: () => boolean;
  /** Takes failed records to the dead letters. */
  readonly settle: Settle;
  /** Waits for what holds up the end of the run, as long as that may. */
  readonly withinDeadline: (id: string, what: string, call: () => Promise<void>) => Promise<void>;
  /** Called as each source comes to its end. */
  readonly sourceEnded: () => void;
  /** Opens and closes the connectors. */
  readonly tiers: TierStack;
  /** Aborts when the run is stopped at once. */
  readonly signal: AbortSignal;
}

/** Moves the flow through a component, or several, to its end. */
export interface Loop {
  /** Of the component; of several, the first. */
  readonly id: string;
  run(): Promise<void>;
  /** The stage that threw, where one has. */
  threw?(): string | undefined;
}

/** The components of a run, connected. */
export class RunGraph {
  /** In the order of the plan; where building failed, those that were made. */
  readonly sources: SourceLoop[] = [];
  /** Of sinks that nobody waits for. */
  readonly lanes: OptionalLane[] = [];
  readonly #parts: RunGraphParts;
  readonly #sourcesOf: ReadonlyMap<string, ReadonlySet<string>>;
  #channels: Channels | undefined;

  constructor(parts: RunGraphParts) {
    this.#parts = parts;
    this.#sourcesOf = sourcesOf(parts.plan);
  }

  /** Makes the components and the queues between them; gives the loops that move the flow. */
  async build(checkpoint: Checkpoint | undefined): Promise<Loop[]> {
    const { plan, components, sourceEnded, saves, isStopping, ...shared } = this.#parts;
    const stages = plan.stages.map((planned) => components.createStage(planned));
    const observedOf = (id: string) => components.observedOf(id);
    const stateOf = (id: string) => checkpoint?.state[id];
    for (const { planned, instance } of stages) {
      const { id } = planned.node;
      const state = stateOf(id);
      if (state === undefined) continue;
      if (isOfLanes(state)) throw savedElsewhere(id, state, 1);
      if (typeof instance !== 'function') instance.restore?.(state);
    }
    const optional = await this.#createQueues();
    const channels = (this.#channels = new Channels(plan, stages, optional, observedOf));
    for (const [id, inputs] of channels.queues) {
      observedOf(id).recent.pacedFill = () => (this.#isPaced(id) ? fillOf(inputs) : undefined);
    }
    const stageLoops = channels.chains.map((nodes): Loop => {
      const last = nodes.at(-1)!;
      const { id } = nodes[0]!.observed;
      const inlet = channels.inletOf(id);
      const outlet = channels.outletOf(last.observed, last.planned.outputs);
      const run = () =>
        runStages({ ...shared, nodes, inlet, outlet, saves, isStopping, observedOf, stateOf });
      const threw = () => nodes.find(({ observed }) => observed.throws > 0)?.observed.id;
      return { id, run, threw };
    });
    // Opened in this order, closed in reverse: nothing is read that could not be taken.
    const sinkLoops: Loop[] = [];
    for (const planned of plan.sinks) {
      const { id } = planned.node;
      if (optional.has(id)) continue;
      const created = await components.createWriter(planned, 'sink');
      await this.#intoRun(created.writer);
      const inlet = channels.inletOf(id);
      sinkLoops.push({ id, run: () => runSink({ ...shared, ...created, inlet }) });
    }
    for (const planned of plan.sources) {
      const created = await components.createSource(planned);
      const outlet = channels.outletOf(created.observed, [onlyOutput]);
      const from = checkpoint?.positions[planned.node.id] ?? undefined;
      const eventTime = eventTimeOf(planned, created.observed, checkpoint);
      const own = { planned, outlet, from, eventTime, saves, ended: sourceEnded };
      const parts = { ...shared, ...created, ...own };
      this.sources.push(await this.#intoRun(new SourceLoop(parts)));
    }
    for (const planned of plan.sinks) {
      const queue = optional.get(planned.node.id);
      if (queue === undefined) continue;
      this.lanes.push(await this.#intoRun(await this.#createLane(planned, queue)));
    }
    return [...this.sources, ...stageLoops, ...sinkLoops];
  }

  async #createQueues(): Promise<Map<string, OptionalQueue>> {
    const { plan, components } = this.#parts;
    const queues = new Map<string, OptionalQueue>();
    for (const planned of plan.sinks) {
      if (planned.node.required !== false) continue;
      const { clock } = plan.outside;
      const { createOptionalQueue } = await clock.hold(import('./overflow/create-queue.ts'));
      const parts = { plan, planned, ...components.partsOf(planned.node) };
      queues.set(planned.node.id, await createOptionalQueue(parts));
    }
    return queues;
  }

  async #createLane(planned: PlannedSink, queue: OptionalQueue): Promise<OptionalLane> {
    const { plan, components, settle, signal } = this.#parts;
    const { clock } = plan.outside;
    const { OptionalLane } = await clock.hold(import('./overflow/lane.ts'));
    const aborting = new AbortController();
    signal.addEventListener('abort', () => aborting.abort(signal.reason), { once: true });
    const { writer } = await components.createWriter(planned, 'sink', aborting.signal);
    const parts = components.partsOf(planned.node);
    return new OptionalLane({ ...parts, writer, queue, settle, clock, aborting });
  }

  /** It is opened and closed with the others. */
  async #intoRun<T extends OpenableConnector>(made: T): Promise<T> {
    const { tiers, plan, signal } = this.#parts;
    await tiers.add(connectorTier(made, plan.settings));
    signal.throwIfAborted();
    return made;
  }

  /** Empties every queue, for a run that is stopped at once. */
  discard(): void {
    this.#channels?.discard();
  }

  /** What waits before each component that has a queue. */
  queues(): Readonly<Record<string, QueueStats>> {
    const { components, signal } = this.#parts;
    const queues = [...(this.#channels?.queues ?? [])].map(([id, inputs]) => {
      const sum = (of: 'depth' | 'rows' | 'bytes'): number =>
        inputs.reduce((total, queue) => total + queue[of], 0);
      const isPaced = this.#isPaced(id);
      const { queueLeftMs: leftMs } = components.observedOf(id).recent;
      // A sink that nobody waits for has one queue.
      const disk = inputs[0]?.disk;
      const stats: QueueStats = {
        depth: sum('depth'),
        rows: sum('rows'),
        bytes: sum('bytes'),
        fill: fillOf(inputs),
        isPaced,
        ...(leftMs !== undefined && isPaced && !signal.aborted && { leftMs }),
        ...(disk !== undefined && { disk }),
      };
      return [id, stats] as const;
    });
    return Object.fromEntries(queues);
  }

  /** Whether anything that has a pace of its own is still to come to a component. */
  #isPaced(id: string): boolean {
    const { components } = this.#parts;
    return [...this.#sourcesOf.get(id)!].some((source) => {
      const state = components.observedOf(source).source();
      return state !== undefined && state.isPaced && !state.hasEnded;
    });
  }
}

function fillOf(inputs: readonly FlowQueue[]): number {
  return Math.max(...inputs.map(({ fill }) => fill));
}

function eventTimeOf(
  { node, eventTime, times }: PlannedSource,
  { tally }: Observed,
  checkpoint: Checkpoint | undefined,
): SourceTimes | undefined {
  if (times !== undefined || eventTime === undefined) return times;
  const made = new EventTime(eventTime, tally);
  const state = checkpoint?.state[node.id];
  if (state !== undefined) made.restore(state);
  return made;
}
