import { expect, test } from 'vitest';

import {
  BufferedStructuredLogger,
  health,
  QueuePressure,
  type RunStats,
} from '../../src/observe/index.ts';
import { intervalSource, memorySink, pipeline } from '../../src/index.ts';
import { circuitBreaker, consecutiveFailures } from '../../src/resilience/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { numbered, readings, scriptedSink, scriptedSource, testPipeline } from './ends.ts';

test('a run is overloaded while its sink is down, degraded with its breaker, and ready all along', async () => {
  const outside = virtualOutside();
  const { clock, random } = outside;
  const count = 60;
  const source = scriptedSource({
    schema: readings,
    batches: numbered(count).map((row) => [row]),
    before: (read, signal) => (read < count ? clock.sleep(1000, { signal }) : Promise.resolve()),
    log: {},
  });
  const sink = scriptedSink({
    answer: async () => {
      const isDown = clock.monotonic() > 10_000 && clock.monotonic() < 30_000;
      if (isDown) throw new Error('ECONNREFUSED');
    },
  });
  const opens = consecutiveFailures(1);
  const policy = circuitBreaker({ name: 'db', opens, openMs: 5000, clock, random });
  const run = await testPipeline({ queue: { rowsMax: 4 } }, [], outside)
    .from(source)
    .to(sink, { id: 'store', policy })
    .start();

  const pressure = new QueuePressure();
  let before: RunStats | undefined;
  const words: string[] = [];
  for (let second = 0; second < 50; second++) {
    await clock.sleep(1000);
    const stats = run.stats();
    // This source reads at a pace of its own, though its definition does not say so.
    const store = { ...stats.queues['store']!, isPaced: true };
    const queueFullMs = pressure.look({ store }, stats.monotonicMs);
    const judged = health({ stats, before, queueFullMs });
    before = stats;
    expect(judged).toMatchObject({ alive: true, ready: true });
    words.push((judged.overloaded ? 'o' : '-') + (judged.degraded ? 'd' : '-'));
  }
  await run.done;
  // Down after 10 s; half the queue is full 2 s later, and has been for 3 s at 15 s.
  expect(words.slice(0, 9)).toEqual(Array(9).fill('--'));
  expect(words.slice(11, 14)).toEqual(['-d', '-d', '-d']);
  expect(words.slice(17, 29)).toEqual(Array(12).fill('od'));
  expect(words.slice(-9)).toEqual(Array(9).fill('--'));
  expect(health({ stats: run.stats() })).toMatchObject({
    ready: false,
    degraded: false,
    reasons: [{ of: 'ready', text: 'the run is done' }],
  });
});

test('a run that waits for its log is degraded, and says so', async () => {
  const outside = virtualOutside();
  const { clock } = outside;
  const [heard, write] = [new Map<string, () => void>(), { takes: false }];
  const stream = {
    write: () => write.takes,
    on: (event: string, listener: () => void) => heard.set(event, listener),
    writableLength: 1,
  };
  const log = new BufferedStructuredLogger({ stream, maxBuffer: 1, clock });
  for (let at = 0; at < 1200; at++) log.error('much', { at, text: 'x'.repeat(1000) });
  const run = await pipeline('p', { drainMsMax: 5000 }, { outside })
    .from(intervalSource({ everyMs: 50 }))
    .to(memorySink())
    .start({ log });
  await clock.sleep(500);
  // Not each moment in which a log is slow.
  expect(run.stats().degraded).toEqual({});
  await clock.sleep(4000);
  const stats = run.stats();
  expect(stats.recordsIn).toBe(0);
  const since = new Date(clock.now() - 4500).toISOString();
  const text = `waits for whoever reads the log, since ${since}`;
  expect(stats.degraded).toEqual({ interval: text });
  expect(health({ stats })).toEqual({
    alive: true,
    ready: true,
    overloaded: false,
    degraded: true,
    recovering: false,
    reasons: [{ of: 'degraded', component: 'interval', text }],
  });
  write.takes = true;
  heard.get('drain')!();
  await clock.sleep(1000);
  expect(run.stats().degraded).toEqual({});
  expect(run.stats().recordsIn).toBeGreaterThan(10);
  await run.stop();
});

test('a run that is not drained because its log takes no more says so', async () => {
  const outside = virtualOutside();
  const stream = { write: () => false, on: () => {}, writableLength: 1 };
  const log = new BufferedStructuredLogger({ stream, maxBuffer: 1, clock: outside.clock });
  for (let at = 0; at < 1200; at++) log.error('much', { at, text: 'x'.repeat(1000) });
  const run = await pipeline('p', { drainMsMax: 5000 }, { outside })
    .from(intervalSource({ everyMs: 50 }))
    .to(memorySink())
    .start({ log });
  await expect(run.stop()).rejects.toThrow('`interval`: waits for whoever reads the log, since');
});
