import type * as zod from 'zod';

import { bitmapBytes } from '../batch/bitmap.ts';
import {
  type Bitmap,
  clearBit,
  type Column,
  createBitmap,
  type Field,
  type Fields,
  FixedColumn,
  type Kind,
  type Schema,
  takeValues,
} from '../batch/index.ts';
import { createColumnFill, misfitOf } from './column-fill.ts';
import type { Zod } from './component.ts';
import { checkExpression } from './expression/check.ts';
import { truth } from './expression/scope.ts';
import type {
  BoolNode,
  Frame,
  Int64Node,
  NumberNode,
  TextNode,
  ValueNode,
} from './expression/node.ts';
import { ExpressionError } from './expression/problem.ts';
import { shownValue } from './option-message.ts';
import {
  type AnyRowFunction,
  columnOfRowFunction,
  type ComputeColumn,
  type RowFunction,
} from './row-function.ts';
import type { RowFailures } from './row-failures.ts';

export { type ExpressionFunction, expressionFunctions } from './expression/functions.ts';
export { expressionLimits } from './expression/parse.ts';
export {
  ExpressionError,
  type ExpressionProblem,
  ExpressionSyntaxError,
} from './expression/problem.ts';

/** The value of a field: an expression, or a function of the row. */
export type RowValue<F extends Fields, R> = string | RowFunction<F, R>;

/** A value as options hold it. */
export type AnyRowValue = string | AnyRowFunction;

/** The option schema of a value. Describe it here: `.describe()` would lose its JSON Schema. */
export function expression(z: Zod, description: string): zod.ZodType<AnyRowValue> {
  return textOrFunction(z, `${description} An expression like "(value - 10) / 80".`);
}

const expressionOptions = new WeakSet<object>();

/** True for the schema of an option that holds an expression or a condition. */
export function takesExpression(schema: object): boolean {
  return expressionOptions.has(schema);
}

/** Accepts text or, in code, a function; JSON Schema shows the text alone. */
export function textOrFunction(z: Zod, description: string): zod.ZodType<string | AnyRowFunction> {
  const accepts = (value: unknown): boolean =>
    typeof value === 'string' || typeof value === 'function';
  const option = z
    .custom<string | AnyRowFunction>(accepts, {
      error: ({ input }) => `takes an expression as text, or a function, not ${shownValue(input)}`,
    })
    // `describe` would make a copy, and zod finds no JSON Schema for a copy of such a type.
    .register(z.globalRegistry, { description });
  option._zod.toJSONSchema = () => ({ type: 'string' });
  expressionOptions.add(option);
  return option;
}

/** Throws where the value of a field does not fit the fields there are, or the field's own kind. */
export function checkValue(value: AnyRowValue, input: Schema, field: Field, option: string): void {
  if (typeof value === 'string') checkKind(value, input, field, option);
}

/** Makes the value of a field ready for batches of a schema. */
export function compileValue(
  value: AnyRowValue,
  input: Schema,
  field: Field,
  option: string,
): ComputeColumn {
  return typeof value === 'string'
    ? columnOfNode(checkKind(value, input, field, option), field)
    : columnOfRowFunction(value, input, field);
}

const nodesOfKind: Readonly<Record<Kind, readonly ValueNode['type'][]>> = {
  float64: ['number'],
  int32: ['number'],
  timestamp: ['number'],
  int64: ['int64', 'number'],
  bool: ['bool'],
  category: ['text'],
  text: ['text'],
  bytes: [],
  json: [],
};

function checkKind(value: string, input: Schema, field: Field, option: string): ValueNode {
  const node = checkExpression(value, input, option);
  const refuse = (text: string): never => {
    throw new ExpressionError(value, option, [{ at: 0, text }]);
  };
  const takes = nodesOfKind[field.kind];
  if (takes.length === 0) refuse(`a ${field.kind} field takes a function, not an expression`);
  if (!takes.includes(node.type)) {
    refuse(`field \`${field.name}\` is ${field.kind}, and this gives ${node.type}`);
  }
  if (node.nullable && !field.nullable) {
    const way = `say \`${field.kind}?\`, or give another value with coalesce(…)`;
    refuse(`field \`${field.name}\` is not nullable, and this may be null; ${way}`);
  }
  return node;
}

function columnOfNode(node: ValueNode, field: Field): ComputeColumn {
  switch (node.type) {
    case 'bool':
      return overFrame(node, (frame) => boolColumn(frame, node, field));
    case 'text':
      return filledColumn(node, field, () => node.strings);
    case 'int64':
      return overFrame(node, (frame) => int64Column(frame, node, field));
    case 'number':
      return field.kind === 'float64'
        ? overFrame(node, (frame) => floatColumn(frame, node, field))
        : filledColumn(node, field, () => node.values);
  }
}

function overFrame(node: ValueNode, make: (frame: Frame) => Column): ComputeColumn {
  return (batch) => {
    const frame = { batch, rows: batch.rows, count: batch.length, rowsStored: batch.rowsStored };
    node.run(frame);
    return make(frame);
  };
}

function floatColumn({ rows, count, rowsStored }: Frame, node: NumberNode, field: Field): Column {
  let { values } = node;
  if (node.owned) node.values = new Float64Array(0);
  else {
    values = takeValues(Float64Array, rowsStored);
    for (let at = 0; at < count; at++) values[rows[at]!] = node.values[rows[at]!]!;
  }
  return new FixedColumn('float64', values, keptValidity(node.validity, field, rowsStored));
}

function int64Column({ rows, count, rowsStored }: Frame, node: Int64Node, field: Field): Column {
  let { values } = node;
  if (node.owned) node.values = new BigInt64Array(0);
  else {
    values = takeValues(BigInt64Array, rowsStored);
    for (let at = 0; at < count; at++) values[rows[at]!] = node.values[rows[at]!]!;
  }
  return new FixedColumn('int64', values, keptValidity(node.validity, field, rowsStored));
}

function boolColumn({ rows, count, rowsStored }: Frame, node: BoolNode, field: Field): Column {
  const values = takeValues(Uint8Array, rowsStored);
  let validity: Bitmap | null = null;
  for (let at = 0; at < count; at++) {
    const row = rows[at]!;
    values[row] = node.values[row]! >> 1;
    if (node.values[row] !== truth.unknown) continue;
    validity ??= createBitmap(rowsStored, true);
    clearBit(validity, row);
  }
  return new FixedColumn('bool', values, field.nullable ? validity : null);
}

/** A copy, because the bits of a node are scratch. */
function keptValidity(validity: Bitmap | null, field: Field, rowsStored: number): Bitmap | null {
  return field.nullable && validity !== null ? validity.slice(0, bitmapBytes(rowsStored)) : null;
}

/** A column filled value by value; a value beyond the kind's range costs its row. */
function filledColumn(
  node: NumberNode | TextNode,
  field: Field,
  values: () => Float64Array | readonly string[],
): ComputeColumn {
  const fill = createColumnFill(field);
  const misfit = node.type === 'number' ? 'number.range' : 'row.result';
  return (batch, failures: RowFailures) => {
    const { rows, length, rowsStored } = batch;
    node.run({ batch, rows, count: length, rowsStored });
    const results = values();
    const { validity } = node;
    fill.begin(rowsStored);
    for (let at = 0; at < length; at++) {
      const row = rows[at]!;
      const isNull = validity !== null && ((validity[row >>> 3]! >>> (row & 7)) & 1) === 0;
      const value = isNull ? null : results[row];
      if (!fill.put(row, value)) failures.add(row, misfit, misfitOf(field, value));
    }
    return fill.finish();
  };
}
