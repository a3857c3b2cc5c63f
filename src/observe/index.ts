export {
  type BatchStatus,
  DegradationHistogram,
  type DegradationHistogramOptions,
  type DegradationRow,
} from './degradation-histogram.ts';
export {
  type Health,
  health,
  type HealthComponent,
  type HealthFacts,
  type HealthReason,
  type HealthSettings,
  type HealthStats,
  type HealthWord,
  QueuePressure,
} from './health.ts';
export { Emitter, type EventListener, type ObservedEvent } from './emitter.ts';
export {
  breakerChanged,
  closeFailed,
  componentDegraded,
  componentRecovered,
  engineEvents,
  ledgerBroken,
  outputClosed,
  recordFailed,
  runEnded,
  runFailed,
  runPaused,
  runResumed,
  runStarted,
} from './events.ts';
export { Histogram } from './histogram.ts';
export { latencyOf, Meter } from './meter.ts';
export type {
  BreakerReport,
  ComponentKind,
  ComponentReport,
  Latency,
  PolicyReport,
  ProcessStats,
  QueueStats,
  RunReport,
  RunStats,
  RunStatus,
} from './snapshot.ts';
