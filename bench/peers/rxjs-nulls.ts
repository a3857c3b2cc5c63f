import { filter, from, map } from 'rxjs';

import type { Outcome } from '../lib/rounds.ts';
import type { Telemetry } from '../lib/telemetry.ts';
import { createMovingAverage } from './moving-average.ts';
import { valueMax, valueMin, windowRows } from './records.ts';

export type TelemetryWithNulls = Omit<Telemetry, 'value'> & { readonly value: number | null };

export interface Probe {
  readonly at: number;
  readonly probe: number;
  readonly value: number | null;
  readonly isOnline: boolean;
}

/** The three stages in RxJS 7 over records whose value may be null. */
export function runRxjsOfTelemetry(records: readonly TelemetryWithNulls[]): Outcome {
  const average = createMovingAverage(windowRows);
  let count = 0;
  let sum = 0;
  from(records as TelemetryWithNulls[])
    .pipe(
      filter<TelemetryWithNulls>(isWithin),
      map((record) => {
        const { sensorId, timestamp, value, unit, quality, flags } = record;
        return { sensorId, timestamp, value, unit, quality, flags, normalized: normalized(record) };
      }),
      map((record) => {
        const { sensorId, timestamp, value, unit, quality, flags } = record;
        const rollingAvg = average(record.normalized);
        return {
          sensorId,
          timestamp,
          value,
          unit,
          quality,
          flags,
          normalized: record.normalized,
          rollingAvg,
        };
      }),
    )
    .subscribe((record) => {
      count++;
      sum += record.rollingAvg;
    });
  return { records: count, sum };
}

/** The same over records of another shape, with the same functions. */
export function runRxjsOfProbes(records: readonly Probe[]): Outcome {
  const average = createMovingAverage(windowRows);
  let count = 0;
  let sum = 0;
  from(records as Probe[])
    .pipe(
      filter<Probe>(isWithin),
      map((record) => {
        const { at, probe, value, isOnline } = record;
        return { at, probe, value, isOnline, normalized: normalized(record) };
      }),
      map((record) => {
        const { at, probe, value, isOnline } = record;
        const rollingAvg = average(record.normalized);
        return { at, probe, value, isOnline, normalized: record.normalized, rollingAvg };
      }),
    )
    .subscribe((record) => {
      count++;
      sum += record.rollingAvg;
    });
  return { records: count, sum };
}

function isWithin({ value }: { readonly value: number | null }): boolean {
  return value !== null && value >= valueMin && value <= valueMax;
}

function normalized({ value }: { readonly value: number | null }): number {
  return (value! - valueMin) / (valueMax - valueMin);
}
