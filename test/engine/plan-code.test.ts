import { describe, expect, test } from 'vitest';

import { filter } from '../../src/stages/filter.ts';
import { readings, scriptedSource, testPipeline } from './ends.ts';

describe('components given in code are checked', () => {
  const source = scriptedSource({ schema: readings, batches: [] });
  test('a policy stands where there are calls', () => {
    const policy = {
      execute: <T>(attempt: (signal: AbortSignal) => Promise<T>, signal: AbortSignal) =>
        attempt(signal),
    };
    const builder = testPipeline();
    const text = (id: string): string => `\`${id}\` has a policy and makes no calls`;
    const mine = { schema: readings, stream: async function* () {} };
    expect(() => builder.from(mine, { id: 'mine', policy })).toThrow(text('mine'));
    const flow = builder.from(mine, { id: 'mine' });
    const kept = filter<(typeof readings)['shape']>((row) => row.value > 1);
    expect(() => flow.through(kept, { id: 'kept', policy })).toThrow(text('kept'));
    const own = { consume: (_stream: unknown) => Promise.resolve() };
    expect(() => flow.to(own, { id: 'own', policy })).toThrow(text('own'));
  });

  test('a component that was not called says so', () => {
    expect(() =>
      testPipeline()
        .from(source)
        .pipe(filter as never),
    ).toThrow(
      'stages.0: protocol: `filter` is the description of a component: call it with its options: `filter({ … })`',
    );
    expect(() => testPipeline().from(undefined as never)).toThrow(
      'was given undefined where a component was due',
    );
  });

  test('the sink for dead letters needs a name of its own', () => {
    expect(() => testPipeline().from(source, { id: 'dead-letters' })).toThrow(
      '`dead-letters` names two components',
    );
  });
});
