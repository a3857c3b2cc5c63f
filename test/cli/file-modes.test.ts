import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { expect, test } from 'vitest';

import { millrace, temporaryDirectory } from './millrace.ts';

/** Writes wherever a run writes: results, dead letters, and what waits for a sink that is down. */
const everywhere = `name: everywhere
sources:
  ticks: { interval: { everyMs: 5 } }
  rows: { file: { path: in.ndjson, schema: { n: float64 } } }
sinks:
  kept: { from: ticks, file: { path: results/ticks.ndjson } }
  good: { from: rows, file: { path: rows.ndjson } }
  copy:
    from: ticks
    file: { path: no-directory/copy.ndjson }
    required: false
    overflow: { spill: { bytesMax: 1048576 } }
    resilience: { breaker: {} }
queue: { rowsMax: 10 }
`;

/** Lets everybody do everything, and crashes once there is some of everything. */
const crash = `import { globSync } from 'node:fs';
import process from 'node:process';
process.umask(0);
const isThere = (pattern) => globSync(pattern).length > 0;
const wanted = ['results/ticks.ndjson', 'rows.ndjson', 'state/**/*.spill*', 'state/**/dead-letters.ndjson'];
setInterval(() => {
  if (wanted.every(isThere)) throw new Error('boom');
}, 20).unref();`;

/** Each file and directory below, with its mode. */
function modesIn(directory: string): [path: string, mode: string][] {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
  return names.map((name) => {
    const stats = statSync(join(directory, name));
    return [stats.isDirectory() ? `${name}/` : name, (stats.mode & 0o777).toString(8)];
  });
}

function modeOf(name: string, directory: string, file: string): string {
  return name.endsWith('/') ? directory : file;
}

test('what is its own is for its owner alone, whatever the umask; results are as it says', async () => {
  const cwd = temporaryDirectory();
  writeFileSync(join(cwd, 'p.yaml'), everywhere);
  writeFileSync(join(cwd, 'in.ndjson'), '{"n":1}\n{"n":"x"}\n');
  writeFileSync(join(cwd, 'no-directory'), '');
  writeFileSync(join(cwd, 'crash.mjs'), crash);
  const env = { NODE_OPTIONS: `--import ${pathToFileURL(join(cwd, 'crash.mjs')).href}` };
  const words = ['run', 'p.yaml', '--serve', '0', '--report-file', 'report.json'];
  const { stderr } = await millrace(words, { cwd, env });
  expect(stderr).toContain('boom');
  const own = modesIn(join(cwd, 'state'));
  const names = own.map(([name]) => name).join();
  for (const part of [
    'server-tokens',
    'server-session',
    'dead-letters',
    '-crash.json',
    '.spill',
    'lock',
  ]) {
    expect(names).toContain(part);
  }
  for (const [name, mode] of own) expect([name, mode]).toEqual([name, modeOf(name, '700', '600')]);
  const results = ['report.json', 'results/', 'results/ticks.ndjson', 'rows.ndjson'];
  const made = modesIn(cwd).filter(([name]) => results.includes(name));
  expect(made).toEqual(results.map((name) => [name, modeOf(name, '777', '666')]));
});
