import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { describe, expect, test, vi } from 'vitest';

import { parseFlight } from '../../src/observe/flight-recorder/parse.ts';
import { millrace, start, temporaryDirectory } from './millrace.ts';

const config = `name: boiler-room
source: { interval: { everyMs: 5 } }
stages:
  - filter: { where: tick >= 0 }
sink: { file: { path: out.ndjson } }
`;

/** Throws in the process, from outside of any component, once there is output. */
const crash = `import { statSync } from 'node:fs';
const look = setInterval(() => {
  const size = statSync('out.ndjson', { throwIfNoEntry: false })?.size ?? 0;
  if (size > 0) THROW;
}, 20);`;

/** What the environment of a process has to say so that it crashes in that way. */
function crashing(cwd: string, code: string): Record<string, string> {
  const file = join(cwd, 'crash.mjs');
  writeFileSync(file, crash.replace('THROW', code));
  return { NODE_OPTIONS: `--import ${pathToFileURL(file).href}` };
}

function flightsOf(cwd: string): string[] {
  const directory = join(cwd, 'state', 'millrace', 'boiler-room', 'flight');
  if (!existsSync(directory)) return [];
  return readdirSync(directory).map((name) => join(directory, name));
}

describe('a run leaves its last minutes', () => {
  test.each([
    ['throws', "throw new Error('boom')"],
    ['rejects', "{ clearInterval(look); Promise.reject(new Error('boom')); }"],
  ])('when its process %s; explain reads them', async (_, code) => {
    const cwd = temporaryDirectory();
    writeFileSync(join(cwd, 'p.yaml'), config);
    const env = crashing(cwd, code);
    const ended = await millrace(['run', 'p.yaml'], { cwd, env });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('Error: boom');
    const [file, ...others] = flightsOf(cwd);
    expect(others).toEqual([]);
    expect(file).toMatch(/-crash\.json$/);
    expect(ended.stderr).toContain(
      `"event":"flight.recorded","pipeline":"boiler-room","path":${JSON.stringify(file)}`,
    );
    expect(statSync(file!).mode & 0o777).toBe(0o600);

    const explained = await millrace(['explain', file!], { cwd });
    expect(explained).toMatchObject({ code: 0, stderr: '' });
    expect(explained.stdout).toMatch(/^boiler-room: the process crashed, \d{4}-\d\d-\d\d /);
    expect(explained.stdout).toMatch(/\nwhy +boom\n/);
    expect(explained.stdout).toContain('run.started');
    const isWide = (line: string): boolean => line.length > 80 && line.trim().includes(' ');
    expect(explained.stdout.split('\n').filter(isWide)).toEqual([]);

    const { code: jsonCode, stdout } = await millrace(['explain', file!, '--json'], { cwd });
    expect(jsonCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      pipeline: 'boiler-room',
      reason: 'crash',
      why: 'boom',
      status: 'running',
    });
  });

  test('when it fails, with what failed', async () => {
    const cwd = temporaryDirectory();
    writeFileSync(join(cwd, 'data.ndjson'), '{"a":1}\n{"a":"x"}\n');
    writeFileSync(
      join(cwd, 'p.yaml'),
      `name: boiler-room
source: { file: { path: data.ndjson, schema: { a: float64 } } }
sink: { file: { path: out.ndjson } }
onRowError: fail
`,
    );
    expect((await millrace(['run', 'p.yaml'], { cwd })).code).toBe(1);
    const [file] = flightsOf(cwd);
    expect(file).toMatch(/-run-failed\.json$/);
    const record = parseFlight(readFileSync(file!, 'utf8'), file!);
    expect(record.stats.lastFailures).toMatchObject([{ stage: 'file', reason: 'field.type' }]);
    const { stdout } = await millrace(['explain', file!], { cwd });
    expect(stdout).toMatch(/boiler-room: the run failed/);
    expect(stdout).toMatch(/last failures\n +-[\d.]+s +file +field\.type: /);
  });

  test('not when it ends well, is stopped, or never started', async () => {
    const cwd = temporaryDirectory();
    writeFileSync(join(cwd, 'p.yaml'), config);
    expect((await millrace(['run', 'p.yaml', '--max-records', '20'], { cwd })).code).toBe(0);
    const missing = config.replace('{ interval: { everyMs: 5 } }', '{ file: { path: no.ndjson } }');
    writeFileSync(join(cwd, 'q.yaml'), missing);
    expect((await millrace(['run', 'q.yaml'], { cwd })).code).not.toBe(0);
    expect(flightsOf(cwd)).toEqual([]);
  });
});

