import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';

import { Batch, type Field, schema, type Schema, Selection } from '../../src/batch/index.ts';
import {
  compileCondition,
  compileValue,
  condition,
  expression,
  ExpressionError,
  expressionFunctions,
  expressionLimits,
  RowFailures,
} from '../../src/core/index.ts';
import { Tally } from '../../src/engine/report.ts';
import {
  batchOf,
  fields,
  rows,
  type RowValues,
  type Sample,
  samples,
} from './expression/generate.ts';

// The nightly run looks for rare combinations; the everyday one keeps the suite quick.
const runs = process.env['MILLRACE_NIGHTLY'] ? 200_000 : 3_000;

const readings = schema({
  sensorId: 'category',
  value: 'float64',
  unit: 'category',
  quality: 'float64?',
  serial: 'int64',
  note: 'text?',
  raw: 'bytes',
  extra: 'json?',
});

function keptBy(where: string, batch: Batch): number[] {
  const failures = new RowFailures(new Tally());
  failures.begin(batch);
  const selection = compileCondition(where, batch.schema, 'where')(batch, failures);
  expect(failures.size).toBe(0);
  return [...selection.rows.subarray(0, selection.length)];
}

function valuesOf(value: string, batch: Batch, field: Field): unknown[] {
  const failures = new RowFailures(new Tally());
  failures.begin(batch);
  const column = compileValue(value, batch.schema, field, field.name)(batch, failures);
  expect(failures.size).toBe(0);
  return Array.from({ length: batch.length }, (_, at) => column.value(batch.rows[at]!));
}

function refusal(where: string, input: Schema = readings): ExpressionError {
  try {
    compileCondition(where, input, 'where');
  } catch (error) {
    if (error instanceof ExpressionError) return error;
    throw error;
  }
  throw new Error(`${where} was not refused`);
}

describe('the columns give what each row gives by itself', () => {
  const expected = (
    sample: Sample,
    given: readonly { row: RowValues; counts: boolean }[],
  ): unknown[] => given.filter(({ counts }) => counts).map(({ row }) => sample.value(row));

  test('conditions', () => {
    fc.assert(
      fc.property(samples.bool, rows, rows, (sample, first, second) => {
        // One compiled condition over several batches: nothing of the first may stay.
        const compiled = compileCondition(sample.text, fields, 'where');
        for (const given of [first, second, first]) {
          const batch = batchOf(given);
          const selection = compiled(batch, new RowFailures(new Tally()));
          const holds = given.flatMap(({ row, counts }, index) =>
            counts && sample.value(row) === true ? [index] : [],
          );
          expect([...selection.rows.subarray(0, selection.length)]).toEqual(holds);
        }
      }),
      { numRuns: runs },
    );
  });

  test.each([
    ['number', 'float64'],
    ['int64', 'int64'],
    ['text', 'text'],
    ['text', 'category'],
    ['bool', 'bool'],
  ] as const)('values of type %s in a %s field', (type, kind) => {
    fc.assert(
      fc.property(samples[type], rows, (sample, given) => {
        const field = { name: 'x', kind, nullable: true };
        expect(valuesOf(sample.text, batchOf(given), field)).toEqual(expected(sample, given));
      }),
      { numRuns: runs },
    );
  });
});

describe('nulls, NaN and large integers', () => {
  const batch = Batch.from(
    [
      { a: 1, b: 9007199254740993n, s: 'x' },
      { a: null, b: 9007199254740992n, s: 'y' },
      { a: NaN, b: -5n, s: null },
    ],
    schema({ a: 'float64?', b: 'int64', s: 'text?' }),
  );

  test.each<[string, number[]]>([
    ['a > 0', [0]],
    ['!(a > 0)', [2]],
    ['a > 0 || a <= 0', [0]],
    ['a == a', [0]],
    ['a != a', [2]],
    ['isNull(a)', [1]],
    ['isNull(a > 0)', [1]],
    ['isNull(a) || a > 0', [0, 1]],
    ['a > 0 && isNull(s)', []],
    ["a > 0 || s == 'y'", [0, 1]],
    ['coalesce(a, 7) == 7', [1]],
    ['(a > 0 ? 1 : 2) == 2', [1, 2]],
    ['b == 9007199254740993', [0]],
    ['b == 9007199254740992', [1]],
    ['b != 9007199254740993', [1, 2]],
    ['b > 9007199254740992', [0]],
    ['b >= -5', [0, 1, 2]],
    ['b == -5', [2]],
    ['b < 99999999999999999999', [0, 1, 2]],
    ['b < 0.5', [2]],
    ['number(b) + 1 < 0', [2]],
  ])('%s', (where, kept) => {
    expect(keptBy(where, batch)).toEqual(kept);
  });
});

