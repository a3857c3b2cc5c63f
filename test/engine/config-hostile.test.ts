import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { ConfigDocument } from '../../src/engine/config/document.ts';
import { parseConfig, parseOverride } from '../../src/engine/config.ts';
import { ValidationError } from '../../src/engine/index.ts';
import { PipelineError } from '../../src/errors.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { descriptionOf, planOf, problemsOf, registry } from './config-components.ts';

// Nightly runs try as many texts as a release asks for.
const runs = process.env['MILLRACE_NIGHTLY'] ? 200_000 : 2_000;

describe('YAML that is not read', () => {
  test.each<[what: string, text: string, problems: string[]]>([
    ['nothing', '', ['1:1: syntax: a pipeline is a map: `name:`, `source:`, `stages:`, `sink:`']],
    [
      'a list',
      '# hello\n- a\n',
      ['2:1: syntax: a pipeline is a map: `name:`, `source:`, `stages:`, `sink:`'],
    ],
    [
      'aliases',
      'name: &a x\nsource: *a\n',
      ['2:9: syntax: aliases (`*a`) are not read; write the value out'],
    ],
    [
      'an alias of nothing',
      'source: *nope\n',
      ['1:9: syntax: aliases (`*nope`) are not read; write the value out'],
    ],
    [
      'tags',
      'name: !!str x\nsource: !!js/function "x"\nsink: !own {}\n',
      [
        '1:13: syntax: tags (`tag:yaml.org,2002:str`) are not read; leave it out',
        '2:23: syntax: tags (`tag:yaml.org,2002:js/function`) are not read; leave it out',
        '3:12: syntax: tags (`!own`) are not read; leave it out',
      ],
    ],
    [
      'merge keys',
      'source:\n  <<: { file: {} }\n',
      ['2:3: syntax: merge keys (`<<`) are not read; write the keys out'],
    ],
    [
      'keys that are there twice',
      'name: a\nname: b\nsink:\n  file: { path: a, path: b }\n',
      ['2:1: syntax: key `name` is there twice', '4:20: syntax: key `path` is there twice'],
    ],
    ['a key that is no text', '? [a, b]\n: c\n', ['1:3: syntax: a key must be plain text']],
    [
      'tabs that indent',
      'source:\n\tfile: 3\n',
      ['2:1: syntax: tabs are not allowed as indentation'],
    ],
    [
      'a second document',
      'name: a\n---\nname: b\n',
      ['3:1: syntax: a second document begins; a config is one document'],
    ],
  ])('%s', async (_, text, problems) => {
    expect(await problemsOf(text)).toEqual(problems);
  });

  test('all syntax problems come, up to twenty', async () => {
    const text = Array.from({ length: 30 }, () => 'a: 1').join('\n');
    expect(await problemsOf(text)).toHaveLength(20);
  });

  test.each<[what: string, text: string]>([
    ['brackets', '['.repeat(1 << 20)],
    ['maps in a flow', '{a: '.repeat(250_000)],
    ['dashes', '- '.repeat(500_000)],
    ['question marks', '? '.repeat(500_000)],
    ['colons', 'a: '.repeat(300_000)],
    ['indentation', Array.from({ length: 1400 }, (_, at) => `${' '.repeat(at)}a:`).join('\n')],
    ['keys', Array.from({ length: 70_000 }, (_, at) => `k${at}: ${at}`).join('\n')],
    ['commas', `[${'1,'.repeat(500_000)}]`],
    ['quotes', '"'.repeat(1 << 20)],
    ['lines of text', `a: |\n${' x\n'.repeat(300_000)}`],
    [
      'aliases',
      Array.from({ length: 9000 }, (_, at) => `k${at}: &a${at} [*a${at}, *a${at}]`).join('\n'),
    ],
    ['documents', '---\n'.repeat(250_000)],
    ['size', `# ${'x'.repeat(1 << 20)}`],
  ])('a bomb of %s is refused before it goes off', async (_, text) => {
    const start = process.cpuUsage();
    const { problems } = await ConfigDocument.parse(text);
    const { user, system } = process.cpuUsage(start);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems[0]!.kind).toBe('syntax');
    // Microseconds of this process's own work; a composer let loose takes seconds.
    expect(user + system).toBeLessThan(500_000);
  });

  test('64 levels are read, 65 are not', async () => {
    const nested = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
    expect((await ConfigDocument.parse(nested(64))).problems).toEqual([]);
    expect((await ConfigDocument.parse(nested(65))).problems).toMatchObject([
      { line: 1, column: 65 },
    ]);
    const block = (levels: number): string =>
      Array.from({ length: levels }, (_, at) => `${' '.repeat(at)}a:`).join('\n');
    expect((await ConfigDocument.parse(`${block(64)} 1`)).problems).toEqual([]);
    expect((await ConfigDocument.parse(`${block(65)} 1`)).problems).toMatchObject([
      { line: 65, column: 65 },
    ]);
  });

  test('YAML 1.2: no Norway, no sexagesimals, no dates', async () => {
    const { value } = await ConfigDocument.parse(
      '[no, on, 12:30, 0o17, 0x1F, 2001-01-01, ~, null, .5]',
    );
    expect(value).toEqual(['no', 'on', '12:30', 15, 31, '2001-01-01', null, null, 0.5]);
  });

  test('maps have no prototype and reach none', async () => {
    const text =
      '__proto__: { polluted: 1 }\nconstructor: { prototype: { polluted: 1 } }\nsource: stdin\nsink: { file: { path: x, __proto__: { polluted: 1 } } }\n';
    const { value } = await ConfigDocument.parse(text);
    expect(Object.getPrototypeOf(value)).toBe(null);
    expect(await problemsOf(text)).toEqual([
      expect.stringContaining('1:1: unknown-key: a pipeline has no key `__proto__`'),
      expect.stringContaining('2:1: unknown-key: a pipeline has no key `constructor`'),
      expect.stringContaining('4:26: unknown-key: `file` has no option `__proto__`'),
    ]);
    expect('polluted' in {}).toBe(false);
  });

  test('any text gives a plan or a list of problems with places, and changes no prototype', async () => {
    const names = 'source stages sink sinks threshold merge file stdin console from id field';
    const signs =
      '${env:X}|__proto__|: |- |{|}|[|]|\n|  |&a |*a|!!str |"|\'|#|\t|\0|😀|1e999|.nan|,';
    const words = fc.constantFrom(...names.split(' '), ...signs.split('|'));
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(words).map((parts) => parts.join('')),
    );
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        try {
          await planOf(text);
        } catch (error) {
          if (!(error instanceof ValidationError)) throw error;
          expect(error.problems.length).toBeGreaterThan(0);
          for (const { file, line, column } of error.problems) {
            expect(file).toBe('p.yaml');
            expect(line).toBeGreaterThan(0);
            expect(column).toBeGreaterThan(0);
          }
        }
      }),
      { numRuns: runs },
    );
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});

