import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

import { expect, onTestFinished, test, vi } from 'vitest';

import { temporaryDirectory } from './millrace.ts';

const main = join(import.meta.dirname, '../../src/cli/main.ts');

/** Throws once nobody takes what is on standard error. */
const crash = `import { writeFileSync } from 'node:fs';
const look = setInterval(() => {
  if (process.stderr.writableLength === 0) return;
  clearInterval(look);
  writeFileSync('crashed', '');
  throw new Error('boom');
}, 20);`;

test('a crash while nobody reads the log tears no line of it, and is told behind it', async () => {
  const cwd = temporaryDirectory();
  writeFileSync(join(cwd, 'crash.mjs'), crash);
  writeFileSync(join(cwd, 'in.ndjson'), '{"a":"x"}\n'.repeat(20_000));
  writeFileSync(
    join(cwd, 'p.yaml'),
    'source: { file: { path: in.ndjson, schema: { a: float64 } } }\nsink: { file: { path: out.ndjson } }\n',
  );
  const child = spawn(process.execPath, [main, 'run', 'p.yaml'], {
    cwd,
    env: {
      PATH: process.env['PATH'],
      XDG_STATE_HOME: join(cwd, 'state'),
      NODE_OPTIONS: `--import ${pathToFileURL(join(cwd, 'crash.mjs')).href}`,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const isCrashed = (): void => expect(existsSync(join(cwd, 'crashed'))).toBe(true);
  await vi.waitFor(isCrashed, { timeout: 20_000, interval: 20 });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  expect(await once(child, 'close')).toEqual([1, null]);
  const at = stderr.indexOf('millrace: crashed: Error: boom\n    at ');
  expect(at).toBeGreaterThan(0);
  const lines = stderr.slice(0, at).trimEnd().split('\n');
  const offsets = lines
    .map((line) => JSON.parse(line) as { event: string; offset?: number })
    .filter(({ event }) => event === 'record.failed')
    .map(({ offset }) => offset! / 10);
  expect(offsets.length).toBeGreaterThan(500);
  expect(offsets).toEqual(offsets.map((_, index) => index));
});
