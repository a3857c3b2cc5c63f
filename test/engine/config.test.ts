import { describe, expect, test } from 'vitest';

import { parseConfig, readConfig } from '../../src/engine/config.ts';
import { defaultSettings, ValidationError } from '../../src/engine/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { descriptionOf, planOf, problemsOf, registry } from './config-components.ts';

describe('the graph of a config', () => {
  test('short form: one source, a chain, one sink', async () => {
    const plan = await planOf(`
name: telemetry
source: { file: { path: in.ndjson } }
stages:
  - threshold: { field: value, min: 10 }
  - threshold: { field: value, min: 20 }
  - merge
sink: { file: { path: out.ndjson } }
`);
    expect(plan.name).toBe('telemetry');
    expect(plan.settings).toEqual(defaultSettings);
    expect(plan.sources.map(({ node }) => node.id)).toEqual(['file']);
    expect(plan.stages.map(({ node, from }) => [node.id, from[0]!.node])).toEqual([
      ['threshold', 'file'],
      ['threshold-2', 'threshold'],
      ['merge', 'threshold-2'],
    ]);
    expect(plan.sinks.map(({ node, from }) => [node.id, from[0]!.node])).toEqual([
      ['file-2', 'merge'],
    ]);
    expect(plan.stages[0]!.options).toEqual({ field: 'value', min: 10, method: 'min-max' });
  });

  test('long form: several sources and sinks, a branch, references forward', async () => {
    const plan = await planOf(`
name: graph
sources: { a: stdin, b: { file: { path: x } } }
stages:
  - { id: hot, from: split.hot, threshold: { field: value } }
  - { id: both, from: [a, b], merge: }
  - { id: split, from: both, branch: { outputs: [hot, cold] } }
sinks:
  one: { from: hot, required: true, console: }
  two: { from: split.cold, console: { limit: 1 } }
`);
    expect(plan.stages.map(({ node }) => node.id)).toEqual(['both', 'split', 'hot']);
    expect(plan.stages[0]!.from.map(({ node }) => node)).toEqual(['a', 'b']);
    expect(plan.sinks.map(({ node, from }) => [node.id, from])).toEqual([
      ['one', [{ node: 'hot', output: '' }]],
      ['two', [{ node: 'split', output: 'cold' }]],
    ]);
  });

  test('a merge at the beginning reads from every source', async () => {
    const { stages } = await descriptionOf(
      'sources: { a: stdin, b: stdin }\nstages: [merge]\nsink: console\n',
    );
    expect(stages[0]!.from).toEqual(['a', 'b']);
  });

  test('an id that is given keeps a made one from taking it', async () => {
    const { stages } = await descriptionOf(
      'source: stdin\nstages:\n  - merge\n  - { id: merge, merge: }\nsink: console\n',
    );
    expect(stages.map(({ id }) => id)).toEqual(['merge-2', 'merge']);
  });

  test('settings replace the defaults, part by part', async () => {
    const { settings, deadLetters } = await descriptionOf(`
source: stdin
sink: console
batch: { rowsMax: 10 }
checkpoint:
onRowError: drop
drainMsMax: 5000
health: { stallMsMax: 60000, queueDepthMax: 100 }
deadLetters: { file: { path: dead.ndjson } }
`);
    expect(settings).toEqual({
      ...defaultSettings,
      batch: { ...defaultSettings.batch, rowsMax: 10 },
      onRowError: 'drop',
      drainMsMax: 5000,
      health: { stallMsMax: 60_000, stallMsMin: 1000, queueDepthMax: 100, queueFullMsMax: 3000 },
    });
    expect(deadLetters).toMatchObject({ id: 'dead-letters', component: { kind: 'sink' } });
  });

  test('the name is that of the file unless given', async () => {
    const outside = virtualOutside();
    const text = 'source: stdin\nsink: console\n';
    const nameOf = async (file: string): Promise<string> =>
      (await parseConfig(text, file, { registry, outside })).description.name;
    expect(await nameOf('a/boiler-room.yaml')).toBe('boiler-room');
    expect(await nameOf('a/no name.yaml')).toBe('pipeline');
  });

  test('JSON is read by the same rules and has places too', async () => {
    const text =
      '{\n\t"$schema": "./pipeline.schema.json",\n\t"source": {"stdin": {}},\n\t"stages": [{"threshold": {"field": "vlaue"}}],\n\t"sink": "console"\n}\n';
    expect(await problemsOf(text)).toEqual([
      '4:37: unknown-field: field `vlaue` does not exist here; fields: sensorId, value, did you mean `value`?',
    ]);
    expect(await problemsOf(text.replace('vlaue', 'value'))).toEqual([]);
  });

  test('paths in a config begin at its own outside, the config itself does not', async () => {
    const outside = virtualOutside();
    await expect(readConfig('nowhere.yaml', { registry, outside })).rejects.toMatchObject({
      problems: [{ kind: 'input', file: 'nowhere.yaml', line: 1, column: 1, path: [] }],
    });
  });
});

