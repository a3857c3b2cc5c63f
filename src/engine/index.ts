export { defaultSettings } from './description.ts';
export type {
  OnRowError,
  Path,
  PipelineDescription,
  QueueLimits,
  Settings,
  SinkNode,
  SourceNode,
  StageNode,
} from './description.ts';
export { formatProblem, type Problem, type ProblemKind, ValidationError } from './problem.ts';
export {
  type BuilderDefaults,
  PipelineFlow,
  type SettingsInput,
  TypedPipelineBuilder,
} from './builder.ts';
export { type Checkpoint, type CheckpointStore, memoryCheckpoints } from './checkpoint.ts';
export type { Plan, PlannedSink, PlannedSource, PlannedStage } from './planned.ts';
export type { Run, RunOptions, StopOptions } from './run/options.ts';
export { startRun } from './run.ts';
export type { Topology, TopologyNode, TopologyPolicy } from './topology.ts';
