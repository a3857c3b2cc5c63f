import type * as apiPackage from '@opentelemetry/api';
import type * as metricExporterPackage from '@opentelemetry/exporter-metrics-otlp-http';
import type * as traceExporterPackage from '@opentelemetry/exporter-trace-otlp-http';
import type * as resourcesPackage from '@opentelemetry/resources';
import type * as metricsPackage from '@opentelemetry/sdk-metrics';
import type * as tracePackage from '@opentelemetry/sdk-trace';

import { PipelineError } from '../../errors.ts';

/** The packages that this needs, each with the range that it is written for. */
export const otelPeers: Readonly<Record<string, string>> = {
  '@opentelemetry/api': '^1.10',
  '@opentelemetry/exporter-metrics-otlp-http': '^0.301',
  '@opentelemetry/exporter-trace-otlp-http': '^0.301',
  '@opentelemetry/resources': '^3.1',
  '@opentelemetry/sdk-metrics': '^3.1',
  '@opentelemetry/sdk-trace': '^3.1',
};

/** The packages, loaded. */
export interface Otel {
  readonly api: typeof apiPackage;
  readonly metricExporter: typeof metricExporterPackage;
  readonly traceExporter: typeof traceExporterPackage;
  readonly resources: typeof resourcesPackage;
  readonly metrics: typeof metricsPackage;
  readonly trace: typeof tracePackage;
}

/** Loads them. Throws `ERR_PEER_MISSING` where one is not installed. */
export async function loadOtel(): Promise<Otel> {
  try {
    const [api, metricExporter, traceExporter, resources, metrics, trace] = await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/exporter-metrics-otlp-http'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/sdk-metrics'),
      import('@opentelemetry/sdk-trace'),
    ]);
    return { api, metricExporter, traceExporter, resources, metrics, trace };
  } catch (cause) {
    throw peerMissing(cause);
  }
}

function peerMissing(cause: unknown): PipelineError {
  const [missing = 'the packages of OpenTelemetry'] =
    /@opentelemetry\/[\w-]+/.exec(cause instanceof Error ? cause.message : '') ?? [];
  const packages = Object.entries(otelPeers).map(([name, range]) => `${name}@${range}`);
  return new PipelineError({
    code: 'ERR_PEER_MISSING',
    place: 'otel',
    fact: `cannot load \`${missing}\``,
    remedy: `npm i ${packages.join(' ')}`,
    cause,
  });
}
