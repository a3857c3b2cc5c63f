import type { Outcome } from '../lib/rounds.ts';
import type { Telemetry } from '../lib/telemetry.ts';

const windowMs = 60_000;

interface Aggregate {
  readings: number;
  sum: number;
  low: number;
  high: number;
  mean: number;
  squares: number;
}

/**
 * Windows of a minute as one writes them in an afternoon: an object for each sensor in a map, given
 * out when a row of the next minute comes. Rows have to come in order.
 */
export function runMapOfObjects(records: readonly Telemetry[]): Outcome {
  const open = new Map<string, Aggregate>();
  const outcome = { records: 0, sum: 0 };
  let end = -Infinity;
  const close = (): void => {
    for (const { readings, sum } of open.values()) {
      outcome.records++;
      outcome.sum += sum / readings;
    }
    open.clear();
  };
  for (const { sensorId, timestamp, value } of records) {
    if (timestamp >= end) {
      close();
      end = (Math.floor(timestamp / windowMs) + 1) * windowMs;
    }
    let known = open.get(sensorId);
    if (known === undefined) {
      known = { readings: 0, sum: 0, low: Infinity, high: -Infinity, mean: 0, squares: 0 };
      open.set(sensorId, known);
    }
    known.readings++;
    known.sum += value;
    known.low = Math.min(known.low, value);
    known.high = Math.max(known.high, value);
    const before = value - known.mean;
    known.mean += before / known.readings;
    known.squares += before * (value - known.mean);
  }
  close();
  return outcome;
}
