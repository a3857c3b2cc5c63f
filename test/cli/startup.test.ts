import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { expect, test } from 'vitest';

import { millrace, temporaryDirectory } from './millrace.ts';

/** What only some pipelines need. */
const later = [
  'node:worker_threads',
  'src/batch/arrow.ts',
  'src/cli/live-view.ts',
  'src/cluster/',
  'src/connectors/file/append-compressed.ts',
  'src/connectors/file/arrow/',
  'src/connectors/file/compress.ts',
  'src/connectors/file/compressed-contents.ts',
  'src/connectors/file/decompress/',
  'src/connectors/file/follow.ts',
  'src/connectors/file/parquet/',
  'src/engine/overflow/create-queue.ts',
  'src/engine/resources/index.ts',
  'src/resilience/wrap.ts',
  'src/server/',
];

test('a run of a plain file loads nothing that only other pipelines need', async () => {
  const cwd = temporaryDirectory();
  const list = join(cwd, 'loaded');
  const hook = join(cwd, 'hook.mjs');
  writeFileSync(
    hook,
    `import { registerHooks } from 'node:module';
import { writeFileSync } from 'node:fs';
const urls = [];
registerHooks({ load: (url, context, next) => (urls.push(url), next(url, context)) });
process.on('exit', () => writeFileSync(${JSON.stringify(list)}, urls.join('\\n')));
`,
  );
  writeFileSync(join(cwd, 'in.ndjson'), '{"value":1}\n');
  writeFileSync(
    join(cwd, 'plain.yaml'),
    `name: plain
source: { file: { path: in.ndjson, schema: { value: float64 } } }
stages: [{ threshold: { field: value, min: 0 } }]
sink: { file: { path: out.ndjson } }
`,
  );
  const env = { NODE_OPTIONS: `--import=${pathToFileURL(hook).href}` };
  const { stderr } = await millrace(['run', 'plain.yaml'], { cwd, env });
  expect(readFileSync(join(cwd, 'out.ndjson'), 'utf8'), stderr).toBe('{"value":1}\n');
  const loaded = readFileSync(list, 'utf8').split('\n');
  expect(loaded.some((url) => url.endsWith('src/engine/run.ts'))).toBe(true);
  expect(loaded.filter((url) => later.some((part) => url.includes(part)))).toEqual([]);
});
