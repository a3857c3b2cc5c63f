import type { Field, Schema } from '../../batch/index.ts';
import { choose, missing } from './choice.ts';
import { buildCall, type Parts } from './functions.ts';
import * as kernels from './kernels.ts';
import * as logic from './logic.ts';
import {
  boolConstant,
  boolField,
  compareNumbers,
  int64Field,
  joinNumbers,
  joinTruths,
  mapNumbers,
  type Node,
  not,
  nullNode,
  numberConstant,
  numberField,
  type NumberNode,
  type Int64Node,
  opaqueField,
  refusedNode,
  type ValueNode,
  withInt64s,
} from './node.ts';
import { type Ast, type BinaryOperator, parseExpression } from './parse.ts';
import { ExpressionError, type ExpressionProblem } from './problem.ts';
import { categoryField, equalTexts, testTexts, textConstant, textField } from './text.ts';

/** Parses and checks an expression against the fields there are. Throws an `ExpressionError`. */
export function checkExpression(expression: string, input: Schema, option: string): ValueNode {
  const ast = parseExpression(expression, option);
  const problems: ExpressionProblem[] = [];
  const checker = new Checker(input, (problem) => problems.push(problem));
  const node = checker.value(ast);
  if (problems.length > 0) throw new ExpressionError(expression, option, problems);
  return node as ValueNode;
}

/** Makes nodes of an expression and collects what is wrong with it. */
class Checker implements Parts {
  readonly #input: Schema;
  readonly #problem: (problem: ExpressionProblem) => void;

  constructor(input: Schema, problem: (problem: ExpressionProblem) => void) {
    this.#input = input;
    this.#problem = problem;
  }

  refuse({ at }: Ast, text: string): typeof refusedNode {
    this.#problem({ at, text });
    return refusedNode;
  }

  build(ast: Ast): Node {
    switch (ast.type) {
      case 'number':
        return numberConstant(ast.value, ast.digits);
      case 'text':
        return textConstant(ast.value);
      case 'bool':
        return boolConstant(ast.value);
      case 'null':
        return nullNode;
      case 'field':
        return this.field(ast, ast.name);
      case 'unary':
        return this.#unary(ast);
      case 'binary':
        return this.#binary(ast);
      case 'choice':
        return this.#choice(ast);
      case 'call':
        return buildCall(this, ast);
    }
  }

  value(ast: Ast): ValueNode | typeof refusedNode {
    const node = this.build(ast);
    if (node.type === 'opaque') {
      return this.refuse(ast, `${this.describe(ast, node)} can only be asked with isNull(…)`);
    }
    if (node.type === 'null') {
      return this.refuse(ast, 'nothing can be told from null here; ask with isNull(…)');
    }
    return node;
  }

  of<T extends ValueNode['type']>(
    type: T,
    ast: Ast,
    what: string,
  ): Extract<ValueNode, { type: T }> | undefined {
    const node = this.value(ast);
    if (node.type === 'refused') return undefined;
    if (node.type === type) return node as Extract<ValueNode, { type: T }>;
    const way =
      type === 'number' && node.type === 'int64' ? '; number(…) gives the nearest float64' : '';
    this.refuse(ast, `${what} takes ${typeNames[type]}, not ${this.describe(ast, node)}${way}`);
    return undefined;
  }

