import type { Batch, Schema } from '../batch/index.ts';
import { isDescribed, type Outside, type WhenPaused } from '../core/index.ts';
import type { Settings, SinkNode, SourceNode, StageNode } from './description.ts';

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
}

/** What it does while the pipeline is paused; undefined where it is hand-written and does not say. */
export function whenPausedOf({ node: { component } }: PlannedSource): WhenPaused | undefined {
  if (component === undefined) return undefined;
  return isDescribed(component) ? component.definition.spec.whenPaused : component.whenPaused;
}

/** A source that holds what it has while it is paused waits for us; every other has a pace of its own. */
export function isPaced(source: PlannedSource): boolean {
  return whenPausedOf(source) !== 'hold';
}

export interface PlannedStage extends Planned<StageNode> {
  readonly from: readonly Port[];
  readonly input: Schema;
  readonly output: Schema;
  readonly outputs: readonly string[];
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
}
