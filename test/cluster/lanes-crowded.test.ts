import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test, vi } from 'vitest';

import { averages } from './laned-pipelines.ts';

vi.mock('node:os', async (importOriginal) => ({
  ...(await importOriginal<object>()),
  availableParallelism: () => 2,
}));

const url = new URL('laned-pipelines.ts', import.meta.url);

async function startOn(lanes: number | 'auto') {
  const place = await mkdtemp(join(tmpdir(), 'millrace-lanes-'));
  onTestFinished(() => rm(place, { recursive: true }));
  const input = join(place, 'in.ndjson');
  writeFileSync(input, '{"sensorId":"s1","at":1,"value":1}\n');
  vi.stubEnv('LANED_PATHS', JSON.stringify({ in: input, out: join(place, 'out.ndjson') }));
  onTestFinished(() => void vi.unstubAllEnvs());
  return averages().start({ lanes, module: { url, name: 'averages' } });
}

async function saidOn(lanes: number | 'auto') {
  const run = await startOn(lanes);
  const said: object[] = [];
  run.listen(({ name, fields }) => name.startsWith('lanes.') && said.push({ name, ...fields }));
  await run.done;
  return said;
}

test('more lanes than cores are warned of once, and run all the same', async () => {
  expect(await saidOn(3)).toMatchObject([
    { name: 'lanes.chosen', lanes: 3 },
    { name: 'lanes.crowded', lanes: 3, cores: 2 },
  ]);
});

test.each([2, 'auto'] as const)('as many lanes as cores are not: %s', async (lanes) => {
  expect(await saidOn(lanes)).toMatchObject([{ name: 'lanes.chosen', lanes: 2 }]);
});

test('a number that no run has is refused', async () => {
  await expect(startOn(1025)).rejects.toMatchObject({
    code: 'ERR_CONFIG_INVALID',
    remedy: "give a whole number from 1 to 1024, or 'auto'",
  });
});
