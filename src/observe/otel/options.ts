import type { Clock, Logger, Random } from '../../core/index.ts';
import type { Emit } from '../emitter.ts';
import type { MetricsRegistry } from '../metrics-registry.ts';
import type { RunStats, StatsOptions } from '../snapshot.ts';
import type { Tracing } from '../tracing.ts';
import type { ExportCounts } from './export-counts.ts';

/**
 * How telemetry is sent. What is not given is read from the environment: `OTEL_SERVICE_NAME`,
 * `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_EXPORTER_OTLP_…` in all and for each signal,
 * `OTEL_TRACES_SAMPLER_ARG`, `OTEL_METRIC_EXPORT_INTERVAL`, `OTEL_BSP_SCHEDULE_DELAY`.
 */
export interface TelemetryOptions {
  /** `millrace` unless given. */
  readonly serviceName?: string;
  readonly serviceVersion?: string;
  readonly serviceNamespace?: string;
  /** Further attributes of the resource. */
  readonly attributes?: Readonly<Record<string, string | number | boolean>>;
  /** Of an OTLP receiver over HTTP, without `/v1/…`; `http://localhost:4318` unless given. */
  readonly endpoint?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** How long one export may take, with its retries; 10 s unless given. */
  readonly timeoutMs?: number;
  /** How many of all batches are traced, from 0 to 1; 0.1 unless given. */
  readonly sampleRatio?: number;
  /** How often metrics and spans are sent; a minute and 5 s unless given. */
  readonly metricsEveryMs?: number;
  readonly spansEveryMs?: number;
  /** How many spans may wait to be sent; further ones are dropped, and counted. 2,048 unless given. */
  readonly spansMax?: number;
  /** How long `close` waits for the receiver; 3 s unless given. */
  readonly closeMsMax?: number;
  /** Figures of what the engine does not see; none unless given. */
  readonly registry?: MetricsRegistry;
  /** Told of what could not be sent. */
  readonly log?: Logger;
  readonly clock?: Clock;
  /** Of the ids of spans. */
  readonly random?: Random;
}

/** Sends spans and metrics to an OTLP receiver. Whatever becomes of it, runs go on as they would. */
export interface Telemetry extends AsyncDisposable {
  /** For the `tracing` of a run. */
  readonly tracing: Tracing;
  /** What became of spans and data points so far. */
  readonly counts: Readonly<Record<'traces' | 'metrics', Readonly<ExportCounts>>>;
  /**
   * Sends the figures of a run from now on, and tells it of what cannot be sent. Gives what ends
   * that.
   */
  watch(run: { stats(options?: StatsOptions): RunStats; readonly emit?: Emit }): () => void;
  /** Sends what there is now; resolves when it was taken or given up. */
  flush(): Promise<void>;
  /** Sends what is left, within `closeMsMax`. */
  close(): Promise<void>;
}