  /** Two parts of one type, where a bare null takes the type of the other. */
  #alike(a: Ast, b: Ast, what: string): [ValueNode, ValueNode] | undefined {
    const [first, second] = [this.build(a), this.build(b)];
    if (first.type === 'null' && second.type === 'null') {
      this.refuse(a, `${what} needs a value beside null`);
      return undefined;
    }
    const left = first.type === 'null' && isValue(second) ? missing(second) : first;
    const right = second.type === 'null' && isValue(first) ? missing(first) : second;
    if (left.type === 'refused' || right.type === 'refused') return undefined;
    if (isValue(left) && isValue(right)) {
      const [one, other] = withInt64s([left, right]) as [ValueNode, ValueNode];
      if (one.type === other.type) return [one, other];
    }
    const text = `${what} takes two values of one type, not ${this.describe(a, left)} and ${this.describe(b, right)}`;
    this.refuse(a, text);
    return undefined;
  }

  field(ast: Ast, name: string): Node {
    const index = this.#input.indexOf(name);
    const field = this.#input.fields[index];
    if (field === undefined) {
      const text = `field \`${name}\` does not exist here; ${this.#input.choice(name)}`;
      this.#problem({ at: ast.at, text, field: name });
      return refusedNode;
    }
    return fieldNode(field, index);
  }

  describe(ast: Ast, node: Node): string {
    if (ast.type === 'number') return `the number ${ast.digits}`;
    if (ast.type === 'text') return `the text ${JSON.stringify(ast.value)}`;
    if (ast.type === 'field') return `\`${ast.name}\` (${this.#input.field(ast.name).kind})`;
    return node.type === 'opaque' || node.type === 'refused' ? 'this' : typeNames[node.type];
  }

  #unary(ast: Extract<Ast, { type: 'unary' }>): Node {
    const { operator, operand } = ast;
    if (operator === '!') {
      const truth = this.of('bool', operand, '`!`');
      return truth === undefined ? refusedNode : not(truth);
    }
    if (operand.type === 'number') return numberConstant(-operand.value, `-${operand.digits}`);
    const number = this.of('number', operand, '`-`');
    return number === undefined ? refusedNode : mapNumbers(number, kernels.floatFunctions.negate);
  }

  #binary(ast: Extract<Ast, { type: 'binary' }>): Node {
    const { operator, left, right } = ast;
    switch (operator) {
      case '&&':
      case '||': {
        const a = this.of('bool', left, `\`${operator}\``);
        const b = this.of('bool', right, `\`${operator}\``);
        if (a === undefined || b === undefined) return refusedNode;
        return joinTruths(a, b, operator === '&&' ? logic.and : logic.or);
      }
      case '+':
      case '-':
      case '*':
      case '/':
      case '%': {
        const a = this.of('number', left, `\`${operator}\``);
        const b = this.of('number', right, `\`${operator}\``);
        if (a === undefined || b === undefined) return refusedNode;
        return joinNumbers(a, b, kernels.arithmetic[operator]);
      }
      default:
        return this.#comparison(ast, operator);
    }
  }

  #comparison(
    ast: Extract<Ast, { type: 'binary' }>,
    operator: Exclude<BinaryOperator, '&&' | '||' | keyof typeof kernels.arithmetic>,
  ): Node {
    const a = this.value(ast.left);
    const b = this.value(ast.right);
    if (a.type === 'refused' || b.type === 'refused') return refusedNode;
    // a > b is b < a, a >= b is b <= a, a != b is not a == b: also with null and NaN.
    const [left, right] = operator === '>' || operator === '>=' ? [b, a] : [a, b];
    const order = operator === '!=' ? '==' : (operator.replace('>', '<') as kernels.Order);
    const result = compareValues(order, left, right);
    if (result !== undefined) return operator === '!=' ? not(result) : result;
    const [one, other] = [this.describe(ast.left, a), this.describe(ast.right, b)];
    return this.refuse(ast, `\`${operator}\` cannot compare ${one} with ${other}`);
  }

  #choice(ast: Extract<Ast, { type: 'choice' }>): Node {
    const test = this.of('bool', ast.test, '`? :`');
    const branches = this.#alike(ast.yes, ast.no, '`? :`');
    if (test === undefined || branches === undefined) return refusedNode;
    return choose(test, ...branches);
  }
}

const typeNames = {
  number: 'a number',
  int64: 'an int64',
  bool: 'true or false',
  text: 'text',
  null: 'null',
} as const;

function compareValues(
  order: kernels.Order,
  a: ValueNode,
  b: ValueNode,
): ReturnType<typeof not> | undefined {
  if (isNumeric(a) && isNumeric(b)) {
    return compareNumbers(order, ...(withInt64s([a, b]) as [typeof a, typeof b]));
  }
  if (a.type === 'text' && b.type === 'text') {
    if (order === '==') return equalTexts(a, b);
    const test = order === '<' ? isBefore : isBeforeOrSame;
    return testTexts(a, b, test);
  }
  if (a.type === 'bool' && b.type === 'bool' && order === '==') {
    return joinTruths(a, b, logic.equalTruths);
  }
  return undefined;
}

const isBefore = (a: string, b: string): boolean => a < b;
const isBeforeOrSame = (a: string, b: string): boolean => a <= b;

function isNumeric(node: ValueNode): node is NumberNode | Int64Node {
  return node.type === 'number' || node.type === 'int64';
}

function isValue(node: Node): node is ValueNode {
  return node.type !== 'null' && node.type !== 'opaque' && node.type !== 'refused';
}

function fieldNode({ kind, nullable }: Field, column: number): Node {
  switch (kind) {
    case 'float64':
    case 'int32':
    case 'timestamp':
      return numberField(column, kind, nullable);
    case 'int64':
      return int64Field(column, nullable);
    case 'bool':
      return boolField(column, nullable);
    case 'category':
      return categoryField(column, nullable);
    case 'text':
      return textField(column, nullable);
    case 'bytes':
    case 'json':
      return opaqueField(column, nullable);
  }
}
