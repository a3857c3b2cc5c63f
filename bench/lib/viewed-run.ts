// The process in which `server.viewers` runs: `viewed-run.ts ROUNDS WINDOW_MS VIEWERS`. A run goes on,
// in turns served to viewers and not served at all. It writes the samples as JSON.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

import { intervalSource } from '../../src/connectors/interval.ts';
import type { Run } from '../../src/engine/index.ts';
import { pipeline } from '../../src/pipeline.ts';
import { serve } from '../../src/server/index.ts';
import { derive, float64 } from '../../src/stages/derive.ts';
import { movingAverage } from '../../src/stages/moving-average.ts';
import { threshold } from '../../src/stages/threshold.ts';
import { countRows, type Taken } from './count-rows.ts';

const [rounds, windowMs, viewers] = process.argv.slice(2).map(Number) as [number, number, number];
const token = 'an-admin-of-this-bench';
/** Of one snapshot a second for each viewer: told less often, they are no such load. */
const toldShareMin = 0.8;

/** Milliseconds of processor time of the whole process for each second, over one window. */
async function window(): Promise<number> {
  const [before, beganMs] = [process.cpuUsage(), performance.now()];
  await sleep(windowMs);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (performance.now() - beganMs);
}

async function viewed(run: Run): Promise<number> {
  await using server = await serve(run, { port: 0, token });
  const program = join(import.meta.dirname, 'viewer-load.ts');
  const load = spawn(process.execPath, [program, server.url, token, String(viewers)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(load.stdout, 'data');
  const cost = await window();
  load.stdin.end();
  const [told] = (await once(load.stdout, 'data')) as [Buffer];
  const dueCount = (viewers * windowMs) / 1000;
  if (Number(String(told)) < toldShareMin * dueCount && rounds > 1) {
    throw new Error(`viewers were told ${String(told).trim()} times, not ${dueCount}`);
  }
  return cost;
}

async function main(): Promise<void> {
  const taken: Taken = { records: 0, sum: 0 };
  const run = await pipeline('viewed')
    .from(intervalSource({ everyMs: 20 }))
    .pipe(
      derive({ value: float64(({ tick }) => Number(tick) % 100) }),
      threshold({ field: 'value', min: 0, max: 98 }),
      movingAverage({ field: 'value', window: 50, into: 'rollingAvg' }),
    )
    .to(countRows({ field: 'rollingAvg', into: taken }))
    .start();
  // Compiles what runs, and is no sample.
  await viewed(run);
  const ours: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const alone = await window();
    ours.push((await viewed(run)) - alone);
  }
  await run.stop();
  process.stdout.write(JSON.stringify(ours));
}

await main();
