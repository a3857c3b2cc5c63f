import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { expect, test } from 'vitest';

import { millrace, temporaryDirectory } from './millrace.ts';

const mebibyte = 1_048_576;

test.each([
  ['by default', []],
  ['where it could not have the lanes it was to', ['--lanes', '2', '--max-records', '20000']],
])('a run on one lane that makes much garbage has no more room for it: %s', async (_, args) => {
  const cwd = temporaryDirectory();
  const hook = join(cwd, 'hook.mjs');
  const figures = join(cwd, 'figures');
  // V8 comes to 128 MiB by itself, of which one half is in use at a time.
  writeFileSync(
    hook,
    `import { writeFileSync } from 'node:fs';
import { getHeapSpaceStatistics } from 'node:v8';
const room = () =>
  getHeapSpaceStatistics().find((space) => space.space_name === 'new_space').space_size;
const write = process.stderr.write;
let atStart;
process.stderr.write = function (...given) {
  atStart ??= room();
  return write.apply(this, given);
};
process.on('exit', () => {
  writeFileSync(${JSON.stringify(figures)}, JSON.stringify({ atStart, atEnd: room() }));
});
`,
  );
  const records = 20_000;
  writeFileSync(join(cwd, 'in.ndjson'), '{"value":"no number"}\n'.repeat(records));
  writeFileSync(
    join(cwd, 'refused.yaml'),
    `name: refused
source: { file: { path: in.ndjson, schema: { value: float64 } } }
sink: { file: { path: out.ndjson } }
`,
  );
  const env = { NODE_OPTIONS: `--import=${pathToFileURL(hook).href}` };
  const { stderr, stdout } = await millrace(['run', 'refused.yaml', ...args], { cwd, env });
  expect(stdout, stderr).toContain('20,000 dead letters');
  const { atStart, atEnd } = JSON.parse(readFileSync(figures, 'utf8')) as Record<string, number>;
  expect(atStart).toBeLessThan(128 * mebibyte);
  expect(atEnd).toBe(atStart);
});
