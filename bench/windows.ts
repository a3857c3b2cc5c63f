import { memorySource } from '../src/connectors/memory.ts';
import { pipeline } from '../src/pipeline.ts';
import { window } from '../src/stages/window.ts';
import { counted, countRows } from './lib/count-rows.ts';
import type { Measure, Samples, Setting } from './lib/measure.ts';
import { type Pass, perRecord, timeRounds } from './lib/rounds.ts';
import { telemetry, telemetryBatches, telemetryRecords } from './lib/telemetry.ts';
import { runMapOfObjects } from './peers/map-of-objects.ts';

/** A row for each sensor and minute, through the whole engine: watermark, late rows and ids as always. */
export const windows: readonly Measure[] = [
  {
    id: 'window.tumbling.map-of-objects',
    title: 'windows of a minute by sensor: count, mean, least, greatest, deviation',
    peer: 'a `Map` of objects by sensor, over an array of objects in order',
    unit: 'ns/record',
    target: { faster: 1 },
    run: measureTumbling,
  },
];

async function measureTumbling({ quick }: Setting): Promise<Samples> {
  const records = [...telemetryRecords(quick ? 40_960 : 819_200)];
  const batches = telemetryBatches(records);
  const ours: Pass = () =>
    counted((into) =>
      pipeline('bench')
        .from(memorySource({ schema: telemetry, batches }), { eventTime: { field: 'timestamp' } })
        .pipe(
          window({
            time: 'timestamp',
            every: '1m',
            by: 'sensorId',
            compute: {
              readings: 'count()',
              low: 'min(value)',
              high: 'max(value)',
              spread: 'stddev(value)',
              avg: 'mean(value)',
            },
          }),
        )
        .to(countRows({ field: 'avg', into }))
        .run(),
    );
  const passes = { ours, peer: () => Promise.resolve(runMapOfObjects(records)) };
  const timing = quick ? { rounds: 3, warmupMs: 0 } : { rounds: 15, warmupMs: 2000 };
  return perRecord(await timeRounds(passes, timing), records.length);
}
