import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { cli, peakMemoryOf } from './lib/child.ts';
import { prepareJob } from './lib/job.ts';
import type { Measure, Samples, Setting } from './lib/measure.ts';
import { writeTelemetry } from './lib/telemetry.ts';

/** Whether memory depends on the length of the input. `ours`: 25 times the lines of `peer`. */
export const referenceMemory: Measure = {
  id: 'job.memory',
  title: 'peak resident memory of the reference job on 50 million lines',
  peer: 'the same with 2 million lines',
  unit: 'MiB',
  target: { within: 1.15 },
  run: measureMemory,
};

async function measureMemory({ quick, directory }: Setting): Promise<Samples> {
  const linesOfPeer = quick ? 20_000 : 2_000_000;
  const long = join(directory, 'memory.long.ndjson');
  const short = join(directory, 'memory.short.ndjson');
  await writeTelemetry(long, 25 * linesOfPeer);
  await writeTelemetry(short, linesOfPeer);
  const jobs = {
    ours: await prepareJob(directory, 'memory.long', long),
    peer: await prepareJob(directory, 'memory.short', short),
  };
  const samples = { ours: [] as number[], peer: [] as number[] };
  for (let round = 0; round < (quick ? 1 : 2); round++) {
    for (const side of ['peer', 'ours'] as const) {
      const { config, output } = jobs[side];
      samples[side].push(await peakMemoryOf([cli, 'run', config], directory));
      await rm(output);
    }
  }
  await Promise.all([long, short].map((path) => rm(path)));
  return samples;
}
