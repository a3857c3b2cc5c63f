import { describe, expect, test } from 'vitest';

import { connectors } from '../../src/connectors/index.ts';
import { stages } from '../../src/stages/index.ts';
import { type Check, sinkSuite, sourceSuite, stageSuite } from '../../src/testing/index.ts';
import { sinkCases, sourceCases } from './connector-cases.ts';
import { stageCases } from './stage-cases.ts';

const components = [...stages, ...connectors];
const tables = { source: sourceCases, stage: stageCases, sink: sinkCases };

function runAll(checks: readonly Check[]): void {
  for (const { name, run, skipped } of checks) {
    test.skipIf(skipped !== undefined)(skipped === undefined ? name : `${name} (${skipped})`, run);
  }
}

test.each(['source', 'stage', 'sink'] as const)('each %s has cases', (kind) => {
  const names = components.filter((one) => one.kind === kind).map(({ spec }) => spec.name);
  expect(Object.keys(tables[kind]).toSorted()).toEqual(names.toSorted());
});

for (const component of components) {
  const { name } = component.spec;
  describe(`${component.kind} ${name}`, () => {
    if (component.kind === 'source') runAll(sourceSuite(component, sourceCases[name]!));
    if (component.kind === 'stage') runAll(stageSuite(component, stageCases[name]!));
    if (component.kind === 'sink') runAll(sinkSuite(component, sinkCases[name]!));
  });
}
