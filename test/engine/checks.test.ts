import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { type Flow, isSink, isSource, isStage } from '../../src/core/index.ts';
import { checkStages, ValidationError, validatePipeline } from '../../src/engine/index.ts';
import { filter } from '../../src/stages/filter.ts';
import { numbered, readings, scriptedSink, scriptedSource } from './ends.ts';

const source = scriptedSource({ schema: readings, batches: [numbered(3)] });
const stage = filter('value > 1');
const sink = scriptedSink({});

class Doubling {
  async *transform(stream: AsyncIterable<Flow>): AsyncGenerator<Flow> {
    yield* stream;
  }
}

class Writer {
  write(): void {}
}

const revoked = (): unknown => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};

const throwing = (...names: string[]): object => {
  const get = (): never => {
    throw new Error('not to be read');
  };
  return Object.defineProperties({}, Object.fromEntries(names.map((name) => [name, { get }])));
};

type Texts = { readonly any: string } & Readonly<Record<string, string>>;

/** What is no component, and what is said of it in each place. */
const refused: [what: string, given: unknown, text: Texts][] = [
  ['null', null, { any: 'was given null where a component was due' }],
  ['undefined', undefined, { any: 'was given undefined where a component was due' }],
  ['a number', 5, { any: 'was given number where a component was due' }],
  ['a text', 'console', { any: 'was given string where a component was due' }],
  [
    'a list',
    [stage],
    {
      any: 'a list is no ',
      source: 'a list is no source; `memorySource({ schema, rows })` gives what',
    },
  ],
  [
    'a generator of records',
    [{ value: 1 }].values(),
    {
      any: 'it has no method `',
      source: 'an iterable is no source; `memorySource({ schema, rows })`',
    },
  ],
  [
    'an asynchronous generator of records',
    (async function* () {})(),
    {
      any: 'it has no method `',
      source: 'iterable is no source; `{ schema, async *stream() { … } }`',
    },
  ],
  ['a promise', Promise.resolve(stage), { any: 'a promise is no ' }],
  ['nothing', {}, { any: 'it has no method `' }],
  ['an object without a prototype', Object.create(null), { any: 'it has no method `' }],
  ['a class in place of an instance', Doubling, { any: '`Doubling` is a class; give an instance' }],
  ['a class of the language', Map, { any: '`Map` is a class; give an instance' }],
  ['a description that was not called', filter, { any: '`filter` is the description of a comp' }],
  ['a function', (row: unknown) => row, { any: 'it has no method `' }],
  [
    'a source without `stream`',
    { open() {}, read() {}, position() {}, close() {} },
    {
      any: 'it has no method `',
      source: 'it has no method `stream({ from, signal })`; it has `read`',
    },
  ],
  [
    'a stage with `process`',
    { process() {} },
    { any: 'it has no method `', stage: '`transform(stream)`; it has `process`' },
  ],
  [
    'a sink with `write`',
    new Writer(),
    { any: 'it has no method `', sink: '`Writer` is no sink: it has no method `consume' },
  ],
  ['a proxy that shows nothing', revoked(), { any: 'cannot be looked at: ' }],
  [
    'a proxy that has everything',
    new Proxy({}, { get: () => () => {}, has: () => true }),
    { any: 'a promise is no ', source: 'the `schema` of source' },
  ],
  [
    'getters that throw',
    throwing('stream', 'transform', 'consume'),
    { any: 'cannot be looked at: not to be read' },
  ],
  ['a definition that throws', throwing('definition'), { any: 'cannot be looked at: not to be' }],
  ['a constructor that throws', throwing('constructor'), { any: 'cannot be looked at: not to be' }],
  ['a `kind` alone', { kind: 'stage', definition: {} }, { any: 'it has no method `' }],
  ['a method that is none', { stream: 1, transform: 'x', consume: {} }, { any: 'no method `' }],
];

describe.each(['source', 'stage', 'sink'] as const)('as a %s', (type) => {
  const check = (given: unknown): string => {
    try {
      return validatePipeline(
        type === 'source' ? given : source,
        type === 'stage' ? [given] : [stage],
        type === 'sink' ? given : sink,
      );
    } catch (error) {
      expect(error).toBeInstanceOf(TypeError);
      expect((error as Error).cause).toBeInstanceOf(ValidationError);
      return (error as Error).message;
    }
  };

  test.each(refused)('%s is refused', (_what, given, text) => {
    const message = check(given);
    expect(message).toContain('Pipeline validation failed: 1 problem\n');
    expect(message).toContain(type === 'stage' ? 'stages.0: protocol: ' : `${type}: protocol: `);
    expect(message).toContain(text[type] ?? text.any);
    if (type === 'stage') expect(checkStages([given])).toHaveLength(1);
  });

  test('what is of another kind is refused, and named', () => {
    for (const [other, given] of Object.entries({ source, stage, sink })) {
      if (other === type) continue;
      expect(check(given)).toMatch(
        type === 'stage' && other === 'sink' ? 'two sinks in a row' : `is a ${other}`,
      );
    }
  });
});

