import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  type AnyRule,
  arrayOf,
  custom,
  nonEmptyString,
  oneOf,
  optional,
  pattern,
  positiveInt,
  rangeFloat,
  withDefault,
} from '../../src/attributes/index.ts';

const even = custom('even', {
  accepts: (value): value is number => Number(value) % 2 === 0,
  text: 'an even number',
  jsonSchema: { type: 'integer', multipleOf: 2 },
});
const hex = custom('hex', {
  parse: (value) => {
    if (typeof value !== 'string') throw new TypeError('only text is hexadecimal');
    return Number.parseInt(value, 16);
  },
});
const circular: Record<string, unknown> = {};
circular['self'] = { circular };
const flag = custom('flag', { parse: (value) => value === 'on' });
const mixed = custom('mixed', {
  accepts: ((value: unknown) => (value === 'on' ? true : Number(value))) as never,
});

const kept: readonly [rule: AnyRule, given: unknown, kept: unknown][] = [
  [nonEmptyString, ' s1\n', 's1'],
  [positiveInt, 1, 1],
  [positiveInt, 4.0, 4],
  [positiveInt, Number.MAX_SAFE_INTEGER, 2 ** 53 - 1],
  [rangeFloat(0.5, 2), 0.5, 0.5],
  [rangeFloat(0.5, 2), 2, 2],
  [rangeFloat(1, 1), 1, 1],
  [oneOf(['json', 'csv', 'binary']), 'csv', 'csv'],
  [oneOf([1, true, null]), null, null],
  [pattern(/^[a-z]+$/), 'abc', 'abc'],
  [arrayOf(nonEmptyString), [' a', 'b '], ['a', 'b']],
  [arrayOf(arrayOf(positiveInt)), [[1], []], [[1], []]],
  [even, 4, 4],
  [hex, 'ff', 255],
  [flag, 'on', true],
  [flag, 'off', false],
  [mixed, 'on', 'on'],
];

test.each(kept)('%o.parse(%o)', (rule, given, expected) => {
  expect(rule.parse(given)).toEqual(expected);
});

const invalidDate = new Date(Number.NaN);
const refused: readonly [rule: AnyRule, ...given: unknown[]][] = [
  [nonEmptyString, '', ' \t\n', '\u2003\ufeff', 3, null, undefined, ['a'], new String('a')],
  [positiveInt, 0, -0, -1, 1.5, '5', 5n, true, NaN, Infinity, 2 ** 53, null, undefined, [5]],
  [rangeFloat(0.5, 2), 0.49, 2.01, NaN, Infinity, -Infinity, '1', 1n, true, null, [1], invalidDate],
  [oneOf(['json', 'csv', 'binary']), 'JSON', '', 0, null, undefined, ['json']],
  [oneOf([1, 2]), '1', NaN, true],
  [pattern(/^[a-z]+$/), 'aB', '', 5, null, /^[a-z]+$/],
  [arrayOf(positiveInt), 'abc', { length: 0 }, [1, '2'], [0], new Array(1), null, new Set([1])],
  [even, 3, NaN],
  [hex, 3],
  [mixed, 5],
  [custom('nothing', { parse: () => undefined }), 1],
  [custom('later', { parse: async () => 3 }), 1],
  [custom('soon', { accepts: (async () => true) as never }), 1],
];

test.each(refused.flatMap(([rule, ...given]) => given.map((value) => [rule, value] as const)))(
  '%o.parse(%o) is refused',
  (rule, value) => {
    const code = 'ERR_ATTRIBUTE_INVALID';
    const remedy = `\`${rule.ruleName}\` takes ${rule.text}`;
    expect(() => rule.parse(value)).toThrow(expect.objectContaining({ code, remedy }));
  },
);

