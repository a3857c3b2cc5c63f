import { expect, test } from 'vitest';

import { Batch, type Fields } from '../../src/batch/index.ts';
import { defineSink, type SinkComponent, type Source, type Stage } from '../../src/core/index.ts';
import { prometheusText } from '../../src/observe/index.ts';
import { circuitBreaker, consecutiveFailures } from '../../src/resilience/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { numbered, readings, scriptedSink, scriptedSource, testPipeline } from './ends.ts';

type Shape = (typeof readings)['shape'];

test('figures that a component cannot give are not known, told once, and cost no others', async () => {
  const outside = virtualOutside();
  const { clock } = outside;
  let isBroken = true;
  const unless = <T>(value: T): T => {
    if (isBroken) throw new Error('no figures');
    return value;
  };
  const breaker = circuitBreaker({ name: 'db', clock });
  Object.defineProperty(breaker, 'metrics', {
    get: () => unless({ openCount: 0, openMs: 0, fastFail: 0 }),
  });
  const source: Source<Shape> = {
    schema: readings,
    lag: () => unless({ value: 7, unit: 'records' }),
    async *stream({ signal }) {
      for (let at = 0; at < 10; at++) {
        await clock.sleep(1000, { signal });
        yield Batch.from(numbered(1, at), readings);
      }
    },
  };
  const stage: Stage<Shape> = {
    output: () => readings,
    async *transform(stream) {
      for await (const flow of stream) yield flow;
    },
    held: () => unless(0),
    policies: () => [breaker],
  };
  const run = await testPipeline({}, [], outside)
    .from(source, { id: 'in' })
    .through(stage, { id: 'through' })
    .to(scriptedSink({}))
    .start();
  const told: unknown[] = [];
  run.listen(({ name, fields }) => {
    if (name === 'figures.failed') told.push([fields['id'], fields['figure']]);
  });
  let followed = 0;
  run.follow(() => followed++);
  await clock.sleep(3500);
  const [input, through] = run.stats().components;
  expect(input).toMatchObject({ in: 3, source: { isPaced: true, hasEnded: false } });
  expect(input!.source).not.toHaveProperty('lag');
  expect(through).toMatchObject({ in: 3, out: 3, held: null });
  expect(through).not.toHaveProperty('policy');
  expect(prometheusText(run)).not.toContain('millrace_rows_held{pipeline="test",stage="through"');
  expect(followed).toBe(3);
  const once = [
    ['in', 'lag'],
    ['through', 'held'],
    ['through', 'policies'],
  ];
  expect(told.toSorted()).toEqual(once);
  isBroken = false;
  expect(run.stats().components[1]).toMatchObject({ held: 0, policy: { calls: 0 } });
  isBroken = true;
  run.stats();
  expect(told.slice(3).toSorted()).toEqual(once);
  const report = await run.done;
  expect(report).toMatchObject({ status: 'done', recordsOut: 10 });
});

test('each breaker of a component has an id of its own, whatever state it is in', async () => {
  const outside = virtualOutside();
  const { clock, random } = outside;
  const opens = consecutiveFailures(1);
  const [own, ...inside] = ['db', 'db', 'db#2', 'db'].map((name) =>
    circuitBreaker({ name, opens, clock, random }),
  );
  const sink = defineSink<(options: object) => SinkComponent<Fields>, object>({
    name: 'store',
    summary: 'Has breakers inside.',
    options: (z) => z.looseObject({}),
    example: null,
    create: () => ({
      open: async () => {},
      write: async () => {
        const fails = inside[2]!.execute(() => Promise.reject(new Error('down')));
        await fails.catch(() => {});
      },
      commit: async () => {},
      close: async () => {},
      // Its own is told of once.
      policies: () => [...inside, own!],
    }),
  });
  const run = await testPipeline({}, [], outside)
    .from(scriptedSource({ schema: readings, batches: [numbered(1)] }))
    .to(sink({}), { policy: own! })
    .start();
  const changes: unknown[] = [];
  run.listen(({ name, fields }) => {
    if (name === 'circuit_state_change') changes.push([fields['components'], fields['ids']]);
  });
  await run.done;
  const { breakers } = run.stats().components[1]!.policy!;
  expect(breakers.worst.map(({ id, name, state }) => [id, name, state])).toEqual([
    ['db#3', 'db', 'open'],
    ['db', 'db', 'closed'],
    ['db#2', 'db', 'closed'],
    ['db#2#2', 'db#2', 'closed'],
  ]);
  expect(breakers).toMatchObject({ total: 4, byState: { open: 1, 'half-open': 0, closed: 3 } });
  expect(prometheusText(run)).toContain('policy="db#3",state="open"} 1');
  expect(changes).toEqual([[['store'], ['db#3']]]);
});