describe('names', () => {
  test('a name of the prototype is a field, or none', () => {
    const odd = schema({
      constructor: 'float64',
      toString: 'category',
      'a.b': 'float64',
      this: 'bool',
    });
    const record = { constructor: 5, toString: 'x', 'a.b': 2, this: true } as never;
    const batch = Batch.from([record], odd);
    expect(keptBy("constructor > 4 && toString == 'x'", batch)).toEqual([0]);
    expect(keptBy("field('a.b') == 2 && field('this')", batch)).toEqual([0]);
    expect(refusal('constructor > 4').message).toContain('field `constructor` does not exist here');
    expect(refusal('__proto__ == 1').message).toContain('field `__proto__` does not exist here');
    expect(refusal("field('__proto__') == 1").message).toContain('does not exist here');
    expect(refusal('hasOwnProperty(value)').message).toContain(
      'there is no function `hasOwnProperty`',
    );
  });

  test('a name of own data called __proto__ is read as such', () => {
    const odd = schema(JSON.parse('{"__proto__":"float64"}') as { x: 'float64' });
    const batch = Batch.from([JSON.parse('{"__proto__":3}') as { x: number }], odd);
    expect(keptBy('__proto__ == 3', batch)).toEqual([0]);
  });
});

describe('what is refused says why and where', () => {
  test.each<[string, number, string]>([
    [
      'vlaue > 5',
      0,
      'field `vlaue` does not exist here; fields: sensorId, value, unit, quality, serial, note, raw, extra, did you mean `value`?',
    ],
    ['unit > 5', 0, '`>` cannot compare `unit` (category) with the number 5'],
    [
      'value > 1 && unit == value',
      13,
      '`==` cannot compare `unit` (category) with `value` (float64)',
    ],
    ['unit + 1 > 2', 0, '`+` takes a number, not `unit` (category)'],
    [
      'serial * 2 > 1',
      0,
      '`*` takes a number, not `serial` (int64); number(…) gives the nearest float64',
    ],
    ['value && true', 0, '`&&` takes true or false, not `value` (float64)'],
    ['value', 0, 'a condition is true or false, and this is not'],
    ['quality == null', 11, 'nothing can be told from null here; ask with isNull(…)'],
    ["extra == 'x'", 0, '`extra` (json) can only be asked with isNull(…)'],
    ['raw == raw', 0, '`raw` (bytes) can only be asked with isNull(…)'],
    ['value = 5', 6, 'unexpected `=`'],
    ['value === 5', 0, 'there is no operator `===`, use `==`'],
    ['value ** 2 > 1', 0, 'there is no operator `**`'],
    ['~value > 1', 0, 'there is no operator `~` of one value'],
    ['value >', 7, 'expected expression after >'],
    ['', 0, 'the expression ends too early'],
    ['value > 5; true', 9, 'unexpected `;`'],
    ['value > 5,', 9, 'unexpected `,`'],
    ['value 5', 6, 'unexpected `5`'],
    ['(value > 5', 10, 'unclosed ('],
    ['value > 1e999', 8, 'the number 1e999 is too large'],
    ['round(value) > max(1)', 15, 'it is written max(x, y, …), not with 1 value'],
    ['rond(value) > 1', 0, 'did you mean `round`?'],
    ["unit == '\\u0041'", 8, 'text knows the escapes'],
    ["unit == 'C", 10, 'unclosed quote'],
    ["value > 5 ? unit : 'x'", 0, 'a condition is true or false, and this is not'],
    ['value > 5 ? unit : value', 12, '`? :` takes two values of one type'],
    ['coalesce(value, unit) > 1', 0, 'coalesce takes values of one type'],
  ])('%s', (where, at, text) => {
    const { problems } = refusal(where);
    expect(problems[0]?.text).toContain(text);
    expect(problems[0]?.at).toBe(at);
  });

  test('everything that is wrong is told at once', () => {
    const error = refusal('vlaue > 5 && unti == 3');
    expect(error.problems.map(({ at }) => at)).toEqual([0, 13]);
    expect(error.code).toBe('ERR_EXPRESSION_INVALID');
    expect(error.message).toContain('did you mean `value`?');
    expect(error.message).toContain('did you mean `unit`?');
  });
});

