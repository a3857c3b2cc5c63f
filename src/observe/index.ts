export { Alerts, type AlertsOptions } from './alerts.ts';
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
export type { FlightExplanation } from './flight-recorder/explanation.ts';
export type { FlightReason, FlightRecord } from './flight-recorder/record.ts';
export type { EventListener, ObservedEvent } from './emitter.ts';
export { eventCatalogue } from './catalogue.ts';
export {
  type Exposed,
  expositionFormat,
  type ExpositionFormat,
  type ExpositionOptions,
  expositionTypes,
  prometheusText,
} from './exposition.ts';
export {
  BufferedStructuredLogger,
  type BufferedStructuredLoggerOptions,
  type LogFields,
  type LoggerOptions,
  type LogStream,
  StructuredLogger,
  type StructuredLoggerOptions,
} from './log.ts';
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
  Latency,
  PolicyReport,
  QueueStats,
  RunReport,
  RunStats,
  RunStatus,
  StatsOptions,
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
export type { BreakerHealth, HealthReport, StageHealth } from './health-report.ts';
export { checkThresholds, type ThresholdConfig, type ThresholdViolation } from './thresholds.ts';
export type { Tracing } from './tracing.ts';
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