describe('a refusal says', () => {
  const messageOf = (rule: AnyRule, value: unknown): string => {
    try {
      rule.parse(value);
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error('nothing was refused');
  };

  test('what was given, and what is taken', () => {
    expect(messageOf(rangeFloat(0.5, 2), 3)).toBe(
      'ERR_ATTRIBUTE_INVALID [rangeFloat] was given 3; ' +
        '`rangeFloat` takes a finite number from 0.5 to 2, inclusive',
    );
    expect(messageOf(oneOf(['json', 'csv', 'binary']), 'xml')).toContain(
      'was given "xml"; `oneOf` takes one of "json", "csv", "binary"',
    );
    expect(messageOf(positiveInt, 5n)).toContain('was given 5n; ');
  });

  test('which item of a list, and why', () => {
    expect(messageOf(arrayOf(positiveInt), [1, '2'])).toContain('a list: item 1 is "2"');
    expect(messageOf(arrayOf(arrayOf(positiveInt)), [[1], [0]])).toContain(
      'item 1 is a list: item 0 is 0',
    );
    expect(messageOf(hex, 5)).toContain('was given 5: only text is hexadecimal');
    expect(messageOf(custom('later', { parse: async () => 3 }), 1)).toContain(
      'answered with a promise',
    );
    expect(messageOf(custom('nothing', { parse: () => undefined }), 1)).toContain(
      'gave nothing back',
    );
  });

  test('of an object what it is', () => {
    class Level {}
    const cases: [unknown, string][] = [
      [new Date(0), 'an object of class `Date` that holds "1970-01-01T00:00:00.000Z"'],
      [new Date(NaN), 'an object of class `Date` that holds null'],
      [new Number(5), 'an object of class `Number` that holds 5'],
      [new String('a'), 'an object of class `String` that holds "a"'],
      [new Boolean(true), 'an object of class `Boolean` that holds true'],
      [new Level(), 'an object of class `Level`'],
      [new Map(), 'an object of class `Map`'],
      [{ level: 5 }, 'a map'],
      [{ constructor: { name: 'x' } }, 'a map'],
      [Object.create(null), 'a map'],
    ];
    for (const [value, shown] of cases) {
      expect(messageOf(nonEmptyString, value)).toContain(`was given ${shown}; `);
      expect(messageOf(arrayOf(positiveInt), [value])).toContain(`item 0 is ${shown}; `);
    }
  });

  test('nothing long, no control characters, no credentials, and survives what cannot be shown', () => {
    const { proxy, revoke } = Proxy.revocable([], {});
    revoke();
    expect(messageOf(positiveInt, 'x'.repeat(1e6))).toContain(
      'was given text of 1000000 characters',
    );
    expect(messageOf(positiveInt, '\u001b[31m\u2028')).toContain('"\\u001b[31m\\u2028"');
    expect(messageOf(positiveInt, 'http://user:word@host/')).not.toContain('word');
    expect(messageOf(positiveInt, proxy)).toContain('something that cannot be shown');
    expect(messageOf(positiveInt, Symbol('s'))).toContain('Symbol(s)');
    const thrown = custom('throws', {
      parse: (): never => {
        // oxlint-disable-next-line typescript/only-throw-error -- others' functions do
        throw undefined;
      },
    });
    expect(messageOf(thrown, 1)).toContain('no reason was given');
  });
});

test.each<[what: string, make: () => unknown]>([
  ['rangeFloat(2, 1)', () => rangeFloat(2, 1)],
  ['rangeFloat(NaN, 1)', () => rangeFloat(NaN, 1)],
  ['rangeFloat(0, Infinity)', () => rangeFloat(0, Infinity)],
  ['rangeFloat("0", 1)', () => rangeFloat('0' as never, 1)],
  ['oneOf([])', () => oneOf([])],
  ['oneOf("json")', () => oneOf('json' as never)],
  ['oneOf([NaN])', () => oneOf([NaN])],
  ['oneOf([{}])', () => oneOf([{}] as never)],
  ['pattern("a")', () => pattern('a' as never)],
  ['arrayOf(function)', () => arrayOf((() => true) as never)],
  ['custom("")', () => custom('', { parse: () => 1 })],
  ['custom(no function)', () => custom('a', 5 as never)],
  ['custom(bare function)', () => custom('a', (() => 1) as never)],
  ['custom(both)', () => custom('a', { parse: () => 1, accepts: () => true } as never)],
  ['custom(schema null)', () => custom('a', { parse: Number, jsonSchema: null as never })],
  ['custom(schema text)', () => custom('a', { parse: Number, jsonSchema: 'number' as never })],
  ['custom(circular)', () => custom('a', { parse: Number, jsonSchema: circular })],
  ['withDefault(circular)', () => withDefault(custom<object>('a', { parse: Object }), circular)],
  [
    'withDefault(circular list)',
    () => withDefault(custom<object>('a', { parse: Object }), [circular]),
  ],
  ['arrayOf(optional)', () => arrayOf(optional(positiveInt))],
  ['optional(no rule)', () => optional({} as never)],
  ['withDefault(no rule)', () => withDefault({} as never, 1)],
])('%s is refused where it is made', (_what, make) => {
  expect(make).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }));
});

