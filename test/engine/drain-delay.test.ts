import { expect, test } from 'vitest';

import type { Run, SettingsInput } from '../../src/engine/index.ts';
import { health } from '../../src/observe/index.ts';
import { virtualOutside, type VirtualOutside } from '../../src/testing/outside.ts';
import { numbered, readings, scriptedSink, scriptedSource, testPipeline } from './ends.ts';

const second = 1000;

/** A run with a row in each second, for ever, that has read for ten and a half. */
async function reading(
  outside: VirtualOutside,
  settings: SettingsInput = {},
  rows = 10_000,
): Promise<Run> {
  const { clock } = outside;
  const run = await testPipeline(settings, [], outside)
    .from(
      scriptedSource({
        schema: readings,
        batches: Array.from({ length: rows }, () => numbered(1)),
        before: (_, signal) => clock.sleep(second, { signal }),
      }),
    )
    .to(scriptedSink({}))
    .start();
  await clock.sleep(10.5 * second);
  return run;
}

test('a run that is to stop is not ready at once, and reads on for as long as it is told', async () => {
  const outside = virtualOutside();
  const run = await reading(outside, { drainDelayMs: 5000 });
  const stopped = run.stop();
  expect(run.status).toBe('draining');
  expect(health({ stats: run.stats() })).toMatchObject({ alive: true, ready: false });
  expect(() => run.pause()).toThrow('ERR_RUN_CLOSED');
  await outside.clock.sleep(4.9 * second);
  expect(run.stats()).toMatchObject({ status: 'draining', recordsIn: 15 });
  expect(await stopped).toMatchObject({ status: 'stopped', recordsIn: 15, recordsOut: 15 });
  expect(Math.round(outside.clock.monotonic() / second)).toBe(16);
});

test('the time to drain begins behind it', async () => {
  const outside = virtualOutside();
  const { clock } = outside;
  const run = await testPipeline({ drainMsMax: 1000, drainDelayMs: 5000 }, [], outside)
    .from(scriptedSource({ schema: readings, batches: [numbered(1)], endless: true }))
    .to(scriptedSink({ commit: () => clock.sleep(400) }))
    .start();
  await clock.sleep(second);
  expect(await run.stop()).toMatchObject({ status: 'stopped', recordsOut: 1 });
});

test.each([
  ['a second stop', (run: Run) => void run.stop()],
  ['an end of its scope', (run: Run) => void run[Symbol.asyncDispose]()],
])('%s does not wait for the rest of it', async (_, again) => {
  const outside = virtualOutside();
  const run = await reading(outside);
  const stopped = run.stop({ delayMs: 60_000 });
  await outside.clock.sleep(2 * second);
  again(run);
  expect(await stopped).toMatchObject({ status: 'stopped', recordsIn: 12, recordsOut: 12 });
});

test('an abort in it stops at once', async () => {
  const outside = virtualOutside();
  const run = await reading(outside);
  const stopped = run.stop({ delayMs: 60_000 }).catch((error: unknown) => error);
  await outside.clock.sleep(2 * second);
  await run.abort();
  expect(await stopped).toMatchObject({ code: 'ERR_RUN_ABORTED' });
  expect(run.status).toBe('aborted');
  expect(outside.clock.monotonic()).toBeLessThan(15 * second);
});

test('what ends by itself in it has ended', async () => {
  const outside = virtualOutside();
  const run = await reading(outside, {}, 12);
  const report = await run.stop({ delayMs: 60_000 });
  expect(report).toMatchObject({ status: 'stopped', recordsIn: 12, recordsOut: 12 });
  expect(outside.clock.monotonic()).toBeLessThan(15 * second);
});

test('a run that was not ready does not wait', async () => {
  const outside = virtualOutside();
  const run = await reading(outside, { drainDelayMs: 5000 });
  run.pause();
  await run.stop();
  expect(outside.clock.monotonic()).toBeLessThan(12 * second);
});
