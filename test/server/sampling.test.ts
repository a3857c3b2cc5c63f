import { expect, onTestFinished, test, vi } from 'vitest';

import { intervalSource } from '../../src/connectors/interval.ts';
import type { Run } from '../../src/engine/index.ts';
import { DataSampler } from '../../src/observe/data-sampler.ts';
import { observationRoutes } from '../../src/server/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { scriptedSink, testPipeline } from '../engine/ends.ts';

function ticking(outside = virtualOutside()): Promise<Run> {
  return testPipeline({}, [], outside)
    .from(intervalSource({ everyMs: 250, count: 20 }))
    .to(scriptedSink({}), { id: 'store' })
    .start();
}

function observed(run: Run): Disposable {
  return observationRoutes(run, { authorize: () => 'read' });
}

test('data that cannot be looked at is told of once, and flows on', async () => {
  const take = vi.spyOn(DataSampler.prototype, 'take').mockImplementation(() => {
    throw new Error('out of room');
  });
  onTestFinished(() => take.mockRestore());
  const run = await ticking();
  using _ = observed(run);
  const told: unknown[] = [];
  run.listen(({ name, fields }) => {
    if (name === 'figures.failed') told.push(fields);
  });
  await run.done;
  expect(take.mock.calls.length).toBe(20);
  expect(run.stats().recordsOut).toBe(20);
  expect(told).toEqual([{ id: 'store', figure: 'data', error: new Error('out of room') }]);
});

test('who watches no more looks at no more data', async () => {
  const take = vi.spyOn(DataSampler.prototype, 'take');
  onTestFinished(() => take.mockRestore());
  const outside = virtualOutside();
  const run = await ticking(outside);
  const routes = observed(run);
  await outside.clock.sleep(1050);
  const looks = take.mock.calls.length;
  expect(looks).toBeGreaterThan(2);
  routes[Symbol.dispose]();
  await run.done;
  expect(take.mock.calls.length).toBe(looks);
  expect(run.stats().recordsOut).toBe(20);
});