describe('problems, each with its place', () => {
  test.each<[what: string, text: string, problems: string[]]>([
    [
      'an unknown stage',
      'source: stdin\nstages:\n  - normalise: { field: value }\nsink: console\n',
      ['3:5: unknown-component: unknown stage `normalise`, did you mean `normalize`?'],
    ],
    [
      'a bare unknown stage',
      'source: stdin\nstages:\n  - merg\nsink: console\n',
      ['3:5: unknown-component: unknown stage `merg`, did you mean `merge`?'],
    ],
    [
      'an unknown source and an unknown sink',
      'source: stdn\nsink:\n  kafka: {}\n',
      [
        '1:9: unknown-component: unknown source `stdn`, did you mean `stdin`?',
        '3:3: unknown-component: unknown sink `kafka`, sinks: console, file',
      ],
    ],
    [
      'an unknown field, at its value',
      'source: stdin\nstages:\n  - threshold: { min: 3, field: vlaue }\nsink: console\n',
      [
        '3:33: unknown-field: field `vlaue` does not exist here; fields: sensorId, value, did you mean `value`?',
      ],
    ],
    [
      'an unknown option, at its key',
      'source: stdin\nstages:\n  - threshold:\n      field: value\n      mim: 3\nsink: console\n',
      ['5:7: unknown-key: `threshold` has no option `mim`, did you mean `min`?'],
    ],
    [
      'an option of the wrong type, at its value',
      'source: stdin\nstages:\n  - threshold:\n      field: value\n      min: "3"\nsink: console\n',
      ['5:12: invalid-option: `threshold` option `min`: takes a number, not "3"'],
    ],
    [
      'an option that is missing, at the component',
      'source: stdin\nstages:\n  - threshold: { min: 3 }\nsink: console\n',
      ['3:5: missing-option: `threshold` needs the option `field`'],
    ],
    [
      'options that are not indented',
      'source: stdin\nstages:\n  - threshold:\n    field: value\nsink: console\n',
      [
        '3:5: missing-option: `threshold` needs the option `field`',
        '4:5: unknown-key: `field` is no key of a stage, keys beside it: id, from, resilience (options of `threshold` stand under it, indented)',
      ],
    ],
    [
      'two sinks in a row among the stages',
      'source: stdin\nstages:\n  - merge\n  - file: { path: x }\nsink: console\n',
      ['4:5: topology: two sinks in a row: `file` and `console`; name each under `sinks:`'],
    ],
    [
      'two sinks in one',
      'source: stdin\nsink:\n  console:\n  file: { path: x }\n',
      ['4:3: topology: two sinks in a row: `console` and `file`; name each under `sinks:`'],
    ],
    [
      'a list of sinks',
      'source: stdin\nsink:\n  - console\n  - file: { path: x }\n',
      ['2:1: topology: two sinks in a row; name each under `sinks:`'],
    ],
    [
      'a sink that is not last',
      'source: stdin\nstages:\n  - console\n  - merge\nsink: console\n',
      ['3:5: topology: sink `console` is not last: `merge` comes after it; write it under `sink:`'],
    ],
    [
      'a source among the stages',
      'source: stdin\nstages:\n  - merge\n  - stdin\nsink: console\n',
      ['4:5: topology: `stdin` is a source and stands among the stages; write it under `source:`'],
    ],
    [
      'a source in the first stage, which is the source then',
      'stages:\n  - file: { path: x }\n  - merge\nsink: console\n',
      ['2:5: topology: `file` is a source and stands among the stages; write it under `source:`'],
    ],
    ['no source', 'sink: console\n', ['1:1: topology: the pipeline has no source; add `source:`']],
    ['no sink', 'source: stdin\n', ['1:1: topology: the pipeline has no sink; add `sink:`']],
    [
      'a misspelt source is one problem',
      'surce: stdin\nsink: console\n',
      ['1:1: unknown-key: a pipeline has no key `surce`, did you mean `source`?'],
    ],
    [
      'source and sources',
      'source: stdin\nsources:\n  a: stdin\nstages: [merge]\nsink: console\n',
      ['2:1: topology: there is `source` and `sources`; write all under `sources`'],
    ],
    [
      'several sources and nothing that brings them together',
      'sources: { a: stdin, b: stdin }\nstages:\n  - threshold: { field: value }\nsink: console\n',
      ['3:5: topology: `threshold` takes one input, not 2: put a `merge` before it or say `from:`'],
    ],
    [
      'an unknown reference, at `from`',
      'source: stdin\nstages:\n  - threshold: { field: value }\n  - { id: a, from: thresold, merge: }\nsink: console\n',
      ['4:20: topology: there is no `thresold` to read from; did you mean `threshold`?'],
    ],
    [
      'a circle',
      'source: stdin\nstages:\n  - { id: a, from: b, merge: }\n  - { id: b, from: [a, stdin], merge: }\nsink: console\n',
      ['3:23: topology: these stages read from one another in a circle: `a`, `b`'],
    ],
    [
      'one id for two',
      'sources: { a: stdin }\nstages:\n  - { id: a, merge: }\nsink: console\n',
      ['3:14: topology: `a` names two components; give one another `id`'],
    ],
    [
      'an id with a dot in it',
      'source: stdin\nstages:\n  - { id: a.b, merge: }\nsink: console\n',
      ['3:11: invalid-option: an id is made of up to 64 letters, digits, `-` and `_`'],
    ],
    [
      'sinks that are not required, with what they do not say and with what no sink does',
      'source: stdin\nsinks:\n  a: { required: false, console: }\n  b: { required: false, overflow: spill, console: }\n  c: { overflow: dropOldest, console: }\n',
      [
        '3:18: missing-option: `a` is not required and does not say what becomes of rows that it cannot take: `overflow` is `dropOldest`, `dropNewest`, or `{ spill: { bytesMax: … } }`',
        '4:35: missing-option: `spill` of `b` needs `bytesMax`, a whole number from 1048576: `overflow: { spill: { bytesMax: 1073741824 } }`',
        '5:18: invalid-option: `c` is required, so that it pauses the source and nothing overflows; add `required: false`, or leave `overflow` out',
      ],
    ],
    [
      'a pipeline of which no sink is required',
      'source: stdin\nsink: { required: false, overflow: dropOldest, console: }\n',
      [
        '2:19: topology: no sink is required; one at least must be, or nothing would say up to where rows are safe',
      ],
    ],
    [
      'resilience in a place that is not beside a component, and policies that are not at the top',
      'source: { stdin: , policies: [] }\nsink: console\nresilience: {}\n',
      [
        '1:20: unknown-key: `policies` is no key of a source, keys beside it: id, eventTime, resilience (options of `stdin` stand under it, indented)',
        '3:1: unknown-key: a pipeline has no key `resilience`, it stands within a source, stage or sink',
      ],
    ],
    [
      'settings',
      'source: stdin\nsink: console\nbatch: { rowsMax: 0, rowMax: 3 }\nonRowError: explode\ndelivery: at-least-once\ndrainMsMax: 1.5\n',
      [
        '3:19: invalid-option: `pipeline` option `batch.rowsMax`: takes at least 1, not 0',
        '3:22: unknown-key: `pipeline` option `batch` has no option `rowMax`, did you mean `rowsMax`?',
        '4:13: invalid-option: `pipeline` option `onRowError`: takes `dead-letter`, `drop` or `fail`, not "explode"',
        '5:11: invalid-option: `pipeline` option `delivery`: only `best-effort` is there so far; leave it out',
        '6:13: invalid-option: `pipeline` option `drainMsMax`: takes a whole number, not 1.5',
      ],
    ],
    [
      'stages as a map',
      'source: stdin\nstages:\n  merge:\nsink: console\n',
      ['2:1: invalid-option: `stages` is a list: begin each with `- `'],
    ],
    [
      'an entry that names nothing',
      'source: {}\nstages: [ { id: a } ]\nsink: 5\n',
      [
        '1:1: missing-option: no source is named here; sources: file, stdin',
        '2:11: missing-option: no stage is named here; stages: branch, merge, normalize, threshold',
        '3:7: invalid-option: a sink is written `name: { …options }`',
      ],
    ],
    [
      'a stage where a sink belongs',
      'source: stdin\nsink: { merge: }\n',
      ['2:9: topology: `merge` is a stage, not a sink'],
    ],
    [
      'a name that cannot be that of a directory',
      'name: ../up\nsource: stdin\nsink: console\n',
      [
        '1:7: invalid-option: `name` is made of up to 64 letters, digits, dots, dashes and underscores, no dot first',
      ],
    ],
    [
      'an input that is not there',
      'source: { file: { path: missing.ndjson } }\nsink: console\n',
      ['1:25: input: missing.ndjson: does not exist; check the path'],
    ],
  ])('%s', async (_, text, problems) => {
    expect(await problemsOf(text)).toEqual(problems);
  });

  test('all of them at once, in the order of the file', async () => {
    const problems = await problemsOf(`name: all
source: { file: { path: missing.ndjson, pth: 3 } }
stages:
  - threshold: { field: 3 }
  - normalise: { field: value }
  - merge: { x: 1 }
  - console
sink: { fil: }
bacth: 1
`);
    expect(problems).toEqual([
      '2:25: input: missing.ndjson: does not exist; check the path',
      '2:41: unknown-key: `file` has no option `pth`, did you mean `path`?',
      '4:25: invalid-option: `threshold` option `field`: takes text, not 3',
      '5:5: unknown-component: unknown stage `normalise`, did you mean `normalize`?',
      '6:14: unknown-key: `merge` has no option `x`; it takes none',
      '7:5: topology: two sinks in a row: `console` and `fil`; name each under `sinks:`',
      '8:9: unknown-component: unknown sink `fil`, did you mean `file`?',
      '9:1: unknown-key: a pipeline has no key `bacth`, did you mean `batch`?',
    ]);
  });

  test('a misspelt field is found behind stages with problems, a field of theirs is none', async () => {
    const problems = await problemsOf(`source: stdin
stages:
  - normalise: { field: value, into: scaled }
  - threshold: { field: vlaue }
  - normalize: { field: value, min: low, method: valued }
  - threshold: { field: scaled }
  - threshold: { field: valued }
  - threshold: { field: sensrId }
sink: console
`);
    expect(problems).toEqual([
      '3:5: unknown-component: unknown stage `normalise`, did you mean `normalize`?',
      expect.stringContaining('4:25: unknown-field: field `vlaue` does not exist here'),
      '5:37: invalid-option: `normalize` option `min`: takes a number, not "low"',
      '5:50: invalid-option: `normalize` option `method`: takes `min-max` or `z-score`, not "valued"',
      expect.stringContaining('8:25: unknown-field: field `sensrId` does not exist here'),
    ]);
  });

  test('columns count in the file as it is: CRLF, BOM, text beyond ASCII', async () => {
    const text =
      '\uFEFFname: x\r\nsource: stdin\r\nstages: [ { id: "ä😀", merge: } ]\r\nsink: console\r\n';
    expect(await problemsOf(text)).toEqual([
      '3:17: invalid-option: an id is made of up to 64 letters, digits, `-` and `_`',
    ]);
    expect(await problemsOf('\uFEFFnme: x\nsource: stdin\nsink: console\n')).toEqual([
      '1:1: unknown-key: a pipeline has no key `nme`, did you mean `name`?',
    ]);
  });

  test('a ValidationError carries the problems as data', async () => {
    const failure = await planOf('source: stdin\nsink: consol\n').catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ValidationError);
    expect((failure as ValidationError).problems).toEqual([
      {
        kind: 'unknown-component',
        path: ['sink'],
        text: 'unknown sink `consol`, did you mean `console`?',
        file: 'p.yaml',
        line: 2,
        column: 7,
      },
    ]);
    expect((failure as ValidationError).code).toBe('ERR_CONFIG_INVALID');
  });
});
