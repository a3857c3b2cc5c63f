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
  readonly path: Path;
  /** What is wrong and what to do: "unknown stage `normalise`, did you mean `normalize`?" */
  readonly text: string;
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
      place: name,
      fact: `${count}\n${problems.map((problem) => `  ${formatProblem(problem)}`).join('\n')}`,
    });
    this.problems = problems;
  }
}

/** `file:line:column: kind: text`, or `path: kind: text` for a pipeline written in code. */
export function formatProblem({ file, line, column, kind, path, text }: Problem): string {
  const place = file === undefined ? path.join('.') : `${file}:${line ?? 1}:${column ?? 1}`;
  return `${place === '' ? 'pipeline' : place}: ${kind}: ${text}`;
}

/** The candidate most like a word, where one is near enough to be meant. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Insertions, deletions, substitutions and swaps of neighbours (Damerau, 1964; restricted). */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, before[j - 2]! + 1);
      }
      row.push(least);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length]!;
}
