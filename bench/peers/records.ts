import type { Telemetry } from '../lib/telemetry.ts';

/** The three stages as one writes them over objects; each peer puts them into its own operators. */
export interface Normalized extends Telemetry {
  readonly normalized: number;
}

export interface Averaged extends Normalized {
  readonly rollingAvg: number;
}

export const valueMin = 10;
export const valueMax = 90;
export const windowRows = 50;

export function isWithin(record: Telemetry): boolean {
  return record.value >= valueMin && record.value <= valueMax;
}

// Every field by name: in V8 that is faster than `{ ...record, normalized }`.
export function withNormalized(record: Telemetry): Normalized {
  const { sensorId, timestamp, value, unit, quality, flags } = record;
  const normalized = (value - valueMin) / (valueMax - valueMin);
  return { sensorId, timestamp, value, unit, quality, flags, normalized };
}

export function withAverage(record: Normalized, rollingAvg: number): Averaged {
  const { sensorId, timestamp, value, unit, quality, flags, normalized } = record;
  return { sensorId, timestamp, value, unit, quality, flags, normalized, rollingAvg };
}