describe('the length of a method', () => {
  type Any = (...given: unknown[]) => AsyncGenerator<Flow>;
  const lengths: [length: number, method: Any][] = [
    [0, async function* () {}],
    [0, async function* (..._all) {}],
    [0, async function* (_stream = 0) {}],
    [1, async function* (_stream) {}],
    [1, async function* (_stream, _signal = 0) {}],
    [2, async function* (_stream, _signal) {}],
    [3, async function* (_stream, _signal, _context) {}],
  ];

  test.each(lengths)('%i', (length, method) => {
    const chain = [{ schema: readings, stream: method }, { transform: method }] as const;
    const consuming = { consume: method };
    const found = checkStages([chain[1]]);
    expect(found).toHaveLength(length === 1 ? 0 : 1);
    if (length !== 1) expect(found[0]).toContain('signal and context come through `create`');
    expect(isStage(chain[1])).toBe(length === 1);
    expect(isSink(consuming)).toBe(length === 1);
    expect(isSource(chain[0])).toBe(length <= 1);
    const whole = (): string => validatePipeline(chain[0], [chain[1]], consuming);
    if (length === 1) expect(whole()).toBe('Pipeline validation passed: 1 stages registered.');
    else expect(whole).toThrow(length === 0 ? '2 problems' : '3 problems');
  });
});

test('all problems are told, each with its component and its protocol', () => {
  const chain = [new Doubling(), { process() {} }, stage, sink, null];
  expect(checkStages(chain)).toEqual([
    expect.stringMatching(/^stages\.1: protocol: `stage` is no stage: it has no method `transform/),
    expect.stringMatching(/^stages\.3: topology: `scripted` is a sink: nothing comes after a sink/),
    expect.stringMatching(/^stages\.4: protocol: was given null/),
  ]);
  const whole = (): string => validatePipeline({ read() {} }, chain.slice(0, 4), new Writer());
  expect(whole).toThrow(
    /^Pipeline validation failed: 4 problems\n {2}source: .*`source` is no sour/,
  );
  expect(whole).toThrow('`Writer` is no sink: it has no method `consume(stream)`; it has `write`');
});

test('two sinks in a row', () => {
  expect(() => validatePipeline(source, [stage, sink], sink)).toThrow(
    'stages.1: topology: two sinks in a row: `scripted` and `scripted`',
  );
});

test('nothing is wrong with nothing, and with a chain that is one', () => {
  expect(checkStages([])).toEqual([]);
  expect(checkStages([stage, new Doubling()])).toEqual([]);
  expect(validatePipeline(source, [], sink)).toBe(
    'Pipeline validation passed: 0 stages registered.',
  );
});

test('what is no list of stages', () => {
  for (const stages of [undefined, null, 5, { length: 1 }, stage, revoked()]) {
    expect(checkStages(stages as never)).toHaveLength(1);
    expect(() => validatePipeline(source, stages as never, sink)).toThrow(TypeError);
  }
  // A hole is undefined.
  // oxlint-disable-next-line no-sparse-arrays
  expect(checkStages([, stage] as unknown[])).toHaveLength(1);
});

test('a class in the place of a method is no method, which is called without `new`', () => {
  class Unary {
    readonly given: unknown;
    constructor(given: unknown) {
      this.given = given;
    }
  }
  const made = { stream: class {}, transform: Unary, consume: Unary };
  for (const guard of [isSource, isStage, isSink]) expect(guard(made)).toBe(false);
  expect(checkStages([made])).toEqual([
    expect.stringContaining('its `transform` is a class, and is called as `transform(stream)`'),
  ]);
});

test('a method that was frozen is still a method', () => {
  const frozen = <T>(method: T): T => Object.freeze(method);
  const made = {
    stream: frozen(async function* () {}),
    transform: frozen(async function* (given: unknown) {
      yield given;
    }),
    consume: frozen(function (given: unknown) {
      return given;
    }),
  };
  for (const guard of [isSource, isStage, isSink]) expect(guard(made)).toBe(true);
  class Unary {
    constructor(given: unknown) {
      Object(given);
    }
  }
  expect(isStage({ transform: frozen(Unary) })).toBe(false);
});

test('names in problems hold no control characters', () => {
  const hostile = 'a\n\u001b[31m';
  class Named {}
  Object.defineProperty(Named, 'name', { value: hostile });
  const described = {
    ...stage,
    definition: { ...stage.definition, spec: { ...stage.definition.spec, name: hostile } },
  };
  expect(checkStages([new Named()])[0]).toContain('`a\\u000a\\u001b[31m` is no stage');
  const asSink = (): string => validatePipeline(source, [], described);
  expect(asSink).toThrow('`a\\u000a\\u001b[31m` is no sink: it is a stage');
});

test('guards and checks agree on whatever they are given, and never throw', () => {
  const anything = fc.oneof(
    fc.anything({ withNullPrototype: true, withMap: true, withDate: true }),
    fc.nat(refused.length - 1),
    fc.record(
      {
        transform: fc.oneof(fc.anything(), fc.func(fc.anything())),
        stream: fc.oneof(fc.anything(), fc.func(fc.anything())),
        consume: fc.anything(),
      },
      { requiredKeys: [] },
    ),
  );
  fc.assert(
    fc.property(anything, (what) => {
      const given = typeof what === 'number' ? refused[what]?.[1] : what;
      for (const guard of [isSource, isStage, isSink]) expect(guard(given)).toBeTypeOf('boolean');
      if (isStage(given)) expect(checkStages([given])).toEqual([]);
      else expect(checkStages([given])).toHaveLength(1);
    }),
    { numRuns: 500 },
  );
});
