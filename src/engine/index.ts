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
export { PipelineFlow, TypedPipelineBuilder } from './builder.ts';
export { checkStages, validatePipeline } from './checks.ts';
export type { BuilderDefaults, SettingsInput } from './draft.ts';
export type { Pipeline } from './pipeline.ts';
export type { PipelineBatches } from './pipeline/batches.ts';
export type { PipelineRecords } from './pipeline/records.ts';
export { type Checkpoint, type CheckpointStore, memoryCheckpoints } from './checkpoint.ts';
export type { Plan, PlannedSink, PlannedSource, PlannedStage } from './planned.ts';
export type { LanedRunOptions, LaneModule, Run, RunOptions, StopOptions } from './run/options.ts';
export type { DataSampling } from './run/sampling.ts';
export { startRun } from './start-run.ts';
export type { Topology, TopologyNode, TopologyPolicy } from './topology.ts';
