import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import type { RunReport } from '../../src/observe/index.ts';
import { millrace, temporaryDirectory } from './millrace.ts';

const pipeline = `source:
  file:
    path: data.ndjson
    schema: { sensorId: category, value: float64 }
sink: { file: { path: out.ndjson } }
`;

function directoryWith(text: string): string {
  const cwd = temporaryDirectory();
  writeFileSync(join(cwd, 'p.yaml'), text);
  writeFileSync(join(cwd, 'data.ndjson'), '{"sensorId":"a","value":1}\n');
  return cwd;
}

function fullDevice(): number {
  const full = openSync('/dev/full', 'w');
  onTestFinished(() => closeSync(full));
  return full;
}

test.each([
  [['list']],
  [['schema']],
  [['describe', 'threshold']],
  [['--help']],
  [['run', 'p.yaml', '--set', 'sink=stdout']],
  [['run', 'p.yaml', '--set', 'sink=console']],
  [['run', 'p.yaml']],
])('a full disk behind standard output is one error: %j', async (words) => {
  const cwd = directoryWith(pipeline);
  const { code, stderr } = await millrace(words, { cwd, stdout: fullDevice() });
  expect(code).toBe(1);
  expect(stderr.match(/^millrace: .*$/gm)).toEqual([
    expect.stringMatching(
      /ERR_CONNECTOR_FILE \[standard output\] .*torn: cannot be written: the disk is full; make room/,
    ),
  ]);
  expect(stderr).not.toMatch(/^\s+at /m);
  if (words[0] === 'run') expect(stderr).toContain('records in,');
});

test('a report that standard output does not take comes on standard error', async () => {
  const cwd = directoryWith(pipeline);
  const words = ['run', 'p.yaml', '--report', 'json', '--log-level', 'error'];
  const { code, stderr } = await millrace(words, { cwd, stdout: fullDevice() });
  expect(code).toBe(1);
  const [report = ''] = stderr.split('\n');
  expect((JSON.parse(report) as RunReport).status).toBe('done');
});

test('a report file that cannot be written is refused before anything runs', async () => {
  const cwd = directoryWith(pipeline);
  mkdirSync(join(cwd, 'reports'));
  const { code, stdout, stderr } = await millrace(['run', 'p.yaml', '--report-file', 'reports'], {
    cwd,
  });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toBe(
    'millrace: ERR_CONNECTOR_FILE [--report-file reports] is a directory; name a file in a directory that you may write\n',
  );
  expect(() => readFileSync(join(cwd, 'out.ndjson'))).toThrow('ENOENT');
});

test('a report file that fails after the run does not take the report with it', async () => {
  const cwd = directoryWith(pipeline);
  const words = ['run', 'p.yaml', '--report-file', '/dev/full', '--report', 'json'];
  const { code, stdout, stderr } = await millrace(words, { cwd });
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ status: 'done', recordsOut: 1 });
  expect(stderr).toMatch(
    /^millrace: ERR_CONNECTOR_FILE \[--report-file \/dev\/full\] cannot be written: the disk is full; /m,
  );
});
