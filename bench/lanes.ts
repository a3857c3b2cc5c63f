import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { cli, seconds } from './lib/child.ts';
import { type Chain, prepareJob } from './lib/job.ts';
import type { Measure, Samples, Setting } from './lib/measure.ts';
import { takeTurns } from './lib/rounds.ts';
import { writeTelemetry } from './lib/telemetry.ts';

/** What two lanes are to one: `peer` is the same command without `--lanes`. */
export const lanes: readonly Measure[] = [
  {
    id: 'lanes.stateless',
    title: '`millrace run --lanes 2` of a chain that keeps nothing, 6 million lines',
    peer: 'the same on one lane',
    unit: 's',
    target: { faster: 1.7 },
    run: (setting) => measureLanes(setting, 'stateless'),
  },
  {
    id: 'lanes.derived',
    title: '`millrace run --lanes 2` of a chain that adds three fields, 6 million lines',
    peer: 'the same on one lane',
    unit: 's',
    target: { faster: 1.7 },
    run: (setting) => measureLanes(setting, 'derived'),
  },
  {
    id: 'lanes.keyed',
    title: '`millrace run --lanes 2` of the reference job, rows by key, 6 million lines',
    peer: 'the same on one lane',
    unit: 's',
    target: { faster: 1.4 },
    run: (setting) => measureLanes(setting, 'windowed'),
  },
];

async function measureLanes({ quick, directory }: Setting, chain: Chain): Promise<Samples> {
  const input = join(directory, 'lanes.ndjson');
  await writeTelemetry(input, quick ? 20_000 : 6_000_000, 'mixed');
  const jobs = {
    ours: await prepareJob(directory, `lanes.${chain}.two`, input, chain),
    peer: await prepareJob(directory, `lanes.${chain}.one`, input, chain),
  };
  const samples = await takeTurns(quick ? 1 : 5, {
    ours: () => seconds([cli, 'run', jobs.ours.config, '--lanes', '2']),
    peer: () => seconds([cli, 'run', jobs.peer.config, '--lanes', '1']),
  });
  await assertSameLines(jobs.ours.output, jobs.peer.output, chain);
  const files = [input, jobs.ours.output, jobs.peer.output];
  await Promise.all(files.map((path) => rm(path)));
  return samples;
}

/** By key the same bytes in as many lines, else the very bytes. */
async function assertSameLines(ours: string, peer: string, chain: Chain): Promise<void> {
  const [one, other] = [await readFile(ours), await readFile(peer)];
  const isSame = chain === 'windowed' ? sumOfLines(one) === sumOfLines(other) : one.equals(other);
  if (one.length === 0 || !isSame) throw new Error('two lanes gave another output than one');
}

/** A sum over the lines that does not hang on their order. */
function sumOfLines(bytes: Uint8Array): number {
  let sum = 0;
  let hash = 0;
  for (const byte of bytes) {
    if (byte !== 10) hash = Math.imul(hash ^ byte, 0x01000193);
    else {
      sum = (sum + (hash >>> 0)) % Number.MAX_SAFE_INTEGER;
      hash = 0;
    }
  }
  return sum;
}
