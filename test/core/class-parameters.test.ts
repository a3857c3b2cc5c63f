import { spawnSync } from 'node:child_process';
import { EventEmitter } from 'node:events';

import { transformSync } from 'esbuild';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { parametersOfClass } from '../../src/core/class-parameters.ts';
import type { ParameterDescription } from '../../src/core/describe.ts';
import { isSecretName } from '../../src/core/mask.ts';

type Class = abstract new (...given: never[]) => object;

/** A class that is written as text, so that no compiler of the tests has rewritten it. */
function classOf(source: string, given: Record<string, unknown> = {}): Class {
  const names = Object.keys(given);
  // oxlint-disable-next-line no-implied-eval
  const make = new Function(...names, `return (${source})`) as (...values: unknown[]) => Class;
  return make(...Object.values(given));
}

const read = (source: string, given?: Record<string, unknown>) =>
  parametersOfClass(classOf(source, given));
const named = (source: string, given?: Record<string, unknown>): string[] =>
  read(source, given).parameters.map(({ name }) => name);

const required = (name: string, kind = 'unknown'): ParameterDescription => ({
  name,
  kind,
  hasDefault: false,
  required: true,
});
const optional = (name: string, kind: string, value?: unknown): ParameterDescription => ({
  name,
  kind,
  ...(value !== undefined && { default: value }),
  hasDefault: true,
  required: false,
});

const inModule = `
  import { parametersOfClass } from '../../src/core/class-parameters.ts';
  class A {
    static place = import.meta.url;
    constructor(a, b = 'import.meta') {}
  }
  console.log(JSON.stringify(parametersOfClass(A)));
`;

