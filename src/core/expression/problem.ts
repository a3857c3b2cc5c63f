import { PipelineError } from '../../errors.ts';

/** One thing wrong with an expression, and where: `at` counts characters from 0. */
export interface ExpressionProblem {
  readonly at: number;
  readonly text: string;
  /** The name in the expression that is no field. */
  readonly field?: string;
}

/** An expression that cannot be used, with everything that is wrong with it. */
export class ExpressionError extends PipelineError {
  readonly expression: string;
  /** The option that holds the expression, as `where` or `routes.hot`. */
  readonly option: string;
  readonly problems: readonly ExpressionProblem[];

  constructor(expression: string, option: string, problems: readonly ExpressionProblem[]) {
    const told = problems.map(({ at, text }) => `${text} (character ${at + 1})`).join('; also ');
    super({
      code: 'ERR_EXPRESSION_INVALID',
      place: option,
      fact: `${told} in \`${excerptOf(expression)}\``,
    });
    this.expression = expression;
    this.option = option;
    this.problems = problems;
  }

  /** One of the problems as a sentence: what, where, in which expression. */
  tell({ at, text }: ExpressionProblem): string {
    return `${text} (character ${at + 1}) in \`${excerptOf(this.expression)}\``;
  }
}

function excerptOf(expression: string): string {
  return expression.length > 80 ? `${expression.slice(0, 77)}…` : expression;
}

/** An expression that cannot be read, whatever fields there are. */
export class ExpressionSyntaxError extends ExpressionError {}
