import { inspect } from 'node:util';

import { describe, expect, test } from 'vitest';

import {
  arrayOf,
  custom,
  defineAttributes,
  jsonSchemaOf,
  nonEmptyString,
  oneOf,
  pattern,
  positiveInt,
  rangeFloat,
  rulesOf,
  withDefault,
} from '../../src/attributes/index.ts';
import { defineClass } from '../../src/core/define-class.ts';
import { type Flow, PipelineRegistry, type Stage } from '../../src/core/index.ts';
import { register } from '../../src/decorators/index.ts';

const formats = oneOf(['json', 'csv', 'binary']);

class Decorated {
  @nonEmptyString accessor sensorId: string;
  @rangeFloat(0.5, 2) accessor calibrationFactor = 1;
  @formats accessor outputFormat: 'json' | 'csv' | 'binary' = 'json';
  @positiveInt accessor bufferSize = 1024;
  @arrayOf(nonEmptyString) accessor tags: readonly string[] = [];
  @withDefault(rangeFloat(0, 9), 5) accessor level!: number;

  constructor(sensorId: string) {
    this.sensorId = sensorId;
  }
}

class Defined {
  declare sensorId: string;
  declare calibrationFactor: number;
  declare outputFormat: 'json' | 'csv' | 'binary';
  declare bufferSize: number;
  declare tags: readonly string[];
  declare level: number;

  constructor(sensorId: string) {
    this.sensorId = sensorId;
  }
}

defineAttributes(Defined, {
  sensorId: nonEmptyString,
  calibrationFactor: withDefault(rangeFloat(0.5, 2), 1),
  outputFormat: withDefault(formats, 'json'),
  bufferSize: withDefault(positiveInt, 1024),
  tags: withDefault(arrayOf(nonEmptyString), []),
  level: withDefault(rangeFloat(0, 9), 5),
});

describe.each([
  ['decorators', Decorated],
  ['defineAttributes', Defined],
])('attributes by %s', (_how, SensorConfig) => {
  const { name } = SensorConfig;

  test('begin with what the constructor, the declaration or the rule says', () => {
    const config = new SensorConfig(' s1 ');
    expect(config.sensorId).toBe('s1');
    expect(config.calibrationFactor).toBe(1);
    expect(config.outputFormat).toBe('json');
    expect(config.level).toBe(5);
    expect(config.tags).toEqual([]);
    expect(config.tags).toBe(config.tags);
  });

  test('refuse what breaks their rule, name class, attribute, value and rule, and stay', () => {
    const config = new SensorConfig('s1');
    config.calibrationFactor = 1.5;
    for (const value of [0.4, 2.1, NaN, '1', null, undefined]) {
      expect(() => (config.calibrationFactor = value as number)).toThrow(
        expect.objectContaining({
          name: 'PipelineError',
          code: 'ERR_ATTRIBUTE_INVALID',
          place: `${name}.calibrationFactor`,
          remedy: '`rangeFloat` takes a finite number from 0.5 to 2, inclusive',
        }),
      );
      expect(config.calibrationFactor).toBe(1.5);
    }
    expect(() => (config.outputFormat = 'xml' as 'csv')).toThrow(
      `[${name}.outputFormat] was given "xml"; \`oneOf\` takes one of "json", "csv", "binary"`,
    );
    expect(() => new SensorConfig('  ')).toThrow(`[${name}.sensorId] was given "  "`);
  });

  test('belong to each instance', () => {
    const [a, b] = [new SensorConfig('a'), new SensorConfig('b')];
    a.bufferSize = 8;
    expect([a.bufferSize, b.bufferSize, a.sensorId, b.sensorId]).toEqual([8, 1024, 'a', 'b']);
    expect(Object.keys(a)).toEqual([]);
  });

  test('are not shown by what lists or prints an instance', () => {
    const config = new SensorConfig('hunter2');
    config.outputFormat = 'csv';
    expect(inspect(config, { depth: null })).not.toMatch(/hunter2|csv/);
    expect(Reflect.ownKeys(Object.assign({}, config))).toEqual([]);
  });

  test('name the class of the instance', () => {
    class Derived extends SensorConfig {}
    expect(() => (new Derived('a').bufferSize = 0)).toThrow('[Derived.bufferSize] was given 0');
  });

  test('have rules', () => {
    const rules = rulesOf(SensorConfig);
    expect(Object.entries(rules).map(([key, { ruleName }]) => [key, ruleName])).toEqual([
      ['sensorId', 'nonEmptyString'],
      ['calibrationFactor', 'rangeFloat'],
      ['outputFormat', 'oneOf'],
      ['bufferSize', 'positiveInt'],
      ['tags', 'arrayOf(nonEmptyString)'],
      ['level', 'rangeFloat'],
    ]);
    expect(rules['sensorId']).toBe(nonEmptyString);
    expect(Object.isFrozen(rules)).toBe(true);
  });
});

