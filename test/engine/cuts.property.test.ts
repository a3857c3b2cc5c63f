import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Checkpoint } from '../../src/engine/index.ts';
import { expectClosedLedger } from './ends.ts';
import { type GraphRun, randomGraphs, reportOf, startGraph, type Taken } from './random-graphs.ts';

// 5,000 graphs a night, 150 in the suite.
const runs = process.env['MILLRACE_NIGHTLY'] ? 5_000 : 150;

const sorted = (ids: readonly number[]): number[] => ids.toSorted((a, b) => a - b);

const committedBy = ({ committed }: Taken, cut: number): number[] =>
  committed.filter((part) => part.cut <= cut).flatMap(({ ids }) => ids);

function positionsOf(checkpoint: Checkpoint | undefined, sources: number): number[] {
  return Array.from({ length: sources }, (_, index) =>
    Number(checkpoint?.positions[`source${index}`] ?? 0),
  );
}

/** Positions, state and what the sinks committed are of the same rows. `before`: of earlier runs. */
function expectConsistent(
  graph: GraphRun,
  checkpoint: Checkpoint,
  sources: number,
  before: (sink: number) => readonly number[] = () => [],
): void {
  const taken = positionsOf(checkpoint, sources);
  for (const [index, sink] of graph.sinks.entries()) {
    const ids = [...before(index), ...committedBy(sink, checkpoint.cut)];
    expect(sorted(ids), `${sink.id} at cut ${checkpoint.cut}`).toEqual(sorted(sink.model(taken)));
  }
  for (const [stage, model] of graph.states) {
    const state = checkpoint.state[stage] as number[];
    expect(sorted(state), `${stage} at cut ${checkpoint.cut}`).toEqual(sorted(model(taken)));
  }
}

test(
  'every cut of every graph is consistent, and a second run from it completes the first',
  { timeout: 600_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(randomGraphs, async (graph) => {
        const sources = graph.sources.length;
        const first = await startGraph(graph);
        const report = await reportOf(first);
        if (report !== undefined) expectClosedLedger(report);
        for (const checkpoint of first.checkpoints) expectConsistent(first, checkpoint, sources);

        const last = first.checkpoints.at(-1);
        const second = await startGraph(graph, { isLast: true, ...(last && { from: last }) });
        expectClosedLedger(await second.run.done);
        const before = (sink: number): number[] => committedBy(first.sinks[sink]!, last?.cut ?? 0);
        for (const checkpoint of second.checkpoints) {
          expectConsistent(second, checkpoint, sources, before);
        }
        const whole = graph.sources.map(({ sizes }) => sizes.length);
        expect(positionsOf(second.checkpoints.at(-1), sources)).toEqual(whole);
        const dead = new Set([...first.deadIds, ...second.deadIds]);
        expect(sorted([...dead])).toEqual(sorted([...new Set(second.poisoned(whole))]));
      }),
      { numRuns: runs },
    );
  },
);
