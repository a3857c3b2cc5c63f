import { expect, test } from 'vitest';

import { policyLines } from '../../src/cli/report.ts';
import { sensorsSource } from '../../src/connectors/sensors.ts';
import { health, prometheusText, RecentStats, shippedRules } from '../../src/observe/index.ts';
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
    breakers: {
      worst: [
        { name: 'a', state: 'open', opens: 1, refused: 2 },
        { name: 'b', state: 'closed', opens: 0 },
      ],
    },
  });
  // Attempts, with the last error; what an open breaker refused was no call.
  expect(stats.components[0]!.errors).toEqual({ failed: 4 });
  expect(stats.components[0]!.callErrors).toEqual({ failed: 'a: no answer' });
  expect(stats.alerts).toMatchObject([{ rule: 'open-breaker', component: 'fleet', value: 1 }]);
  expect(health({ stats })).toMatchObject({ degraded: true });
  expect(prometheusText(run)).toContain('policy="a"');
  await run.done;
  expect(changes).toMatchObject([
    { breaker: 'a', state: 'open', components: ['fleet'], ids: ['a'] },
    { breaker: 'a', state: 'half-open' },
    { breaker: 'a', state: 'closed' },
  ]);
});

test('a reading that something stands in for degrades for half a minute, with no breaker open', async () => {
  const outside = virtualOutside();
  const { clock } = outside;
  const isDown = (): boolean => clock.monotonic() >= 2500 && clock.monotonic() < 4500;
  const run = await testPipeline({}, [], outside)
    .from(
      sensorsSource({
        ...options,
        count: 60,
        breaker: { failures: 9 },
        sensors: [
          sensor('a', async () => (isDown() ? down() : 20)),
          { ...sensor('b', async () => (isDown() ? down() : 20)), fallback: { strategy: 'drop' } },
        ],
      }),
      { id: 'south' },
    )
    .to(scriptedSink({}))
    .start();
  const recent = new RecentStats();
  const seen: string[] = [];
  let before = '';
  // Between the ticks.
  await clock.sleep(500);
  for (let second = 1; second < 40; second++) {
    await clock.sleep(1000);
    const stats = run.stats();
    const { reasons } = health({ stats, ...recent.look(stats, stats.monotonicMs, stats.at) });
    const told = reasons.map(({ component, text }) => `${component}: ${text}`).join();
    if (told !== before) seen.push(`${second} s ${told}`);
    before = told;
  }
  await run.done;
  expect(seen).toEqual([
    '3 s south: a fallback gave 1 result',
    '4 s south: a fallback gave 2 results',
    '33 s south: a fallback gave 1 result',
    '34 s ',
  ]);
});

test('of more than a thousand breakers all are counted, and those that are not closed told of', async () => {
  const ranWith = async (isDown: (at: number) => boolean) => {
    const sensors = Array.from({ length: 2500 }, (_, at) =>
      sensor(`s${at}`, isDown(at) ? down : async () => at),
    );
    const outside = virtualOutside();
    const run = await testPipeline({}, [], outside)
      .from(sensorsSource({ ...options, concurrentMax: 5000, count: 3, sensors }))
      .to(scriptedSink({}))
      .start();
    await run.done;
    return run;
  };
  const well = (await ranWith((at) => at === 2499)).stats().components[0]!.policy!.breakers;
  expect(well).toMatchObject({ total: 2500, byState: { open: 1, closed: 2499 } });
  expect(well.worst).toHaveLength(1000);
  expect(well.worst.slice(0, 2)).toMatchObject([
    { name: 's2499', state: 'open' },
    { name: 's0', state: 'closed' },
  ]);
  const run = await ranWith((at) => at % 5 > 0);
  const stats = run.stats();
  const { policy, sensors } = stats.components[0]!;
  expect(policy!.breakers).toMatchObject({ total: 2500, byState: { open: 2000, closed: 500 } });
  expect(sensors).toMatchObject({ total: 2500, byState: { live: 500 } });
  // Whoever counts, counts all, and no list that was cut.
  expect(health({ stats }).reasons).toContainEqual({
    of: 'degraded',
    component: stats.components[0]!.id,
    text: 'and 1990 more that are not closed, or were not',
  });
  const metrics = prometheusText(run);
  expect(metrics).toMatch(/^millrace_breakers\{.*state="open"\} 2000$/m);
  expect(metrics).toMatch(/^millrace_sensors\{.*state="live"\} 500$/m);
  const [line] = policyLines(stats.components[0]!);
  expect(line).toMatch(/1,000 more breakers that are not closed$/);
});
