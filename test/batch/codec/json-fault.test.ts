import { describe, expect, test } from 'vitest';

import { jsonFaultOf } from '../../../src/batch/codec/json-fault.ts';

describe('what is wrong with a text that is no JSON', () => {
  const cases: Record<string, [expected: string, at: number]> = {
    hunter2: ['a value', 1],
    '{"a":hunter2}': ['a value', 6],
    '{"a":1 hunter2': ['`,` or `}`', 8],
    '{hunter2:1}': ['a name in double quotes', 2],
    '{"a":1,}': ['a name in double quotes', 8],
    '{"a"=1}': ['`:`', 5],
    '[1 2]': ['`,` or `]`', 4],
    '[1,]': ['a value', 4],
    '{"a":01}': ['`,` or `}`', 7],
    '{"a":"hunter\\x2"}': ['an escape that JSON has', 13],
    '{"a":"hunter\n2"}': ['an escaped control character', 13],
    '{"a":1}{"b":2}': ['the end', 8],
    '-': ['a value', 1],
    '{"a":NaN}': ['a value', 6],
  };
  for (const [text, [expected, at]] of Object.entries(cases)) {
    test(`${JSON.stringify(text)}: ${expected} at ${at}, and nothing of it`, () => {
      expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
      expect(jsonFaultOf(text)).toBe(`no JSON: ${expected} expected at character ${at}`);
    });
  }

  test('also where it ends too early', () => {
    for (const [text, expected] of [
      ['', 'a value'],
      ['{"a"', '`:`'],
      ['{"a":"hunter2', 'the end of a text'],
      ['{"a":[1', '`,` or `]`'],
    ] as const) {
      const at = text.length + 1;
      const fault = `no JSON: ${expected} expected at character ${at}, where it ends`;
      expect(jsonFaultOf(text)).toBe(fault);
    }
  });
});
