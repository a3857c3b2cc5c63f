import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where one run of the reference job reads and writes. */
export interface Job {
  readonly config: string;
  readonly input: string;
  readonly output: string;
}

/** Writes the config of the reference job for some input. */
export async function prepareJob(directory: string, name: string, input: string): Promise<Job> {
  const config = join(directory, `${name}.yaml`);
  const output = join(directory, `${name}.out.ndjson`);
  await writeFile(config, configOf(input, output));
  return { config, input, output };
}

function configOf(input: string, output: string): string {
  return `name: telemetry
source:
  file:
    path: ${JSON.stringify(input)}
    schema: { sensorId: category, timestamp: timestamp, value: float64, unit: category, quality: float64, flags: int32 }
stages:
  - threshold: { field: value, min: 10, max: 90 }
  - normalize: { field: value, min: 10, max: 90, into: normalized }
  - moving-average: { field: normalized, window: 50, by: sensorId, into: rollingAvg }
  - select: { fields: [sensorId, timestamp, value, normalized, rollingAvg] }
sink:
  file: { path: ${JSON.stringify(output)} }
`;
}