describe('overrides', () => {
  const base =
    'source: { file: { path: a } }\nstages:\n  - threshold: { field: value }\n  - merge:\nsink: console\n';
  const optionsAfter = async (...set: string[]): Promise<unknown[]> => {
    const overrides = set.map((argument, index) => parseOverride(argument, index + 1));
    const { sources, stages } = await descriptionOf(base, { overrides });
    return [...sources, ...stages].map(
      ({ component }) => (component as { options: unknown }).options,
    );
  };

  test.each<[argument: string, value: unknown]>([
    ['stages.0.threshold.min=5', 5],
    ['stages.0.threshold.min=-1.5e3', -1500],
    ['stages.0.threshold.min=true', true],
    ['stages.0.threshold.min=no', 'no'],
    ['stages.0.threshold.min="5"', '5'],
    ['stages.0.threshold.min=', ''],
    ['stages.0.threshold.min=a=b', 'a=b'],
    ["stages.0.threshold.min=value > 5 && unit == 'C'", "value > 5 && unit == 'C'"],
    ['stages.0.threshold.min=[1, 2]', [1, 2]],
    ['stages.0.threshold.min={a: [b]}', { a: ['b'] }],
    ['stages.0.threshold.min=[*a]', '[*a]'],
    ['stages.0.threshold.min=# not a comment', '# not a comment'],
    ['stages.0.threshold.min=*a', '*a'],
    ['stages.0.threshold.min=!!js/function x', '!!js/function x'],
  ])('%s', async (argument, value) => {
    const [, threshold] = await optionsAfter(argument);
    expect(threshold).toEqual({ field: 'value', min: value });
  });

  test('maps on the way are made, and the last override wins', async () => {
    const options = await optionsAfter(
      'stages.1.merge.x=1',
      'source.file.path=b',
      'source.file.path=c',
    );
    expect(options).toEqual([{ path: 'c' }, { field: 'value' }, { x: 1 }]);
  });

  test.each(['a', '=1', 'a..b=1', '.a=1', '__proto__.x=1', 'a.constructor.b=1', 'prototype=1'])(
    '%s is refused',
    (argument) => {
      expect(() => parseOverride(argument, 1)).toThrow(PipelineError);
    },
  );

  test.each<[argument: string, problem: string]>([
    ['stages.5.merge=1', '--set:1:16: invalid-option: `stages` has 2 items and no `5`'],
    ['stages.x=1', '--set:1:10: invalid-option: `stages` has 2 items and no `x`'],
    [
      'source.file.path.x=1',
      '--set:1:20: invalid-option: `source.file.path` is a value and holds no `x`; set all of it: `--set source.file.path=…`',
    ],
    [
      'stages.0.threshold.mim=1',
      '--set:1:24: unknown-key: `threshold` has no option `mim`, did you mean `min`?',
    ],
    [
      'stages.0.treshold.min=1',
      '--set:1:23: unknown-key: `treshold` is no key of a stage, did you mean `threshold`?',
    ],
    [
      'source.fil.path=1',
      '--set:1:17: unknown-key: `fil` is no key of a source, did you mean `file`?',
    ],
  ])('%s is a problem with a place', async (argument, problem) => {
    const problems = await problemsOf(base, { overrides: [parseOverride(argument, 1)] });
    expect(problems.join('\n')).toContain(problem);
  });

  test('an item of stages that are not there has the way out of the command line', async () => {
    const overrides = [parseOverride('stages.5.threshold.min=4', 1)];
    expect(await problemsOf('source: stdin\nsink: console\n', { overrides })).toEqual([
      "--set:1:24: invalid-option: there are no `stages` to set one of; set them all: `--set 'stages=[{ … }]'`",
    ]);
  });

  test('no path and no value changes a prototype', async () => {
    const part = fc.oneof(
      fc.constantFrom('__proto__', 'constructor', 'prototype', 'toString', 'stages', '0', 'length'),
      fc.string(),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1 }), fc.string(), async (path, value) => {
        try {
          const overrides = [parseOverride(`${path.join('.')}=${value}`, 1)];
          await parseConfig(base, 'p.yaml', { registry, outside: virtualOutside(), overrides });
        } catch (error) {
          if (!(error instanceof PipelineError)) throw error;
        }
        expect(Object.keys(Object.prototype)).toEqual([]);
        expect(Object.keys(Array.prototype)).toEqual([]);
      }),
      { numRuns: runs / 4 },
    );
  });
});
