import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test, vi } from 'vitest';

import { schema } from '../../src/batch/index.ts';
import { FailureMessages } from '../../src/cluster/failure-messages.ts';
import { Slots } from '../../src/cluster/slots.ts';
import { withLanes } from '../../src/cluster/with-lanes.ts';
import { fileSink, fileSource } from '../../src/connectors/file.ts';
import { defineStage, type StageComponent, systemOutside } from '../../src/core/index.ts';
import { startRun, TypedPipelineBuilder } from '../../src/engine/index.ts';
import { cast } from '../../src/stages/cast.ts';
import { filter } from '../../src/stages/filter.ts';
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

test('lanes give back what they share, and keep what fails as bytes, batch by batch', async () => {
  const place = mkdtempSync(join(tmpdir(), 'millrace-shared-'));
  onTestFinished(() => rmSync(place, { recursive: true, force: true }));
  const lines = Array.from(
    { length: 12_000 },
    (_, at) => `{"key":"${at % 2 === 0 ? at : 'none'}","n":${at}}\n`,
  );
  writeFileSync(join(place, 'in.ndjson'), lines.join(''));
  const slots = {
    take: vi.spyOn(Slots.prototype, 'take'),
    give: vi.spyOn(Slots.prototype, 'give'),
  };
  const kept = vi.spyOn(FailureMessages.prototype, 'add');
  onTestFinished(() => void vi.restoreAllMocks());
  const builder = new TypedPipelineBuilder(
    'p',
    { batch: { rowsMax: 1000 } },
    { outside: systemOutside(place), deadLetters: fileSink({ path: 'dead.ndjson' }) },
  );
  builder
    .from(fileSource({ path: 'in.ndjson', schema: schema({ key: 'text', n: 'float64' }) }))
    .pipe(filter({ where: 'n < 6000 || n > 8999' }), cast({ fields: { key: 'float64' } }))
    .to(fileSink({ path: 'out.ndjson' }));
  const plan = await builder.plan();
  const choice = { count: 2, by: null, reason: '' };
  const run = await startRun(withLanes(plan, choice, lanesHere(plan), planHere));
  const { deadLetters, components } = await run.done;
  expect(deadLetters).toBe(4500);
  expect(components.find(({ id }) => id === 'cast')).toMatchObject({
    in: 9000,
    out: 4500,
    dead: 4500,
  });
  expect(kept.mock.calls.map(([failures]) => failures.length)).toEqual(
    new Array<number>(9).fill(500),
  );
  const taken = slots.take.mock.results.map(({ value }) => value as unknown);
  expect(taken.length).toBeGreaterThan(0);
  expect(taken.every((slot) => typeof slot === 'number')).toBe(true);
  expect(slots.give).toHaveBeenCalledTimes(taken.length);
});
