import { join } from 'node:path';

import { fileSource } from '../src/connectors/file.ts';
import { pipeline } from '../src/pipeline.ts';
import { counted, countRows } from './lib/count-rows.ts';
import type { Measure, Samples, Setting } from './lib/measure.ts';
import { perRecord, timeRounds } from './lib/rounds.ts';
import { telemetry, writeTelemetry } from './lib/telemetry.ts';
import { readBySplit } from './peers/split-parse.ts';

/** An NDJSON file into columns, through the whole engine, with all its checks. */
export const ndjsonRead: Measure = {
  id: 'ndjson.read',
  title: 'an NDJSON file into columns, with all its checks',
  peer: '`read` of 1 MiB, `split`, `JSON.parse`, which checks the syntax alone',
  unit: 'ns/record',
  target: { faster: 3 },
  run: measureRead,
};

async function measureRead({ quick, directory }: Setting): Promise<Samples> {
  const lines = quick ? 20_000 : 500_000;
  const path = join(directory, 'read.ndjson');
  await writeTelemetry(path, lines);
  const passes = {
    ours: () =>
      counted((into) =>
        pipeline('bench')
          .from(fileSource({ path, schema: telemetry }))
          .to(countRows({ field: 'value', into }))
          .run(),
      ),
    peer: () => readBySplit(path),
  };
  const samples = await timeRounds(
    passes,
    quick ? { rounds: 3, warmupMs: 0 } : { rounds: 15, warmupMs: 2000 },
  );
  return perRecord(samples, lines);
}
