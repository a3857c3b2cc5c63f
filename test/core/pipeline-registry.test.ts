import { describe, expect, test } from 'vitest';

import { defineClass } from '../../src/core/define-class.ts';
import {
  type ComponentDescription,
  defineStage,
  PipelineRegistry,
  type Registrable,
  type Sink,
  type Stage,
  type StageComponent,
} from '../../src/core/index.ts';
import { builtins } from '../../src/pipeline.ts';

class WindowNormalizer implements Stage {
  readonly windowSize: number;

  constructor(windowSize = 50) {
    this.windowSize = windowSize;
  }

  transform: Stage['transform'] = (stream) => stream;
}

class JsonSink implements Sink {
  static readonly spec = 'RFC 8259';
  readonly given: readonly unknown[];

  constructor(outputPath: string, prettyPrint = false) {
    this.given = [outputPath, prettyPrint];
  }

  async consume(): Promise<void> {}
}

const normalizer = defineClass(WindowNormalizer, {
  type: 'stage',
  summary: 'Normalize over a window.',
});
const sink = defineClass(JsonSink, { type: 'sink', summary: 'Write JSON.' });
const calibrate = defineStage<(options: object) => StageComponent, object>({
  name: 'calibrate',
  summary: 'Correct a number by a gain.',
  options: (z) =>
    z.strictObject({
      field: z.string().describe('Its field.'),
      gain: z.number().min(0).default(1).describe('The gain.'),
      token: z.string().default('sk-123').describe('For the door.'),
      label: z.string().optional().describe('A label.'),
    }),
  example: { field: 'value' },
  rows: 'same',
  output: (input) => input,
  create: () => (batch) => batch,
});

const described: ComponentDescription[] = [
  {
    className: 'WindowNormalizer',
    stageType: 'stage',
    summary: 'Normalize over a window.',
    parameters: [
      { name: 'windowSize', kind: 'number', default: 50, hasDefault: true, required: false },
    ],
  },
  {
    className: 'calibrate',
    stageType: 'stage',
    summary: 'Correct a number by a gain.',
    parameters: [
      {
        name: 'field',
        description: 'Its field.',
        kind: 'string',
        hasDefault: false,
        required: true,
      },
      {
        name: 'gain',
        description: 'The gain.',
        kind: 'number from 0',
        default: 1,
        hasDefault: true,
        required: false,
      },
      {
        name: 'token',
        description: 'For the door.',
        kind: 'string',
        default: '[secret]',
        hasDefault: true,
        required: false,
      },
      {
        name: 'label',
        description: 'A label.',
        kind: 'string',
        hasDefault: false,
        required: false,
      },
    ],
  },
  {
    className: 'JsonSink',
    stageType: 'sink',
    summary: 'Write JSON.',
    parameters: [
      { name: 'outputPath', kind: 'unknown', hasDefault: false, required: true },
      { name: 'prettyPrint', kind: 'boolean', default: false, hasDefault: true, required: false },
    ],
  },
];

describe('a manifest', () => {
  test('has what classes and components say of themselves: sources, stages, sinks', () => {
    const registry = new PipelineRegistry([sink]).register(normalizer).register(calibrate);
    expect(registry.generateManifest()).toEqual(described);
    expect(JSON.parse(JSON.stringify(registry.generateManifest()))).toEqual(described);
    expect(calibrate.describe()).toEqual(described[1]);
    // Config files name what has options alone.
    expect([...registry.stages.keys(), ...registry.sinks.keys()]).toEqual(['calibrate']);
  });

  test('is printed: name, type, summary and a table of parameters', () => {
    const registry = new PipelineRegistry([normalizer, calibrate, sink]);
    let printed = '';
    registry.printManifest({ write: (text) => (printed += text) });
    expect(printed).toBe(`WindowNormalizer (stage)
  Normalize over a window.

  parameter   required  default  kind
  windowSize  no        50       number

calibrate (stage)
  Correct a number by a gain.

  parameter  required  default     kind
  field      yes                   string
  gain       no        1           number from 0
  token      no        "[secret]"  string
  label      no                    string

JsonSink (sink)
  Write JSON.

  parameter    required  default  kind
  outputPath   yes                unknown
  prettyPrint  no        false    boolean
`);
  });

  test('says where parameters are none, known only at run time, or not known', () => {
    class Plain extends WindowNormalizer {
      constructor(at = Math.max(1, 2)) {
        super(at);
      }
    }
    class Bare implements Sink {
      async consume(): Promise<void> {}
    }
    class Odd extends Map<string, string> implements Sink {
      async consume(): Promise<void> {}
    }
    const facts = { type: 'sink', summary: 'A\n\u001b[31mb.' } as const;
    const registry = new PipelineRegistry([
      defineClass(Plain, { type: 'stage', summary: 'A stage.' }),
      defineClass(Bare, facts),
      defineClass(Odd, facts),
    ]);
    let printed = '';
    registry.printManifest({ write: (text) => (printed += text) });
    expect(printed).toContain('\n  at         no        computed  unknown\n');
    expect(printed).toContain('Bare (sink)\n  A [31mb.\n\n  no parameters\n');
    expect(printed).toContain('\n  parameters not known: the source of `Map` is not there\n');
  });

  test('covers every component that comes with Millrace', () => {
    const registry = builtins();
    const manifest = registry.generateManifest();
    const { sources, stages, sinks } = registry;
    expect(manifest).toHaveLength(sources.size + stages.size + sinks.size);
    for (const { className, stageType, summary, parameters, parametersUnknown } of manifest) {
      expect(registry[`${stageType}s`].get(className)!.spec.summary).toBe(summary);
      const isCalled = ['map', 'flat-map', 'tap'].includes(className);
      expect(parametersUnknown !== undefined, className).toBe(isCalled);
      expect(parameters.length > 0 || isCalled || className === 'merge', className).toBe(true);
    }
  });
});

describe('a registry refuses', () => {
  const given = (component: unknown): Registrable => component as Registrable;
  const anonymous = (name: string, summary: unknown): Registrable =>
    given({ kind: 'stage', spec: { ...calibrate.spec, name, summary } });

  test.each<[what: string, component: Registrable, fact: string, remedy: RegExp]>([
    ['a class of a name that is taken', sink, '`JsonSink` is the name of two sinks', /of its own/],
    ['a component of a name that is taken', calibrate, '`calibrate` is the name of', /of its own/],
    ['a malformed name', anonymous('Odd Name', 'Odd.'), 'is not in kebab-case', /moving-average/],
    ['no summary', anonymous('bare', undefined), '`bare` has no summary', /in one sentence/],
    ['a blank summary', anonymous('bare', ' \n'), '`bare` has no summary', /in one sentence/],
    ['a class that does not describe itself', given(class A {}), '`A` does not', /@register/],
    [
      'a class of which only the parent does',
      given(class B extends normalizer {}),
      '`B` does not describe itself',
      /defineClass/,
    ],
    ['what is no component', given(5), '`number` does not describe itself', /@register/],
  ])('%s', (_what, component, fact, remedy) => {
    const registry = new PipelineRegistry([normalizer, sink, calibrate]);
    const before = registry.generateManifest();
    expect(() => registry.register(component)).toThrow(
      expect.objectContaining({
        code: 'ERR_COMPONENT_INVALID',
        place: /`(.*?)`/.exec(fact)?.[1] ?? 'Odd Name',
        fact: expect.stringContaining(fact) as string,
        remedy: expect.stringMatching(remedy) as string,
      }),
    );
    expect(registry.generateManifest()).toEqual(before);
  });
});
