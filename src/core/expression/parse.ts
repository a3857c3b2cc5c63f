import { createRequire } from 'node:module';

import { ExpressionSyntaxError, type ExpressionProblem } from './problem.ts';

/** How long and how deep an expression may be. */
export const expressionLimits = { charactersMax: 4096, depthMax: 256 } as const;

export type BinaryOperator =
  '+' | '-' | '*' | '/' | '%' | '<' | '<=' | '>' | '>=' | '==' | '!=' | '&&' | '||';

/** An expression as it was written; `at` is where each part begins. */
export type Ast =
  | {
      readonly type: 'number';
      readonly at: number;
      readonly value: number;
      readonly digits: string;
    }
  | { readonly type: 'text'; readonly at: number; readonly value: string }
  | { readonly type: 'bool'; readonly at: number; readonly value: boolean }
  | { readonly type: 'null'; readonly at: number }
  | { readonly type: 'field'; readonly at: number; readonly name: string }
  | {
      readonly type: 'unary';
      readonly at: number;
      readonly operator: '-' | '!';
      readonly operand: Ast;
    }
  | {
      readonly type: 'binary';
      readonly at: number;
      readonly operator: BinaryOperator;
      readonly left: Ast;
      readonly right: Ast;
    }
  | {
      readonly type: 'choice';
      readonly at: number;
      readonly test: Ast;
      readonly yes: Ast;
      readonly no: Ast;
    }
  | {
      readonly type: 'call';
      readonly at: number;
      readonly name: string;
      readonly values: readonly Ast[];
    };

/** Reads an expression. Throws an `ExpressionSyntaxError` where it is none of ours. */
export function parseExpression(text: string, option: string): Ast {
  const { charactersMax } = expressionLimits;
  const refuse = (at: number, fact: string): never => {
    throw new ExpressionSyntaxError(text, option, [{ at, text: fact }]);
  };
  if (text.length > charactersMax) {
    refuse(0, `an expression has at most ${charactersMax} characters, not ${text.length}`);
  }
  let root: Parsed;
  try {
    root = new (loadParser())(text).parse();
  } catch (error) {
    const { index, description } = error as Partial<JsepError>;
    if (index === undefined || description === undefined) throw error;
    return refuse(Math.min(index, text.length), lowerFirst(description));
  }
  const problems: ExpressionProblem[] = [];
  const ast = convert(root, 0, (at, fact) => problems.push({ at, text: fact }));
  if (problems.length > 0) throw new ExpressionSyntaxError(text, option, problems);
  return ast;
}

/** A node of jsep, with the place that our subclass of its parser notes. */
interface Parsed {
  readonly type: string;
  start?: number;
  readonly [property: string]: unknown;
}

interface JsepError extends Error {
  readonly index: number;
  readonly description: string;
}

interface Jsep {
  index: number;
  readonly expr: string;
  readonly char: string;
  readonly code: number;
  parse(): Parsed;
  gobbleSpaces(): void;
  gobbleExpression(): Parsed | false;
  gobbleExpressions(until?: number): Parsed[];
  gobbleArguments(until: number): Parsed[];
  gobbleToken(): Parsed | false;
  throwError(message: string): never;
}

type JsepClass = new (text: string) => Jsep;

const comma = 44;

let parser: JsepClass | undefined;

/** jsep is loaded with the first expression, at once, because plans are made at once. */
function loadParser(): JsepClass {
  if (parser === undefined) {
    const { Jsep } = createRequire(import.meta.url)('jsep') as { Jsep: JsepClass };
    parser = strictParser(Jsep);
  }
  return parser;
}

