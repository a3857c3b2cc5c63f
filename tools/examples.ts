/**
 * Runs every example, `examples/NN-name/` with a `main.ts` or a `pipeline.yaml`, in a copy of its
 * directory, and compares what it prints with `expected.txt`, and the files it writes with those in
 * `expected/`. `mask.json` lists patterns of what differs from run to run: each match becomes `…`.
 * `--update` writes the expected output.
 */
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  mkdirSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { assertSameText, Checks } from './checks.ts';
import { root, runCommand } from './run-command.ts';

const examples = join(root, 'examples');
const millrace = join(root, 'dist', 'cli', 'main.js');

async function main(): Promise<void> {
  mkdirSync(examples, { recursive: true });
  const names = readdirSync(examples, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && /^\d\d-/.test(entry.name))
    .map(({ name }) => name)
    .sort();
  const checks = new Checks();
  await checks.run('there are examples', () => {
    if (names.length === 0) throw new Error('none in examples/');
  });
  for (const name of names) await checks.run(name, () => checkExample(name));
  checks.finish();
}

async function checkExample(name: string): Promise<void> {
  for (const [file, text] of await runExample(name)) {
    const expected = join(examples, name, file);
    if (process.argv.includes('--update')) writeFileSync(expected, text);
    if (!existsSync(expected)) throw new Error(`has no ${file}`);
    assertSameText(text, readFileSync(expected, 'utf8'));
  }
}

/** What it printed and wrote, by the name of the file that has what is expected. */
async function runExample(name: string): Promise<Map<string, string>> {
  const copy = mkdtempSync(join(tmpdir(), `millrace-${name}-`));
  try {
    cpSync(join(examples, name), copy, { recursive: true });
    mkdirSync(join(copy, 'node_modules'));
    symlinkSync(root, join(copy, 'node_modules', 'millrace'), 'dir');
    writeFileSync(join(copy, 'package.json'), '{ "private": true, "type": "module" }\n');
    const { exitCode, stdout, stderr } = await runCommand('sh', ['-c', commandOf(copy)], copy);
    if (exitCode !== 0) throw new Error(`ended with ${exitCode}:\n${stdout}${stderr}`);
    const results = new Map([['expected.txt', masked(stdout, join(copy, 'mask.json'))]]);
    for (const file of filesIn(join(copy, 'expected'))) {
      results.set(join('expected', file), readFileSync(join(copy, file), 'utf8'));
    }
    return results;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** As its README says it. Node does not run decorators yet: esbuild compiles them first. */
function commandOf(directory: string): string {
  const main = join(directory, 'main.ts');
  if (!existsSync(main)) return `node '${millrace}' run pipeline.yaml`;
  if (!/^\s*@\w/m.test(readFileSync(main, 'utf8'))) return 'node main.ts';
  return 'esbuild main.ts --target=es2024 | node --input-type=module';
}

function filesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

function masked(text: string, file: string): string {
  if (!existsSync(file)) return text;
  const patterns = JSON.parse(readFileSync(file, 'utf8')) as string[];
  return patterns.reduce((left, pattern) => left.replace(new RegExp(pattern, 'gm'), '…'), text);
}

await main();
