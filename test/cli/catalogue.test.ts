import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

import { describe, expect, test } from 'vitest';
import * as z from 'zod';

import { componentsOf } from '../../src/cli/list.ts';
import { builtins } from '../../src/pipeline.ts';
import { configSchema, exampleConfig } from '../../src/engine/config-schema.ts';
import { millrace, temporaryDirectory } from './millrace.ts';

interface Option {
  readonly name: string;
  readonly kind: string;
  readonly options?: readonly Option[];
}

interface Described {
  readonly kind: string;
  readonly name: string;
  readonly summary: string;
  readonly options: readonly Option[];
  readonly example: unknown;
}

async function describedAs(name: string): Promise<Described> {
  const { stdout } = await millrace(['describe', name, '--json']);
  return (JSON.parse(stdout) as Described[])[0]!;
}

describe('help', () => {
  test.each(['run', 'validate', 'list', 'describe', 'schema', 'infer', 'init', 'memory'])(
    '%s shows examples',
    async (command) => {
      const { code, stdout, stderr } = await millrace([command, '--help']);
      expect(code).toBe(0);
      expect(stdout).toContain(`Usage: millrace ${command}`);
      expect(stdout).toMatch(new RegExp(`Examples:\n  millrace ${command}`));
      expect(stderr).toBe('');
    },
  );

  test('the version is that of the package', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(await millrace(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n` });
  });

  test.each<[words: string[], says: string]>([
    [['rum', 'x'], 'Did you mean run?'],
    [['run'], "missing required argument 'file'"],
    [['run', 'x', '--for', '5'], 'Write a time like 500ms, 10s, 5m or 2h.'],
    [['run', 'x', '--max-records', '-1'], 'Write a whole number from 1.'],
    [['run', 'x', '--report', 'xml'], 'Allowed choices are text, json.'],
    [['run', 'x', '--sot', 'a=1'], 'Did you mean --set?'],
    [['describe', 'thrshold'], 'did you mean `threshold`?'],
    [['validate', 'x', '--set', 'a'], 'is not `path=value`'],
    [['validate', 'x', '--set', 'a.__proto__.b=1'], 'names `__proto__`'],
    [[], 'Usage: millrace'],
  ])('%j is a usage error', async (words, says) => {
    const { code, stdout, stderr } = await millrace(words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(says);
  });
});

describe('list and describe', () => {
  test('list names every component with its summary', async () => {
    const { code, stdout } = await millrace(['list']);
    expect(code).toBe(0);
    for (const { spec } of componentsOf(builtins())) {
      expect(stdout).toMatch(new RegExp(`^  ${spec.name} +\\S`, 'm'));
    }
    const { stdout: json } = await millrace(['list', '--json']);
    expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(builtins().generateManifest())));
    expect(JSON.parse(json)).toContainEqual({
      className: 'moving-average',
      stageType: 'stage',
      summary: expect.any(String),
      parameters: expect.arrayContaining([
        {
          name: 'field',
          description: expect.any(String),
          kind: 'string',
          hasDefault: false,
          required: true,
        },
        expect.objectContaining({ name: 'keysMax', default: 100_000, hasDefault: true }),
      ]),
    });
  });

  test('describe shows options, defaults and an example', async () => {
    const { code, stdout } = await millrace(['describe', 'moving-average']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^moving-average \(stage\)$/m);
    expect(stdout).toMatch(/^ {2}field: string, required\n {6}Number field to average\.$/m);
    expect(stdout).toMatch(/^ {2}window: integer from 1( to \d+)? \| string, required$/m);
    expect(stdout).toMatch(/^ {2}keysMax: integer from 1 to 16000000, default 100000$/m);
    expect(stdout).toMatch(/^ {4}- moving-average:$/m);
  });

  test('describe shows options within options', async () => {
    const { stdout } = await millrace(['describe', 'detect-anomalies']);
    expect(stdout).toMatch(
      /^ {2}detectors: map, default \{"robustZ":\{\}\}\n {6}Ways to find an anomaly, each with its options\.\n {4}robustZ: map\n {8}Far from/m,
    );
    expect(stdout).toMatch(/^ {6}lambda: number above 0 to 1, default 0\.2\n {10}Weight of each/m);
    const simulate = await millrace(['describe', 'simulate']);
    expect(simulate.stdout).toMatch(/^ {4}size: number from 0, default 25$/m);
  });

  test('describe shows the options of each name in a map', async () => {
    const { stdout } = await millrace(['describe', 'derive']);
    expect(stdout).toMatch(/^ {2}<name>: map, required$/m);
    expect(stdout).toMatch(/^ {4}kind: .*"float64"/m);
    expect(stdout).toMatch(/^ {4}value: string, required$/m);
  });

  test('describe shows the options of each item of a list', async () => {
    const { stdout } = await millrace(['describe', 'sensors']);
    expect(stdout).toMatch(/^ {4}<item>: map, required$/m);
    expect(stdout).toMatch(/^ {6}id: string, required$/m);
  });

  test('describe cuts no list of values and no union', async () => {
    const features = await millrace(['describe', 'features']);
    const kind = /^ {2}features: ([^]*?), required$/m.exec(features.stdout)?.[1];
    expect(kind?.replace(/\s+/g, ' ')).toBe(
      '("mean" | "std-dev" | "min" | "max" | "slope" | "rate-of-change" | "ema")[]',
    );
    const derive = await describedAs('derive');
    expect(derive.options[0]?.options?.[0]?.kind).toBe(
      '"float64" | "int32" | "int64" | "timestamp" | "bool" | "category" | "text" | "bytes" | "json", each also with "?"',
    );
  });

  test.each(['derive', 'detect-anomalies', 'file', 'host', 'map-async', 'memory', 'simulate'])(
    'describe %s keeps to 80 columns and says in JSON what it says in words',
    async (name) => {
      const { stdout } = await millrace(['describe', name]);
      expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
      expect(stdout).not.toContain('…');
      const { options } = await describedAs(name);
      const words = stdout.replace(/\s+/g, ' ');
      const missing = (all: readonly Option[]): string[] =>
        all.flatMap(({ name: option, kind, options: inner = [] }) => [
          ...(words.includes(`${option}: ${kind}`) ? [] : [option]),
          ...missing(inner),
        ]);
      expect(missing(options)).toEqual([]);
    },
  );

  test.each(['map', 'flat-map', 'map-async', 'tap'])(
    'describe %s, which works from code only, shows how it is called',
    async (name) => {
      const { stdout } = await millrace(['describe', name]);
      const call = name.replace(/-(.)/, (_, letter: string) => letter.toUpperCase());
      expect(stdout).toMatch(new RegExp(`^example in TypeScript\n  ${call}\\(`, 'm'));
      expect(stdout).not.toMatch(/null/);
      expect(await describedAs(name)).toMatchObject({
        example: null,
        exampleCode: expect.stringMatching(`^${call}\\(`),
      });
    },
  );

  test('describe gives both components of one name', async () => {
    const { stdout } = await millrace(['describe', 'file', '--json']);
    const described = JSON.parse(stdout) as Described[];
    expect(described.map(({ kind, name }) => [kind, name])).toEqual([
      ['source', 'file'],
      ['sink', 'file'],
    ]);
    const mode = described[1]!.options.find(({ name }) => name === 'mode');
    expect(mode).toEqual({
      name: 'mode',
      kind: '"replace" | "append"',
      required: false,
      default: 'replace',
      description: expect.any(String),
    });
  });
});

describe('the schema', () => {
  test('is draft-07, with descriptions and defaults', async () => {
    const { code, stdout } = await millrace(['schema']);
    expect(code).toBe(0);
    const schema = JSON.parse(stdout) as Record<string, unknown>;
    expect(schema['$schema']).toBe('http://json-schema.org/draft-07/schema#');
    expect(stdout).toContain('"default": 4096');
    for (const { spec } of componentsOf(builtins())) expect(stdout).toContain(spec.summary);
  });

  test('names what has a unit by it, the unit last but for Max or Min', async () => {
    const { stdout } = await millrace(['schema']);
    const names = [...stdout.matchAll(/"(\w+)": \{/g)].map(([, name]) => name!);
    const measured = names.filter((name) => /(?:[a-z]Ms|Bytes|MiB)(?:[A-Z]|$)/.test(name));
    expect(measured).toContain('stallMsMin');
    const odd = measured.filter((name) => !/(?:Ms|Bytes|MiB)(?:Max|Min)?$/.test(name));
    expect(odd).toEqual([]);
  });

  test('is written beside the config when asked', async () => {
    const cwd = temporaryDirectory();
    expect(await millrace(['schema', '--write'], { cwd })).toMatchObject({ code: 0, stdout: '' });
    expect(JSON.parse(readFileSync(join(cwd, 'pipeline.schema.json'), 'utf8'))).toBeTypeOf(
      'object',
    );
  });

  test('accepts the example of every component and refuses what a config refuses', async () => {
    const schema = z.fromJSONSchema(
      JSON.parse(JSON.stringify(await configSchema(builtins()))) as Parameters<
        typeof z.fromJSONSchema
      >[0],
    );
    for (const definition of componentsOf(builtins())) {
      // What takes a function works from code only.
      if (definition.spec.example === null) continue;
      const parsed = schema.safeParse(exampleConfig(definition));
      expect(parsed.error?.issues, definition.spec.name).toBeUndefined();
    }
    expect(schema.safeParse({ stages: [{ threshold: { fild: 'value' } }] }).success).toBe(false);
    expect(schema.safeParse({ stages: [{ nothing: {} }] }).success).toBe(false);
    expect(schema.safeParse({ batch: { rowsMax: 0 } }).success).toBe(false);
    expect(schema.safeParse({ strange: 1 }).success).toBe(false);
  });
});

describe('init', () => {
  test('writes a pipeline that runs as it stands, and its schema', async () => {
    const cwd = temporaryDirectory();
    expect(await millrace(['init', 'first'], { cwd })).toMatchObject({ code: 0, stderr: '' });
    const file = join(cwd, 'first', 'pipeline.yaml');
    expect(readFileSync(file, 'utf8')).toMatch(
      /^# yaml-language-server: \$schema=\.\/pipeline\.schema\.json\n/,
    );
    expect(existsSync(join(cwd, 'first', 'pipeline.schema.json'))).toBe(true);
    const run = await millrace(['run', file, '--max-records', '20'], { cwd });
    expect(run).toMatchObject({ code: 0 });
    const rows = readFileSync(join(cwd, 'first', 'readings.ndjson'), 'utf8')
      .trimEnd()
      .split('\n');
    expect(rows.length).toBeGreaterThan(5);
    expect(JSON.parse(rows[0]!)).toHaveProperty('average');
  });

  test.each(['123', 'true', '1e3', '0x10', 'null', 'boiler-room'])(
    'names the pipeline after a directory that is called %s',
    async (name) => {
      const cwd = temporaryDirectory();
      await millrace(['init', name], { cwd });
      const file = join(name, 'pipeline.yaml');
      const { code, stdout } = await millrace(['validate', file], { cwd });
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: `${file}: valid: ${name}, 1 source, 2 stages, 1 sink\n`,
      });
    },
  );

  test('writes a pipeline that keeps every reading it makes, and says how to end it', async () => {
    const cwd = temporaryDirectory();
    const { stdout } = await millrace(['init'], { cwd });
    expect(stdout).toContain('run it: millrace run pipeline.yaml --for 10s\n');
    expect(readFileSync(join(cwd, 'pipeline.yaml'), 'utf8')).toContain('Ctrl-C');
    const words = ['run', 'pipeline.yaml', '--max-records', '200', '--report', 'json'];
    const set = ['--set', 'source.simulate.realTime=false'];
    const run = await millrace([...words, ...set], { cwd });
    expect(JSON.parse(run.stdout)).toMatchObject({ recordsIn: 200, recordsOut: 200 });
  });

  test('says what is in the way of its directory', async () => {
    const cwd = temporaryDirectory();
    writeFileSync(join(cwd, 'file'), 'mine\n');
    const { code, stderr } = await millrace(['init', 'file'], { cwd });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        'millrace: ERR_CONNECTOR_FILE [file] is no directory; name one, or a place for a new one\n',
    });
    const below = await millrace(['init', 'file/sub'], { cwd });
    expect(below).toMatchObject({ code: 1 });
    expect(below.stderr).toContain('has a parent that is not a directory');
  });

  test.skipIf(process.platform !== 'linux')('does not wait where none can be made', async () => {
    const { code, stderr } = await millrace(['init', '/proc/x']);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        'millrace: ERR_CONNECTOR_FILE [/proc/x] cannot be made: nothing can be made there; choose another place\n',
    });
  });

  test('overwrites nothing', async () => {
    const cwd = temporaryDirectory();
    writeFileSync(join(cwd, 'pipeline.yaml'), 'mine\n');
    const { code, stderr } = await millrace(['init'], { cwd });
    expect(code).toBe(1);
    expect(stderr).toContain('is there already and is not overwritten');
    expect(readFileSync(join(cwd, 'pipeline.yaml'), 'utf8')).toBe('mine\n');
    expect(existsSync(join(cwd, 'pipeline.schema.json'))).toBe(false);
  });
});

describe('infer', () => {
  test('prints the source that reads a file', async () => {
    const cwd = temporaryDirectory();
    writeFileSync(join(cwd, 'data.csv'), 'sensor,value\na,1.5\nb,2.25\n');
    const { code, stdout } = await millrace(['infer', 'data.csv'], { cwd });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^source:\n {2}file:\n {4}path: data\.csv\n {4}schema:\n {6}sensor: \w/);
    expect(stdout).toMatch(/^ {6}value: float64$/m);
  });

  test('takes the format of a file of which the name does not tell', async () => {
    const cwd = temporaryDirectory();
    writeFileSync(join(cwd, 'data.txt'), 'sensor,value\na,1.5\n');
    const unnamed = await millrace(['infer', 'data.txt'], { cwd });
    expect(unnamed).toMatchObject({ code: 2, stdout: '' });
    expect(unnamed.stderr).toContain('add `--format ndjson` or `--format csv`');
    const { code, stdout } = await millrace(['infer', 'data.txt', '--format', 'csv'], { cwd });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ {4}path: data\.txt\n {4}format: csv\n {4}schema:\n {6}sensor: \w/m);
    const wrong = await millrace(['infer', 'data.txt', '--format', 'xml'], { cwd });
    expect(wrong).toMatchObject({ code: 2, stdout: '' });
  });

  test.each([
    ['empty.csv', '', 'is empty: there is no record to find a schema in'],
    ['blank.ndjson', '\r\n\n', 'is empty: there is no record to find a schema in'],
    ['cr.csv', 'a,b\r1,2\r3,4\r', 'its lines end with CR alone; end them with LF or CRLF'],
    ['cr.ndjson', '{"a":1}\r{"a":2}\r', 'its lines end with CR alone; end them with LF or CRLF'],
    [
      'one.csv',
      'a,b\rc\n1,2\n',
      'at byte 0: the header cannot be read: a CR that is not followed by LF',
    ],
    [
      'open.csv',
      'a,"b\n1,2\n3,4\n',
      'at byte 0: the header cannot be read: a quoted cell without its end quote',
    ],
    [
      'long.csv',
      `a,"b\n${'1,2\n'.repeat(300_000)}`,
      'no record ends in its first 1048576 bytes; end the quote or the line that is open',
    ],
    ['list.ndjson', '\n[1]\n[2]\n', 'at byte 1: a record is a JSON object, this is none'],
    ['torn.ndjson', '{"a":1\n', 'at byte 0: no JSON: `,` or `}` expected'],
  ])('says why %s shows no schema', async (name, text, says) => {
    const cwd = temporaryDirectory();
    writeFileSync(join(cwd, name), text);
    const { code, stdout, stderr } = await millrace(['infer', name], { cwd });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(`[${name}]`);
    expect(stderr).toContain(says);
  });

  test('says what is wrong with a file that is not there', async () => {
    const { code, stdout, stderr } = await millrace(['infer', 'nowhere.csv']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('nowhere.csv');
  });
});
