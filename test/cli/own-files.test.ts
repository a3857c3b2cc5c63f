import { linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { millrace, temporaryDirectory } from './millrace.ts';

const pipeline = `source:
  file: { path: '*.ndjson', schema: { value: float64 } }
sink: { file: { path: out.csv } }
`;
const record = '{"value":1}\n';

function directory(): string {
  const cwd = temporaryDirectory();
  writeFileSync(join(cwd, 'p.yaml'), pipeline);
  writeFileSync(join(cwd, 'data.ndjson'), record);
  symlinkSync('data.ndjson', join(cwd, 'link.txt'));
  linkSync(join(cwd, 'p.yaml'), join(cwd, 'hard.csv'));
  return cwd;
}

test.each([
  ['p.yaml', 'the pipeline itself'],
  ['hard.csv', 'the pipeline itself'],
  ['data.ndjson', '`file`'],
  ['out.csv', '`file-2`'],
  ['./state/millrace/p/dead-letters.ndjson', '`dead-letters`'],
])('a report does not go over a file of the pipeline: %s', async (reportFile, owner) => {
  const cwd = directory();
  const { code, stdout, stderr } = await millrace(['run', 'p.yaml', '--report-file', reportFile], {
    cwd,
  });
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toBe(
    `millrace: --report-file ${reportFile}: ${owner} uses this file; name one of its own\n`,
  );
  expect(readFileSync(join(cwd, 'p.yaml'), 'utf8')).toBe(pipeline);
  expect(readFileSync(join(cwd, 'data.ndjson'), 'utf8')).toBe(record);
});

test('a report does not go over a source by another name', async () => {
  const cwd = directory();
  const words = ['run', 'p.yaml', '--set', 'source.file.path=data.ndjson'];
  const { code } = await millrace([...words, '--report-file', 'link.txt'], { cwd });
  expect(code).toBe(2);
  expect(readFileSync(join(cwd, 'data.ndjson'), 'utf8')).toBe(record);
});

test.each([
  ['run', 'p.yaml'],
  ['validate', 'p.yaml'],
  ['run', 'hard.csv'],
])('%s: a sink does not write over the pipeline file %s', async (command, path) => {
  const cwd = directory();
  const words = [command, 'p.yaml', '--set', `sink.file.path=${path}`];
  const set = ['--set', 'sink.file.format=ndjson'];
  const { code, stdout, stderr } = await millrace([...words, ...set], { cwd });
  expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
  expect(stderr).toBe(
    'p.yaml:1:1: topology: `file-2` would write over the pipeline file itself: p.yaml\n',
  );
  expect(readFileSync(join(cwd, 'p.yaml'), 'utf8')).toBe(pipeline);
});

test.each([
  ['a file', 'link/new/out.csv', 'real/new/out.csv', 'file-2'],
  ['a file of a pattern', 'out.csv', 'again/late.ndjson', 'file'],
])('a report does not go over %s that is not there yet', async (_what, path, report, owner) => {
  const cwd = directory();
  mkdirSync(join(cwd, 'real'));
  symlinkSync('real', join(cwd, 'link'));
  symlinkSync('.', join(cwd, 'again'));
  const words = ['run', 'p.yaml', '--set', `sink.file.path=${path}`, '--report-file', report];
  const { code, stderr } = await millrace(words, { cwd });
  expect(code).toBe(2);
  expect(stderr).toContain(`--report-file ${report}: \`${owner}\` uses this file`);
});

test('a report may go to a device', async () => {
  const words = ['run', 'p.yaml', '--report-file', '/dev/null', '--set', 'sink.file.path=o.csv'];
  expect(await millrace(words, { cwd: directory() })).toMatchObject({ code: 0 });
});
