import { escapeControls } from '../core/plain-text.ts';
import { ValidationError } from '../engine/index.ts';
import { formatProblem } from '../engine/problem.ts';
import type { RunReport } from '../observe/snapshot.ts';
import { isPipelineError, reasonOf } from '../errors.ts';
import type { Terminal } from './terminal.ts';

/** What the process exits with. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  deadLetters: 3,
  unreachable: 69,
  notDrained: 75,
  notAllowed: 77,
  invalidConfig: 78,
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const;

/** What a run that did not fail ends with: rows that nothing accounts for are a failure all the same. */
export function reportCode(
  { components, deadLetters }: Pick<RunReport, 'components' | 'deadLetters'>,
  { failOnDeadLetter = false }: { readonly failOnDeadLetter?: boolean | undefined },
): number {
  if (components.some(({ unaccounted }) => unaccounted !== 0)) return exitCodes.failed;
  return failOnDeadLetter && deadLetters > 0 ? exitCodes.deadLetters : exitCodes.done;
}

/** Something wrong with how a command was called. */
export class UsageError extends Error {}

/** A server that does not say what it is asked for, and what the process exits with for that. */
export class NoAnswerError extends Error {
  readonly exitCode: number;
  readonly fact: string;

  constructor(exitCode: number, fact: string, remedy?: string) {
    super(remedy === undefined ? fact : `${fact}; ${remedy}`);
    this.exitCode = exitCode;
    this.fact = fact;
  }
}

/** Says what went wrong, one line for each problem, and gives the exit code for it. */
export function reportFailure(error: unknown, terminal: Terminal): number {
  if (error instanceof ValidationError) {
    for (const problem of error.problems) {
      const text = formatProblem(problem);
      const kind = `: ${problem.kind}: `;
      const at = text.indexOf(kind);
      const place = terminal.style('bold', text.slice(0, at));
      terminal.complain(`${place}${terminal.style('red', kind)}${text.slice(at + kind.length)}`);
    }
  } else {
    terminal.complain(`${terminal.style('red', 'millrace:')} ${escapeControls(reasonOf(error))}`);
  }
  return exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage;
  if (error instanceof NoAnswerError) return error.exitCode;
  if (error instanceof ValidationError) {
    // An input that is not there is no fault of the config; the config itself has no path.
    const isInput = error.problems.every(({ kind, path }) => kind === 'input' && path.length > 0);
    return isInput ? exitCodes.failed : exitCodes.invalidConfig;
  }
  if (!isPipelineError(error)) return exitCodes.failed;
  if (error.code === 'ERR_RUN_DEADLINE') return exitCodes.notDrained;
  const isConfig = error.code === 'ERR_PEER_MISSING' || error.code === 'ERR_CONFIG_INVALID';
  return isConfig ? exitCodes.invalidConfig : exitCodes.failed;
}
