import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

import { type Batch, BatchBuilder, type RecordOf, schema } from '../../src/batch/index.ts';
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
/** When the first reading was taken, and how many milliseconds after it the next. */
export const firstMs: number = Date.UTC(2026, 0, 1);
export const stepMs = 10;

/** How many digits values have: four decimals at most, all 17, or in turns the one and the other. */
export type Digits = 'short' | 'full' | 'mixed';

/** Readings of a fleet, the same each time: values from 0 to 100. */
export function* telemetryRecords(count: number, digits: Digits = 'short'): Generator<Telemetry> {
  const random = seededRandom(seed);
  const names = Array.from({ length: sensors }, (_, at) => `sensor-${String(at).padStart(4, '0')}`);
  for (let at = 0; at < count; at++) {
    const sensor = Math.floor(random.next() * sensors);
    const isShort = digits === 'short' || (digits === 'mixed' && at % 2 === 0);
    yield {
      sensorId: names[sensor]!,
      timestamp: firstMs + at * stepMs,
      value: isShort ? decimal(random.next() * 100) : random.next() * 100,
      unit: units[sensor % units.length]!,
      quality: decimal(random.next()),
      flags: Math.floor(random.next() * 16),
    };
  }
}

/** Batches as one reader makes them: their dictionaries are the same, and grow. */
export function telemetryBatches(
  records: readonly Telemetry[],
  rowsMax = 4096,
): Batch<(typeof telemetry)['shape']>[] {
  const builder = new BatchBuilder(telemetry);
  const batches = [];
  for (const record of records) {
    builder.append(record);
    if (builder.length === rowsMax) batches.push(builder.finish());
  }
  if (builder.length > 0) batches.push(builder.finish());
  return batches;
}

/** A file of readings, NDJSON unless its name ends in `.csv`. */
export async function writeTelemetry(
  path: string,
  lines: number,
  digits: Digits = 'short',
): Promise<void> {
  const isCsv = path.endsWith('.csv');
  const file = createWriteStream(path);
  let text = isCsv ? `${telemetry.names.join()}\n` : '';
  for (const record of telemetryRecords(lines, digits)) {
    text += isCsv ? `${Object.values(record).join()}\n` : `${JSON.stringify(record)}\n`;
    if (text.length < 1 << 20) continue;
    if (!file.write(text)) await once(file, 'drain');
    text = '';
  }
  file.end(text);
  await once(file, 'close');
}

function decimal(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
