import fc from 'fast-check';
import { beforeEach, expect, test, vi } from 'vitest';

import { Batch, Origin } from '../../src/batch/index.ts';
import type { Shared } from '../../src/batch/shared.ts';
import { timeout } from '../../src/resilience/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { numbered, readings, scriptedSink, scriptedSource, testPipeline } from './ends.ts';
import { randomGraphs, reportOf, startGraph } from './random-graphs.ts';

const made = vi.hoisted(() => new Set<unknown>());

/** Notes every batch, column, selection and origin that is made. */
vi.mock('../../src/batch/shared.ts', async (importOriginal) => {
  const original = await importOriginal<{ Shared: typeof Shared }>();
  abstract class NotedShared extends original.Shared {
    constructor() {
      super();
      made.add(this);
    }
  }
  return { ...original, Shared: NotedShared };
});

/** An origin that only its maker holds keeps nothing from being used again. */
function held(): string[] {
  return [...(made as Set<Shared>)]
    .filter((shared) => shared.holders > (shared instanceof Origin ? 1 : 0))
    .map((shared) => `${shared.constructor.name} held ${shared.holders} times`);
}

beforeEach(() => made.clear());

test('the count sees what is made and not released', async () => {
  const kept: unknown[] = [];
  await testPipeline()
    .from(scriptedSource({ schema: readings, batches: [numbered(3)] }))
    .to(scriptedSink({ answer: (batch) => void kept.push(batch.retain()) }))
    .run();
  expect(held()).toContain('Batch held 1 times');
});

test('what a read gives that its policy has given up, and nobody takes any more, is let go', async () => {
  const outside = virtualOutside();
  const { clock } = outside;
  const source = scriptedSource({
    schema: readings,
    batches: [numbered(3), numbered(3), numbered(3)],
    before: (read) => clock.sleep(read === 1 ? 5000 : 100),
  });
  const run = await testPipeline({}, [], outside)
    .from(source, { policy: timeout({ timeoutMs: 60_000, clock }) })
    .to(scriptedSink({}))
    .start();
  await clock.sleep(1000);
  await run.stop();
  await run.done;
  await clock.sleep(10_000);
  // Of the two batches that were read one came to the sink.
  expect(run.stats().recordsOut).toBe(3);
  expect([...made].filter((shared) => shared instanceof Batch)).toHaveLength(2);
  expect(held()).toEqual([]);
});

// 5,000 graphs a night, 150 in the suite.
const runs = process.env['MILLRACE_NIGHTLY'] ? 5_000 : 150;

test('no run holds a batch when it is over, however it ended', { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(randomGraphs, async (graph) => {
      made.clear();
      await reportOf(await startGraph(graph));
      expect(made.size).toBeGreaterThanOrEqual(0);
      expect(held()).toEqual([]);
    }),
    { numRuns: runs },
  );
});
