import type * as zod from 'zod';

import { describeValue } from '../batch/column-writer.ts';
import { type Batch, type Fields, type Schema, Selection, takeValues } from '../batch/index.ts';
import { PipelineError } from '../errors.ts';
import type { Zod } from './component.ts';
import { checkExpression } from './expression/check.ts';
import { keepTrue } from './expression/logic.ts';
import type { BoolNode } from './expression/node.ts';
import { ExpressionError } from './expression/problem.ts';
import { textOrFunction } from './expression.ts';
import { type AnyRowFunction, type RowFunction, RowRunner } from './row-function.ts';
import type { RowFailures } from './row-failures.ts';

/** A condition of a row: an expression, or a function. Null does not hold. */
export type RowTest<F extends Fields> = string | RowFunction<F, boolean | null>;

/** A condition as options hold it. */
export type AnyRowTest = string | AnyRowFunction;

/** The rows of a batch for which a condition holds; rows that it could not be asked of failed. */
export type Condition = (batch: Batch, failures: RowFailures) => Selection;

/** The option schema of a condition. Describe it here: `.describe()` would lose its JSON Schema. */
export function condition(z: Zod, description: string): zod.ZodType<AnyRowTest> {
  return textOrFunction(z, `${description} An expression like "value > 50 && unit == 'C'".`);
}

/** Throws an `ExpressionError` where a condition does not fit the fields. */
export function checkCondition(where: AnyRowTest, input: Schema, option: string): void {
  if (typeof where === 'string') checkTruth(where, input, option);
}

/** Makes a condition ready for batches of a schema. */
export function compileCondition(where: AnyRowTest, input: Schema, option: string): Condition {
  return typeof where === 'string'
    ? conditionOfExpression(checkTruth(where, input, option))
    : conditionOfFunction(where, input, option);
}

function conditionOfExpression(truth: BoolNode): Condition {
  return (batch) => {
    const { rows, length: count, rowsStored } = batch;
    const frame = { batch, rows, count, rowsStored };
    truth.run(frame);
    const kept = takeValues(Uint32Array, count);
    return new Selection(kept, keepTrue(frame, truth.values, kept));
  };
}

function conditionOfFunction(test: AnyRowFunction, input: Schema, option: string): Condition {
  const runner = new RowRunner(input);
  return (batch, failures) => {
    const { rows, length } = batch;
    const kept = takeValues(Uint32Array, length);
    const other = (row: number, result: unknown): void => {
      if (result !== null) failures.refuse(row, result, 'row.result', noTruth(option, result));
    };
    const count = runner.over(batch, (loops, cursor) =>
      loops.keep(cursor, rows, length, test, kept, other, failures.threw),
    );
    return new Selection(kept, count);
  };
}

function checkTruth(where: string, input: Schema, option: string): BoolNode {
  const node = checkExpression(where, input, option);
  if (node.type === 'bool') return node;
  const text = 'a condition is true or false, and this is not; compare it with something';
  throw new ExpressionError(where, option, [{ at: 0, text }]);
}

function noTruth(option: string, result: unknown): PipelineError {
  return new PipelineError({
    code: 'ERR_BATCH_VALUE',
    place: option,
    fact: `a condition gives true, false or null, not ${describeValue(result)}`,
  });
}
