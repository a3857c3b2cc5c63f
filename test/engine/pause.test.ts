import { describe, expect, test } from 'vitest';

import { Batch } from '../../src/batch/index.ts';
import { intervalSource } from '../../src/connectors/interval.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { numbered, readings, scriptedSink, scriptedSource, testPipeline } from './ends.ts';

/** A run of a batch each second, and what came out of it. */
async function everySecond(batches = 20) {
  const outside = virtualOutside();
  const { clock } = outside;
  const rows: Record<string, unknown>[] = [];
  const log = { reads: 0 };
  const source = scriptedSource({
    schema: readings,
    batches: Array.from({ length: batches }, (_, at) => numbered(1, at)),
    before: () => clock.sleep(1000),
    log,
  });
  const run = await testPipeline({}, [], outside).from(source).to(scriptedSink({ rows })).start();
  return { run, clock, rows, log };
}

describe('a run that is paused', () => {
  test('reads no more, commits what it has read, and goes on where it was', async () => {
    const { run, clock, rows, log } = await everySecond();
    await clock.sleep(3500);
    run.pause();
    expect(run.status).toBe('paused');
    expect(run.stats().status).toBe('paused');
    await clock.sleep(60_000);
    // The read that was under way came to its end.
    expect(log.reads).toBe(4);
    expect(run.stats().recordsOut).toBe(4);
    run.resume();
    expect(run.status).toBe('running');
    const report = await run.done;
    expect(report.status).toBe('done');
    expect(rows.map((row) => row['value'])).toEqual(Array.from({ length: 20 }, (_, at) => at));
  });

  test('can be stopped, and ends by itself only when it may read again', async () => {
    const { run, clock, rows } = await everySecond();
    await clock.sleep(2500);
    run.pause();
    await clock.sleep(5000);
    const report = await run.stop();
    expect(report.status).toBe('stopped');
    expect(rows).toHaveLength(3);
    expect(() => run.pause()).toThrow('ERR_RUN_CLOSED');
    expect(() => run.resume()).toThrow('ERR_RUN_CLOSED');
  });

  test('before anything is open reads nothing at all', async () => {
    const { run, clock, log } = await everySecond(3);
    expect(run.status).toBe('starting');
    run.pause();
    await clock.sleep(10_000);
    expect(run.status).toBe('paused');
    expect(log.reads).toBe(0);
    run.resume();
    expect((await run.done).recordsOut).toBe(3);
  });

  test('lets a source do what it declares for a pause: moments that pass are skipped and counted', async () => {
    const outside = virtualOutside();
    const { clock } = outside;
    const run = await testPipeline({}, [], outside)
      .from(intervalSource({ everyMs: 1000, count: 10 }))
      .to(scriptedSink({}))
      .start();
    await clock.sleep(2500);
    run.pause();
    await clock.sleep(60_000);
    run.resume();
    const { components } = await run.done;
    expect(components[0]!.counts['ticks.skipped']).toBeGreaterThan(50);
  });

  test('asks a stream that was written by hand for no more', async () => {
    const outside = virtualOutside();
    const { clock } = outside;
    let given = 0;
    const source = {
      schema: readings,
      async *stream() {
        while (given < 10) {
          await clock.sleep(1000);
          given++;
          yield Batch.from(numbered(1, given), readings, { source: 's', position: given });
        }
      },
    };
    const run = await testPipeline({}, [], outside).from(source).to(scriptedSink({})).start();
    await clock.sleep(3500);
    run.pause();
    run.pause();
    await clock.sleep(60_000);
    expect(given).toBe(4);
    run.resume();
    expect((await run.done).recordsOut).toBe(10);
  });
});
