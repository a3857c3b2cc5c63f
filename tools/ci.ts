/** Runs the tests and every check one after the other, and counts what passed and what failed. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';

interface Count {
  readonly passed: number;
  readonly failed: number;
  /** What failed, a line each. */
  readonly failures: readonly string[];
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

const root = join(import.meta.dirname, '..');
const testReport = join(root, 'node_modules', '.cache', 'millrace-tests.json');

const checks: readonly (readonly [name: string, ...command: string[]])[] = [
  ['types', 'npm', 'run', '--silent', 'types'],
  ['lint', 'npm', 'run', '--silent', 'lint'],
  ['format', 'npm', 'run', '--silent', 'format:check'],
  ['examples', 'npm', 'run', '--silent', 'examples'],
  ['docs', 'npm', 'run', '--silent', 'docs', '--', '--check'],
  ['snippets', 'npm', 'run', '--silent', 'snippets'],
  ['package', process.execPath, 'tools/check-package.ts'],
];

async function main(): Promise<void> {
  const counts = [await runTests()];
  for (const [name, ...command] of checks) counts.push(await runCheck(name, command));
  const passed = counts.reduce((sum, count) => sum + count.passed, 0);
  const failed = counts.reduce((sum, count) => sum + count.failed, 0);
  // At the end, where they are found although the whole says much.
  for (const failure of counts.flatMap((count) => count.failures)) {
    process.stdout.write(`failed: ${failure}\n`);
  }
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

async function runTests(): Promise<Count> {
  mkdirSync(join(testReport, '..'), { recursive: true });
  rmSync(testReport, { force: true });
  const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${testReport}`];
  const { exitCode } = await run('tests', ['npm', 'test', '--silent', '--', ...reporters]);
  try {
    return countTests(JSON.parse(readFileSync(testReport, 'utf8')) as VitestReport, exitCode);
  } catch {
    return { passed: 0, failed: 1, failures: ['tests: no report was written'] };
  }
}

/** A file that could not be loaded has no tests: it counts as one failure, as does any other. */
function countTests(report: VitestReport, exitCode: number): Count {
  const failures = report.testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(root, name);
    if (status === 'failed' && assertionResults.length === 0) return [`${file}: ${message}`];
    return assertionResults
      .filter((test) => test.status === 'failed')
      .map((test) => `${file}: ${test.fullName}\n${test.failureMessages?.join('\n') ?? ''}`);
  });
  if (failures.length === 0 && exitCode !== 0) failures.push(`tests: exit code ${exitCode}`);
  return { passed: report.numPassedTests, failed: failures.length, failures };
}

/** A check is one, unless its last line says how many it was. */
async function runCheck(name: string, command: readonly string[]): Promise<Count> {
  const { exitCode, output } = await run(name, command);
  const said = /(?:^|\n)(\d+) passed, (\d+) failed\s*$/.exec(output);
  const passed = said === null ? Number(exitCode === 0) : Number(said[1]);
  const failed = Math.max(said === null ? 0 : Number(said[2]), Number(exitCode !== 0));
  const told = output.match(/^FAIL .*(?:\n {5}.*)*/gm) ?? [output.slice(-2000)];
  const failures = failed === 0 ? [] : told.map((failure) => `${name}: ${failure}`);
  return { passed, failed, failures };
}

function run(
  name: string,
  [command = '', ...options]: readonly string[],
): Promise<{ exitCode: number; output: string }> {
  process.stdout.write(`\n== ${name}\n`);
  const { promise, resolve } = Promise.withResolvers<{ exitCode: number; output: string }>();
  const child = spawn(command, options, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      process.stdout.write(chunk);
    });
  }
  child.on('error', (error) => resolve({ exitCode: 1, output: error.message }));
  child.on('close', (code) =>
    resolve({ exitCode: code ?? 1, output: Buffer.concat(chunks).toString() }),
  );
  return promise;
}

await main();
