import { expect, test } from 'vitest';

import { sensorsSource } from '../../src/connectors/sensors.ts';
import { health, prometheusText, shippedRules } from '../../src/observe/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { scriptedSink, testPipeline } from './ends.ts';

const sensor = (id: string, read: () => Promise<number>) => ({ id, read });

const down = (): Promise<never> => Promise.reject(new Error('no answer'));

const options = {
  everyMs: 1000,
  retry: { maxAttempts: 2, baseDelayMs: 10 },
  breaker: { failures: 2, openMs: 3000, successesToClose: 1 },
} as const;

test('the breakers and retries of the sensors are figures, events, alerts and health', async () => {
  const outside = virtualOutside();
  const { clock } = outside;
  let asked = 0;
  const failing = async (): Promise<number> => {
    if (++asked <= 4) throw new Error('no answer');
    return asked;
  };
  const sensors = [sensor('a', failing), sensor('b', async () => 1)];
  const run = await testPipeline({}, [], outside)
    .from(sensorsSource({ ...options, count: 9, sensors }), { id: 'fleet' })
    .to(scriptedSink({}))
    .start({ alerts: shippedRules() });
  const changes: unknown[] = [];
  run.listen(({ name, fields }) => {
    if (name === 'circuit_state_change') changes.push(fields);
  });
  await clock.sleep(3500);
  const stats = run.stats();
  expect(stats.components[0]!.policy).toMatchObject({
    calls: 6,
    attempts: 8,
    retries: 2,
    breakers: [
      { name: 'a', state: 'open', opens: 1, refused: 2 },
      { name: 'b', state: 'closed', opens: 0 },
    ],
  });
  expect(stats.alerts).toMatchObject([{ rule: 'open-breaker', component: 'fleet', value: 1 }]);
  expect(health({ stats })).toMatchObject({ degraded: true });
  expect(prometheusText(run)).toContain('policy="a"');
  await run.done;
  expect(changes).toMatchObject([
    { breaker: 'a', state: 'open', components: ['fleet'] },
    { breaker: 'a', state: 'half_open' },
    { breaker: 'a', state: 'closed' },
  ]);
});

test('of more than a thousand breakers those that are not closed are told of first', async () => {
  const outside = virtualOutside();
  const sensors = Array.from({ length: 1100 }, (_, at) =>
    sensor(`s${at}`, at === 1099 ? down : async () => at),
  );
  const report = await testPipeline({}, [], outside)
    .from(sensorsSource({ ...options, concurrentMax: 1100, count: 3, sensors }))
    .to(scriptedSink({}))
    .run();
  const { breakers } = report.components[0]!.policy!;
  expect(breakers).toHaveLength(1000);
  expect(breakers.slice(0, 2)).toMatchObject([
    { name: 's1099', state: 'open' },
    { name: 's0', state: 'closed' },
  ]);
});
