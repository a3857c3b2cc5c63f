import { describe, expect, test } from 'vitest';

import { compareRuns, filesToTryAgain, readTestRun, type TestRun } from '../tools/test-runs.ts';

type Result = readonly [file: string, ...tests: (readonly [name: string, status: string])[]];

/** A run as vitest reports it, with so many errors that no test caught. */
function runOf(results: readonly Result[], { uncaught = 0, exitCode = 0 } = {}): TestRun {
  const testResults = results.map(([file, ...tests]) => ({
    name: `/project/${file}`,
    status: tests.length === 0 ? 'failed' : 'passed',
    message: 'cannot be loaded',
    assertionResults: tests.map(([fullName, status]) => ({
      fullName,
      status,
      failureMessages: status === 'failed' ? [`${fullName} said no`] : [],
    })),
  }));
  const numPassedTests = results.flatMap(([, ...tests]) => tests).filter(([, s]) => s === 'passed');
  const json = JSON.stringify({ numPassedTests: numPassedTests.length, testResults });
  const output = uncaught === 0 ? '' : `Vitest caught ${uncaught} unhandled errors`;
  return readTestRun('/project', json, { exitCode, output });
}

describe('a run of tests', () => {
  test('has what passed and what failed', () => {
    const { passed, failures } = runOf([
      ['a.test.ts', ['one', 'passed'], ['two', 'failed']],
      ['b.test.ts', ['three', 'skipped']],
    ]);
    expect(passed).toBe(1);
    expect(failures).toEqual([{ file: 'a.test.ts', test: 'two', text: 'two said no' }]);
  });

  test.each([
    ['a file that cannot be loaded', runOf([['a.test.ts']])],
    ['an exit that nothing explains', runOf([['a.test.ts', ['one', 'passed']]], { exitCode: 1 })],
    ['an error that no test caught', runOf([['a.test.ts', ['one', 'failed']]], { uncaught: 1 })],
    ['no report', readTestRun('/project', '{"num', { exitCode: 1, output: '' })],
  ])('fails for good by %s', (_, first) => {
    expect(first.failures.length).toBeGreaterThan(0);
    expect(filesToTryAgain(first)).toEqual([]);
  });

  test('fails for good by many files', () => {
    const files = ['a', 'b', 'c', 'd'].map((name): Result => [name, ['one', 'failed']]);
    expect(filesToTryAgain(runOf(files.slice(1)))).toEqual(['b', 'c', 'd']);
    expect(filesToTryAgain(runOf(files))).toEqual([]);
  });

  test('is tried again where the process of a file ended', () => {
    const first = runOf([['a.test.ts', ['one', 'pending']]], { uncaught: 1 });
    expect(filesToTryAgain(first)).toEqual(['a.test.ts']);
    const again = runOf([['a.test.ts', ['one', 'passed']]]);
    expect(compareRuns(first, again).steady).toEqual([]);
  });
});

describe('tried again', () => {
  const first = runOf([['a.test.ts', ['one', 'failed'], ['two', 'passed']]]);

  test('what passes is unsteady, and what it said is kept', () => {
    const again = runOf([['a.test.ts', ['one', 'passed'], ['two', 'passed']]]);
    const [failure] = compareRuns(first, again).unsteady;
    expect(failure).toEqual({ file: 'a.test.ts', test: 'one', text: 'one said no' });
  });

  test.each([
    ['fails again', [['a.test.ts', ['one', 'failed'], ['two', 'passed']]], ['one']],
    ['fails in place of it', [['a.test.ts', ['one', 'passed'], ['two', 'failed']]], ['two']],
    ['is not there any more', [['a.test.ts', ['two', 'passed']]], ['one']],
    ['is skipped', [['a.test.ts', ['one', 'skipped'], ['two', 'passed']]], ['one']],
    ['has a namesake that fails', [['a.test.ts', ['one', 'passed'], ['one', 'failed']]], ['one']],
  ] as const)('what %s has failed', (_, results, names) => {
    const { steady } = compareRuns(first, runOf(results));
    expect(steady.map(({ test: name }) => name)).toEqual(names);
  });
});
