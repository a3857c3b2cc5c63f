export { Alerts, type AlertsOptions } from './alerts.ts';
export type { Alert } from './alerts/alert.ts';
export { alertFired, alertPending, alertResolved } from './alerts/events.ts';
export type { AlertReading, AlertRule } from './alerts/rule.ts';
export { shippedRules } from './alerts/shipped.ts';
export { AlertWebhook, type AlertWebhookOptions } from './alerts/webhook.ts';
export type { DataAnomaly, DataField, DataList, DataSeries, SinkData } from './data-report.ts';
export {
  DegradationHistogram,
  type DegradationHistogramOptions,
  type DegradationRow,
} from './degradation-histogram.ts';
export { isEvent, type ObservedEvent } from './emitter.ts';
export {
  breakerChanged,
  componentDegraded,
  componentRecovered,
  ledgerBroken,
  recordFailed,
  runEnded,
  runFailed,
} from './events.ts';
export {
  expositionFormat,
  type ExpositionFormat,
  expositionTypes,
  prometheusText,
} from './exposition.ts';
export { FlightRecorder, type FlightRecorderOptions } from './flight-recorder.ts';
export { explainFlight } from './flight-recorder/explain.ts';
export type { FlightExplanation } from './flight-recorder/explanation.ts';
export { parseFlight } from './flight-recorder/parse.ts';
export type { FlightReading, FlightRecord } from './flight-recorder/record.ts';
export {
  type HarnessStage,
  type LogLine,
  ObservabilityHarness,
  type ObservabilityHarnessOptions,
} from './harness.ts';
export { type Health, health, type HealthStats, QueuePressure, RecentStats } from './health.ts';
export {
  PipelineHealthDashboard,
  type PipelineHealthDashboardOptions,
} from './health-dashboard.ts';
export type { HealthReport, StageHealth } from './health-report.ts';
export {
  BufferedStructuredLogger,
  type BufferedStructuredLoggerOptions,
  type LogFields,
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
} from './metrics-registry.ts';
export { observe, type ObserveOptions } from './observe.ts';
export type { ChangedValue, ComponentReport, Latency, RunReport, RunStats } from './snapshot.ts';
export { checkThresholds, type ThresholdConfig, type ThresholdViolation } from './thresholds.ts';
export type { StatsFollower } from './ticker.ts';
export type { Tracing } from './tracing.ts';
export { defineClass } from '../core/define-class.ts';
export { PipelineRegistry } from '../core/index.ts';
