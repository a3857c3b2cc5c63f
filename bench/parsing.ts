import { Buffer } from 'node:buffer';

import { CsvDecoder } from '../src/batch/codec/csv-decoder.ts';
import type { CodecPath } from '../src/batch/codec/kernels.ts';
import { NdjsonDecoder } from '../src/batch/codec/ndjson-decoder.ts';
import type { FixedColumn } from '../src/batch/index.ts';
import type { Measure, Samples, Setting } from './lib/measure.ts';
import { type Outcome, perRecord, timeRounds } from './lib/rounds.ts';
import { type Digits, telemetry, telemetryRecords } from './lib/telemetry.ts';

type Format = 'ndjson' | 'csv';

const chunkBytes = 1_048_576;
const twin = 'the same decoder in TypeScript, which is what runs where the kernels do not';

/** Bytes in memory into columns, with all checks, on one thread. */
export const parsing: readonly Measure[] = [
  {
    id: 'parse.ndjson.short',
    title: 'NDJSON of short decimals in memory into columns, with all checks: 1 GB/s',
    peer: 'the limit',
    unit: 'ns/record',
    target: { within: 1 },
    run: (setting) => measureRate(setting, 'short', 1),
  },
  {
    id: 'parse.ndjson.full',
    title: 'NDJSON of doubles of 17 digits in memory into columns, with all checks: 0.5 GB/s',
    peer: 'the limit',
    unit: 'ns/record',
    target: { within: 1 },
    run: (setting) => measureRate(setting, 'full', 2),
  },
  ...(['short', 'full'] as const).map((digits) => twinMeasure('ndjson', digits, 1.2)),
  ...(['short', 'full'] as const).map((digits) => twinMeasure('csv', digits, 2)),
];

function twinMeasure(format: Format, digits: Digits, faster: number): Measure {
  const values = digits === 'short' ? 'short decimals' : 'doubles of 17 digits';
  return {
    id: `parse.${format}.${digits}.twin`,
    title: `${format === 'csv' ? 'a CSV' : 'NDJSON'} of ${values} in memory into columns`,
    peer: twin,
    unit: 'ns/record',
    target: { faster },
    run: (setting) => measureTwins(setting, format, digits),
  };
}

async function measureTwins(setting: Setting, format: Format, digits: Digits): Promise<Samples> {
  const { records, bytes, rounds } = inputOf(setting, format, digits);
  const passes = {
    ours: async () => decodeAll(format, bytes, 'kernels'),
    peer: async () => decodeAll(format, bytes, 'twin'),
  };
  return perRecord(await timeRounds(passes, rounds), records);
}

/** Against so many nanoseconds for each byte. */
async function measureRate(setting: Setting, digits: Digits, nsPerByte: number): Promise<Samples> {
  const { records, bytes, rounds } = inputOf(setting, 'ndjson', digits);
  const pass = async (): Promise<Outcome> => decodeAll('ndjson', bytes, 'kernels');
  const samples = perRecord(await timeRounds({ ours: pass, peer: pass }, rounds), records);
  return { ours: samples.ours, peer: [(bytes.length / records) * nsPerByte] };
}

function inputOf(
  { quick }: Setting,
  format: Format,
  digits: Digits,
): { records: number; bytes: Buffer; rounds: { rounds: number; warmupMs: number } } {
  // A pass of some milliseconds, many times: whatever else the machine does disturbs few of them.
  const records = quick ? 5_000 : 20_000;
  let text = format === 'csv' ? `${telemetry.names.join()}\n` : '';
  for (const record of telemetryRecords(records, digits)) {
    text += format === 'csv' ? Object.values(record).join() : JSON.stringify(record);
    text += '\n';
  }
  const rounds = quick ? { rounds: 3, warmupMs: 0 } : { rounds: 301, warmupMs: 1000 };
  return { records, bytes: Buffer.from(text), rounds };
}

function decodeAll(format: Format, bytes: Buffer, path: CodecPath): Outcome {
  const report = {
    failed: (): never => {
      throw new Error('a record of the benchmark was refused');
    },
    counted: () => {},
  };
  const decoder = new (format === 'csv' ? CsvDecoder : NdjsonDecoder)(telemetry, { report }, path);
  let records = 0;
  let sum = 0;
  const drain = (): void => {
    for (let batch = decoder.next(); batch !== null; batch = decoder.next()) {
      const { values } = batch.column('value') as FixedColumn<Float64Array>;
      for (let row = 0; row < batch.length; row++) sum += values[row]!;
      records += batch.length;
      batch.release();
    }
  };
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    decoder.push(bytes.subarray(at, at + chunkBytes));
    drain();
  }
  decoder.end();
  drain();
  return { records, sum };
}
