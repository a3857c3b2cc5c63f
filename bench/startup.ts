import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { cli, runNode } from './lib/child.ts';
import type { Measure, Samples, Setting } from './lib/measure.ts';
import { writeTelemetry } from './lib/telemetry.ts';

const firstRecordMsMax = 250;
const importMsMax = 60;

export const startup: readonly Measure[] = [
  {
    id: 'start.first-record',
    title: '`millrace run` of a small file, process start to first record out',
    peer: 'the limit',
    unit: 'ms',
    target: { within: 1 },
    run: measureFirstRecord,
  },
  {
    id: 'start.import',
    title: "`import 'millrace'` in a new process, less one that imports nothing",
    peer: 'the limit',
    unit: 'ms',
    target: { within: 1 },
    run: measureImport,
  },
];

/** From before the process is started until the first byte of the first line is here. */
async function measureFirstRecord({ quick, directory }: Setting): Promise<Samples> {
  const input = join(directory, 'small.ndjson');
  const config = join(directory, 'small.yaml');
  await writeTelemetry(input, 100);
  await writeFile(config, configOf(input));
  const ours = [];
  // The first ones fill the caches: that of the file system, and of what Node has compiled.
  const env = { XDG_CACHE_HOME: join(directory, 'cache') };
  for (let round = -2; round < (quick ? 3 : 41); round++) {
    const { firstByteMs, stdout } = await runNode([cli, 'run', config], env);
    const first = JSON.parse(stdout.slice(0, stdout.indexOf('\n'))) as { rollingAvg?: unknown };
    if (typeof first.rollingAvg !== 'number') throw new Error(`no record came first:\n${stdout}`);
    if (round >= 0) ours.push(firstByteMs);
  }
  return { ours, peer: [firstRecordMsMax] };
}

function configOf(input: string): string {
  return `name: small
source:
  file:
    path: ${JSON.stringify(input)}
    schema: { sensorId: category, timestamp: timestamp, value: float64, unit: category, quality: float64, flags: int32 }
stages:
  - threshold: { field: value, min: 10, max: 90 }
  - moving-average: { field: value, window: 50, by: sensorId, into: rollingAvg }
sink: stdout
`;
}

/** Pairs of whole processes; the sample is how much longer the one with the import took. */
async function measureImport({ quick }: Setting): Promise<Samples> {
  const run = async (program: string): Promise<number> =>
    (await runNode(['--input-type=module', '--eval', program])).ms;
  const ours = [];
  for (let round = -2; round < (quick ? 3 : 41); round++) {
    const [first, second] =
      round % 2 === 0 ? ['', "import 'millrace';"] : ["import 'millrace';", ''];
    const [one, other] = [await run(first), await run(second)];
    if (round >= 0) ours.push(round % 2 === 0 ? other - one : one - other);
  }
  return { ours, peer: [importMsMax] };
}
