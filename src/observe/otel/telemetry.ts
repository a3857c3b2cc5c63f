import type { Tracer } from '@opentelemetry/api';
import type { MeterProvider, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { IdGenerator, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Resource } from '@opentelemetry/resources';

import { type Random, silentLogger } from '../../core/index.ts';
import { within } from '../../core/within.ts';
import { reasonOf } from '../../errors.ts';
import { type Emit, Emitter } from '../emitter.ts';
import { GuardedLogger } from '../guarded-logger.ts';
import type { Tracing } from '../tracing.ts';
import type { ExportCounts } from './export-counts.ts';
import { telemetryFailed, telemetryLost } from './events.ts';
import { BoundedSpans, ExportCounter, type LossListener } from './exporting.ts';
import { FigureProducer, type Measured } from './metrics.ts';
import { scopeName } from './names.ts';
import type { Telemetry } from './options.ts';
import type { Otel } from './peers.ts';
import type { TelemetrySettings } from './settings.ts';
import { SpanTracing } from './spans.ts';

type Signal = 'traces' | 'metrics';

const signals = ['traces', 'metrics'] as const;

/** The packages of OpenTelemetry, put together. */
export class OtelTelemetry implements Telemetry {
  readonly tracing: Tracing;
  readonly #settings: TelemetrySettings;
  readonly #emitter: Emitter;
  readonly #counters: {
    readonly traces: ExportCounter<unknown[]>;
    readonly metrics: ExportCounter<ResourceMetrics>;
  };
  readonly #figures: FigureProducer;
  readonly #meters: MeterProvider | undefined;
  #tracers: TracerProvider | undefined;
  #spans: BoundedSpans | undefined;
  #closed: Promise<void> | undefined;

  constructor(otel: Otel, settings: TelemetrySettings) {
    const { clock, log, registry, sends } = settings;
    this.#settings = settings;
    const bound = new GuardedLogger(log).bindContext({ component: 'otel' });
    this.#emitter = new Emitter(bound, clock);
    const points = new ExportCounter(pointsIn, this.#losing('metrics'));
    const spans = new ExportCounter<unknown[]>(({ length }) => length, this.#losing('traces'));
    this.#counters = { traces: spans, metrics: points };
    const resource = resourceOf(otel, settings);
    this.#figures = new FigureProducer({ otel, registry, clock });
    if (sends.metrics) this.#meters = this.#meterProvider(otel, resource, points);
    this.tracing = new SpanTracing({
      api: otel.api,
      tracerOf: sends.traces
        ? this.#tracerOf(otel, resource, spans)
        : (version) => otel.api.trace.getTracer(scopeName, version),
      sampleRatio: sends.traces ? settings.sampleRatio : 0,
      failed: (error) => this.#losing('traces')(1, reasonOf(error)),
    });
  }

  get counts(): Readonly<Record<Signal, Readonly<ExportCounts>>> {
    const { traces, metrics } = this.#counters;
    return { traces: countsOf(traces), metrics: countsOf(metrics) };
  }

  watch(run: Measured): () => void {
    return this.#figures.watch(run);
  }

  flush(): Promise<void> {
    return this.#each((provider) => provider.forceFlush());
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What fails here was counted where it did. */
  async #each(call: (provider: TracerProvider | MeterProvider) => Promise<void>): Promise<void> {
    const providers = [this.#tracers, this.#meters].filter((one) => one !== undefined);
    await Promise.allSettled(providers.map(call));
  }

  async #close(): Promise<void> {
    const { clock, closeMsMax } = this.#settings;
    const ended = clock.hold(this.#each((provider) => provider.shutdown()));
    await within({ clock, limitMs: closeMsMax }, ended, () => {});
    this.#giveUp();
  }

  /** What has not arrived by now never does, as far as this can tell. */
  #giveUp(): void {
    const { traces } = this.#counters;
    traces.dropped += this.#spans?.waiting ?? 0;
    for (const signal of signals) {
      const counter = this.#counters[signal];
      counter.giveUp();
      const { dropped, failed, rejected } = counter;
      if (dropped + failed + rejected === 0) continue;
      this.#emit(telemetryLost, { signal, dropped, failed, rejected });
    }
  }

  #losing(signal: Signal): LossListener {
    return (items, reason) => this.#emit(telemetryFailed, { signal, items, reason });
  }

  /** To every run that is watched, in one line. */
  readonly #emit: Emit = (event, fields) => {
    let { log } = this.#emitter;
    const runs = this.#figures.runs.flatMap(({ emit }) => emit ?? []);
    if (runs.length === 0) this.#emitter.emit(event, fields);
    for (const emit of runs) {
      emit(event, fields, { log });
      log = silentLogger;
    }
  };

  #meterProvider(
    otel: Otel,
    resource: Resource,
    counter: ExportCounter<ResourceMetrics>,
  ): MeterProvider {
    const { metricsEveryMs } = this.#settings;
    const exporter = new otel.metricExporter.OTLPMetricExporter(this.#httpOptions('metrics'));
    counter.count(exporter);
    const reader = new otel.metrics.PeriodicExportingMetricReader({
      exporter,
      exportIntervalMillis: metricsEveryMs,
      exportTimeoutMillis: Math.min(metricsEveryMs, 30_000),
      metricProducers: [this.#figures],
    });
    return new otel.metrics.MeterProvider({ resource, readers: [reader] });
  }

  /** That of the program where it has one, so that spans join its traces and go where those go. */
  #tracerOf(
    otel: Otel,
    resource: Resource,
    counter: ExportCounter<unknown[]>,
  ): (version: string) => Tracer {
    const host = otel.api.trace.getTracerProvider();
    const hosts = (host as { getDelegateTracer?: typeof host.getTracer }).getDelegateTracer;
    const isSet = hosts === undefined || hosts.call(host, scopeName) !== undefined;
    if (isSet) return (version) => host.getTracer(scopeName, version);
    const { spansEveryMs, spansMax, random } = this.#settings;
    const exporter = new otel.traceExporter.OTLPTraceExporter(this.#httpOptions('traces'));
    counter.count(exporter);
    const processor = new otel.trace.BatchSpanProcessor({
      exporter,
      scheduledDelayMillis: spansEveryMs,
      maxQueueSize: spansMax,
      maxExportBatchSize: Math.min(512, spansMax),
    });
    this.#spans = new BoundedSpans(processor, counter, spansMax);
    const tracers = new otel.trace.TracerProvider({
      resource,
      idGenerator: idsFrom(random),
      spanProcessors: [this.#spans],
    });
    this.#tracers = tracers;
    return (version) => tracers.getTracer(scopeName, version);
  }

  /** What is not here the exporters read from the environment. */
  #httpOptions(signal: Signal): ExporterOptions {
    const { endpoint, headers, timeoutMs, compression } = this.#settings;
    return {
      ...(endpoint !== undefined && { url: `${endpoint.replace(/\/$/, '')}/v1/${signal}` }),
      ...(headers !== undefined && { headers: { ...headers } }),
      ...(timeoutMs !== undefined && { timeoutMillis: timeoutMs }),
      ...(compression[signal] !== undefined && { compression: compression[signal] }),
    } as ExporterOptions;
  }
}

type ExporterOptions = NonNullable<
  ConstructorParameters<Otel['traceExporter']['OTLPTraceExporter']>[0]
>;

function resourceOf(
  { resources }: Otel,
  { serviceName, serviceVersion, serviceNamespace, attributes }: TelemetrySettings,
): Resource {
  const { resourceAttributesEnvDetector, serviceInstanceIdDetector, serviceNameEnvDetector } =
    resources;
  return resources
    .defaultResource()
    .merge(resources.resourceFromAttributes({ 'service.name': scopeName }))
    .merge(
      // The later wins, so that the id of an instance may be given too.
      resources.detectResources({
        detectors: [
          serviceInstanceIdDetector,
          resourceAttributesEnvDetector,
          serviceNameEnvDetector,
        ],
      }),
    )
    .merge(
      resources.resourceFromAttributes({
        ...attributes,
        ...(serviceName !== undefined && { 'service.name': serviceName }),
        ...(serviceVersion !== undefined && { 'service.version': serviceVersion }),
        ...(serviceNamespace !== undefined && { 'service.namespace': serviceNamespace }),
      }),
    );
}

function pointsIn({ scopeMetrics }: ResourceMetrics): number {
  const metrics = scopeMetrics.flatMap((scope) => scope.metrics);
  return metrics.reduce((sum, { dataPoints }) => sum + dataPoints.length, 0);
}

function countsOf({ sent, failed, rejected, dropped }: ExportCounts): ExportCounts {
  return Object.freeze({ sent, failed, rejected, dropped });
}

/** Ids as W3C Trace Context has them: never all zeros. */
function idsFrom(random: Random): IdGenerator {
  const hex = (digits: number): string => {
    let id = '';
    while (id.length < digits) {
      id += Math.floor(random.next() * 2 ** 32)
        .toString(16)
        .padStart(8, '0');
    }
    return /[^0]/.test(id) ? id : hex(digits);
  };
  return { generateTraceId: () => hex(32), generateSpanId: () => hex(16) };
}
