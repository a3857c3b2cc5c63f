import { readFile, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';

/** Where one run of the reference job reads and writes. */
export interface Job {
  readonly config: string;
  readonly input: string;
  readonly output: string;
}

/** The reference job whole; without the stage that keeps state; or with one that adds fields in its place. */
export type Chain = 'windowed' | 'stateless' | 'derived';

/** Writes the config of the reference job for some input. */
export async function prepareJob(
  directory: string,
  name: string,
  input: string,
  chain: Chain = 'windowed',
): Promise<Job> {
  const config = join(directory, `${name}.yaml`);
  const output = join(directory, `${name}.out.ndjson`);
  await writeFile(config, configOf(input, output, chain));
  return { config, input, output };
}

/** What a chain has behind the stages of all, and the fields that come of it. */
const added: Readonly<
  Record<Chain, { readonly stage: string; readonly fields: readonly string[] }>
> = {
  windowed: {
    stage:
      '  - moving-average: { field: normalized, window: 50, by: sensorId, into: rollingAvg }\n',
    fields: ['rollingAvg'],
  },
  stateless: { stage: '', fields: [] },
  derived: {
    stage: `  - derive:
      kelvin: { value: "(value - 32) * 5 / 9 + 273.15", kind: float64 }
      ratio: { value: "value / (quality + 1)", kind: float64 }
      share: { value: "flags / (value * quality + 1)", kind: float64 }
`,
    fields: ['kelvin', 'ratio', 'share'],
  },
};

function configOf(input: string, output: string, chain: Chain): string {
  const { stage, fields } = added[chain];
  return `name: telemetry
source:
  file:
    path: ${JSON.stringify(input)}
    schema: { sensorId: category, timestamp: timestamp, value: float64, unit: category, quality: float64, flags: int32 }
stages:
  - threshold: { field: value, min: 10, max: 90 }
  - normalize: { field: value, min: 10, max: 90, into: normalized }
${stage}  - select: { fields: [${['sensorId', 'timestamp', 'value', 'normalized', ...fields].join(', ')}] }
sink:
  file: { path: ${JSON.stringify(output)} }
`;
}

/** A peer's program without its types, so that taking them out is not timed. */
export async function plainPeer(directory: string, ...names: readonly string[]): Promise<string> {
  const programs = names.map((name) => join(directory, `${name}.mjs`));
  for (const [at, name] of names.entries()) {
    const source = await readFile(join(import.meta.dirname, '..', 'peers', `${name}.ts`), 'utf8');
    const program = stripTypeScriptTypes(source)
      .replaceAll(".ts';", ".mjs';")
      .replace("'@duckdb/node-api'", () => `'${import.meta.resolve('@duckdb/node-api')}'`);
    await writeFile(programs[at]!, program);
  }
  return programs.at(-1)!;
}
