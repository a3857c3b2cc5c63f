// The process in which `server.probes` runs: `probed-run.ts ROUNDS WINDOW_MS`. A run that is served
// goes on at full speed, in turns with and without a load. It writes the samples of both as JSON.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Flow, Source } from '../../src/core/index.ts';
import { pipeline } from '../../src/pipeline.ts';
import { serve } from '../../src/server/index.ts';
import { movingAverage } from '../../src/stages/moving-average.ts';
import { normalize } from '../../src/stages/normalize.ts';
import { threshold } from '../../src/stages/threshold.ts';
import { valueMax, valueMin, windowRows } from '../peers/records.ts';
import { countRows, type Taken } from './count-rows.ts';
import { takeTurns } from './rounds.ts';
import { telemetry, telemetryBatches, telemetryRecords } from './telemetry.ts';

const [rounds, windowMs] = process.argv.slice(2).map(Number) as [number, number];
/** Of a thousand requests a second: with fewer answers it is no such load. */
const answeredShareMin = 0.95;

/** The same batches again and again. */
function endless(): Source<(typeof telemetry)['shape']> {
  const batches = telemetryBatches([...telemetryRecords(102_400)]);
  return {
    schema: telemetry,
    whenPaused: 'hold',
    async *stream({ signal }): AsyncGenerator<Flow<(typeof telemetry)['shape']>> {
      while (!signal.aborted) for (const batch of batches) yield batch.retain();
    },
  };
}

/** Nanoseconds of the pipeline's own thread for each record, over one window. */
async function window(taken: Taken): Promise<number> {
  const before = process.threadCpuUsage();
  const records = taken.records;
  await sleep(windowMs);
  const { user, system } = process.threadCpuUsage(before);
  return ((user + system) * 1000) / (taken.records - records);
}

async function main(): Promise<void> {
  const taken: Taken = { records: 0, sum: 0 };
  const run = await pipeline('served')
    .from(endless())
    .pipe(
      threshold({ field: 'value', min: valueMin, max: valueMax }),
      normalize({ field: 'value', min: valueMin, max: valueMax, into: 'normalized' }),
      movingAverage({ field: 'normalized', window: windowRows, into: 'rollingAvg' }),
    )
    .to(countRows({ field: 'rollingAvg', into: taken }))
    .start();
  const server = await serve(run, { port: 0, token: 'an-admin-of-this-bench' });
  const load = spawn(process.execPath, [join(import.meta.dirname, 'probe-load.ts'), server.url], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const loaded = async (): Promise<number> => {
    load.stdin.write('+');
    const beganMs = performance.now();
    const cost = await window(taken);
    const dueCount = performance.now() - beganMs;
    load.stdin.write('-');
    const [answered] = (await once(load.stdout, 'data')) as [Buffer];
    if (Number(String(answered)) < answeredShareMin * dueCount && rounds > 1) {
      throw new Error(`the server answered ${String(answered).trim()} of ${dueCount.toFixed()}`);
    }
    return cost;
  };
  const sides = { ours: loaded, peer: () => window(taken) };
  // Compiles what both run, and is no sample.
  await sides.peer();
  await sides.ours();
  const samples = await takeTurns(rounds, sides);
  load.stdin.end();
  await server.close();
  await run.stop();
  process.stdout.write(JSON.stringify(samples));
}

await main();
