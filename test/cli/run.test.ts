import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

import { describe, expect, test } from 'vitest';

import type { RunReport } from '../../src/observe/index.ts';
import { millrace, temporaryDirectory } from './millrace.ts';

const pipeline = `name: telemetry
source:
  file:
    path: data.ndjson
    schema: { sensorId: category, value: float64 }
stages:
  - threshold: { field: value, min: 10, max: 90 }
  - normalize: { field: value, min: 10, max: 90, into: normalized }
sink:
  file: { path: out.ndjson }
`;

function directoryWith(text: string, records: readonly (object | string)[] = []): string {
  const cwd = temporaryDirectory();
  writeFileSync(join(cwd, 'p.yaml'), text);
  const lines = records.map((record) =>
    typeof record === 'string' ? record : JSON.stringify(record),
  );
  writeFileSync(join(cwd, 'data.ndjson'), lines.map((line) => `${line}\n`).join(''));
  return cwd;
}

const readings = [
  { sensorId: 'a', value: 50 },
  { sensorId: 'b', value: 5 },
  { sensorId: 'a', value: 90 },
];

describe('run', () => {
  test('does the job and reports it as plain lines in a pipe', async () => {
    const cwd = directoryWith(pipeline, readings);
    const { code, stdout, stderr } = await millrace(['run', 'p.yaml'], { cwd });
    expect(code).toBe(0);
    expect(readFileSync(join(cwd, 'out.ndjson'), 'utf8')).toBe(
      '{"sensorId":"a","value":50,"normalized":0.5}\n{"sensorId":"a","value":90,"normalized":1}\n',
    );
    expect(stdout).toMatch(/^source file: in 3 out 3 dropped 0 dead 0 busy /m);
    expect(stdout).toMatch(/^stage threshold: in 3 out 2 dropped 1 dead 0 /m);
    expect(stdout).toMatch(/^sink file-2 \(file\): in 2 out 2 /m);
    expect(stdout).toMatch(/^telemetry: done after .*, best-effort delivery$/m);
    expect(stdout).toMatch(/^file-2: out\.ndjson$/m);
    expect(stdout).not.toContain('\u001b');
    // Log lines in a pipe are NDJSON, all of them.
    for (const line of stderr.trimEnd().split('\n')) {
      const keys = Object.keys(JSON.parse(line) as object);
      expect(keys.slice(0, 4)).toEqual(['timestamp', 'level', 'component', 'event']);
    }
  });

  test('--report json is exactly one object on standard output', async () => {
    const cwd = directoryWith(pipeline, [...readings, '{"sensorId": 5}']);
    const words = ['run', 'p.yaml', '--report', 'json', '--report-file', 'reports/r.json'];
    const { code, stdout } = await millrace(words, { cwd });
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as RunReport;
    expect(Object.keys(report)).toEqual([
      'pipeline',
      'status',
      'recordsIn',
      'recordsOut',
      'durationMs',
      'bytesIn',
      'peakMemoryBytes',
      'deadLetters',
      'delivery',
      'components',
    ]);
    expect(report).toMatchObject({
      pipeline: 'telemetry',
      status: 'done',
      recordsIn: 4,
      recordsOut: 2,
      deadLetters: 1,
      delivery: 'best-effort',
    });
    expect(report.bytesIn).toBe(readFileSync(join(cwd, 'data.ndjson')).length);
    expect(report.components.slice(0, 4)).toMatchObject([
      { id: 'file', name: 'file', kind: 'source', in: 4, out: 3, dropped: 0, dead: 1 },
      { id: 'threshold', kind: 'stage', in: 3, out: 2, dropped: 1, dead: 0 },
      { id: 'normalize', kind: 'stage', in: 2, out: 2 },
      { id: 'file-2', name: 'file', kind: 'sink', in: 2, out: 2 },
    ]);
    for (const { busyMs, work } of report.components.slice(0, 4)) {
      for (const ms of [busyMs, ...Object.values(work)]) expect(ms).toBeGreaterThanOrEqual(0);
    }
    expect(JSON.parse(readFileSync(join(cwd, 'reports/r.json'), 'utf8'))).toEqual(report);
  });

  test('a report goes to standard error where data goes to standard output', async () => {
    const cwd = directoryWith(pipeline.replace(/sink:[^]*/, 'sink: stdout\n'), readings);
    const words = ['run', 'p.yaml', '--report', 'json', '--log-level', 'error'];
    const { code, stdout, stderr } = await millrace(words, { cwd });
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(2);
    expect(JSON.parse(stderr)).toMatchObject({ recordsOut: 2 });
  });

  test('dead letters that a full file threw away are told, as is what else was counted', async () => {
    const bad = Array.from({ length: 300 }, (_, at) => `{"sensorId":"a","value":"x${at}"}\n`);
    const cwd = directoryWith(
      `source: { file: { path: data.ndjson, schema: { sensorId: category, value: float64 } } }
sink: { file: { path: out.ndjson } }
deadLetters: { dead-letter-file: { path: dead.ndjson, bytesMax: 20000, whenFull: dropOldest } }
`,
      bad,
    );
    const { code, stdout } = await millrace(['run', 'p.yaml'], { cwd });
    expect(code).toBe(0);
    const kept = ['dead.ndjson', 'dead.ndjson.1'].map(
      (file) => readFileSync(join(cwd, file), 'utf8').trimEnd().split('\n').length,
    );
    const dropped = 300 - kept[0]! - kept[1]!;
    expect(stdout).toMatch(/^300 dead letters, peak memory/m);
    expect(stdout).toMatch(
      new RegExp(`^thrown away by dead-letters: ${dropped} dead letters, the oldest$`, 'm'),
    );
    expect(stdout).toMatch(/^counted by file: 300 \(blankLines\)$/m);
  });

  test('dead letters are in the state directory, and may fail the run', async () => {
    const cwd = directoryWith(pipeline, [...readings, '{broken']);
    const { code, stdout } = await millrace(['run', 'p.yaml', '--fail-on-dead-letter'], { cwd });
    expect(code).toBe(3);
    const path = 'state/millrace/telemetry/dead-letters.ndjson';
    expect(stdout).toContain(`dead letters: ${path}\n`);
    expect(JSON.parse(readFileSync(join(cwd, path), 'utf8'))).toMatchObject({ record: '{broken' });
    const again = await millrace(
      ['run', 'p.yaml', '--fail-on-dead-letter', '--set', 'onRowError=drop'],
      { cwd },
    );
    expect(again.code).toBe(0);
  });

  test('--max-records reads so many and no more', async () => {
    const cwd = directoryWith(
      'source: { interval: { everyMs: 1 } }\nsink: { file: { path: o.ndjson } }\n',
    );
    const { code } = await millrace(['run', 'p.yaml', '--max-records', '7'], { cwd });
    expect(code).toBe(0);
    expect(readFileSync(join(cwd, 'o.ndjson'), 'utf8').trimEnd().split('\n')).toHaveLength(7);
  });

  test('--for ends a pipeline that never waits for anything', async () => {
    const text = 'source: { simulate: { realTime: false } }\nsink: { console: { every: 1000 } }\n';
    const cwd = directoryWith(text);
    const words = ['run', 'p.yaml', '--for', '300ms', '--report', 'json', '--log-level', 'error'];
    const { code, stderr } = await millrace(words, { cwd, stdout: 'ignore' });
    expect(code).toBe(0);
    const report = JSON.parse(stderr) as RunReport;
    expect(report.status).toBe('stopped');
    expect(report.durationMs).toBeGreaterThanOrEqual(300);
  });

  test('paths in a config are relative to it', async () => {
    const cwd = temporaryDirectory();
    mkdirSync(join(cwd, 'conf'));
    writeFileSync(join(cwd, 'conf/p.yaml'), pipeline);
    writeFileSync(join(cwd, 'conf/data.ndjson'), '{"sensorId":"a","value":50}\n');
    const { code, stdout } = await millrace(['run', 'conf/p.yaml'], { cwd });
    expect(code).toBe(0);
    expect(stdout).toContain('file-2: conf/out.ndjson\n');
    expect(readFileSync(join(cwd, 'conf/out.ndjson'), 'utf8')).toContain('"normalized":0.5');
  });

  test('--set replaces values', async () => {
    const cwd = directoryWith(pipeline, readings);
    const set = ['--set', 'stages.0.threshold.min=60', '--set', 'sink.file.path=other.ndjson'];
    expect(await millrace(['run', 'p.yaml', ...set], { cwd })).toMatchObject({ code: 0 });
    expect(readFileSync(join(cwd, 'other.ndjson'), 'utf8')).toBe(
      '{"sensorId":"a","value":90,"normalized":1}\n',
    );
  });

  test('an input that is not there is refused before anything runs', async () => {
    const cwd = directoryWith(pipeline.replace('data.ndjson', 'missing.ndjson'));
    const { code, stdout, stderr } = await millrace(['run', 'p.yaml'], { cwd });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^p\.yaml:4:11: input: missing\.ndjson.*does not exist/);
  });

  test('an invalid pipeline is refused with all its problems', async () => {
    const cwd = directoryWith(pipeline.replace('threshold', 'treshold').replace('into', 'itno'));
    const { code, stdout, stderr } = await millrace(['run', 'p.yaml'], { cwd });
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(stderr.trimEnd().split('\n')).toEqual([
      'p.yaml:7:5: unknown-component: unknown stage `treshold`, did you mean `threshold`?',
      'p.yaml:8:50: unknown-key: `normalize` has no option `itno`, did you mean `into`?',
    ]);
  });

  test('`onRowError: fail` fails the run, and the report is there all the same', async () => {
    const cwd = directoryWith(`${pipeline}onRowError: fail\n`, ['{broken']);
    const { code, stdout, stderr } = await millrace(['run', 'p.yaml', '--report', 'json'], { cwd });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'failed' });
    expect(stderr).toContain('ERR_ROW_FAILED');
  });
});

