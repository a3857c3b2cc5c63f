import { readFileSync } from 'node:fs';
import { join } from 'node:path';

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

test.each(components.map((one) => [one.kind, one.spec.name] as const))(
  '%s %s is put through the suite, here or in its own test',
  (kind, name) => {
    if (name in tables[kind]) return;
    const folder = kind === 'stage' ? 'stages' : 'connectors';
    const own = join(import.meta.dirname, '..', folder, `${name}.test.ts`);
    expect(readFileSync(own, 'utf8')).toContain(`${kind}Suite(`);
  },
);

test.each(['source', 'stage', 'sink'] as const)('each case is of a %s there is', (kind) => {
  const names = components.filter((one) => one.kind === kind).map(({ spec }) => spec.name);
  expect(names).toEqual(expect.arrayContaining(Object.keys(tables[kind])));
});

for (const component of components) {
  const { kind, spec } = component;
  const { name } = spec;
  if (!(name in tables[kind])) continue;
  describe(`${kind} ${name}`, () => {
    if (component.kind === 'source') runAll(sourceSuite(component, sourceCases[name]!));
    if (component.kind === 'stage') runAll(stageSuite(component, stageCases[name]!));
    if (component.kind === 'sink') runAll(sinkSuite(component, sinkCases[name]!));
  });
}
