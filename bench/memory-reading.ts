import process from 'node:process';

import type { Batch } from '../src/batch/index.ts';
import type { Measure, Samples, Setting } from './lib/measure.ts';
import { type Telemetry, telemetryBatches, telemetryRecords } from './lib/telemetry.ts';

const bytesMax = 40;

/** What a reading of six fields takes for as long as it is kept. */
export const memoryReading: Measure = {
  id: 'memory.reading',
  title: 'what a reading of six fields takes while it is kept in a batch',
  peer: 'the limit',
  unit: 'B/record',
  target: { within: 1 },
  run: measureReading,
};

async function measureReading({ quick }: Setting): Promise<Samples> {
  const ours = Array.from({ length: quick ? 1 : 5 }, () => bytesKept(quick ? 20_480 : 1_024_000));
  return { ours, peer: [bytesMax] };
}

function bytesKept(records: number): number {
  const before = bytesHeld();
  const batches = batchesOf(records);
  const bytes = bytesHeld() - before;
  const kept = batches.reduce((sum, { length }) => sum + length, 0);
  if (kept !== records) throw new Error(`${kept} of ${records} readings were kept`);
  return bytes / records;
}

/** A batch at a time: the objects that they are made of are not what is measured. */
function batchesOf(records: number): Batch[] {
  const batches = [];
  let some: Telemetry[] = [];
  for (const record of telemetryRecords(records)) {
    if (some.push(record) < 4096) continue;
    batches.push(...telemetryBatches(some));
    some = [];
  }
  return [...batches, ...telemetryBatches(some)];
}

function bytesHeld(): number {
  globalThis.gc!();
  globalThis.gc!();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
