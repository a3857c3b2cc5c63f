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

/** What the threads of a run of a plain file load: its own, and those of its lanes. */
async function loadedBy(options: readonly string[]): Promise<{ main: string[]; lanes: string[] }> {
  const cwd = temporaryDirectory();
  const list = join(cwd, 'loaded');
  const hook = join(cwd, 'hook.mjs');
  writeFileSync(
    hook,
    `import { registerHooks } from 'node:module';
import { appendFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
const thread = isMainThread ? 'main' : 'lanes';
registerHooks({
  load: (url, context, next) => {
    appendFileSync(${JSON.stringify(list)}, thread + ' ' + url + '\\n');
    return next(url, context);
  },
});
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
  const { stderr } = await millrace(['run', 'plain.yaml', ...options], { cwd, env });
  expect(readFileSync(join(cwd, 'out.ndjson'), 'utf8'), stderr).toBe('{"value":1}\n');
  const loaded = readFileSync(list, 'utf8').split('\n');
  const by = (thread: string): string[] =>
    loaded.filter((line) => line.startsWith(`${thread} `)).map((line) => line.split(' ')[1]!);
  return { main: by('main'), lanes: by('lanes') };
}

test('a run of a plain file loads nothing that only other pipelines need', async () => {
  const { main } = await loadedBy([]);
  expect(main.some((url) => url.endsWith('src/engine/run.ts'))).toBe(true);
  expect(main.filter((url) => later.some((part) => url.includes(part)))).toEqual([]);
});

/** What reads a pipeline, checks it and plans it. */
const planning = [
  'node_modules/yaml/',
  'node_modules/zod/',
  'src/engine/config.ts',
  'src/engine/config/',
  'src/engine/plan.ts',
  'src/connectors/file/plan.ts',
];

test('its lanes load nothing that reads, checks or plans it', async () => {
  const { main, lanes } = await loadedBy(['--lanes', '2']);
  const planned = (urls: readonly string[]): string[] =>
    urls.filter((url) => planning.some((part) => url.includes(part)));
  expect(lanes.filter((url) => url.endsWith('src/cluster/lane.ts')).length).toBe(2);
  expect(planned(main).length).toBeGreaterThan(planning.length);
  expect(planned(lanes)).toEqual([]);
});