describe('explain refuses', () => {
  test('what is not there, what is no record, and what is damaged', async () => {
    const cwd = temporaryDirectory();
    const missing = await millrace(['explain', 'none.json'], { cwd });
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain('none.json');
    writeFileSync(join(cwd, 'a.json'), '{"format":"millrace-flight","version":1}');
    const damaged = await millrace(['explain', 'a.json'], { cwd });
    expect(damaged).toMatchObject({ code: 78, stdout: '' });
    expect(damaged.stderr).toMatch(/a\.json.*is damaged.*flight recorder wrote/);
    mkdirSync(join(cwd, 'directory'));
    expect((await millrace(['explain', 'directory'], { cwd })).code).toBe(1);
  });

  test('to let a record write to the terminal', async () => {
    const cwd = temporaryDirectory();
    writeFileSync(join(cwd, 'p.yaml'), config);
    const code = "throw new Error('\\u001b[2Jboom')";
    await millrace(['run', 'p.yaml'], { cwd, env: crashing(cwd, code) });
    const { stdout } = await millrace(['explain', flightsOf(cwd)[0]!], { cwd });
    expect(stdout).toContain('\\u001b[2Jboom');
    expect(stdout).not.toContain('\u001b');
  });
});

test('a server gives the last minutes, the figures and the topology, without what references stand for', async () => {
  const cwd = temporaryDirectory();
  const canaries = { CANARY_FIELD: 'canary-field', CANARY_PATH: 'canary-path', CANARY_PIN: '7q' };
  writeFileSync(
    join(cwd, 'p.yaml'),
    `name: boiler-room
source: { interval: { everyMs: 5 } }
stages:
  - rename: { fields: { tick: "\${env:CANARY_FIELD}" } }
  - rename: { fields: { time: "\${env:CANARY_PIN}" } }
sink: { file: { path: "no/such/\${env:CANARY_PATH}/out.ndjson" }, resilience: { breaker: {} } }
`,
  );
  mkdirSync(join(cwd, 'no'));
  writeFileSync(join(cwd, 'no', 'such'), 'not a directory');
  const token = 'an-admin-of-this-test';
  const env = { ...canaries, MILLRACE_TOKEN: token };
  const { child, ended, said } = start(['run', 'p.yaml', '--serve', '0'], { cwd, env });
  const patience = { timeout: 20_000, interval: 50 };
  const url = await vi.waitFor(() => /"url":"([^"]+)"/.exec(said.stderr)![1]!, patience);
  const ask = async (what: string): Promise<string> => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${url}/api/v1/${what}`, { headers })).text();
  };
  await vi.waitFor(async () => {
    expect(await ask('flight-recorder')).toContain('component.degraded');
    expect(await ask('snapshot')).toContain('"degraded":{"file"');
  }, patience);
  const texts = await Promise.all(['snapshot', 'flight-recorder', 'topology'].map(ask));
  // It would wait for its sink.
  child.kill('SIGKILL');
  await ended;
  const [snapshot, flight, topology] = texts.map((text) => JSON.parse(text) as never) as object[];
  expect(snapshot).toMatchObject({
    versions: { millrace: expect.any(String) as string },
    lanes: [{ id: 'main' }],
  });
  expect(flight).toMatchObject({ format: 'millrace-flight', reason: 'asked' });
  expect(topology).toMatchObject({ pipeline: 'boiler-room' });
  for (const canary of Object.values(canaries)) {
    expect(texts.filter((text) => text.includes(canary))).toEqual([]);
  }
});
