import { describe, expect, test } from 'vitest';

import {
  defineStage,
  PipelineRegistry,
  type StageComponent,
  type StageDefinition,
  type Zod,
} from '../../src/core/index.ts';
import { builtins } from '../../src/pipeline.ts';
import { problemsOf as problemsOfConfig } from './config-components.ts';

const problemsOf = (text: string): Promise<string[]> =>
  problemsOfConfig(text, { registry: builtins() });

const kinds = 'float64, int32, int64, timestamp, bool, category, text, bytes, json';

/** The problems of the options of one stage, without their places. */
async function problemsOfStage(stage: string): Promise<string[]> {
  const source = 'memory: { schema: { value: float64, name: text, at: timestamp }, rows: [] }';
  const text = `source: { ${source} }\nstages:\n  - ${stage}\nsink: console\n`;
  const problems = await problemsOf(text);
  return problems.map((problem) => problem.replace(/^\d+:\d+: /, ''));
}

describe('a wrong option: what it takes, and what was found', () => {
  test.each([
    [
      'threshold: { field: value, min: "2" }',
      'invalid-option: `threshold` option `min`: takes a number, not "2"',
    ],
    [
      'threshold: { field: value, min: .nan }',
      'invalid-option: `threshold` option `min`: takes a number, not NaN',
    ],
    [
      'threshold: { field: [1, 2], min: 3 }',
      'invalid-option: `threshold` option `field`: takes text, not a list',
    ],
    [
      'threshold: { field: , min: 3 }',
      'invalid-option: `threshold` option `field`: takes text, not null',
    ],
    [
      'moving-average: { field: value, window: 1e300 }',
      'invalid-option: `moving-average` option `window`: takes at most 9007199254740991, not 1e+300',
    ],
    [
      'map-async: { map: x, concurrency: 1e300 }',
      expect.stringContaining('works from code only') as string,
      'invalid-option: `map-async` option `concurrency`: takes at most 10000, not 1e+300',
    ],
    [
      'map-async: {}',
      'invalid-option: `map-async` option `map`: takes a function, so it works from code only; a config file has no stage that waits',
    ],
    [
      'derive: { fields: { c: { kind: float64, value: value + 1 } } }',
      'invalid-option: `derive`: takes the new fields directly under its name; leave `fields` out',
    ],
    ['threshold: 5', 'invalid-option: `threshold`: takes a map, not 5'],
    [
      'moving-average: { field: value, window: 1.5 }',
      'invalid-option: `moving-average` option `window`: takes a number of rows, as `50`, or a duration, as `30s`, not 1.5',
    ],
    [
      'moving-average: { field: value, window: 0 }',
      'invalid-option: `moving-average` option `window`: takes at least 1, not 0',
    ],
    [
      'moving-average: { field: value, window: 3, keysMax: 17000000 }',
      'invalid-option: `moving-average` option `keysMax`: takes at most 16000000, not 17000000',
    ],
    [
      'detect-anomalies: { field: value, detectors: { ewma: { lambda: 0 } } }',
      'invalid-option: `detect-anomalies` option `detectors.ewma.lambda`: takes more than 0, not 0',
    ],
    [
      'detect-anomalies: { field: value, detectors: robustZ }',
      'invalid-option: `detect-anomalies` option `detectors`: takes a map, not "robustZ"',
    ],
    [
      'select: { fields: [] }',
      'invalid-option: `select` option `fields`: takes at least 1 item, not an empty list',
    ],
    [
      'select: { fields: { a: 1 } }',
      'invalid-option: `select` option `fields`: takes a list, not a map',
    ],
    [
      'rename: { fields: { value: "" } }',
      'invalid-option: `rename` option `fields.value`: takes text of at least 1 character, not ""',
    ],
    ['dedupe: { by: 5 }', 'invalid-option: `dedupe` option `by`: takes text or a list, not 5'],
    ['dedupe: { by: [value, 5] }', 'invalid-option: `dedupe` option `by.1`: takes text, not 5'],
    [
      'dedupe: { by: [] }',
      'invalid-option: `dedupe` option `by`: takes at least 1 item, not an empty list',
    ],
    [
      'filter: { where: 5 }',
      'invalid-option: `filter` option `where`: takes an expression as text, or a function, not 5',
    ],
    [
      'branch: { routes: { "a.b": "value > 1" } }',
      'invalid-option: `branch` option `routes.a.b`: an output is named by letters, digits, - and _',
    ],
    [
      `map-async: { map: ${'x'.repeat(50)}, ordered: 1 }`,
      'invalid-option: `map-async` option `map`: takes a function, so it works from code only; a config file has no stage that waits',
      'invalid-option: `map-async` option `ordered`: takes true or false, not 1',
    ],
  ])('%s', async (stage, ...problems) => {
    expect(await problemsOfStage(stage)).toEqual(problems);
  });

  test('long text is not shown whole', async () => {
    expect(await problemsOfStage(`threshold: { field: value, min: ${'x'.repeat(50)} }`)).toEqual([
      'invalid-option: `threshold` option `min`: takes a number, not text of 50 characters',
    ]);
  });

  test('settings and connectors', async () => {
    expect(
      await problemsOf(
        'source: { simulate: { kinds: [temprature, 5], seed: [] } }\nsink: { file: { path: o.csv, delimiter: ";;" } }\nbatch: { rowsMax: 0 }\n',
      ),
    ).toEqual([
      '1:31: invalid-option: `simulate` option `kinds.0`: takes `temperature`, `humidity`, `pressure`, `vibration` or `power`, not "temprature", did you mean `temperature`?',
      '1:43: invalid-option: `simulate` option `kinds.1`: takes `temperature`, `humidity`, `pressure`, `vibration` or `power`, not 5',
      '1:47: invalid-option: `simulate` option `seed`: takes a number or text, not an empty list',
      '2:41: invalid-option: `file` option `delimiter`: takes text of 1 character, not ";;"',
      '3:19: invalid-option: `pipeline` option `batch.rowsMax`: takes at least 1, not 0',
    ]);
  });
});

