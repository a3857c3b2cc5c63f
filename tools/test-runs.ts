import { relative } from 'node:path';

/** A test that failed; without a name, whatever else did. */
export interface Failure {
  readonly file: string;
  readonly test?: string;
  readonly text: string;
}

/** What came of running tests. */
export interface TestRun {
  readonly passed: number;
  /** Each test that passed, by file and name. */
  readonly passes: ReadonlySet<string>;
  readonly failures: readonly Failure[];
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

/** More files than these fail of what was changed, not of what else the machine had to do. */
const unsteadyFilesMax = 3;

/**
 * Reads what vitest reports as JSON of the files below `root`, and what it says beside that: errors that
 * no test caught, and how it exited. A file that could not be loaded has no tests; the tests of a file
 * whose process ended are pending for ever.
 */
export function readTestRun(
  root: string,
  json: string,
  { exitCode, output }: { readonly exitCode: number; readonly output: string },
): TestRun {
  const failures: Failure[] = [];
  const passes = new Set<string>();
  const report = parsed(json);
  if (report === undefined) {
    return { passed: 0, passes, failures: [{ file: 'tests', text: 'no report was written' }] };
  }
  const { numPassedTests, testResults } = report;
  let ended = 0;
  for (const { name, status, message, assertionResults } of testResults) {
    const file = relative(root, name);
    if (status === 'failed' && assertionResults.length === 0) {
      failures.push({ file, text: message });
    }
    if (assertionResults.some((result) => result.status === 'pending')) ended++;
    for (const { status: became, fullName: test, failureMessages = [] } of assertionResults) {
      if (became === 'passed') passes.add(nameOf({ file, test }));
      if (became === 'failed') failures.push({ file, test, text: failureMessages.join('\n') });
      if (became === 'pending') failures.push({ file, test, text: 'not run: its process ended' });
    }
  }
  // A process that ended is one of them.
  const uncaught = Number(/caught (\d+) unhandled error/.exec(output)?.[1] ?? 0) - ended;
  if (uncaught > 0)
    failures.push({ file: 'tests', text: `${uncaught} errors that no test caught` });
  if (failures.length === 0 && exitCode !== 0) {
    failures.push({ file: 'tests', text: `exit code ${exitCode}` });
  }
  return { passed: numPassedTests, passes, failures };
}

/** The files of tests that failed; none where so much failed, or anything but tests, that it is no accident. */
export function filesToTryAgain({ failures }: TestRun): readonly string[] {
  const files = [...new Set(failures.map(({ file }) => file))];
  const isOfTests = failures.every(({ test }) => test !== undefined);
  return isOfTests && files.length <= unsteadyFilesMax ? files : [];
}

/** What failed both times, or the second time alone, and what passed then. */
export function compareRuns(
  first: TestRun,
  again: TestRun,
): { readonly steady: readonly Failure[]; readonly unsteady: readonly Failure[] } {
  const failsAgain = new Set(again.failures.map(nameOf));
  const isUnsteady = (failure: Failure): boolean =>
    again.passes.has(nameOf(failure)) && !failsAgain.has(nameOf(failure));
  const failed = new Set(first.failures.map(nameOf));
  return {
    steady: [
      ...first.failures.filter((failure) => !isUnsteady(failure)),
      ...again.failures.filter((failure) => !failed.has(nameOf(failure))),
    ],
    unsteady: first.failures.filter(isUnsteady),
  };
}

/** A failure as it is shown: where, and what it said. */
export function toldOf(failure: Failure): string {
  return `${nameOf(failure)}\n${failure.text}`;
}

/** Undefined where it was not written, or not to its end. */
function parsed(json: string): VitestReport | undefined {
  try {
    return JSON.parse(json) as VitestReport;
  } catch {
    return undefined;
  }
}

function nameOf({ file, test }: Pick<Failure, 'file' | 'test'>): string {
  return test === undefined ? file : `${file}: ${test}`;
}
