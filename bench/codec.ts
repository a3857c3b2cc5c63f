import { Buffer } from 'node:buffer';
import { performance } from 'node:perf_hooks';

import { createDecoder, createEncoder } from '../src/batch/codec.ts';
import { type Batch, schema } from '../src/batch/index.ts';

/** Reads and writes telemetry in memory, ours and the usual way, in turns; prints MB/s. */
const lines = 200_000;
const rounds = 7;

const telemetry = schema({
  sensorId: 'category',
  timestamp: 'timestamp',
  value: 'float64',
  unit: 'category',
  quality: 'float64',
  flags: 'int32',
});
const report = {
  failed(): void {
    throw new Error('a line of the benchmark was refused');
  },
  counted(): void {},
};

function telemetryText(digits: (value: number) => number): Buffer {
  let text = '';
  for (let line = 0; line < lines; line++) {
    const record = {
      sensorId: `s-${line % 100}`,
      timestamp: 1_700_000_000_000 + line * 10,
      value: digits(50 + 45 * Math.sin(line / 50)),
      unit: 'C',
      quality: Math.round(90 + 10 * Math.cos(line)) / 100,
      flags: line % 8,
    };
    text += `${JSON.stringify(record)}\n`;
  }
  return Buffer.from(text);
}

function decode(format: 'ndjson' | 'csv', bytes: Buffer): Batch[] {
  const decoder = createDecoder(format, telemetry, { report });
  const batches: Batch[] = [];
  const drain = (): void => {
    for (let batch = decoder.next(); batch !== null; batch = decoder.next()) batches.push(batch);
  };
  for (let at = 0; at < bytes.length; at += 1_048_576) {
    decoder.push(bytes.subarray(at, at + 1_048_576));
    drain();
  }
  decoder.end();
  drain();
  return batches;
}

function encode(format: 'ndjson' | 'csv', batches: readonly Batch[]): number {
  const encoder = createEncoder(format, telemetry);
  let bytes = encoder.begin().length;
  for (const batch of batches) bytes += encoder.encode(batch).length;
  return bytes + encoder.end().length;
}

function parseAll(bytes: Buffer): number {
  let rows = 0;
  for (const line of bytes.toString().split('\n')) {
    if (line !== '') rows += Object.keys(JSON.parse(line) as object).length;
  }
  return rows;
}

function measure(tasks: Record<string, () => number>): void {
  const best = new Map<string, number>();
  for (let round = 0; round < rounds; round++) {
    for (const [name, task] of Object.entries(tasks)) {
      const start = performance.now();
      const bytes = task();
      const rate = bytes / 1e3 / (performance.now() - start);
      best.set(name, Math.max(best.get(name) ?? 0, rate));
    }
  }
  for (const [name, rate] of best)
    console.log(`${name.padEnd(44)} ${rate.toFixed(0).padStart(6)} MB/s`);
}

const short = telemetryText((value) => Math.round(value * 1e4) / 1e4);
const long = telemetryText((value) => value);
const shortRows = decode('ndjson', short);
const longRows = decode('ndjson', long);
const records = shortRows.map((batch) => batch.toRows());
const csvEncoder = createEncoder('csv', telemetry);
const csv = Buffer.concat([
  csvEncoder.begin(),
  ...shortRows.map((batch) => Buffer.from(csvEncoder.encode(batch))),
]);

function consume(format: 'ndjson' | 'csv', bytes: Buffer): number {
  for (const batch of decode(format, bytes)) batch.release();
  return bytes.length;
}

measure({
  'read ndjson, 4 decimals': () => consume('ndjson', short),
  'read ndjson, full doubles': () => consume('ndjson', long),
  'split + JSON.parse, 4 decimals': () => (parseAll(short), short.length),
  'split + JSON.parse, full doubles': () => (parseAll(long), long.length),
  'read csv, 4 decimals': () => consume('csv', csv),
  'write ndjson, 4 decimals': () => encode('ndjson', shortRows),
  'write ndjson, full doubles': () => encode('ndjson', longRows),
  'JSON.stringify, 4 decimals': () => {
    let bytes = 0;
    for (const batch of records) {
      bytes += Buffer.from(batch.map((record) => JSON.stringify(record)).join('\n')).length;
    }
    return bytes;
  },
  'write csv, 4 decimals': () => encode('csv', shortRows),
});
