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
export { formatProblem, nearest, type Problem, type ProblemKind, ValidationError } from './problem.ts';
export { Registry } from './registry.ts';
