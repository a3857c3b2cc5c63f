import * as fc from 'fast-check';

import { Batch, type CellValue, type Schema, schema, Selection } from '../../../src/batch/index.ts';

export const fields: Schema = schema({
  n: 'float64',
  m: 'float64?',
  k: 'int32?',
  t: 'timestamp',
  big: 'int64',
  bigger: 'int64?',
  c: 'category',
  d: 'category?',
  s: 'text',
  u: 'text?',
  on: 'bool',
  off: 'bool?',
  constructor: 'float64?',
  j: 'json?',
});

export type RowValues = Readonly<Record<string, CellValue>>;

/** An expression as text, and what it gives by the documented rules, worked out row by row. */
export interface Sample {
  readonly text: string;
  readonly value: (row: RowValues) => CellValue;
}

/** An expression of each type, to be compared with the columns. */
export interface Samples {
  readonly bool: Sample;
  readonly number: Sample;
  readonly int64: Sample;
  readonly text: Sample;
}

const strict =
  (apply: (...values: never[]) => CellValue) =>
  (...parts: readonly Sample[]) =>
  (row: RowValues): CellValue => {
    const values = parts.map(({ value }) => value(row));
    return values.includes(null) ? null : apply(...(values as never[]));
  };

const field = (name: string): Sample => ({ text: name, value: (row) => row[name] as CellValue });
const literal = (text: string, value: CellValue): Sample => ({ text, value: () => value });

function binary(
  operator: string,
  a: Sample,
  b: Sample,
  apply: (a: never, b: never) => CellValue,
): Sample {
  return { text: `(${a.text} ${operator} ${b.text})`, value: strict(apply)(a, b) };
}

function call(
  name: string,
  parts: readonly Sample[],
  apply: (...values: never[]) => CellValue,
): Sample {
  return {
    text: `${name}(${parts.map(({ text }) => text).join(', ')})`,
    value: strict(apply)(...parts),
  };
}

function choice(test: Sample, yes: Sample, no: Sample): Sample {
  return {
    text: `(${test.text} ? ${yes.text} : ${no.text})`,
    value: (row) => (test.value(row) === true ? yes.value(row) : no.value(row)),
  };
}

function coalesce(a: Sample, b: Sample): Sample {
  return { text: `coalesce(${a.text}, ${b.text})`, value: (row) => a.value(row) ?? b.value(row) };
}

/** Kleene's logic, from its tables. */
function logic(operator: '&&' | '||', a: Sample, b: Sample): Sample {
  const decides = operator === '||';
  return {
    text: `(${a.text} ${operator} ${b.text})`,
    value(row) {
      const [left, right] = [a.value(row), b.value(row)];
      if (left === decides || right === decides) return decides;
      return left === null || right === null ? null : !decides;
    },
  };
}

const comparisons: Readonly<Record<string, (a: never, b: never) => boolean>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  // Loose on purpose: a bigint and a number are compared by value.
  '==': (a, b) => a == b,
  '!=': (a, b) => a != b,
};

const arithmetic: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
};

const words = ['', 'C', 'K', 'Celsius', 'é', '日本', 'c'];
const bigs = [0n, 1n, -1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)];
const numbers = [0, -0, 1, -1, 0.5, 2.5, 3, 1e300, 2 ** 53, NaN, Infinity, -Infinity];

const quoted = (word: string): string => (word.length % 2 ? `'${word}'` : `"${word}"`);

const numberLiteral = fc
  .constantFrom('0', '1', '2.5', '.5', '1e3', '9007199254740993', '7')
  .map((text) => literal(text, Number(text)));
const int64Literal = fc
  .constantFrom(...bigs.slice(0, 6))
  .map((value) => (value < 0n ? literal(`(${value})`, value) : literal(`${value}`, value)));
const textLiteral = fc.constantFrom(...words).map((word) => literal(quoted(word), word));
const fieldOf = (...names: string[]): fc.Arbitrary<Sample> => fc.constantFrom(...names).map(field);

