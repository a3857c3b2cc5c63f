import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

import { Batch, type RecordOf, schema } from '../../src/batch/index.ts';
import { seededRandom } from '../../src/core/index.ts';

/** The schema of the reference job. */
export const telemetry = schema({
  sensorId: 'category',
  timestamp: 'timestamp',
  value: 'float64',
  unit: 'category',
  quality: 'float64',
  flags: 'int32',
});

export type Telemetry = RecordOf<(typeof telemetry)['shape']>;

const seed = 'millrace bench';
const sensors = 200;
const units = ['C', 'kPa', 'V', '%'];
const firstMs = Date.UTC(2026, 0, 1);

/** Readings of a fleet, the same each time: values from 0 to 100 with at most four decimals. */
export function* telemetryRecords(count: number): Generator<Telemetry> {
  const random = seededRandom(seed);
  const names = Array.from({ length: sensors }, (_, at) => `sensor-${String(at).padStart(4, '0')}`);
  for (let at = 0; at < count; at++) {
    const sensor = Math.floor(random.next() * sensors);
    yield {
      sensorId: names[sensor]!,
      timestamp: firstMs + at * 10,
      value: decimal(random.next() * 100),
      unit: units[sensor % units.length]!,
      quality: decimal(random.next()),
      flags: Math.floor(random.next() * 16),
    };
  }
}

export function telemetryBatches(
  records: readonly Telemetry[],
  rowsMax = 4096,
): Batch<(typeof telemetry)['shape']>[] {
  const batches = [];
  for (let at = 0; at < records.length; at += rowsMax) {
    batches.push(Batch.from(records.slice(at, at + rowsMax), telemetry));
  }
  return batches;
}

/** Writes NDJSON and gives its size in bytes. A longer file begins with the lines of a shorter. */
export async function writeTelemetry(path: string, lines: number): Promise<number> {
  const file = createWriteStream(path);
  let text = '';
  for (const record of telemetryRecords(lines)) {
    text += `${JSON.stringify(record)}\n`;
    if (text.length < 1 << 20) continue;
    if (!file.write(text)) await once(file, 'drain');
    text = '';
  }
  file.end(text);
  await once(file, 'close');
  return file.bytesWritten;
}

function decimal(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