test('a default passes its rule where it is given, and the schema has it', () => {
  expect(() => withDefault(rangeFloat(0.5, 2), 3)).toThrow('[rangeFloat] was given 3');
  expect(withDefault(rangeFloat(0.5, 2), 1).jsonSchema).toEqual({
    type: 'number',
    minimum: 0.5,
    maximum: 2,
    default: 1,
  });
});

test('an optional rule takes undefined too', () => {
  const rule = optional(positiveInt);
  expect([rule.parse(undefined), rule.parse(5)]).toEqual([undefined, 5]);
  for (const value of [null, 0, '']) expect(() => rule.parse(value)).toThrow('was given');
  const { ruleName, text, jsonSchema } = rule;
  expect({ ruleName, text, jsonSchema }).toEqual({
    ruleName: 'optional(positiveInt)',
    text: 'a whole number from 1 to 9007199254740991, or undefined',
    jsonSchema: positiveInt.jsonSchema,
  });
});

test('a value may stand in a default twice', () => {
  const shared = { name: 'a' };
  const rule = withDefault(custom<object>('a', { parse: Object }), [shared, shared]);
  expect(rule.jsonSchema['default']).toEqual([shared, shared]);
});

test('a pattern is found from the beginning each time, whatever flags and lastIndex say', () => {
  for (const flags of ['g', 'y', 'gy']) {
    const given = new RegExp('a+', flags);
    given.lastIndex = 2;
    const rule = pattern(given);
    for (let at = 0; at < 3; at++) expect(rule.parse('baa')).toBe('baa');
    expect(given.lastIndex).toBe(2);
  }
  expect(pattern(/a/gu).jsonSchema).toEqual({ type: 'string', pattern: 'a' });
  expect(pattern(/a/i).jsonSchema).toEqual({ type: 'string' });
});

test('a list that is kept is a frozen copy', () => {
  const given = [1, 2];
  const list = arrayOf(positiveInt).parse(given);
  given.push(-1);
  expect(list).toEqual([1, 2]);
  expect(list).toBeInstanceOf(Array);
  expect(() => (list as number[]).push(-1)).toThrow(TypeError);
});

test('rangeFloat keeps exactly the finite numbers within its limits', () => {
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
  fc.assert(
    fc.property(finite, finite, fc.anything(), fc.double(), (a, b, anything, number) => {
      const [min, max] = [Math.min(a, b), Math.max(a, b)];
      const rule = rangeFloat(min, max);
      for (const value of [anything, number, min, max]) {
        const isGood = typeof value === 'number' && value >= min && value <= max;
        if (isGood) expect(rule.parse(value)).toBe(value);
        else expect(() => rule.parse(value)).toThrow('[rangeFloat]');
      }
    }),
  );
});