describe('the parameters of a constructor', () => {
  test.each<[source: string, expected: ParameterDescription[]]>([
    ['class A {}', []],
    ['class A { constructor() {} }', []],
    ['class A { constructor(a, b) {} }', [required('a'), required('b')]],
    ['class A { constructor(a, b,) {} }', [required('a'), required('b')]],
    ['class{constructor(a,n=50){}}', [required('a'), optional('n', 'number', 50)]],
    ['class A { constructor(a = -1.5e3) {} }', [optional('a', 'number', -1500)]],
    ['class A { constructor(a = 0x1_F) {} }', [optional('a', 'number', 31)]],
    ['class A { constructor(a = 10n) {} }', [optional('a', 'bigint')]],
    ['class A { constructor(a = Infinity) {} }', [optional('a', 'number')]],
    [
      'class A { constructor(a = !0, b = !1) {} }',
      [optional('a', 'boolean', true), optional('b', 'boolean', false)],
    ],
    ['class A { constructor(a = null) {} }', [optional('a', 'unknown', null)]],
    [
      'class A { constructor(a = undefined, b = void 0) {} }',
      [
        { name: 'a', kind: 'unknown', hasDefault: false, required: false },
        { name: 'b', kind: 'unknown', hasDefault: false, required: false },
      ],
    ],
    [
      `class A { constructor(a = ')', b = "(,", c = 'it\\'s') {} }`,
      [
        optional('a', 'string', ')'),
        optional('b', 'string', '(,'),
        optional('c', 'string', "it's"),
      ],
    ],
    [
      'class A { constructor(a = `x`, b = `${"}"}`) {} }',
      [optional('a', 'string', 'x'), optional('b', 'unknown')],
    ],
    [
      'class A { constructor(a = [1, "b"], b = [x()]) {} }',
      [optional('a', 'array', [1, 'b']), optional('b', 'unknown')],
    ],
    [
      'class A { constructor(a = { b: { c: 1 }, "d e": 2 }) {} }',
      [optional('a', 'object', { b: { c: 1 }, 'd e': 2 })],
    ],
    [
      'class A { constructor(a = { ...b }, c = { d() {} }) {} }',
      [optional('a', 'unknown'), optional('c', 'unknown')],
    ],
    [
      'class A { constructor(a = (x, y) => x / y, b = function () { return /[)]/; }, c = async x => x) {} }',
      [optional('a', 'unknown'), optional('b', 'unknown'), optional('c', 'unknown')],
    ],
    [
      'class A { constructor(a = Date.now(), b = new Map([[1, 2]]), c = a + 1) {} }',
      [optional('a', 'unknown'), optional('b', 'unknown'), optional('c', 'unknown')],
    ],
    [
      'class A { constructor(a, ...rest) {} }',
      [required('a'), { name: 'rest', kind: 'array', hasDefault: false, required: false }],
    ],
    ['class A { constructor(/* a, */ b /* = 1 */, // c,\n d) {} }', [required('b'), required('d')]],
    [
      'class A { constructor({ min, max = 5, inner: { deep = "x" }, as: local, ...others }) {} }',
      [
        required('min'),
        optional('max', 'number', 5),
        optional('inner.deep', 'string', 'x'),
        required('as'),
        { name: 'others', kind: 'object', hasDefault: false, required: false },
      ],
    ],
    [
      'class A { constructor({ min, "max": m = 2 } = {}) {} }',
      [
        { name: 'min', kind: 'unknown', hasDefault: false, required: false },
        optional('max', 'number', 2),
      ],
    ],
    [
      'class A { constructor([from, token = "sk-1", ...rest], [x] = [1]) {} }',
      [required('[…]', 'array'), optional('[…]', 'array', [1])],
    ],
    ['class A { "constructor"(a) {} }', [required('a')]],
    [
      'class A { constructor(arguments_, ünï, $_) {} }',
      [required('arguments_'), required('ünï'), required('$_')],
    ],
    // Where only who parses the whole can tell what a slash begins, or a name is.
    ['class A { static x = { a: {} / 2 }; constructor(a) {} }', [required('a')]],
    [
      'class A { async m() { for await (const of of []) of / 2 } constructor(a) {} }',
      [required('a')],
    ],
    [
      'class A { m() { return [this.#n, #constructed in this]; } constructor(a = A.#n) {} static #n = 1; #constructed }',
      [optional('a', 'unknown')],
    ],
    ['class A { constructor() { return function () { return [arguments, "arguments"]; }; } }', []],
    ['class A { constructor() { this.arguments = 1; } m() { return arguments; } }', []],
    [
      'class A { constructor(a = [1]`x`, b = +1n) {} }',
      [optional('a', 'unknown'), optional('b', 'unknown')],
    ],
    [
      'class A { constructor(a = foo("x"), b = `x`.y, c = 1..toString, d = nulltrue, e = [1, , 2]) {} }',
      [...['a', 'b', 'c', 'd'].map((name) => optional(name, 'unknown')), optional('e', 'array')],
    ],
    [
      'class A { constructor(a = { ["b"]: 1 }, c = { __proto__: { d: 1 } }) {} }',
      [optional('a', 'object', { b: 1 }), optional('c', 'unknown')],
    ],
  ])('%s', (source, expected) => {
    expect(read(source)).toEqual({ parameters: expected });
  });

  test('is found among all else that a class may hold', () => {
    const around = [
      'static constructor(no) {}',
      'static async constructor(no) {}',
      'static *constructor(no) {}',
      '["constructor"](no) {}',
      'x = { constructor(no) {} }',
      'y = class { constructor(no) {} }',
      'z = function constructor(no) {}\n',
      'u = this.constructor(1)\n',
      'v = a => { if (a) /[/{]constructor(no)/.test(a); }\n',
      'w = 1 / 2 / 3\n',
      't = `${ { a: `}` }.a }constructor(no) {` \n',
      'static { const constructor = (no) => no; constructor(1) }',
      'get a() { return 4 / 2 } // constructor(no) {}\n',
      'set a(b) { /* constructor(no) {} */ }',
      'async\n',
      'plain\n',
      '"text" = "constructor"\n',
      'i = this.n++\n',
      'new = 1\n',
      'static async\n',
    ];
    for (const before of around) {
      for (const after of ['', ...around].filter((other) => other !== before)) {
        expect(named(`class A { ${before}\nconstructor(yes) {}\n${after} }`, { a: 1 })).toEqual([
          'yes',
        ]);
      }
      expect(read(`class A { ${before} }`, { a: 1 })).toEqual({ parameters: [] });
    }
  });

  test('are those of the parent where a class has none of its own', () => {
    const parent = classOf('class P { constructor(a, b = 2) {} }');
    const expected = [required('a'), optional('b', 'number', 2)];
    for (const source of [
      'class A extends P {}',
      'class A extends P { x = 1; }',
      // What TypeScript and esbuild make of fields with values.
      'class A extends P { constructor() { super(...arguments); this.x = 1; } }',
      'class A extends P { constructor(...args) { super(...args); this.x = 1; } }',
      'class A extends mixin({ a: {} }, P) {}',
      'class A extends class extends P {} {}',
      'class A extends (class B extends P { constructor(...b) { super(...b) } }) {}',
    ]) {
      const given = {
        P: parent,
        mixin: (_: unknown, base: Class) => classOf('class extends B {}', { B: base }),
      };
      expect(read(source, given), source).toEqual({ parameters: expected });
    }
    expect(named('class A extends P { constructor(c) { super(c, 1) } }', { P: parent })).toEqual([
      'c',
    ]);
    expect(read('class A extends null {}')).toEqual({ parameters: [] });
  });

  test.each<[source: string, why: RegExp, given?: Record<string, unknown>]>([
    ['class A extends Map {}', /the source of `Map` is not there/],
    ['class A extends E {}', /`EventEmitter` is a function, no class/, { E: EventEmitter }],
    [
      'class A extends B {}',
      /the source of `P` is not there/,
      { B: new Proxy(classOf('class P {}'), {}) },
    ],
    ['class A { constructor() { this.a = arguments[0]; } }', /`A` reads `arguments`/],
    ['class A { constructor({ [k]: a }) {} }', /the source of `A` cannot be read/],
    ['class A { constructor() { this.f = () => arguments[0]; super.toString(); } }', /`arguments`/],
    ['class A { \\u0063onstructor(a) {} }', /the source of `A` cannot be read/],
    ['class A { constructor(\\u0061) {} }', /the source of `A` cannot be read/],
  ])('says that it cannot know them: %s', (source, why, given) => {
    const { parameters, parametersUnknown } = read(source, given);
    expect(parameters).toEqual([]);
    expect(parametersUnknown).toMatch(why);
  });

  test('shows no default that its name says is secret', () => {
    const source = `class A { constructor(apiKey = 'sk-1', { auth: { password = 'hunter2', user = 'u' } = {} },
      url = 'https://me:pw@host/x', headers = { authorization: 'Bearer t', a: 1 }, token = null) {} }`;
    const shown = JSON.stringify(read(source));
    expect(shown).not.toMatch(/sk-1|hunter2|me:pw|Bearer/);
    expect(read(source).parameters.map(({ default: value }) => value)).toEqual([
      '[secret]',
      '[secret]',
      'u',
      'https://[secret]@host/x',
      { authorization: '[secret]', a: 1 },
      null,
    ]);
  });

  test('are read in a module that knows where it is, and where no code may be made of text', () => {
    const made = spawnSync(
      process.execPath,
      ['--disallow-code-generation-from-strings', '--input-type=module', '--eval', inModule],
      { cwd: import.meta.dirname, encoding: 'utf8' },
    );
    expect(made.stderr).toBe('');
    expect(JSON.parse(made.stdout)).toEqual({
      parameters: [required('a'), optional('b', 'string', 'import.meta')],
    });
  });

  test('does not overflow on what is nested deep', () => {
    const deep = '['.repeat(500) + ']'.repeat(500);
    expect(read(`class A { constructor(a = ${deep}) {} }`)).toEqual({
      parameters: [optional('a', 'array')],
    });
  });
});

