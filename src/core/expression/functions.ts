import { nearest } from '../../batch/nearest.ts';
import { coalesce } from './choice.ts';
import * as kernels from './kernels.ts';
import {
  isNull,
  joinNumbers,
  mapNumbers,
  type Node,
  numberOfInt64,
  type NumberNode,
  type RefusedNode,
  refusedNode,
  type ValueNode,
  withInt64s,
} from './node.ts';
import type { Ast } from './parse.ts';
import { lengthOfText, mapText, testTexts } from './text.ts';

type Call = Extract<Ast, { type: 'call' }>;

/** How a function makes nodes of what it is called with. */
export interface Parts {
  /** Any part. */
  build(ast: Ast): Node;
  /** A part that must have a value: no json, no bytes, no bare null. */
  value(ast: Ast): ValueNode | RefusedNode;
  /** A part of one type; undefined where it has been refused. */
  of<T extends ValueNode['type']>(
    type: T,
    ast: Ast,
    what: string,
  ): Extract<ValueNode, { type: T }> | undefined;
  /** The field of a name. */
  field(ast: Ast, name: string): Node;
  /** Says what is wrong and gives the node that stands for the refused part. */
  refuse(ast: Ast, text: string): RefusedNode;
  /** What a part is, for messages. */
  describe(ast: Ast, node: Node): string;
}

export interface ExpressionFunction {
  /** As it is written. */
  readonly usage: string;
  readonly summary: string;
  /** How many values it takes at least and at most. */
  readonly takes: readonly [number, number];
  readonly build: (parts: Parts, call: Call) => Node;
}

const floats = (
  name: keyof typeof kernels.floatFunctions,
  summary: string,
): ExpressionFunction => ({
  usage: `${name}(x)`,
  summary,
  takes: [1, 1],
  build(parts, { values: [x] }) {
    const number = parts.of('number', x!, name);
    return number === undefined ? refusedNode : mapNumbers(number, kernels.floatFunctions[name]);
  },
});

const extreme = (name: 'min' | 'max', summary: string): ExpressionFunction => ({
  usage: `${name}(x, y, …)`,
  summary,
  takes: [2, Infinity],
  build(parts, { values }) {
    const numbers = values.map((value) => parts.of('number', value, name));
    if (numbers.includes(undefined)) return refusedNode;
    return (numbers as NumberNode[]).reduce((a, b) => joinNumbers(a, b, kernels.arithmetic[name]));
  },
});

const texts = (
  name: string,
  summary: string,
  test: (text: string, part: string) => boolean,
): ExpressionFunction => ({
  usage: `${name}(text, part)`,
  summary,
  takes: [2, 2],
  build(parts, { values: [text, part] }) {
    const [a, b] = [parts.of('text', text!, name), parts.of('text', part!, name)];
    return a === undefined || b === undefined ? refusedNode : testTexts(a, b, test);
  },
});

const mapped = (
  name: string,
  summary: string,
  map: (text: string) => string,
): ExpressionFunction => ({
  usage: `${name}(text)`,
  summary,
  takes: [1, 1],
  build(parts, { values: [x] }) {
    const text = parts.of('text', x!, name);
    return text === undefined ? refusedNode : mapText(text, map);
  },
});

/** Every function that an expression can call. Null gives null, except where the summary says so. */
export const expressionFunctions: ReadonlyMap<string, ExpressionFunction> = new Map(
  Object.entries({
    abs: floats('abs', 'The absolute value.'),
    min: extreme('min', 'The least; NaN where one is NaN.'),
    max: extreme('max', 'The greatest; NaN where one is NaN.'),
    round: floats('round', 'The nearest integer, halves up.'),
    floor: floats('floor', 'The greatest integer that is not greater.'),
    ceil: floats('ceil', 'The least integer that is not less.'),
    sqrt: floats('sqrt', 'The square root; NaN below 0.'),
    number: {
      usage: 'number(x)',
      summary: 'The float64 nearest to an int64, to calculate with.',
      takes: [1, 1],
      build(parts, { values: [x] }) {
        const node = parts.value(x!);
        if (node.type === 'refused' || node.type === 'number') return node;
        if (node.type === 'int64') return numberOfInt64(node);
        return parts.refuse(x!, `number takes an int64, not ${parts.describe(x!, node)}`);
      },
    },
    lower: mapped('lower', 'The text in lower case.', (text) => text.toLowerCase()),
    upper: mapped('upper', 'The text in upper case.', (text) => text.toUpperCase()),
    length: {
      usage: 'length(text)',
      summary: 'How long the text is, in UTF-16 code units.',
      takes: [1, 1],
      build(parts, { values: [x] }) {
        const text = parts.of('text', x!, 'length');
        return text === undefined ? refusedNode : lengthOfText(text);
      },
    },
    startsWith: texts('startsWith', 'Whether the text starts with the part.', (text, part) =>
      text.startsWith(part),
    ),
    endsWith: texts('endsWith', 'Whether the text ends with the part.', (text, part) =>
      text.endsWith(part),
    ),
    contains: texts('contains', 'Whether the part is in the text.', (text, part) =>
      text.includes(part),
    ),
    isNull: {
      usage: 'isNull(x)',
      summary: 'Whether there is no value. Never null itself.',
      takes: [1, 1],
      build(parts, { values: [x] }) {
        const node = parts.build(x!);
        if (node.type === 'refused') return node;
        if (node.type === 'null') return parts.refuse(x!, 'isNull takes a field or a value');
        return isNull(node);
      },
    },
    coalesce: {
      usage: 'coalesce(x, y, …)',
      summary: 'The first that is not null.',
      takes: [2, Infinity],
      build: buildCoalesce,
    },
    field: {
      usage: "field('name')",
      summary: 'The field of a name that is no plain word.',
      takes: [1, 1],
      build(parts, { values: [name] }) {
        if (name!.type === 'text') return parts.field(name!, name!.value);
        return parts.refuse(name!, "field takes a name in quotes, as field('sensor id')");
      },
    },
  } satisfies Record<string, ExpressionFunction>),
);

/** The node of a call, or what is wrong with it. */
export function buildCall(parts: Parts, call: Call): Node {
  const called = expressionFunctions.get(call.name);
  if (called === undefined) {
    const names = [...expressionFunctions.keys()];
    const meant = nearest(call.name, names);
    const hint = meant === undefined ? '' : `, did you mean \`${meant}\`?`;
    return parts.refuse(
      call,
      `there is no function \`${call.name}\`; functions: ${names.join(', ')}${hint}`,
    );
  }
  const [least, most] = called.takes;
  if (call.values.length >= least && call.values.length <= most) return called.build(parts, call);
  return parts.refuse(call, `it is written ${called.usage}, not with ${counted(call.values)}`);
}

function buildCoalesce(parts: Parts, call: Call): Node {
  const [first, ...rest] = call.values;
  const last = rest.at(-1)!;
  const values = [first!, ...rest].map((value) => parts.value(value));
  if (values.some(({ type }) => type === 'refused')) return refusedNode;
  const nodes = withInt64s(values as ValueNode[]);
  const odd = nodes.findIndex(({ type }) => type !== nodes[0]!.type);
  if (odd < 0) return nodes.reduceRight((second, one) => coalesce(one, second));
  const described = parts.describe(call.values[odd] ?? last, nodes[odd]!);
  return parts.refuse(
    call,
    `coalesce takes values of one type, not ${described} beside ${parts.describe(first!, nodes[0]!)}`,
  );
}

function counted({ length }: readonly unknown[]): string {
  return length === 1 ? '1 value' : `${length} values`;
}
