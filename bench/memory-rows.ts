import { Batch, type Fields, schema, type Schema } from '../src/batch/index.ts';
import { memorySource } from '../src/connectors/memory.ts';
import { pipeline } from '../src/pipeline.ts';
import { derive, float64 } from '../src/stages/derive.ts';
import { filter } from '../src/stages/filter.ts';
import { counted, countRows, type Taken } from './lib/count-rows.ts';
import type { Measure, Samples, Setting } from './lib/measure.ts';
import { perRecord, timeRounds } from './lib/rounds.ts';
import { telemetry, telemetryBatches, telemetryRecords } from './lib/telemetry.ts';
import { createMovingAverage } from './peers/moving-average.ts';
import { valueMax, valueMin, windowRows } from './peers/records.ts';
import { runRxjs } from './peers/rxjs.ts';
import { type Probe, runRxjsOfProbes, runRxjsOfTelemetry } from './peers/rxjs-nulls.ts';

/** Three stages of the user's own functions over batches in memory, through the whole engine. */
export const memoryRows: readonly Measure[] = [
  {
    id: 'memory.rows.rxjs',
    title: 'row functions in memory, one schema',
    peer: 'RxJS 7 `filter` and `map` over an array of objects, with no await, no bounds and no figures of its own',
    unit: 'ns/record',
    target: { faster: 1.5 },
    run: measureOneSchema,
  },
  {
    id: 'memory.rows.nulls.rxjs',
    title: 'row functions in memory, nulls and two schemas',
    peer: 'RxJS 7 `filter` and `map` over an array of objects, with no await, no bounds and no figures of its own',
    unit: 'ns/record',
    target: { faster: 1 },
    run: measureTwoSchemas,
  },
];

// Each run generates code of its own, which is slow at first: passes are long, as runs are.
const copies = 40;
const rounds = { rounds: 15, warmupMs: 2000 };
const roundsQuick = { rounds: 3, warmupMs: 0 };

async function measureOneSchema({ quick }: Setting): Promise<Samples> {
  const records = repeated([...telemetryRecords(quick ? 20_480 : 102_400)], quick);
  const batches = repeated(
    telemetryBatches([...telemetryRecords(quick ? 20_480 : 102_400)]),
    quick,
  );
  const ours = (into: Taken): Promise<unknown> => {
    const average = createMovingAverage(windowRows);
    return pipeline('bench')
      .from(memorySource({ schema: telemetry, batches }))
      .pipe(
        filter((r) => r.value >= valueMin && r.value <= valueMax),
        derive({ normalized: float64((r) => (r.value - valueMin) / (valueMax - valueMin)) }),
        derive({ rollingAvg: float64((r) => average(r.normalized)) }),
      )
      .to(countRows({ field: 'rollingAvg', into }))
      .run();
  };
  const passes = { ours: () => counted(ours), peer: async () => runRxjs(records) };
  return perRecord(await timeRounds(passes, quick ? roundsQuick : rounds), records.length);
}

const telemetryWithNulls = telemetry.with({ value: 'float64?' });
const probes = schema({
  at: 'timestamp',
  probe: 'int32',
  value: 'float64?',
  isOnline: 'bool',
});

/** Half of the records of each schema, one after the other, through the same functions. */
async function measureTwoSchemas({ quick }: Setting): Promise<Samples> {
  const some = [...telemetryRecords(quick ? 10_240 : 51_200)].map((record, at) => ({
    ...record,
    value: at % 20 === 0 ? null : record.value,
  }));
  const others: Probe[] = some.map(({ timestamp, value, flags }) => ({
    at: timestamp,
    probe: flags,
    value,
    isOnline: flags > 7,
  }));
  const records = repeated(some, quick);
  const probeRecords = repeated(others, quick);
  const batches = repeated(batchesOf(some, telemetryWithNulls), quick);
  const probeBatches = repeated(batchesOf(others, probes), quick);
  const ours = async (into: Taken): Promise<void> => {
    await runWithNulls(telemetryWithNulls, batches, into);
    await runWithNulls(probes, probeBatches, into);
  };
  const peer = async (): Promise<Taken> => {
    const of = runRxjsOfTelemetry(records);
    const ofProbes = runRxjsOfProbes(probeRecords);
    return { records: of.records + ofProbes.records, sum: of.sum + ofProbes.sum };
  };
  const samples = await timeRounds(
    { ours: () => counted(ours), peer },
    quick ? roundsQuick : rounds,
  );
  return perRecord(samples, records.length + probeRecords.length);
}

function runWithNulls<F extends { readonly value: 'float64?' }>(
  input: Schema<F>,
  batches: readonly Batch<F>[],
  into: Taken,
): Promise<unknown> {
  const average = createMovingAverage(windowRows);
  return pipeline('bench')
    .from(
      memorySource({
        schema: input as unknown as Schema<{ value: 'float64?' }>,
        batches: batches as never,
      }),
    )
    .pipe(
      filter((r) => r.value !== null && r.value >= valueMin && r.value <= valueMax),
      derive({ normalized: float64((r) => (r.value! - valueMin) / (valueMax - valueMin)) }),
      derive({ rollingAvg: float64((r) => average(r.normalized)) }),
    )
    .to(countRows({ field: 'rollingAvg', into }))
    .run();
}

function batchesOf<F extends Fields>(records: readonly object[], of: Schema<F>): Batch<F>[] {
  const batches = [];
  for (let at = 0; at < records.length; at += 4096) {
    batches.push(Batch.from(records.slice(at, at + 4096) as never[], of));
  }
  return batches;
}

/** The same things over and over, so that peers' objects cost the collector little. */
function repeated<T>(things: readonly T[], quick: boolean): T[] {
  return Array.from({ length: quick ? 1 : copies }, () => things).flat();
}