describe('nothing else can be reached', () => {
  test.each([
    'process.exit(1)',
    "constructor.constructor('return process')()",
    "value.constructor('x')",
    "value['constructor']",
    'value?.constructor',
    "this.constructor.constructor('x')()",
    'globalThis',
    "eval('1')",
    "Function('return 1')()",
    "require('fs')",
    "import('fs')",
    '(() => 1)()',
    'value = 1',
    'value += 1',
    'value++',
    '++value',
    'new Date()',
    '`${value}`',
    '/(a+)+$/',
    "unit.match('x')",
    '[value]',
    '[].constructor',
    '{}',
    'true.constructor',
    "''.constructor",
    '(1).constructor',
    'abs.constructor',
    'abs(value).constructor',
    'abs(abs)(value)',
    'abs?.(value)',
    'value, value',
    'typeof value',
    'void 0',
    'delete value',
    'value in value',
    'value instanceof abs',
    'undefined',
    'NaN',
    "field(unit) == 'x'",
    'isNull(null)',
    '#value',
    '@value',
    "toString('x')",
    '__defineGetter__(1, 2)',
    'valueOf()',
  ])('%s', (where) => {
    // Not because it is no condition.
    expect(refusal(where).message).not.toContain('a condition is true or false');
  });

  test('any text at all is compiled or refused', () => {
    const bits = [
      'value',
      'unit',
      "'C'",
      '5',
      '(',
      ')',
      '>',
      '==',
      '&&',
      '!',
      '?',
      ':',
      '.',
      '[',
      ']',
      ',',
      'isNull',
      '-',
      ' ',
      '"',
      '\\',
      'null',
    ];
    const anyText = fc.oneof(
      fc.array(fc.constantFrom(...bits)).map((parts) => parts.join('')),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(anyText, (where) => {
        try {
          compileCondition(where, readings, 'where');
        } catch (error) {
          expect(error).toBeInstanceOf(ExpressionError);
        }
      }),
      { numRuns: runs },
    );
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});

describe('limits', () => {
  const { charactersMax, depthMax } = expressionLimits;

  test('length', () => {
    const padded = (length: number): string => 'value > 5'.padEnd(length);
    expect(keptBy(padded(charactersMax), Batch.from([], readings))).toEqual([]);
    expect(refusal(padded(charactersMax + 1)).message).toContain(
      'at most 4096 characters, not 4097',
    );
  });

  test.each([
    ['parentheses', `${'('.repeat(2000)}value${')'.repeat(2000)} > 5`],
    ['open parentheses', '('.repeat(4000)],
    ['not', `${'!'.repeat(4000)}true`],
    ['choices', `${'true ? '.repeat(500)}true`],
    ['calls', `${'abs('.repeat(900)}value`],
    ['brackets', '['.repeat(4000)],
    ['a chain of operators', `${'true && '.repeat(depthMax + 1)}true`],
  ])('depth: %s', (_name, where) => {
    expect(refusal(where).message).toContain('nested too deeply');
  });

  test('two hundred alternatives are no depth too many', () => {
    const where = Array.from({ length: 200 }, (_, at) => `value == ${at}`).join(' || ');
    const records = [{ value: 199 }, { value: 200 }];
    expect(keptBy(where, Batch.from(records, schema({ value: 'float64' })))).toEqual([0]);
  });
});

describe('values', () => {
  const batch = Batch.from(
    [
      { a: 1.5, b: 3n, s: 'x' },
      { a: 2, b: 4n, s: null },
      { a: 3e9, b: 5n, s: 'z' },
    ],
    schema({ a: 'float64', b: 'int64', s: 'text?' }),
  );

  test('a number that the kind cannot hold costs its row', () => {
    const tally = new Tally();
    const failures = new RowFailures(tally);
    const field: Field = { name: 'x', kind: 'int32', nullable: false };
    failures.begin(batch);
    const column = compileValue('a', batch.schema, field, 'x')(batch, failures);
    expect(column.value(1)).toBe(2);
    expect(tally.failures).toMatchObject([
      {
        position: 0,
        reason: 'number.range',
        message: expect.stringContaining('not a number with a fraction') as string,
      },
      { position: 2, reason: 'number.range' },
    ]);
  });

  test.each<[string, Partial<Field>, string]>([
    ['s', { kind: 'text' }, 'is not nullable, and this may be null; say `text?`'],
    ['a', { kind: 'text' }, 'field `x` is text, and this gives number'],
    ['a', { kind: 'json' }, 'a json field takes a function, not an expression'],
    ['b', { kind: 'float64' }, 'field `x` is float64, and this gives int64'],
    ['null', { kind: 'float64' }, 'nothing can be told from null here'],
  ])('%s is refused for %o', (value, field, text) => {
    const whole = { name: 'x', kind: 'float64', nullable: false, ...field } as Field;
    expect(() => compileValue(value, batch.schema, whole, 'x')).toThrow(text);
  });

  test('a column that was handed over is not written to again', () => {
    const field: Field = { name: 'x', kind: 'float64', nullable: false };
    const compute = compileValue('a * 2', batch.schema, field, 'x');
    const failures = new RowFailures(new Tally());
    failures.begin(batch);
    const first = compute(batch, failures);
    const other = Batch.from([{ a: 7, b: 0n, s: null }], batch.schema);
    failures.begin(other);
    const second = compute(other, failures);
    expect([first.value(0), second.value(0)]).toEqual([3, 14]);
    const same = compileValue('a', batch.schema, field, 'x')(batch, failures);
    expect(same).not.toBe(batch.column('a'));
  });

  test('the nulls of a column that was handed over stay', () => {
    const input = schema({ a: 'float64?', b: 'float64?' });
    const field: Field = { name: 'x', kind: 'float64', nullable: true };
    const compute = compileValue('a + b', input, field, 'x');
    const failures = new RowFailures(new Tally());
    const columns = [
      { a: 1, b: null },
      { a: null, b: 1 },
    ].map((record) =>
      compute(Batch.from([record, { a: 2, b: 2 }, { a: null, b: null }], input), failures),
    );
    expect(columns.map((column) => [0, 1, 2].map((row) => column.value(row)))).toEqual([
      [null, 4, null],
      [null, 4, null],
    ]);
    const other = compute(
      Batch.from(
        [
          { a: 1, b: 2 },
          { a: null, b: 2 },
          { a: 1, b: 2 },
        ],
        input,
      ),
      failures,
    );
    expect([0, 1, 2].map((row) => other.value(row))).toEqual([3, null, 3]);
    expect(columns[0]!.value(0)).toBe(null);
  });
});

describe('categories', () => {
  test('a word that comes to the dictionary later is found', () => {
    const units = schema({ unit: 'category' });
    const first = Batch.from([{ unit: 'K' }], units);
    const compiled = [
      compileCondition("unit == 'C'", units, 'where'),
      compileCondition("startsWith(unit, 'C')", units, 'where'),
      compileCondition("length(unit) == 1 && lower(unit) == 'c'", units, 'where'),
    ];
    const failures = new RowFailures(new Tally());
    const kept = (batch: Batch): number[] => compiled.map((holds) => holds(batch, failures).length);
    expect(kept(first)).toEqual([0, 0, 0]);
    // Another dictionary, and then the first one again.
    expect(kept(Batch.from([{ unit: 'C' }, { unit: 'K' }], units))).toEqual([1, 1, 1]);
    expect(kept(first)).toEqual([0, 0, 0]);
  });

  test('a dictionary that grows between batches', () => {
    const units = schema({ unit: 'category' });
    const batch = Batch.from([{ unit: 'K' }, { unit: 'C' }], units);
    const holds = compileCondition("contains(unit, 'C')", units, 'where');
    const failures = new RowFailures(new Tally());
    expect(holds(batch.select(new Selection(Uint32Array.of(0), 1)), failures).length).toBe(0);
    const column = batch.columns[0] as {
      dictionary: { code(value: string): number };
    } & (typeof batch.columns)[0];
    const code = column.dictionary.code('xC');
    (column as unknown as { codes: Int32Array }).codes[0] = code;
    expect(holds(batch, failures).length).toBe(2);
  });
});

test('options accept text and functions, and show text', () => {
  const options = z.strictObject({
    where: condition(z, 'Which rows.'),
    value: expression(z, 'What.').optional(),
  });
  expect(options.safeParse({ where: 'value > 5' }).success).toBe(true);
  expect(options.safeParse({ where: () => true, value: () => 1 }).success).toBe(true);
  expect(options.safeParse({ where: 5 }).error?.issues[0]?.message).toContain(
    'takes an expression as text, or a function, not 5',
  );
  expect(z.toJSONSchema(options, { io: 'input' }).properties).toMatchObject({
    where: { type: 'string', description: expect.stringContaining('Which rows.') as string },
    value: { type: 'string' },
  });
});

test('every function is described by its own name', () => {
  for (const [name, { usage, summary }] of expressionFunctions) {
    expect(usage.startsWith(`${name}(`)).toBe(true);
    expect(summary).toMatch(/\.$/);
  }
});
