import { describe, expect, test } from 'vitest';

import { stages } from '../../src/stages/index.ts';
import { type Check, stageSuite } from '../../src/testing/index.ts';
import { stageCases } from './stage-cases.ts';

function runAll(checks: readonly Check[]): void {
  for (const { name, run, skipped } of checks) {
    test.skipIf(skipped !== undefined)(skipped === undefined ? name : `${name} (${skipped})`, run);
  }
}

test('each stage has a suite', () => {
  const names = stages.map(({ spec }) => spec.name);
  expect(Object.keys(stageCases).toSorted()).toEqual(names.toSorted());
});

describe.each(stages.map((stage) => [stage.spec.name, stage] as const))('%s', (name, stage) => {
  runAll(stageSuite(stage, stageCases[name]!));
});
