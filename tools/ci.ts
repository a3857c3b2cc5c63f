/** Runs the tests and every check one after the other, and counts what passed and what failed. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';

interface Count {
  readonly passed: number;
  readonly failed: number;
  /** What failed, a line each. */
  readonly failures: readonly string[];
  /** What failed once and passed when it was tried again. */
  readonly unsteady?: readonly string[];
}

/** A test that failed, or a file of tests that could not be loaded. */
interface Failure {
  readonly file: string;
  readonly test?: string;
  readonly text: string;
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

/** More files than these fail of what was changed, not of what else the machine had to do. */
const unsteadyFilesMax = 3;

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
  for (const test of counts.flatMap(({ unsteady = [] }) => unsteady)) {
    process.stdout.write(`unsteady, passed when tried again: ${test}\n`);
  }
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

/**
 * A few files in which tests failed are tried once more, alone. Tests that pass then are named at the
 * end with what they failed with, and do not fail the whole: thousands of tests with processes,
 * sockets and a browser share one machine with whatever else runs there.
 */
async function runTests(): Promise<Count> {
  const { passed, failures } = await testsOf('tests', []);
  const files = [...new Set(failures.map(({ file }) => file))];
  const isUnsteady = failures.every(({ test }) => test !== undefined);
  if (failures.length === 0 || files.length > unsteadyFilesMax || !isUnsteady) {
    return { passed, failed: failures.length, failures: failures.map(toldOf) };
  }
  const again = await testsOf('tests that failed, once more', files);
  const failsAgain = new Set(again.failures.map(nameOf));
  const steady = failures.filter(
    (it) => !again.passes.has(nameOf(it)) || failsAgain.has(nameOf(it)),
  );
  const unsteady = failures.filter((it) => !steady.includes(it));
  const names = new Set(failures.map(nameOf));
  const failed = [...steady, ...again.failures.filter((it) => !names.has(nameOf(it)))];
  return {
    passed: passed + unsteady.length,
    failed: failed.length,
    failures: failed.map(toldOf),
    unsteady: unsteady.map(toldOf),
  };
}

async function testsOf(name: string, files: readonly string[]): Promise<Tests> {
  mkdirSync(join(testReport, '..'), { recursive: true });
  rmSync(testReport, { force: true });
  const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${testReport}`];
  const { exitCode } = await run(name, ['npm', 'test', '--silent', '--', ...reporters, ...files]);
  try {
    return readReport(JSON.parse(readFileSync(testReport, 'utf8')) as VitestReport, exitCode);
  } catch {
    const failures = [{ file: name, text: 'no report was written' }];
    return { passed: 0, passes: new Set(), failures };
  }
}

interface Tests {
  readonly passed: number;
  /** By name. */
  readonly passes: ReadonlySet<string>;
  readonly failures: readonly Failure[];
}

/** A file that could not be loaded has no tests: it counts as one failure, as does any other. */
function readReport(report: VitestReport, exitCode: number): Tests {
  const passes = new Set<string>();
  const failures: Failure[] = [];
  for (const { name, status, message, assertionResults } of report.testResults) {
    const file = relative(root, name);
    if (status === 'failed' && assertionResults.length === 0) {
      failures.push({ file, text: message });
    }
    for (const { status: ended, fullName: test, failureMessages = [] } of assertionResults) {
      if (ended === 'passed') passes.add(nameOf({ file, test }));
      if (ended === 'failed') failures.push({ file, test, text: failureMessages.join('\n') });
      if (ended === 'pending') failures.push({ file, test, text: 'not run: its process ended' });
    }
  }
  if (failures.length === 0 && exitCode !== 0) {
    failures.push({ file: 'tests', text: `exit code ${exitCode}` });
  }
  return { passed: report.numPassedTests, passes, failures };
}

function nameOf({ file, test }: Pick<Failure, 'file' | 'test'>): string {
  return test === undefined ? file : `${file}: ${test}`;
}

function toldOf(failure: Failure): string {
  return `${nameOf(failure)}\n${failure.text}`;
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
