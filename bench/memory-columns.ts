import { memorySource } from '../src/connectors/memory.ts';
import { pipeline } from '../src/pipeline.ts';
import { movingAverage } from '../src/stages/moving-average.ts';
import { normalize } from '../src/stages/normalize.ts';
import { threshold } from '../src/stages/threshold.ts';
import { counted, countRows } from './lib/count-rows.ts';
import type { Measure, Samples, Setting } from './lib/measure.ts';
import { type Outcome, type Pass, perRecord, timeRounds } from './lib/rounds.ts';
import { type Telemetry, telemetry, telemetryBatches, telemetryRecords } from './lib/telemetry.ts';
import { runNodeStreams } from './peers/node-streams.ts';
import { valueMax, valueMin, windowRows } from './peers/records.ts';
import { runRxjs } from './peers/rxjs.ts';
import { runWebStreams } from './peers/web-streams.ts';

type Peer = (records: readonly Telemetry[]) => Outcome | Promise<Outcome>;

/** Three built-in stages over batches in memory, through the whole engine, observed as always. */
export const memoryColumns: readonly Measure[] = [
  against('rxjs', 'RxJS 7 `filter` and `map` over an array of objects', 6, runRxjs, 31),
  against(
    'node-streams',
    'Node `Transform` streams of objects, with its own high-water mark',
    25,
    runNodeStreams,
    15,
  ),
  against('web-streams', 'web `TransformStream`s of objects', 200, runWebStreams, 7),
];

function against(
  name: string,
  peer: string,
  faster: number,
  runPeer: Peer,
  rounds: number,
): Measure {
  return {
    id: `memory.columns.${name}`,
    title: 'three column stages over batches in memory',
    peer,
    unit: 'ns/record',
    target: { faster },
    run: (setting) => measureAgainst(runPeer, rounds, setting),
  };
}

async function measureAgainst(peer: Peer, rounds: number, { quick }: Setting): Promise<Samples> {
  // The same records over and over, so that peers' objects cost the collector little.
  const copies = quick ? 1 : 20;
  const some = [...telemetryRecords(quick ? 20_480 : 102_400)];
  const records = Array.from({ length: copies }, () => some).flat();
  const batchesOfSome = telemetryBatches(some);
  const batches = Array.from({ length: copies }, () => batchesOfSome).flat();
  const ours: Pass = () =>
    counted((into) =>
      pipeline('bench')
        .from(memorySource({ schema: telemetry, batches }))
        .pipe(
          threshold({ field: 'value', min: valueMin, max: valueMax }),
          normalize({ field: 'value', min: valueMin, max: valueMax, into: 'normalized' }),
          movingAverage({ field: 'normalized', window: windowRows, into: 'rollingAvg' }),
        )
        .to(countRows({ field: 'rollingAvg', into }))
        .run(),
    );
  const passes = { ours, peer: async () => peer(records) };
  const timing = quick ? { rounds: 3, warmupMs: 0 } : { rounds, warmupMs: 2000 };
  return perRecord(await timeRounds(passes, timing), records.length);
}
