export {
  Alerts,
  type AlertsOptions,
  emitAlert,
  watchAlerts,
  type Watched,
  type WatchOptions,
} from './alerts.ts';
export type { AlertLimits, AlertLooks, AlertReading, AlertRule } from './alerts/rule.ts';
export { type ShippedLimits, type ShippedRule, shippedRules } from './alerts/shipped.ts';
export { AlertWebhook, type AlertWebhookOptions } from './alerts/webhook.ts';
export type { Alert, AlertSeverity, AlertState } from './alerts/alert.ts';
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
export { FlightRecorder, type FlightRecorderOptions, type RecordedRun } from './flight-recorder.ts';
export { explainFlight, parseFlight } from './flight-recorder/explain.ts';
export type { FlightExplanation, FlightSign, FlightStep } from './flight-recorder/explanation.ts';
export { flightRecorded, flightUnrecorded } from './flight-recorder/events.ts';
export type {
  ComponentSeries,
  FlightEvent,
  FlightReason,
  FlightRecord,
  FlightSeries,
} from './flight-recorder/record.ts';
export {
  type Emit,
  type EmitOptions,
  Emitter,
  type EventListener,
  type ObservedEvent,
} from './emitter.ts';
export { eventCatalogue } from './catalogue.ts';
export {
  type Exposed,
  expositionFormat,
  type ExpositionFormat,
  type ExpositionOptions,
  expositionTypes,
  prometheusText,
} from './exposition.ts';
export { classicBounds, type ExponentialBuckets, Histogram } from './histogram.ts';
export {
  BufferedStructuredLogger,
  type BufferedStructuredLoggerOptions,
  keptEvents,
  type LogFields,
  type LoggerOptions,
  type LogStream,
  StructuredLogger,
  type StructuredLoggerOptions,
} from './log.ts';
export { latencyOf, Meter } from './meter.ts';
export {
  MetricsRegistry,
  metricsRegistry,
  type MetricsRegistryOptions,
  type MetricsReport,
  metricsTable,
  type StageMetrics,
  type StageMetricsReport,
} from './metrics-registry.ts';
export { type Observable, observe, type ObserveOptions } from './observe.ts';
export type {
  BreakerReport,
  ComponentKind,
  ComponentReport,
  LaneStats,
  Latency,
  OpenResource,
  PolicyReport,
  ProcessStats,
  QueueStats,
  RecordFailure,
  RunReport,
  RunStats,
  RunStatus,
  SlowBatch,
  StatsOptions,
  Versions,
} from './snapshot.ts';
export {
  type FailedStage,
  type ObservedBreaker,
  type ObservedFallback,
  PipelineHealthDashboard,
  type PipelineHealthDashboardOptions,
} from './health-dashboard.ts';
export {
  type HarnessStage,
  type LogLine,
  ObservabilityHarness,
  type ObservabilityHarnessOptions,
} from './harness.ts';
export { batchCompleted, thresholdViolated } from './health-events.ts';
export type { BreakerHealth, HealthReport, StageHealth } from './health-report.ts';
export { checkThresholds, type ThresholdConfig, type ThresholdViolation } from './thresholds.ts';
export type {
  BatchTrace,
  BegunWork,
  ReadWork,
  RunTracing,
  TracedComponent,
  TracedRun,
  TracedWork,
  Tracing,
} from './tracing.ts';
export {
  commandReceived,
  loopResumed,
  loopStalled,
  serverEvents,
  serverFailed,
  serverStarted,
} from './server-events.ts';
export { type ClassFacts, type ComponentClass, defineClass } from '../core/define-class.ts';
export {
  type ComponentDescription,
  type ComponentType,
  type Described,
  type ParameterDescription,
  PipelineRegistry,
  type PrintManifestOptions,
  type Registrable,
} from '../core/index.ts';
