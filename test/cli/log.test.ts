import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test, vi } from 'vitest';

import { start, temporaryDirectory } from './millrace.ts';

test('SIGTERM loses no line of the log, and the lines come at once', async () => {
  const cwd = temporaryDirectory();
  const text = 'source: { interval: { everyMs: 5 } }\nsink: { file: { path: out.ndjson } }\n';
  writeFileSync(join(cwd, 'p.yaml'), text);
  const { child, ended, said } = start(['run', 'p.yaml'], { cwd });
  await vi.waitFor(() => expect(said.stderr).toContain('"event":"run.started"'), {
    timeout: 20_000,
    interval: 20,
  });
  child.kill('SIGTERM');
  const { code, stderr } = await ended;
  expect(code).toBe(0);
  const lines = stderr
    .trimEnd()
    .split('\n')
    .filter((line) => line.startsWith('{'));
  const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  for (const record of records) {
    expect(Object.keys(record).slice(0, 4)).toEqual(['timestamp', 'level', 'component', 'event']);
  }
  expect(records.at(-1)).toMatchObject({
    event: expect.stringMatching(/^run\./),
    component: 'run',
  });
});
