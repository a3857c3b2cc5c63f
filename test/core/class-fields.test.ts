import { describe, expect, test } from 'vitest';

import { hasField } from '../../src/core/class-parameters/fields.ts';

type Class = abstract new () => object;

/** The class that a text of JavaScript makes. */
// oxlint-disable-next-line typescript/no-implied-eval -- the text is ours
const made = (text: string): Class => new Function(`return ${text}`)() as Class;

describe('a field of instances', () => {
  test.each([
    'class { x = 1 }',
    'class { x }',
    'class{x;y}',
    'class { y = 2; x = 1 }',
    'class { y = 2\n  x\n  z() {} }',
    'class { constructor() { this.x = 1; } x = 1 }',
    'class { "x" = 1; }',
    "class { 'x' = 1; }",
    'class { x /* = */ = { x: 1 } }',
    'class { a = "class { x(){} }"; x = 1 }',
    'class { static x = 1; x = 2 }',
    'class extends class { x = 1 } {}',
  ])('is in %j', (text) => expect(hasField(made(text), 'x')).toBe(true));

  test.each([
    'class {}',
    'class { constructor() { this.x = 1; } }',
    'class { constructor(x = 1) {} }',
    'class { x() {} }',
    'class { x\n() {} }',
    'class { get x() { return 1; } set x(x) {} }',
    'class { async x() {} *y() { let x = 1; } }',
    'class { static x = 1; }',
    'class { static { let x = 1; } }',
    'class { #x = 1; }',
    'class { xs = 1; ax = 2 }',
    'class { y = { x: 1 } }',
    'class { y = class { x = 1; } }',
    'class { y() { return class { x = 1; }; } }',
    'class { /* x = 1; */ // x = 1;\n }',
    'class { y = "x = 1;"; z = `x = 1;`; r = /x = 1;/ }',
    'class { y = x => x; }',
    'class { [Symbol("x")] = 1 }',
    'function x() {}',
    'Map',
  ])('is not in %j', (text) => expect(hasField(made(text), 'x')).toBe(false));

  test('is known by its name, whatever that is', () => {
    const odd = made('class { get = 1; static_ = 2; "a.b" = 3; $ = 4 }');
    const names = ['get', 'static_', 'a.b', '$', 'a', 'b', 'static', 'set', ''];
    expect(names.filter((name) => hasField(odd, name))).toEqual(['get', 'static_', 'a.b', '$']);
    expect(hasField(made('class { get x() { return 1; } }'), 'get')).toBe(false);
  });
});
