import process from 'node:process';

import type { Telemetry, TelemetryOptions } from './otel/options.ts';
import { settingsOf } from './otel/settings.ts';

export type { ExportCounts } from './otel/export-counts.ts';
export type { Telemetry, TelemetryOptions } from './otel/options.ts';

/**
 * Loads OpenTelemetry and begins to send. Where the program has a tracer provider of its own, spans
 * go there. Throws `ERR_PEER_MISSING` where a package is missing, and `ERR_CONFIG_INVALID` for a
 * setting that cannot be.
 */
export async function createTelemetry(options: TelemetryOptions = {}): Promise<Telemetry> {
  const settings = settingsOf(options, process.env);
  const { loadOtel } = await import('./otel/peers.ts');
  const { OtelTelemetry } = await import('./otel/telemetry.ts');
  return new OtelTelemetry(await loadOtel(), settings);
}
