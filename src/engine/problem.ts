import { escapeControls } from '../core/plain-text.ts';
import { PipelineError } from '../errors.ts';
import type { Path } from './description.ts';

/** The kinds of problem a description can have. */
export type ProblemKind =
  | 'syntax'
  | 'unknown-component'
  | 'unknown-key'
  | 'unknown-field'
  | 'invalid-option'
  | 'missing-option'
  | 'schema-mismatch'
  | 'topology'
  | 'protocol'
  | 'secret'
  | 'input';

/** One problem of a description, found before any data flows. */
export interface Problem {
  readonly kind: ProblemKind;
  /** Where it stands in the description: `['stages', 2, 'threshold', 'field']`. */
  readonly path: Path;
  /** What is wrong and what to do: "unknown stage `normalise`, did you mean `normalize`?" */
  readonly text: string;
  /** Which character of the text that stands there, from 0. */
  readonly at?: number;
  /** Where it stands in the file, line and column from 1; in code there is none. */
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

/** All problems of a description. */
export class ValidationError extends PipelineError {
  readonly problems: readonly Problem[];

  constructor(name: string, problems: readonly Problem[]) {
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    super({
      code: 'ERR_CONFIG_INVALID',
      place: escapeControls(String(name)),
      fact: `${count}\n${problems.map((problem) => `  ${formatProblem(problem)}`).join('\n')}`,
    });
    this.problems = problems;
  }
}

/** One line: `file:line:column: kind: text`, or `path: kind: text` for a pipeline written in code. */
export function formatProblem({ file, line, column, kind, path, text }: Problem): string {
  const place = file === undefined ? path.join('.') : `${file}:${line ?? 1}:${column ?? 1}`;
  return escapeControls(`${place === '' ? 'pipeline' : place}: ${kind}: ${text}`);
}