describe('a wrong name is answered with the one that was meant', () => {
  test.each([
    [
      'normalize: { field: value, method: zscore }',
      '`normalize` option `method`: takes `min-max` or `z-score`, not "zscore", did you mean `z-score`?',
    ],
    [
      'normalize: { field: value, method: 5 }',
      '`normalize` option `method`: takes `min-max` or `z-score`, not 5',
    ],
    [
      'cast: { fields: { __proto__: text, value: text } }',
      '`cast` option `fields` cannot have `__proto__`; take another name',
    ],
    [
      'derive: { __proto__: { kind: float64, value: "1" }, x: { kind: float64, value: "1" } }',
      '`derive` cannot have `__proto__`; take another name',
    ],
    [
      'derive: { x: { kind: flaot64, value: "1" } }',
      `\`derive\` option \`x.kind\`: takes a kind, not "flaot64", did you mean \`float64\`? Kinds: ${kinds}, with ? where null is allowed`,
    ],
    [
      'cast: { fields: { value: integer } }',
      `\`cast\` option \`fields.value\`: takes a kind, not "integer". Kinds: ${kinds}`,
    ],
    [
      'cast: { fields: { value: floot64 } }',
      `\`cast\` option \`fields.value\`: takes a kind, not "floot64", did you mean \`float64\`? Kinds: ${kinds}`,
    ],
  ])('%s', async (stage, problem) => {
    expect(await problemsOfStage(stage)).toEqual([`invalid-option: ${problem}`]);
  });

  test('in a schema', async () => {
    expect(
      await problemsOf('source: { stdin: { schema: { value: flaot64 } } }\nsink: console\n'),
    ).toEqual([
      `1:37: invalid-option: \`stdin\` option \`schema.value\`: takes a kind, not "flaot64", did you mean \`float64\`? Kinds: ${kinds}, with ? where null is allowed`,
    ]);
  });
});

describe('an option that may be one of several things', () => {
  const unions: Readonly<Record<string, (z: Zod) => ReturnType<Zod['union']>>> = {
    auto: (z) => z.union([z.literal('auto'), z.int()]),
    names: (z) => z.union([z.enum(['first', 'second']), z.array(z.string())]),
    maps: (z) => z.union([z.strictObject({ a: z.number() }), z.strictObject({ b: z.number() })]),
    open: (z) => z.union([z.object({ a: z.number() }), z.object({ b: z.number() })]),
    inner: (z) =>
      z.union([z.strictObject({ a: z.union([z.literal('on'), z.boolean()]) }), z.string()]),
    lists: (z) => z.union([z.array(z.string()), z.array(z.number())]),
    keys: (z) => z.union([z.object({ a: z.strictObject({ b: z.int() }) }), z.object({}).strict()]),
  };

  /** The problems of a stage with an option `x` of that kind. */
  async function problemsOfOption(name: string, value: string): Promise<string[]> {
    const either: StageDefinition = defineStage<() => StageComponent, object>({
      name: 'either',
      summary: 'Take one of several things.',
      options: (z) => z.strictObject({ x: unions[name]!(z) }),
      example: null,
      rows: 'same',
      output: (input) => input,
      create: () => (batch) => batch,
    });
    const { sources, sinks } = builtins();
    const registry = new PipelineRegistry([...sources.values(), ...sinks.values(), either]);
    const text = `source: stdin\nstages: [{ either: { x: ${value} } }]\nsink: console\n`;
    const problems = await problemsOfConfig(text, { registry });
    return problems.flatMap((problem) => problem.match(/`either` .*/)?.[0] ?? []);
  }

  test.each([
    ['auto', '2.5', 'option `x`: takes `auto` or a whole number, not 2.5'],
    ['auto', 'atuo', 'option `x`: takes `auto` or a number, not "atuo", did you mean `auto`?'],
    ['names', '[3]', 'option `x.0`: takes text, not 3'],
    ['names', '3', 'option `x`: takes `first`, `second` or a list, not 3'],
    ['maps', '{ b: s }', 'option `x.b`: takes a number, not "s"'],
    ['maps', '5', 'option `x`: takes a map, not 5'],
    [
      'maps',
      '{ a: 1, b: 2 }',
      'option `x`: takes a map without `b` or a map without `a`, not this one',
    ],
    [
      'open',
      '{ b: s }',
      'option `x`: takes a map whose `a` is a number or a map whose `b` is a number, not this one',
    ],
    ['inner', '{ a: off }', 'option `x.a`: takes `on` or true or false, not "off"'],
    [
      'lists',
      '[1, a]',
      'option `x`: takes a list whose `0` is text or a list whose `1` is a number, not this one',
    ],
    ['keys', '{ a: { b: 1, a: 2 } }', 'option `x.a` has no option `a`, did you mean `b`?'],
  ])('%s: %s', async (name, value, problem) => {
    expect(await problemsOfOption(name, value)).toEqual([`\`either\` ${problem}`]);
  });
});
