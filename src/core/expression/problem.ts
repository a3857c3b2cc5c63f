import { PipelineError } from '../../errors.ts';

/** One thing wrong with an expression, and where: `at` counts characters from 0. */
export interface ExpressionProblem {
  readonly at: number;
  readonly text: string;
}

/** An expression that cannot be used, with everything that is wrong with it. */
export class ExpressionError extends PipelineError {
  readonly expression: string;
  /** The option that holds the expression, as `where` or `routes.hot`. */
  readonly option: string;
  readonly problems: readonly ExpressionProblem[];

  constructor(expression: string, option: string, problems: readonly ExpressionProblem[]) {
    const excerpt = expression.length > 80 ? `${expression.slice(0, 77)}…` : expression;
    const told = problems.map(({ at, text }) => `${text} (character ${at + 1})`).join('; also ');
    super({
      code: 'ERR_EXPRESSION_INVALID',
      place: option,
      fact: `${told} in \`${excerpt}\``,
    });
    this.expression = expression;
    this.option = option;
    this.problems = problems;
  }
}

/** An expression that cannot be read, whatever fields there are. */
export class ExpressionSyntaxError extends ExpressionError {}
