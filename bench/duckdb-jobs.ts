import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { cli, seconds } from './lib/child.ts';
import { type Chain, plainPeer, prepareJob } from './lib/job.ts';
import type { Measure, Samples, Setting } from './lib/measure.ts';
import { takeTurns } from './lib/rounds.ts';
import { firstMs, stepMs, writeTelemetry } from './lib/telemetry.ts';

interface Variant {
  readonly chain: Chain;
  readonly input: 'ndjson' | 'csv';
  /** Lanes of ours, threads of DuckDB's. */
  readonly threads: number;
  readonly faster: number;
}

/** The reference job against DuckDB on as many threads, each in a process of its own, start and end in it. */
export const duckdbJobs: readonly Measure[] = [
  against('job.stateless.duckdb', { chain: 'stateless', input: 'ndjson', threads: 1, faster: 2 }),
  against('job.stateless.duckdb.two', {
    chain: 'stateless',
    input: 'ndjson',
    threads: 2,
    faster: 1.5,
  }),
  against('job.windowed.duckdb', { chain: 'windowed', input: 'ndjson', threads: 1, faster: 2.5 }),
  against('job.windowed.duckdb.two', {
    chain: 'windowed',
    input: 'ndjson',
    threads: 2,
    faster: 1.8,
  }),
  against('job.csv.duckdb', { chain: 'windowed', input: 'csv', threads: 1, faster: 1.5 }),
];

function against(id: string, variant: Variant): Measure {
  const stages = variant.chain === 'windowed' ? '' : ' without its moving average';
  return {
    id,
    title: `\`millrace run --lanes ${variant.threads}\` of the reference job${stages}, 2 million records of ${variant.input}`,
    peer:
      `DuckDB with \`threads = ${variant.threads}\`, columns declared, \`preserve_insertion_order = false\`, one statement` +
      (variant.chain === 'windowed' ? '; it sorts by sensor and time for the window' : ''),
    unit: 's',
    target: { faster: variant.faster },
    run: (setting) => measureJob(id, variant, setting),
  };
}

async function measureJob(id: string, variant: Variant, setting: Setting): Promise<Samples> {
  const { quick, directory } = setting;
  const records = quick ? 20_000 : 2_000_000;
  const input = join(directory, `${id}.${variant.input}`);
  await writeTelemetry(input, records, 'mixed');
  const job = await prepareJob(directory, id, input, variant.chain);
  const program = await plainPeer(directory, 'duckdb-job');
  const peerOutput = join(directory, `${id}.peer.ndjson`);
  const threads = String(variant.threads);
  const samples = await takeTurns(quick ? 1 : 7, {
    ours: () => seconds([cli, 'run', job.config, '--lanes', threads]),
    peer: () => seconds([program, input, peerOutput, variant.chain, threads]),
  });
  await assertSameRecords(job.output, peerOutput, records);
  await Promise.all([input, job.output, peerOutput].map((path) => rm(path)));
  return samples;
}

interface Line {
  readonly sensorId: string;
  readonly timestamp: number;
  readonly value: number;
  readonly normalized: number;
  readonly rollingAvg?: number;
}

/** Both files hold the same records, in any order: means within 1e-9, all else equal. */
async function assertSameRecords(ours: string, peer: string, records: number): Promise<void> {
  const kept = {
    sensorId: new Array<string>(records),
    value: new Float64Array(records).fill(NaN),
    normalized: new Float64Array(records),
    rollingAvg: new Float64Array(records),
  };
  let count = 0;
  for await (const line of linesOf(ours)) {
    const at = (line.timestamp - firstMs) / stepMs;
    kept.sensorId[at] = line.sensorId;
    kept.value[at] = line.value;
    kept.normalized[at] = line.normalized;
    kept.rollingAvg[at] = line.rollingAvg ?? 0;
    count++;
  }
  for await (const line of linesOf(peer)) {
    const at = (line.timestamp - firstMs) / stepMs;
    const isSame =
      kept.sensorId[at] === line.sensorId &&
      kept.value[at] === line.value &&
      kept.normalized[at] === line.normalized &&
      Math.abs(kept.rollingAvg[at]! - (line.rollingAvg ?? 0)) <= 1e-9;
    if (!isSame) throw new Error(`ours lacks a record of the peer's: ${JSON.stringify(line)}`);
    count--;
    // A record that came twice would find nothing.
    kept.value[at] = NaN;
  }
  if (count !== 0) throw new Error(`the outputs differ in length by ${count} records`);
}

async function* linesOf(path: string): AsyncGenerator<Line> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
  for await (const line of lines) yield JSON.parse(line) as Line;
}