test('an object without a class has a place as well', () => {
  const bare = Object.create(Defined.prototype, { constructor: { value: undefined } }) as Defined;
  expect(() => (bare.bufferSize = 0)).toThrow('[bufferSize] was given 0');
});

test('what the name says is secret is not shown, not even in the reason', () => {
  const noSpaces = custom('noSpaces', {
    parse: (value) => {
      if (String(value).includes(' ')) throw new Error(`there is a space in ${String(value)}`);
      return String(value);
    },
  });
  const even = custom('even', {
    parse: (value) => {
      if (Number(value) % 2 === 0) return Number(value);
      throw new Error(`bad ${Number(value)}`);
    },
  });
  class Access {
    @noSpaces accessor apiToken = 'a';
    @arrayOf(positiveInt) accessor passwords: readonly number[] = [];
    @positiveInt accessor password = 1;
    @even accessor privateKey = 2;
  }
  const access = new Access();
  for (const set of [
    () => (access.password = -4711),
    () => (access.password = -4711n as never),
    () => (access.privateKey = 4711),
    () => (access.apiToken = 'hunter 2'),
    () => (access.passwords = [1, 'hunter 2' as never]),
  ]) {
    expect(set).toThrow(/was given \[secret\]; `[^`]+` takes [^:]+$/);
    expect(set).toThrow(expect.not.objectContaining({ cause: expect.anything() as unknown }));
  }
});

test('why a rule of its own refuses is said, and is the cause', () => {
  const cause = new RangeError('it is odd');
  const even = custom('even', {
    parse: (value) => {
      if (Number(value) % 2 === 0) return Number(value);
      throw cause;
    },
  });
  class Pair {
    @even accessor count = 2;
  }
  expect(() => (new Pair().count = 3)).toThrow(
    expect.objectContaining({
      message:
        'ERR_ATTRIBUTE_INVALID [Pair.count] was given 3: it is odd; `even` takes what `even` takes',
      cause,
    }),
  );
});

test('private and static accessors keep to their rules, and are no attributes of instances', () => {
  class Counter {
    @positiveInt static accessor limit = 10;
    @positiveInt accessor #count = 1;
    add(more: number): number {
      return (this.#count += more);
    }
  }
  expect(new Counter().add(2)).toBe(3);
  expect(() => new Counter().add(-1)).toThrow('[Counter.#count] was given 0');
  expect(() => (Counter.limit = 0)).toThrow('[Counter.limit] was given 0');
  expect(Counter.limit).toBe(10);
  expect(rulesOf(Counter)).toEqual({});
});

describe('inheritance', () => {
  class Parent {
    @rangeFloat(0, 10) accessor level = 1;
    @nonEmptyString accessor id = 'a';
  }

  test('a child has the rules of its parent, but for those that it overrides', () => {
    class Narrow extends Parent {
      @rangeFloat(0, 5) override accessor level = 2;
    }
    class Free extends Parent {
      override accessor level = 3;
    }
    expect(rulesOf(Narrow)['level']?.text).toContain('from 0 to 5');
    expect(Object.keys(rulesOf(Narrow))).toEqual(['level', 'id']);
    expect(Object.keys(rulesOf(Free))).toEqual(['id']);
    const narrow = new Narrow();
    expect(() => (narrow.level = 7)).toThrow('to 5');
    expect(narrow.level).toBe(2);
  });

  test('defineAttributes on a child leaves the parent as it was, and has its own rule', () => {
    class Defined {
      declare level: number;
    }
    defineAttributes(Defined, { level: rangeFloat(0, 10) });
    for (const Base of [Parent, Defined]) {
      class Wide extends Base {}
      defineAttributes(Wide, { level: rangeFloat(5, 20) });
      const wide = new Wide();
      expect(() => (wide.level = 4)).toThrow('[Wide.level] was given 4; `rangeFloat` takes a');
      wide.level = 15;
      expect(wide.level).toBe(15);
      expect(rulesOf(Wide)['level']?.text).toContain('from 5 to 20');
      expect(jsonSchemaOf(Wide)).toMatchObject({ properties: { level: { maximum: 20 } } });
      expect(rulesOf(Base)['level']?.text).toContain('from 0 to 10');
      expect(() => (new Base().level = 4)).not.toThrow();
      expect(() => (new Base().level = 15)).toThrow('from 0 to 10');
    }
  });

  test('a child without a default has not that of its parent, and one that wrote its own keeps both', () => {
    class Base {
      declare level: number;
    }
    defineAttributes(Base, { level: withDefault(rangeFloat(0, 10), 5) });
    class Bare extends Base {}
    defineAttributes(Bare, { level: rangeFloat(0, 20) });
    expect(new Bare().level).toBeUndefined();
    expect(jsonSchemaOf(Bare)).toMatchObject({ required: ['level'] });
    class Written extends Parent {
      override get level(): number {
        return super.level;
      }
      override set level(value: number) {
        super.level = value;
      }
    }
    defineAttributes(Written, { level: rangeFloat(5, 20) });
    expect(() => (new Written().level = 15)).toThrow('from 0 to 10');
  });
});

describe('a default', () => {
  class Decorated {
    @withDefault(rangeFloat(0, 10), 5) accessor level!: number;
  }
  class Defined {
    declare level: number;
  }
  defineAttributes(Defined, { level: withDefault(rangeFloat(0, 10), 5) });

  test.each([
    ['decorators', Decorated],
    ['defineAttributes', Defined],
  ])('of a child is before that of its parent, by %s', (_how, Parent) => {
    class Child extends Parent {}
    defineAttributes(Child, { level: withDefault(rangeFloat(0, 3), 1) });
    const [child, parent] = [new Child(), new Parent()];
    expect([child.level, parent.level]).toEqual([1, 5]);
    child.level = 2;
    expect(() => (child.level = 5)).toThrow('from 0 to 3');
    expect(child.level).toBe(2);
  });

  test('of a child need not pass the rule of its parent, whose place its own takes', () => {
    class Child extends Defined {}
    defineAttributes(Child, { level: withDefault(rangeFloat(0, 20), 15) });
    const child = new Child();
    expect(child.level).toBe(15);
    child.level = 20;
    expect([child.level, new Defined().level]).toEqual([20, 5]);
  });

  test('is kept nowhere by reading it', () => {
    const config = Object.freeze(new Defined());
    expect([config.level, config.level]).toEqual([5, 5]);
    expect(Reflect.ownKeys(config)).toEqual([]);
  });

  test('is frozen to its depth, and is no longer what was given', () => {
    const given = { retries: 3, hosts: [{ name: 'a' }] };
    const any = custom('options', {
      accepts: (value): value is typeof given => typeof value === 'object',
    });
    class Client {
      @withDefault(any, given) accessor options!: typeof given;
    }
    const [a, b] = [new Client(), new Client()];
    expect(() => (a.options.retries = 99)).toThrow(TypeError);
    expect(() => (a.options.hosts[0]!.name = 'b')).toThrow(TypeError);
    given.retries = 99;
    given.hosts.pop();
    for (const one of [a.options, b.options, rulesOf(Client)['options']?.jsonSchema['default']]) {
      expect(one).toEqual({ retries: 3, hosts: [{ name: 'a' }] });
    }
  });
});

test('defineAttributes puts the rule above an accessor that the class wrote itself', () => {
  class Celsius {
    #kelvin = 300;
    get celsius(): number {
      return this.#kelvin - 273;
    }
    set celsius(value: number) {
      this.#kelvin = value + 273;
    }
  }
  expect(defineAttributes(Celsius, { celsius: rangeFloat(-40, 85) })).toBe(Celsius);
  const probe = new Celsius();
  expect(probe.celsius).toBe(27);
  expect(() => (probe.celsius = 90)).toThrow('[Celsius.celsius] was given 90');
  probe.celsius = 20;
  expect(probe.celsius).toBe(20);
});

describe('is refused, and leaves the class as it was', () => {
  class Plain {
    declare id: string;
    get half(): number {
      return 1;
    }
    read(): number {
      return 1;
    }
  }
  const asRule = nonEmptyString as unknown as (target: unknown, context: unknown) => unknown;

  test.each<[what: string, define: () => unknown, said: string]>([
    ['no class', () => defineAttributes(5 as never, {}), '[defineAttributes] was given no class'],
    [
      'no rule',
      () => defineAttributes(Plain, { id: (() => true) as never }),
      'something that is no rule',
    ],
    [
      'a method',
      () =>
        defineAttributes(Plain, {
          id: nonEmptyString,
          read: custom('any', { parse: (value) => value }) as never,
        }),
      '`read` is a method or value of `Plain`',
    ],
    [
      'half an accessor',
      () => defineAttributes(Plain, { half: positiveInt }),
      '`half` is half an accessor of `Plain`',
    ],
    [
      'a decorator on a field',
      () => asRule(undefined, { kind: 'field', name: 'id' }),
      'write `accessor id`',
    ],
    [
      'a decorator on a method',
      () => asRule(() => 1, { kind: 'method', name: 'read' }),
      'stands before the method `read`',
    ],
    [
      'a decorator of the older kind',
      () => asRule(Plain.prototype, 'id'),
      '`experimentalDecorators` off',
    ],
  ])('%s', (_what, define, said) => {
    expect(define).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }));
    expect(define).toThrow(said);
    expect(rulesOf(Plain)).toEqual({});
  });

  test('two rules on one accessor', () => {
    expect(() => {
      class Two {
        @nonEmptyString @pattern(/a/) accessor id = 'a';
      }
      return Two;
    }).toThrow('`id` has the rule `pattern` already');
  });
});

test('JSON Schema of a class', () => {
  expect(jsonSchemaOf(Defined)).toEqual({
    type: 'object',
    properties: {
      sensorId: { type: 'string', pattern: '\\S' },
      calibrationFactor: { type: 'number', minimum: 0.5, maximum: 2, default: 1 },
      outputFormat: { enum: ['json', 'csv', 'binary'], default: 'json' },
      bufferSize: { type: 'integer', minimum: 1, maximum: 2 ** 53 - 1, default: 1024 },
      tags: { type: 'array', items: { type: 'string', pattern: '\\S' }, default: [] },
      level: { type: 'number', minimum: 0, maximum: 9, default: 5 },
    },
    required: ['sensorId'],
    additionalProperties: false,
  });
});

test('what a constructor does without is required neither by the schema nor by the manifest', () => {
  @register({ type: 'stage', summary: 'Smooth values.' })
  class Smooth implements Stage {
    @positiveInt accessor window: number;
    @positiveInt accessor step: number;
    @positiveInt accessor rows = 9;

    constructor(step: number, window = 50) {
      this.step = step;
      this.window = window;
    }

    async *transform(stream: AsyncIterable<Flow>): AsyncGenerator<Flow> {
      yield* stream;
    }
  }
  const [described] = new PipelineRegistry([Smooth]).generateManifest();
  const required = described!.parameters.filter((one) => one.required).map(({ name }) => name);
  expect(required.toSorted()).toEqual(['rows', 'step']);
  expect((jsonSchemaOf(Smooth)['required'] as string[]).toSorted()).toEqual(required.toSorted());
});

describe('in the manifest', () => {
  @register({ type: 'stage', summary: 'Scale values.' })
  class Scale implements Stage {
    @withDefault(rangeFloat(0.5, 2), 1) accessor factor!: number;
    @nonEmptyString accessor unit: string;
    @withDefault(nonEmptyString, 'hunter2') accessor apiToken!: string;

    constructor(window = 50, unit = 'C') {
      this.unit = unit + String(window).slice(0, 0);
    }

    async *transform(stream: AsyncIterable<Flow>): AsyncGenerator<Flow> {
      yield* stream;
    }
  }

  test('attributes are parameters, of the kinds and with the defaults of their rules', () => {
    const [described] = new PipelineRegistry([Scale]).generateManifest();
    expect(described?.parameters).toEqual([
      { name: 'window', kind: 'number', default: 50, hasDefault: true, required: false },
      { name: 'unit', kind: 'string', default: 'C', hasDefault: true, required: false },
      {
        name: 'factor',
        kind: 'number from 0.5 to 2',
        default: 1,
        hasDefault: true,
        required: false,
      },
      { name: 'apiToken', kind: 'string', default: '[secret]', hasDefault: true, required: false },
    ]);
  });

  test('what is not known of the constructor stays said beside them', () => {
    class Odd {
      declare level: number;
      constructor() {
        this.level = arguments.length;
      }
      async *transform(stream: AsyncIterable<Flow>): AsyncGenerator<Flow> {
        yield* stream;
      }
    }
    const described = defineClass(Odd, { type: 'stage', summary: 'Odd.' });
    const before = described.describe();
    defineAttributes(Odd, { level: rangeFloat(0, 9) });
    const { parameters, parametersUnknown } = described.describe();
    expect(parameters.map(({ name }) => name)).toContain('level');
    expect(parametersUnknown).toBe(before.parametersUnknown);
    expect(parametersUnknown).toContain('reads `arguments`');
    let text = '';
    new PipelineRegistry([described]).printManifest({ write: (more) => (text += more) });
    expect(text).toBe(`Odd (stage)
  Odd.

  parameter  required  default  kind
  level      yes                number from 0 to 9

  others not known: the constructor of \`Odd\` reads \`arguments\`
`);
  });

  test('also by functions, whichever comes first, and printed', () => {
    class Limit {
      declare rowsMax: number;
      declare format: 'json' | 'csv';
      async *transform(stream: AsyncIterable<Flow>): AsyncGenerator<Flow> {
        yield* stream;
      }
    }
    const described = defineClass(Limit, { type: 'stage', summary: 'Let some through.' });
    defineAttributes(Limit, {
      rowsMax: positiveInt,
      format: withDefault(oneOf(['json', 'csv']), 'csv'),
    });
    let text = '';
    new PipelineRegistry([described]).printManifest({ write: (more) => (text += more) });
    expect(text).toBe(`Limit (stage)
  Let some through.

  parameter  required  default  kind
  rowsMax    yes                integer from 1
  format     no        "csv"    "json" | "csv"
`);
  });
});

test('defineAttributes takes an object of rules by name, and jsonSchemaOf a class', () => {
  class Stage {
    declare level: number;
  }
  const before = Reflect.ownKeys(Stage.prototype);
  const named = { ['__proto__']: positiveInt };
  for (const rules of [null, 5, [positiveInt], { [Symbol('level')]: positiveInt }, named]) {
    expect(() => defineAttributes(Stage, rules as never)).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_INVALID', place: 'defineAttributes' }),
    );
  }
  expect(Reflect.ownKeys(Stage.prototype)).toEqual(before);
  Object.freeze(Stage.prototype);
  expect(() => defineAttributes(Stage, { level: positiveInt })).toThrow(
    '`level` cannot be defined on `Stage`',
  );
  expect(() => jsonSchemaOf(5 as never)).toThrow('[jsonSchemaOf] was given no class');
});
