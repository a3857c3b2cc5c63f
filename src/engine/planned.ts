import type { Batch, Schema } from '../batch/index.ts';
import { isDescribed, type Outside, type WhenPaused } from '../core/index.ts';
import type { LaneStats } from '../observe/snapshot.ts';
import type { SourceTimes } from './event-time.ts';
import type { EventTimeSettings } from './event-time/row-times.ts';
import type { Settings, SinkNode, SourceNode, StageNode } from './description.ts';
import type { FlowParts } from './flow-parts.ts';

/** The name of the only output of a node that has one. */
export const onlyOutput = '';

/** Where rows come from: a node and, of a branch, one of its outputs. */
export interface Port {
  readonly node: string;
  readonly output: string;
}

interface Planned<N> {
  readonly node: N;
  /** The options with their defaults. */
  readonly options: unknown;
}

export interface PlannedSource extends Planned<SourceNode> {
  readonly output: Schema;
  /** With their defaults. */
  readonly eventTime?: EventTimeSettings;
  /** What its times go through in place of the run's own, where its rows are looked at elsewhere. */
  readonly times?: SourceTimes;
}

/** What it does while the pipeline is paused; undefined where it is hand-written and does not say. */
export function whenPausedOf({ node: { component } }: PlannedSource): WhenPaused | undefined {
  if (component === undefined) return undefined;
  return isDescribed(component) ? component.definition.spec.whenPaused : component.whenPaused;
}

/**
 * A source that holds what it has while it is paused waits for us, unless it says that more comes all
 * the time; every other has a pace of its own.
 */
export function isPaced(source: PlannedSource): boolean {
  if (whenPausedOf(source) !== 'hold') return true;
  const { component } = source.node;
  if (component === undefined || !isDescribed(component)) return false;
  return component.definition.spec.isPaced?.(source.options as never) ?? false;
}

export interface PlannedStage extends Planned<StageNode> {
  readonly from: readonly Port[];
  readonly input: Schema;
  readonly output: Schema;
  readonly outputs: readonly string[];
  /** Takes the flow through in place of the component. */
  readonly work?: (parts: FlowParts) => Promise<void>;
}

export interface PlannedSink extends Planned<SinkNode> {
  readonly from: readonly Port[];
  readonly input: Schema;
  /** Is given what the sink took of each batch; the sink takes the next when it resolves. */
  readonly hand?: (batch: Batch, signal: AbortSignal) => Promise<void>;
}

/** A pipeline that was checked whole: schemas at each hop, options with defaults, nothing open. */
export interface Plan {
  readonly name: string;
  readonly settings: Settings;
  readonly sources: readonly PlannedSource[];
  /** Each after what it reads from. */
  readonly stages: readonly PlannedStage[];
  readonly sinks: readonly PlannedSink[];
  readonly deadLetters: PlannedSink | undefined;
  readonly outside: Outside;
  /** A text as it may be shown: without values of `${env:}` and `${file:}`, and credentials. */
  readonly scrub: (text: string) => string;
  /** On how many threads it runs, and why, where that was decided: else its settings say what is wanted. */
  readonly lanes?: LanesChoice;
  /** Where it does on several threads what another does on one. */
  readonly standsFor?: StandIn;
}

/** How many lanes a pipeline has, and why. */
export interface LanesChoice {
  readonly count: number;
  /** The fields by whose values rows go to lanes; null where any lane may have any row. */
  readonly by: readonly string[] | null;
  /** For people. */
  readonly reason: string;
}

/** What a plan that does the same as another in another way shows in its place. */
export interface StandIn {
  /** The one that is shown: its stages have figures, those of the other have none. */
  readonly plan: Plan;
  /** Takes into the figures what was measured on other threads since it was last called. */
  readonly measure: () => void;
  /** Milliseconds that a component was at work on other threads. */
  readonly busyMs: (id: string) => number;
  /** How much each of those threads has to do. */
  readonly lanes: (nowMs: number) => readonly LaneStats[];
}
