import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
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
import { cli, seconds } from './lib/child.ts';
import { type Job, plainPeer, prepareJob } from './lib/job.ts';
import type { Measure, Samples, Setting } from './lib/measure.ts';
import { takeTurns } from './lib/rounds.ts';
import { telemetry, writeTelemetry } from './lib/telemetry.ts';

/** The reference job as its user runs it, each time in a process of its own, start and end in it. */
export const referenceJob: Measure = {
  id: 'job.ndjson',
  title:
    '`millrace run` of the reference job: 2 million lines, half of them short decimals, half doubles of 17 digits',
  peer: '`readline` over `createReadStream`, `JSON.parse`, three functions, `JSON.stringify`, written 64 KiB at a time',
  unit: 's',
  target: { faster: 5 },
  run: measureJob,
};

async function measureJob({ quick, directory }: Setting): Promise<Samples> {
  const input = join(directory, 'job.ndjson');
  await writeTelemetry(input, quick ? 20_000 : 2_000_000, 'mixed');
  const job = await prepareJob(directory, 'job', input);
  const peerProgram = await plainPeer(directory, 'moving-average', 'readline-job');
  const peerOutput = join(directory, 'job.peer.ndjson');
  const samples = await takeTurns(quick ? 1 : 7, {
    ours: () => seconds([cli, 'run', job.config]),
    peer: () => seconds([peerProgram, input, peerOutput]),
  });
  await assertSameOutput(job, peerOutput);
  await Promise.all([input, job.output, peerOutput].map((path) => rm(path)));
  return samples;
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
