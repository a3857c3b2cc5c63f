import process from 'node:process';

import { logAt, type Logger } from '../core/index.ts';
import { telemetryUnavailable } from '../observe/otel/events.ts';
import type { Telemetry } from '../observe/otel.ts';

/** What names a receiver. */
const endpoints = [
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT',
];

/** Telemetry to the receiver that the environment names, if it names one. A run goes on without. */
export async function telemetryOf(log: Logger): Promise<Telemetry | undefined> {
  if (!endpoints.some((name) => process.env[name])) return undefined;
  try {
    const { createTelemetry } = await import('../observe/otel.ts');
    return await createTelemetry({ log });
  } catch (error) {
    logAt(log, telemetryUnavailable.level, telemetryUnavailable.name, { error });
    return undefined;
  }
}