describe('property: whatever is written is read', () => {
  const name = fc
    .stringMatching(/^[a-z$][\w$]{0,5}$/)
    .filter(
      (text) =>
        !/^(?:do|if|in|of|for|let|new|try|var|case|else|enum|eval|delete|export|import|public|return|switch|typeof|null|this|true|void|with|await|break|catch|class|const|false|super|throw|while|yield|async|static|get|set)$/.test(
          text,
        ) && !isSecretName(text),
    );
  const key = fc.stringMatching(/^[a-z]{1,3}$/).filter((text) => !isSecretName(text));
  const value: fc.Arbitrary<unknown> = fc.oneof(
    fc.boolean(),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0),
    fc.string({
      unit: fc.constantFrom(
        'a',
        '"',
        "'",
        '`',
        '\\',
        '/',
        '*',
        '(',
        ')',
        '{',
        '}',
        ',',
        '=',
        '$',
        '\n',
        '\u2028',
        '😀',
      ),
    }),
    fc.array(fc.integer(), { maxLength: 3 }),
    fc.dictionary(key, fc.string({ maxLength: 3 }), { maxKeys: 3 }),
  );
  const gap = fc.constantFrom('', ' ', '\n', '/* ) { */', '// ,(\n', '/**/ ');
  const parameters = fc.uniqueArray(
    fc.record({ name, value: fc.option(value, { nil: undefined }) }),
    {
      selector: ({ name: own }) => own,
      maxLength: 5,
    },
  );
  const kindOf = (given: unknown): string =>
    given === undefined ? 'unknown' : Array.isArray(given) ? 'array' : typeof given;
  const members = fc.array(
    fc.constantFrom(
      'x = 1;',
      '#y = /[)}]/;',
      'm() { return `}${"{"}`; }',
      'static { { /[{]/ } }',
      's = "}";',
      'get g() { return 1 / 2 / 3; }',
      'async *[`k${1}`](a = "}") {}',
      'o = { constructor(q) {} };',
      '// }\n',
      ';',
    ),
    { maxLength: 4 },
  );

  const cases = fc.record({ parameters, gap, before: members, after: members });
  const runs = { numRuns: process.env['MILLRACE_NIGHTLY'] ? 20_000 : 300 };
  const sourceOf = (c: {
    parameters: { name: string; value: unknown }[];
    gap: string;
    before: string[];
    after: string[];
  }) => {
    const list = c.parameters.map((one) => {
      const text = one.value === undefined ? '' : `${c.gap}=${c.gap}${JSON.stringify(one.value)}`;
      return `${c.gap}${one.name}${text}${c.gap}`;
    });
    const unique = (all: string[]) =>
      all.map((member) => member.replace('#y', `#y${Math.abs(seed++)}`));
    return `class A {${unique(c.before).join('\n')}\nconstructor${c.gap}(${list.join(',')})${c.gap}{ /* } */ }\n${unique(c.after).join('\n')}}`;
  };
  let seed = 0;

  test('as it stands', () => {
    fc.assert(
      fc.property(cases, (c) => {
        const got = read(sourceOf(c)).parameters;
        expect(got).toEqual(
          c.parameters.map((one) =>
            one.value === undefined
              ? required(one.name)
              : optional(one.name, kindOf(one.value), JSON.parse(JSON.stringify(one.value))),
          ),
        );
      }),
      runs,
    );
  });

  test('minified, and with its fields and private names compiled away', () => {
    fc.assert(
      fc.property(cases, fc.constantFrom('es2024', 'es2021', 'es2015'), (c, target) => {
        const source = `globalThis.__made = ${sourceOf(c)}`;
        const { code } = transformSync(source, {
          target,
          minifySyntax: true,
          minifyWhitespace: true,
          supported: { 'async-generator': true },
        });
        // oxlint-disable-next-line no-implied-eval
        new Function(code)();
        const made = (globalThis as { __made?: Class }).__made!;
        const got = parametersOfClass(made).parameters;
        expect(
          got.map(({ name: own, kind, default: given, hasDefault }) => [
            own,
            kind,
            given,
            hasDefault,
          ]),
        ).toEqual(
          c.parameters.map((one) => [
            one.name,
            kindOf(one.value),
            one.value === undefined ? undefined : JSON.parse(JSON.stringify(one.value)),
            one.value !== undefined,
          ]),
        );
      }),
      runs,
    );
  });
});
