// The process in which one side of a measure of `observe-cost.ts` runs: `observed-passes.ts
// columns|rows observed|blind PASSES`. It writes nanoseconds per record, one for each pass, as JSON.
import { createWriteStream } from 'node:fs';
import { performance } from 'node:perf_hooks';
import process from 'node:process';

import { memorySource } from '../../src/connectors/memory.ts';
import { Observed } from '../../src/engine/observed.ts';
import { BufferedStructuredLogger } from '../../src/observe/log.ts';
import { Histogram } from '../../src/observe/histogram.ts';
import { Meter } from '../../src/observe/meter.ts';
import { shippedRules } from '../../src/observe/alerts/shipped.ts';
import { pipeline } from '../../src/pipeline.ts';
import { derive, float64 } from '../../src/stages/derive.ts';
import { filter } from '../../src/stages/filter.ts';
import { movingAverage } from '../../src/stages/moving-average.ts';
import { normalize } from '../../src/stages/normalize.ts';
import { threshold } from '../../src/stages/threshold.ts';
import { createMovingAverage } from '../peers/moving-average.ts';
import { valueMax, valueMin, windowRows } from '../peers/records.ts';
import { countRows, type Taken } from './count-rows.ts';
import { telemetry, telemetryBatches, telemetryRecords } from './telemetry.ts';

const [chain, eyes, count] = process.argv.slice(2);
const warmupMs = count === '1' ? 0 : 2000;

function main(): Promise<void> {
  if (eyes === 'blind') takeMetersOut();
  return timePasses();
}

/** Rows in and out stay: a sink commits by them. */
function takeMetersOut(): void {
  Observed.prototype.begin = () => 0;
  Observed.prototype.end = () => {};
  Observed.prototype.waits = () => {};
  Observed.prototype.waited = () => {};
  Observed.prototype.sleep = (_, wait) => wait;
  Observed.prototype.now = () => 0;
  Observed.prototype.checkLedger = () => {};
  Meter.prototype.sent = function (this: Meter, rows) {
    this.rowsOut += rows;
  };
  Histogram.prototype.record = () => {};
}

async function timePasses(): Promise<void> {
  const some = telemetryBatches([...telemetryRecords(102_400)]);
  // Long passes: what a run costs at its start and end is no part of this.
  const batches = Array.from({ length: warmupMs === 0 ? 1 : 1000 }, () => some).flat();
  const records = batches.reduce((total, { length }) => total + length, 0);
  const stream = createWriteStream('/dev/null');
  const log = new BufferedStructuredLogger({ stream });
  const pass = async (): Promise<void> => {
    const into: Taken = { records: 0, sum: 0 };
    const run = await build(batches, into).start(
      eyes === 'blind' ? {} : { log, alerts: shippedRules({}, { memoryMiBMax: 16_384 }) },
    );
    if (eyes !== 'blind') run.listen(() => {});
    await run.done;
    if (into.records === 0) throw new Error('nothing came out');
  };
  const start = performance.now();
  do await pass();
  while (performance.now() - start < warmupMs);
  const times: number[] = [];
  for (let at = 0; at < Number(count); at++) {
    globalThis.gc?.({ type: 'minor' });
    const from = performance.now();
    await pass();
    times.push(((performance.now() - from) * 1e6) / records);
  }
  process.stdout.write(JSON.stringify(times));
}

function build(batches: ReturnType<typeof telemetryBatches>, into: Taken) {
  const flow = pipeline('bench').from(memorySource({ schema: telemetry, batches }));
  const sink = countRows({ field: 'rollingAvg', into });
  if (chain === 'columns') {
    return flow
      .pipe(
        threshold({ field: 'value', min: valueMin, max: valueMax }),
        normalize({ field: 'value', min: valueMin, max: valueMax, into: 'normalized' }),
        movingAverage({ field: 'normalized', window: windowRows, into: 'rollingAvg' }),
      )
      .to(sink);
  }
  const average = createMovingAverage(windowRows);
  return flow
    .pipe(
      filter((r) => r.value >= valueMin && r.value <= valueMax),
      derive({ normalized: float64((r) => (r.value - valueMin) / (valueMax - valueMin)) }),
      derive({ rollingAvg: float64((r) => average(r.normalized)) }),
    )
    .to(sink);
}

await main();
