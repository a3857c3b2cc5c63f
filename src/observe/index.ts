export { Histogram } from './histogram.ts';
export { Meter } from './meter.ts';
export type {
  BreakerReport,
  ComponentKind,
  ComponentReport,
  PolicyReport,
  QueueStats,
  RunReport,
  RunStats,
  RunStatus,
} from './snapshot.ts';