describe('validate', () => {
  test('says that a file is valid, and nothing is made', async () => {
    const cwd = directoryWith(pipeline, readings);
    expect(await millrace(['validate', 'p.yaml'], { cwd })).toEqual({
      code: 0,
      signal: null,
      stdout: 'p.yaml: valid: telemetry, 1 source, 2 stages, 1 sink\n',
      stderr: '',
    });
    expect(() => readFileSync(join(cwd, 'out.ndjson'))).toThrow('ENOENT');
  });

  test('says how many lanes there are, and that more of them than cores are slower', async () => {
    const cwd = directoryWith(pipeline, readings);
    const lanes = availableParallelism() + 1;
    const { code, stdout } = await millrace(['validate', 'p.yaml', '--set', `lanes=${lanes}`], {
      cwd,
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(
      new RegExp(`\\n${lanes} lanes: .*; more than the ${lanes - 1} cores? are slower\\n$`),
    );
  });

  test('problems are one line each on standard error, or JSON on standard output', async () => {
    const cwd = directoryWith(pipeline.replace('field: value', 'field: vlaue'), readings);
    const text = 'p.yaml:7:25: unknown-field: field `vlaue` does not exist here';
    const plain = await millrace(['validate', 'p.yaml'], { cwd });
    expect(plain).toMatchObject({ code: 78, stdout: '' });
    expect(plain.stderr).toMatch(new RegExp(`^${text}.*\n$`));
    const json = await millrace(['validate', 'p.yaml', '--json'], { cwd });
    expect(json).toMatchObject({ code: 78, stderr: '' });
    expect(JSON.parse(json.stdout)).toMatchObject({
      file: 'p.yaml',
      valid: false,
      problems: [
        { kind: 'unknown-field', line: 7, column: 25, path: ['stages', 0, 'threshold', 'field'] },
      ],
    });
  });

  test('a problem of an override names the override', async () => {
    const cwd = directoryWith(pipeline, readings);
    const words = ['validate', 'p.yaml', '--set', 'name=x', '--set', 'stages.0.threshold.min=low'];
    const { code, stderr } = await millrace(words, { cwd });
    expect(code).toBe(78);
    expect(stderr).toMatch(
      /^--set:2:24: invalid-option: `threshold` option `min`: takes a number, not "low"/,
    );
  });

  test.each<[string, Record<string, string>, string[], boolean]>([
    ['no colour in a pipe', {}, [], false],
    ['FORCE_COLOR', { FORCE_COLOR: '1' }, [], true],
    ['--color', {}, ['--color'], true],
    ['--color against NO_COLOR', { NO_COLOR: '1' }, ['--color'], true],
    ['--no-color against FORCE_COLOR', { FORCE_COLOR: '1' }, ['--no-color'], false],
  ])('colour: %s', async (_, env, flags, coloured) => {
    const { code, stderr } = await millrace(['validate', 'nowhere.yaml', ...flags], { env });
    expect(code).toBe(78);
    expect(stderr.includes('\u001b[')).toBe(coloured);
    expect(stripVTControlCharacters(stderr)).toBe(
      'nowhere.yaml:1:1: input: the config does not exist\n',
    );
  });

  test('control characters of a hostile file do not reach the terminal', async () => {
    const cwd = directoryWith('"na\\e[31mme\\u2028": x\nsource: stdin\nsink: console\n');
    const { stderr } = await millrace(['validate', 'p.yaml'], { cwd });
    expect(stderr).toContain('`na\\u001b[31mme\\u2028`');
    expect(stderr).not.toContain('\u001b');
    expect(stderr).not.toContain('\u2028');
  });
});