/** jsep's parser, which also notes places, bounds depth, and lets no comma or semicolon pass. */
function strictParser(Jsep: JsepClass): JsepClass {
  return class StrictParser extends Jsep {
    #depth = 0;

    override gobbleExpression(): Parsed | false {
      return this.#deeper(() => super.gobbleExpression());
    }

    override gobbleToken(): Parsed | false {
      this.gobbleSpaces();
      const start = this.index;
      const node = this.#deeper(() => super.gobbleToken());
      if (node !== false) node.start ??= start;
      return node;
    }

    override gobbleExpressions(until?: number): Parsed[] {
      const node = this.gobbleExpression();
      if (node === false) this.throwError(this.#unexpected());
      if (until === undefined && this.index < this.expr.length) this.throwError(this.#unexpected());
      return [node];
    }

    override gobbleArguments(until: number): Parsed[] {
      const values: Parsed[] = [];
      this.gobbleSpaces();
      while (this.code !== until) {
        const node = this.gobbleExpression();
        if (node === false) this.throwError(this.#unexpected());
        values.push(node);
        if (this.code !== comma) break;
        this.index++;
        this.gobbleSpaces();
        if (this.code === until) this.throwError(this.#unexpected());
      }
      if (this.code !== until) this.throwError(`expected ${String.fromCharCode(until)}`);
      this.index++;
      return values;
    }

    #deeper(gobble: () => Parsed | false): Parsed | false {
      if (++this.#depth > expressionLimits.depthMax) this.throwError('nested too deeply');
      const node = gobble();
      this.#depth--;
      return node;
    }

    #unexpected(): string {
      return this.char === '' ? 'the expression ends too early' : `unexpected \`${this.char}\``;
    }
  };
}

const operators: ReadonlySet<string> = new Set<BinaryOperator>([
  '+',
  '-',
  '*',
  '/',
  '%',
  '<',
  '<=',
  '>',
  '>=',
  '==',
  '!=',
  '&&',
  '||',
]);

const insteadOf: ReadonlyMap<string, string> = new Map([
  ['===', '`==`'],
  ['!==', '`!=`'],
  ['&', '`&&`'],
  ['|', '`||`'],
  ['??', '`coalesce(a, b)`'],
]);

type Refuse = (at: number, fact: string) => void;

/** Takes over what the language has and refuses the rest. */
function convert(node: Parsed, depth: number, refuse: Refuse): Ast {
  const at = placeOf(node);
  const below = (child: unknown): Ast => convert(child as Parsed, depth + 1, refuse);
  const nothing: Ast = { type: 'null', at };
  if (depth > expressionLimits.depthMax) {
    refuse(at, 'nested too deeply');
    return nothing;
  }
  switch (node.type) {
    case 'Literal':
      return convertLiteral(node, at, refuse);
    case 'Identifier':
      return { type: 'field', at, name: node['name'] as string };
    case 'UnaryExpression': {
      const operator = node['operator'] as string;
      if (operator === '-' || operator === '!') {
        return { type: 'unary', at, operator, operand: below(node['argument']) };
      }
      refuse(at, `there is no operator \`${operator}\` of one value`);
      return nothing;
    }
    case 'BinaryExpression': {
      const operator = node['operator'] as string;
      if (operators.has(operator)) {
        const [left, right] = [below(node['left']), below(node['right'])];
        return { type: 'binary', at, operator: operator as BinaryOperator, left, right };
      }
      const instead = insteadOf.get(operator);
      refuse(
        at,
        `there is no operator \`${operator}\`${instead === undefined ? '' : `, use ${instead}`}`,
      );
      return nothing;
    }
    case 'ConditionalExpression': {
      const [test, yes, no] = [
        below(node['test']),
        below(node['consequent']),
        below(node['alternate']),
      ];
      return { type: 'choice', at, test, yes, no };
    }
    case 'CallExpression': {
      const callee = node['callee'] as Parsed;
      if (callee.type === 'Identifier' && node['optional'] !== true) {
        const values = (node['arguments'] as Parsed[]).map(below);
        return { type: 'call', at, name: callee['name'] as string, values };
      }
      refuse(at, 'only the functions of the language can be called');
      return nothing;
    }
    case 'MemberExpression':
      refuse(at, "values have no members; a field whose name has a dot is `field('a.b')`");
      return nothing;
    case 'ThisExpression':
      refuse(at, "`this` means nothing here; a field of that name is `field('this')`");
      return nothing;
    default:
      refuse(at, 'an expression is made of fields, literals, operators and functions');
      return nothing;
  }
}

function convertLiteral(node: Parsed, at: number, refuse: Refuse): Ast {
  const { value, raw } = node as unknown as { value: unknown; raw: string };
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) refuse(at, `the number ${raw} is too large`);
    return { type: 'number', at, value, digits: raw };
  }
  if (typeof value === 'boolean') return { type: 'bool', at, value };
  if (typeof value !== 'string') return { type: 'null', at };
  // jsep reads an escape it does not know as the bare letter.
  if (/^(?:[^\\]|\\[nrtbfv\\'"])*$/s.test(raw)) return { type: 'text', at, value };
  refuse(at, 'text knows the escapes \\n \\r \\t \\b \\f \\v \\\\ \\\' and \\" only');
  return { type: 'text', at, value };
}

/** Binary operators and choices begin where their first part does. */
function placeOf(node: Parsed): number {
  let first: Parsed | undefined = node;
  while (first !== undefined && first.start === undefined) {
    first = (first['left'] ?? first['test'] ?? first['callee'] ?? first['object']) as
      Parsed | undefined;
  }
  return first?.start ?? 0;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
