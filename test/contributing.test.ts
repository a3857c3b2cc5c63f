import { spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const copied = [
  'src',
  'dashboard',
  'kernels',
  'test',
  'tools',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
];

let copy = '';

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'millrace-contributing-'));
  for (const part of copied) cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'dir');
  for (const [, language, file, text] of stepsOf(
    readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8'),
  )) {
    const path = join(copy, file!);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, language === 'diff' ? patched(readFileSync(path, 'utf8'), text!) : text!);
  }
  const files = ['src/index.ts', 'test/stages/clamp.test.ts'];
  const compilerOptions = { incremental: false };
  const configuration = { extends: './test/tsconfig.json', compilerOptions, files, include: [] };
  writeFileSync(join(copy, 'step.json'), JSON.stringify(configuration));
});

afterAll(() => rmSync(copy, { recursive: true, force: true }));

test('a stage is added in three steps, as CONTRIBUTING.md says', async () => {
  expect(await run('tsc', '-p', 'step.json')).toBe('');
  expect(await run('node', 'tools/docs.ts')).toMatch(/^wrote \d+ files$/m);
  const tests = ['test/stages/clamp.test.ts', 'test/architecture.test.ts'];
  await run('vitest', 'run', '--reporter=json', '--outputFile=report.json', ...tests);
  const report = readFileSync(join(copy, 'report.json'), 'utf8');
  const { numPassedTests, numFailedTests, success } = JSON.parse(report) as Record<string, unknown>;
  expect({ numFailedTests, success }).toEqual({ numFailedTests: 0, success: true });
  expect(numPassedTests).toBeGreaterThan(30);
  expect(readFileSync(join(copy, 'docs/components/stage-clamp.md'), 'utf8')).toContain(
    'Least value',
  );
}, 240_000);

/** The blocks that name a file of the repository. */
function stepsOf(text: string): RegExpMatchArray[] {
  const steps = [...text.matchAll(/^```(ts|diff) (\S+\/\S+)\n([^]*?)^```$/gm)];
  expect(steps.map(([, , file]) => file)).toEqual([
    'src/stages/clamp.ts',
    'src/stages/index.ts',
    'test/stages/clamp.test.ts',
  ]);
  return steps;
}

/** Adds each line marked `+` behind the unmarked one before it, which must be there. */
function patched(text: string, diff: string): string {
  const lines = text.split('\n');
  let at = 0;
  for (const change of diff.trimEnd().split('\n')) {
    if (change.startsWith('+')) lines.splice(at++, 0, change.slice(1));
    else {
      const found = lines.indexOf(change.slice(1));
      expect(found, `the line \`${change}\` of the diff`).toBeGreaterThanOrEqual(0);
      at = found + 1;
    }
  }
  return lines.join('\n');
}

function run(command: string, ...options: string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  // What vitest says of itself to its workers would confuse another.
  const environment = Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST'));
  const child = spawn(join(root, 'node_modules', '.bin', command), options, {
    cwd: copy,
    env: { ...Object.fromEntries(environment), NODE_ENV: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  child.on('error', reject);
  child.on('close', () => resolve(printed));
  return promise;
}
