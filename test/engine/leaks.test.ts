import fc from 'fast-check';
import { beforeEach, expect, test, vi } from 'vitest';

import type { Shared } from '../../src/batch/shared.ts';
import { numbered, readings, scriptedSink, scriptedSource, testPipeline } from './ends.ts';
import { randomGraphs, reportOf, startGraph } from './random-graphs.ts';

const made = vi.hoisted(() => new Set<unknown>());

/** Notes every batch, column and selection that is made. */
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

function held(): string[] {
  return [...(made as Set<Shared>)]
    .filter(({ holders }) => holders > 0)
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
