import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { readPipeline, startRun, ValidationError } from '../src/index.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-'));
  await writeFile(join(directory, 'in.csv'), 'sensorId,value\na,1\nb,2\n');
});

afterEach(() => rm(directory, { recursive: true }));

function write(stages: string): Promise<void> {
  const text = `name: test\nsource: { file: { path: in.csv } }\nstages: ${stages}\nsink: { file: { path: "\${env:OUT}.ndjson" } }\n`;
  return writeFile(join(directory, 'pipeline.yaml'), text);
}

test('a file is read, planned and run from code, its paths beginning at it', async () => {
  await write('[{ filter: { where: "value > 1" } }]');
  const file = join(directory, 'pipeline.yaml');
  const config = await readPipeline(file, { environment: { OUT: 'out' } });
  const run = await startRun(await config.plan());
  const report = await run.done;
  expect(report).toMatchObject({ status: 'done', recordsIn: 2, recordsOut: 1 });
  const written = await readFile(join(directory, 'out.ndjson'), 'utf8');
  expect(written).toBe('{"sensorId":"b","value":2}\n');
});

test('a file with problems says all of them when it is planned', async () => {
  await write('[{ filtre: { where: "value > 1" } }, { threshold: { field: vlaue } }]');
  const config = await readPipeline(join(directory, 'pipeline.yaml'));
  const error = await config.plan().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ValidationError);
  expect((error as ValidationError).problems.map(({ kind }) => kind)).toContain(
    'unknown-component',
  );
  expect((error as ValidationError).problems.length).toBeGreaterThan(1);
});
