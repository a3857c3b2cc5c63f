import process from 'node:process';

import type { Logger } from '../core/index.ts';
import type { Telemetry } from '../observe/otel.ts';

/** What names a receiver. */
const endpoints = [
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT',
];

/** Telemetry to the receiver that the environment names, if it names one. A run goes on without. */
export async function telemetryOf(
  log: Logger,
): Promise<{ readonly telemetry?: Telemetry; readonly unavailable?: unknown }> {
  if (!endpoints.some((name) => process.env[name])) return {};
  try {
    const { createTelemetry } = await import('../observe/otel.ts');
    return { telemetry: await createTelemetry({ log }) };
  } catch (error) {
    return { unavailable: error };
  }
}
