import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

import { expect, onTestFinished, test } from 'vitest';

import { tokenPattern } from '../src/server/tokens.ts';

const root = join(import.meta.dirname, '..');

/** What the setup does of a checkout where nothing is installed; there is no npm to install by. */
function setup(env: Readonly<Record<string, string>>): { status: number | null; stderr: string } {
  const checkout = mkdtempSync(join(tmpdir(), 'millrace-setup-'));
  onTestFinished(() => rmSync(checkout, { recursive: true, force: true }));
  for (const file of ['package.json', 'package-lock.json', 'tools/setup.mjs']) {
    cpSync(join(root, file), join(checkout, file));
  }
  const { PATH } = process.env;
  const script = join(checkout, 'tools/setup.mjs');
  return spawnSync(process.execPath, [script], { env: { PATH, ...env }, encoding: 'utf8' });
}

const start = { npm_lifecycle_event: 'prestart' };
const good = 'a-token-of-this-test';

test.each([
  [{ MILLRACE_TOKEN: 'abc' }, 'MILLRACE_TOKEN'],
  [{ MILLRACE_TOKEN: '' }, 'MILLRACE_TOKEN'],
  [{ MILLRACE_TOKEN: 'a token of this test' }, 'MILLRACE_TOKEN'],
  [{ MILLRACE_TOKEN: good, MILLRACE_READ_TOKEN: 'abc' }, 'MILLRACE_READ_TOKEN'],
])('`npm start` refuses %j before it installs anything', (env, name) => {
  const { status, stderr } = setup({ ...start, ...env });
  expect([status, stderr]).toEqual([
    78,
    `millrace setup: ${name} is no token: it has at least 16 characters, and no blanks; ` +
      'use 32 random bytes or more, as `openssl rand -hex 32` gives.\n',
  ]);
});

test.each([
  [{ ...start, MILLRACE_TOKEN: good, MILLRACE_READ_TOKEN: `${good}-too` }],
  [{ ...start, MILLRACE_READ_TOKEN: 'abc' }],
  [start],
  // Nothing else serves.
  [{ npm_lifecycle_event: 'pretest', MILLRACE_TOKEN: 'abc' }],
])('and goes on with %j', (env) => {
  const { status, stderr } = setup(env);
  expect([status, stderr]).toEqual([1, expect.stringContaining('installing packages') as string]);
});

test('a token is for the setup what it is for the server', () => {
  const text = readFileSync(join(root, 'tools/setup.mjs'), 'utf8');
  expect(text).toContain(`const tokenPattern = /${tokenPattern.source}/;`);
});
