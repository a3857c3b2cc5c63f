import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { schema } from '../../src/batch/index.ts';
import { withLanes } from '../../src/cluster/with-lanes.ts';
import { fileSource } from '../../src/connectors/file.ts';
import { defineStage, type StageComponent, systemOutside } from '../../src/core/index.ts';
import { startRun, TypedPipelineBuilder } from '../../src/engine/index.ts';
import { scriptedSink } from '../engine/ends.ts';
import { lanesHere, planHere } from './lanes-here.ts';

type Measuring = (options: { lengths: number[] }) => StageComponent<never>;

const measuring = defineStage<Measuring, { lengths: number[] }>({
  name: 'measuring',
  summary: 'Take down how many rows its batches have.',
  options: (z) => z.custom<{ lengths: number[] }>(),
  example: {},
  rows: 'same',
  keeps: () => ({ by: ['key'] }),
  changes: () => [],
  output: (input) => input,
  create:
    ({ lengths }) =>
    (batch) => {
      lengths.push(batch.length);
      return batch;
    },
});

test.each([1, 2, 4])('what each of %i lanes has of a batch is about a batch', async (count) => {
  const place = mkdtempSync(join(tmpdir(), 'millrace-shared-'));
  onTestFinished(() => rmSync(place, { recursive: true, force: true }));
  const lines = Array.from({ length: 12_000 }, (_, at) => `{"key":"k${at % 60}","n":${at}}\n`);
  writeFileSync(join(place, 'in.ndjson'), lines.join(''));
  const lengths: number[] = [];
  const builder = new TypedPipelineBuilder(
    'p',
    { batch: { rowsMax: 1000 } },
    {
      outside: systemOutside(place),
    },
  );
  builder
    .from(fileSource({ path: 'in.ndjson', schema: schema({ key: 'category', n: 'float64' }) }))
    .pipe(measuring({ lengths }) as never)
    .to(scriptedSink({}) as never);
  const plan = await builder.plan();
  const laned =
    count === 1
      ? plan
      : withLanes(plan, { count, by: ['key'], reason: '' }, lanesHere(plan), planHere);
  await (
    await startRun(laned)
  ).done;
  expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(12_000);
  expect(lengths.length).toBe(12);
});
