import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { requireNode } from '../../src/engine/node-version.ts';

const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  engines: { node: string };
};

test('an older Node is told in one sentence, a newer one is not', () => {
  for (const version of ['24.15.0', '24.21.0', '26.1.0']) requireNode(version);
  for (const version of ['20.20.2', '24.14.9', '18.0.0']) {
    expect(() => requireNode(version)).toThrow(`and this is ${version}; install`);
  }
});

test('it is the Node that the package asks for', () => {
  const oldest = engines.node.replace('>=', '');
  requireNode(`${oldest}.0`);
  const [major, minor] = oldest.split('.').map(Number);
  expect(() => requireNode(`${major}.${minor! - 1}.0`)).toThrow('ERR_NODE_VERSION');
});
