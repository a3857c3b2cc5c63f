import { createReadStream } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import type { Batch, FixedColumn } from '../src/batch/index.ts';
import type { Sink } from '../src/core/index.ts';
import { isCut } from '../src/core/index.ts';
import { fileSource } from '../src/connectors/file.ts';
import { pipeline } from '../src/pipeline.ts';
import { movingAverage } from '../src/stages/moving-average.ts';
import { normalize } from '../src/stages/normalize.ts';
import { select } from '../src/stages/select.ts';
import { threshold } from '../src/stages/threshold.ts';
import { cli, runNode } from './lib/child.ts';
import { type Job, prepareJob } from './lib/job.ts';
import type { Measure, Samples, Setting } from './lib/measure.ts';
import { telemetry, writeTelemetry } from './lib/telemetry.ts';

/** The reference job as its user runs it, each time in a process of its own, start and end in it. */
export const referenceJob: Measure = {
  id: 'job.ndjson',
  title: '`millrace run` of the reference job, against readline + JSON.parse + JSON.stringify',
  unit: 's',
  target: { faster: 2 },
  run: measureJob,
};

async function measureJob({ quick, directory }: Setting): Promise<Samples> {
  const input = join(directory, 'job.ndjson');
  await writeTelemetry(input, quick ? 20_000 : 2_000_000);
  const job = await prepareJob(directory, 'job', input);
  const peerProgram = await plainPeer(directory);
  const peerOutput = join(directory, 'job.peer.ndjson');
  const samples = { ours: [] as number[], peer: [] as number[] };
  for (let round = 0; round < (quick ? 1 : 7); round++) {
    const [ours, peer] = [
      () => runNode([cli, 'run', job.config]),
      () => runNode([peerProgram, input, peerOutput]),
    ];
    for (const side of round % 2 === 0
      ? (['ours', 'peer'] as const)
      : (['peer', 'ours'] as const)) {
      const { ms } = await (side === 'ours' ? ours() : peer());
      samples[side].push(ms / 1000);
    }
  }
  await assertSameOutput(job, peerOutput);
  await Promise.all([input, job.output, peerOutput].map((path) => rm(path)));
  return samples;
}

/** The peer's program without its types, so that taking them out is not timed. */
async function plainPeer(directory: string): Promise<string> {
  for (const name of ['moving-average', 'readline-job']) {
    const source = await readFile(join(import.meta.dirname, 'peers', `${name}.ts`), 'utf8');
    const program = stripTypeScriptTypes(source).replaceAll(".ts';", ".mjs';");
    await writeFile(join(directory, `${name}.mjs`), program);
  }
  return join(directory, 'readline-job.mjs');
}

interface Line {
  readonly sensorId: string;
  readonly timestamp: number;
  readonly value: number;
  readonly normalized: number;
  readonly rollingAvg: number;
}

/**
 * Both files hold the same records: the means within 1e-9, all else equal; and the computed fields
 * read back as the very doubles that the stages computed.
 */
async function assertSameOutput(job: Job, peerOutput: string): Promise<void> {
  const computed = computedAgain(job.input);
  const peers = linesOf(peerOutput)[Symbol.asyncIterator]();
  let count = 0;
  for await (const ours of linesOf(job.output)) {
    const { value: peer, done } = await peers.next();
    const again = await computed.next();
    const isSame =
      done !== true &&
      again.done !== true &&
      JSON.stringify([ours.sensorId, ours.timestamp, ours.value, ours.normalized]) ===
        JSON.stringify([peer.sensorId, peer.timestamp, peer.value, peer.normalized]) &&
      Math.abs(ours.rollingAvg - peer.rollingAvg) <= 1e-9 &&
      Object.is(ours.normalized, again.value.normalized) &&
      Object.is(ours.rollingAvg, again.value.rollingAvg);
    if (!isSame) {
      throw new Error(
        `the outputs of the job differ at record ${count}: ${JSON.stringify({ ours, peer, again })}`,
      );
    }
    count++;
  }
  if (count === 0 || (await peers.next()).done !== true || (await computed.next()).done !== true) {
    throw new Error(`the outputs of the job differ in length: ours has ${count} records`);
  }
}

async function* linesOf(path: string): AsyncGenerator<Line> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
  for await (const line of lines) yield JSON.parse(line) as Line;
}

/** The computed fields as the stages make them, never written as text. */
async function* computedAgain(
  path: string,
): AsyncGenerator<Pick<Line, 'normalized' | 'rollingAvg'>> {
  const batches: { normalized: Float64Array; rollingAvg: Float64Array }[] = [];
  const keep: Sink = {
    consume: async (stream) => {
      for await (const flow of stream) {
        if (isCut(flow)) continue;
        batches.push({
          normalized: numbersOf(flow, 'normalized'),
          rollingAvg: numbersOf(flow, 'rollingAvg'),
        });
      }
    },
  };
  await pipeline('again')
    .from(fileSource({ path, schema: telemetry }))
    .pipe(
      threshold({ field: 'value', min: 10, max: 90 }),
      normalize({ field: 'value', min: 10, max: 90, into: 'normalized' }),
      movingAverage({ field: 'normalized', window: 50, by: 'sensorId', into: 'rollingAvg' }),
      select({ fields: ['normalized', 'rollingAvg'] }),
    )
    .to(keep)
    .run();
  for (const { normalized, rollingAvg } of batches) {
    for (let at = 0; at < normalized.length; at++) {
      yield { normalized: normalized[at]!, rollingAvg: rollingAvg[at]! };
    }
  }
}

function numbersOf(batch: Batch, field: string): Float64Array {
  const { values } = batch.column(field) as FixedColumn<Float64Array>;
  return Float64Array.from({ length: batch.length }, (_, at) => values[batch.rows[at]!]!);
}
