import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import type { MemoryTable } from '../../src/memory/index.ts';
import { millrace, temporaryDirectory } from './millrace.ts';

function directoryWithClass(): string {
  const cwd = temporaryDirectory();
  writeFileSync(join(cwd, 'package.json'), '{ "type": "module" }');
  writeFileSync(
    join(cwd, 'reading.ts'),
    'export class Reading { value: number = 0.5; unit: string | null = null; }\n',
  );
  return cwd;
}

test('records of six fields are measured and shown as a table', async () => {
  const { code, stdout, stderr } = await millrace(['memory', '--instances', '1000']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^Bytes of one record, 1,000 held\nrecord +fast shape +shell /);
  expect(stdout).toMatch(/^class +yes +72 +72 +144 +1\d\d +/m);
  expect(stdout).toMatch(/^dictionary +no +24 /m);
}, 120_000);

test('a class of the user, in a file of theirs, at several numbers', async () => {
  const cwd = directoryWithClass();
  const words = ['memory', '--class', './reading.ts#Reading', '--instances', '1000,5000,1000'];
  const { code, stdout } = await millrace(words, { cwd });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Reading +yes +40 +16 +56 +5\d(\.\d)? +[\d.]+$/m);
  expect(stdout).toMatch(/^record +1,000 +5,000$/m);
  const { stdout: json } = await millrace([...words, '--json'], { cwd });
  const { rows, missing, node } = JSON.parse(json) as MemoryTable;
  expect(rows.map(({ record, instances }) => [record, instances])).toEqual([
    ['Reading', 1000],
    ['Reading', 5000],
  ]);
  expect({ missing, node }).toEqual({ missing: [], node: process.versions.node });
}, 120_000);

test.each<[words: string[], code: number, says: string]>([
  [['--instances', '0'], 2, 'Write a whole number from 1.'],
  [['--instances', '1000,many'], 2, 'Write a whole number from 1.'],
  [['--instances', '1000000000'], 2, '--instances: at most 10,000,000 at a time'],
  [['--class', 'reading.ts'], 2, 'names no class: write `FILE#NAME`'],
  [['--class', './reading.ts#Other'], 1, 'the file exports no class or function `Other`'],
  [['--class', './missing.ts#Other'], 1, 'cannot load the file'],
])('%j is refused', async (words, code, says) => {
  const ended = await millrace(['memory', ...words], { cwd: directoryWithClass() });
  expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code, stdout: '' });
  expect(ended.stderr).toContain(says);
});
