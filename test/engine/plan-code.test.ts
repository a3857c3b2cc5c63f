import { describe, expect, test } from 'vitest';

import {
  formatProblem,
  type TypedPipelineBuilder,
  type ValidationError,
} from '../../src/engine/index.ts';
import { filter } from '../../src/stages/filter.ts';
import { readings, scriptedSink, scriptedSource, testPipeline } from './ends.ts';

describe('components given in code are checked', () => {
  const source = scriptedSource({ schema: readings, batches: [] });
  const problemsOf = async (builder: TypedPipelineBuilder): Promise<string[]> => {
    const error: unknown = await builder.plan().catch((thrown: unknown) => thrown);
    return (error as ValidationError).problems.map((problem) => formatProblem(problem));
  };

  test('a policy stands where there are calls', async () => {
    const policy = {
      execute: <T>(attempt: (signal: AbortSignal) => Promise<T>, signal: AbortSignal) =>
        attempt(signal),
    };
    const builder = testPipeline();
    builder
      .from({ schema: readings, stream: async function* () {} }, { id: 'mine', policy })
      .through(
        filter((row) => (row as { value: number }).value > 1),
        { id: 'kept', policy },
      )
      .to({ consume: () => Promise.resolve() }, { id: 'own', policy });
    expect(await problemsOf(builder)).toEqual([
      expect.stringContaining('`mine` has a policy and makes no calls'),
      expect.stringContaining('`kept` has a policy and makes no calls'),
      expect.stringContaining('`own` has a policy and makes no calls'),
    ]);
  });

  test('a component that was not called says so', async () => {
    const builder = testPipeline()
      .from(source)
      .pipe(filter as never)
      .to(scriptedSink({}));
    expect(await problemsOf(builder)).toContain(
      'stages.0: protocol: `filter` is the description of a component: call it with its options: `filter({ … })`',
    );
    expect(() => testPipeline().from(undefined as never)).toThrow(
      'was given undefined where a component was due',
    );
  });

  test('the sink for dead letters needs a name of its own', async () => {
    const builder = testPipeline().from(source, { id: 'dead-letters' }).to(scriptedSink({}));
    expect(await problemsOf(builder)).toEqual([
      expect.stringContaining('`dead-letters` names two components'),
    ]);
  });
});