/** Expressions of bounded depth, of each type. */
export const samples: { readonly [T in keyof Samples]: fc.Arbitrary<Sample> } = fc.letrec<Samples>(
  (tie: fc.LetrecTypedTie<Samples>): fc.LetrecValue<Samples> => {
    const pair = <T extends keyof Samples>(type: T): fc.Arbitrary<[Sample, Sample]> =>
      fc.tuple(tie(type), tie(type)) as fc.Arbitrary<[Sample, Sample]>;
    const choices = (type: keyof Samples): fc.Arbitrary<Sample>[] => [
      fc.tuple(tie('bool'), tie(type), tie(type)).map(([test, yes, no]) => choice(test, yes, no)),
      fc
        .tuple(tie('bool'), tie(type))
        .map(([test, yes]) => choice(test, yes, literal('null', null))),
      pair(type).map(([a, b]) => coalesce(a, b)),
    ];
    const compared = (operand: fc.Arbitrary<[Sample, Sample]>): fc.Arbitrary<Sample> =>
      fc
        .tuple(fc.constantFrom(...Object.keys(comparisons)), operand)
        .map(([operator, [a, b]]) => binary(operator, a, b, comparisons[operator]!));
    const depth = { maxDepth: 4, depthSize: 'small' as const, withCrossShrink: true };
    return {
      bool: fc.oneof(
        depth,
        fieldOf('on', 'off'),
        fc.constantFrom(literal('true', true), literal('false', false)),
        compared(pair('number')),
        compared(pair('int64')),
        compared(fc.tuple(tie('int64'), fieldOf('n', 'm', 'k'))),
        compared(pair('text')),
        compared(fc.tuple(fieldOf('c', 'd', 's', 'u'), textLiteral)),
        fc
          .tuple(fc.constantFrom('==', '!='), pair('bool'))
          .map(([operator, [a, b]]) => binary(operator, a, b, comparisons[operator]!)),
        fc
          .tuple(fc.constantFrom('&&' as const, '||' as const), pair('bool'))
          .map(([operator, [a, b]]) => logic(operator, a, b)),
        tie('bool').map((a) => ({ text: `!${a.text}`, value: strict((x: boolean) => !x)(a) })),
        fc
          .oneof(
            fieldOf('m', 'k', 'bigger', 'd', 'u', 'off', 'j', 'n'),
            tie('number'),
            tie('text'),
            tie('bool'),
          )
          .map((a) => ({
            text: `isNull(${a.text})`,
            value: (row: RowValues) => a.value(row) === null,
          })),
        fc
          .tuple(
            fc.constantFrom('startsWith' as const, 'endsWith' as const, 'contains' as const),
            pair('text'),
          )
          .map(([name, pairOf]) =>
            call(name, pairOf, (text: string, part: string) =>
              name === 'contains' ? text.includes(part) : text[name](part),
            ),
          ),
        ...choices('bool'),
      ),
      number: fc.oneof(
        depth,
        fieldOf('n', 'm', 'k', 't', 'constructor'),
        numberLiteral,
        fc
          .tuple(fc.constantFrom(...Object.keys(arithmetic)), pair('number'))
          .map(([operator, [a, b]]) => binary(operator, a, b, arithmetic[operator] as never)),
        tie('number').map((a) => ({ text: `(-${a.text})`, value: strict((x: number) => -x)(a) })),
        fc
          .tuple(fc.constantFrom('abs' as const, 'round', 'floor', 'ceil', 'sqrt'), tie('number'))
          .map(([name, a]) => call(name, [a], (x: number) => Math[name](x))),
        fc
          .tuple(
            fc.constantFrom('min', 'max'),
            fc.array(tie('number'), { minLength: 2, maxLength: 3 }),
          )
          .map(([name, parts]) =>
            call(name, parts, (...values: number[]) =>
              name === 'min' ? Math.min(...values) : Math.max(...values),
            ),
          ),
        tie('int64').map((a) => call('number', [a], (x: bigint | number) => Number(x))),
        tie('text').map((a) => call('length', [a], (x: string) => x.length)),
        ...choices('number'),
      ),
      int64: fc.oneof(
        depth,
        fieldOf('big', 'bigger'),
        fieldOf('big'),
        fc
          .tuple(tie('bool'), fieldOf('big'), int64Literal)
          .map(([test, yes, no]) => choice(test, yes, no)),
        fc.tuple(fieldOf('bigger'), int64Literal).map(([a, b]) => coalesce(a, b)),
        ...choices('int64'),
      ),
      text: fc.oneof(
        depth,
        fieldOf('c', 'd', 's', 'u'),
        textLiteral,
        tie('text').map((a) => call('lower', [a], (x: string) => x.toLowerCase())),
        tie('text').map((a) => call('upper', [a], (x: string) => x.toUpperCase())),
        ...choices('text'),
      ),
    };
  },
);

const orNull = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.option(values, { freq: 3 });
const anyNumber = fc.oneof(fc.constantFrom(...numbers), fc.double());
const anyInt64 = fc.oneof(
  fc.constantFrom(...bigs),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
);
const anyInt32 = fc.oneof(fc.constantFrom(0, 1, -1, 2 ** 31 - 1), fc.integer());
const anyWord = fc.constantFrom(...words);

/** Rows of `fields`, and for each whether it counts. */
export const rows: fc.Arbitrary<{ row: RowValues; counts: boolean }[]> = fc.array(
  fc.record({
    row: fc.record({
      n: anyNumber,
      m: orNull(anyNumber),
      k: orNull(anyInt32),
      t: fc.integer({ min: 0, max: 2_000_000_000_000 }),
      big: anyInt64,
      bigger: orNull(anyInt64),
      c: anyWord,
      d: orNull(anyWord),
      s: anyWord,
      u: orNull(anyWord),
      on: fc.boolean(),
      off: orNull(fc.boolean()),
      constructor: orNull(anyNumber),
      j: orNull(fc.constantFrom(1, 'x', [1])),
    }) as fc.Arbitrary<RowValues>,
    counts: fc.boolean(),
  }),
  { maxLength: 12 },
);

/** A batch of the rows in which only those count that are to. */
export function batchOf(given: readonly { row: RowValues; counts: boolean }[]): Batch {
  const batch = Batch.from(
    given.map(({ row }) => row),
    fields,
  );
  const selected = Uint32Array.from(given.flatMap(({ counts }, index) => (counts ? [index] : [])));
  return batch.select(new Selection(selected, selected.length));
}
