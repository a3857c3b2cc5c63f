import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, onTestFinished, test, vi } from 'vitest';

import type { RunReport } from '../../src/observe/index.ts';
import { start, type Started, type StartOptions, temporaryDirectory } from './millrace.ts';

const patience = { timeout: 20_000, interval: 20 };

function startPipeline(
  text: string,
  options: StartOptions = {},
  words: string[] = [],
): Started & { cwd: string } {
  const cwd = temporaryDirectory();
  writeFileSync(join(cwd, 'p.yaml'), text);
  return { ...start(['run', 'p.yaml', '--report', 'json', ...words], { cwd, ...options }), cwd };
}

const endless = 'source: { interval: { everyMs: 5 } }\nsink: { file: { path: out.ndjson } }\n';

// A reader that does not read: what is in flight can never be finished.
const stuck = 'source: { simulate: { realTime: false } }\nsink: stdout\n';

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s finishes what is in flight and ends with 0',
  async (signal) => {
    const { child, ended, cwd } = startPipeline(endless);
    const rows = (): string[] =>
      readFileSync(join(cwd, 'out.ndjson'), 'utf8').trimEnd().split('\n');
    await vi.waitFor(() => expect(rows().length).toBeGreaterThan(3), patience);
    child.kill(signal);
    const { code, stdout } = await ended;
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as RunReport;
    expect(report.status).toBe('stopped');
    expect(rows()).toHaveLength(report.recordsIn);
    expect(report.recordsOut).toBe(report.recordsIn);
  },
);

test('one that comes before anything flows is answered too', async () => {
  const cwd = temporaryDirectory();
  const pipe = join(cwd, 'name');
  execFileSync('mkfifo', [pipe]);
  const text = 'source: { interval: { everyMs: 5 } }\nsink: { file: { path: "${file:name}" } }\n';
  writeFileSync(join(cwd, 'p.yaml'), text);
  const { child, ended, said } = start(['run', 'p.yaml'], { cwd });
  // Opens when it is read, while the pipeline is planned.
  const writer = await open(pipe, 'w');
  child.kill('SIGTERM');
  const stderr = 'stopped before anything flowed\n';
  await vi.waitFor(() => expect(said.stderr).toBe(stderr), patience);
  // A process does not end before its reads do.
  await writer.close();
  expect(await ended).toMatchObject({ code: 0, stdout: '', stderr });
});

test('a signal is heard by a pipeline that never waits for anything', async () => {
  const text = 'source: { simulate: { realTime: false } }\nsink: { console: { every: 1000 } }\n';
  const { child, ended, said } = startPipeline(text, { stdout: 'ignore' });
  await vi.waitFor(() => expect(said.stderr).toContain('run.started'), patience);
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 0 });
});

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('a second %s ends at once with %i', async (signal, code) => {
  const { child, ended, said } = startPipeline(stuck, { read: false });
  await vi.waitFor(() => expect(said.stderr).toContain('run.started'), patience);
  child.kill(signal);
  await vi.waitFor(() => expect(said.stderr).toContain('stopping'), patience);
  child.kill(signal);
  expect(await ended).toMatchObject({ code, signal: null });
});

test('past the deadline of a stop it ends with 75', async () => {
  const { child, ended, said } = startPipeline(`${stuck}drainMsMax: 200\n`, { read: false });
  await vi.waitFor(() => expect(said.stderr).toContain('run.started'), patience);
  child.kill('SIGTERM');
  const { code, stderr } = await ended;
  expect(code).toBe(75);
  expect(stderr).toContain('ERR_RUN_DEADLINE');
});

test('a reader of standard output that goes away is a clean end', async () => {
  const { child, ended } = startPipeline(stuck, { read: false });
  child.stdout!.once('data', () => child.stdout!.destroy());
  const { code, stderr } = await ended;
  expect(code).toBe(0);
  expect(stderr).not.toContain('millrace:');
  expect(stderr).not.toContain('"level":"ERROR"');
  expect(stderr).toContain('"event":"output.closed"');
  expect(stderr).toContain('"status":"stopped"');
});

test('a report in a pipe is whole, however long', async () => {
  const columns = Array.from(
    { length: 1000 },
    (_, at) => `  - { id: stage-with-a-long-name-${at}, merge: }`,
  );
  const text = `source: { memory: { rows: [{ a: 1 }], schema: { a: float64 } } }\nstages:\n${columns.join('\n')}\nsink: memory\n`;
  const { ended } = startPipeline(text);
  const { code, stdout } = await ended;
  expect(code).toBe(0);
  expect(stdout.length).toBeGreaterThan(150_000);
  expect((JSON.parse(stdout) as RunReport).components).toHaveLength(1002);
});

test('standard error that nobody reads holds no process past the deadline of a stop', async () => {
  const cwd = temporaryDirectory();
  const fifo = join(cwd, 'fifo');
  execFileSync('mkfifo', [fifo]);
  // Opened both ways: neither end waits for the other, and nobody reads.
  const unread = openSync(fifo, 'r+');
  onTestFinished(() => closeSync(unread));
  writeSync(unread, Buffer.alloc(65_536, 10));
  const quiet = `drainMsMax: 500\n${endless}`;
  writeFileSync(join(cwd, 'p.yaml'), quiet);
  const { child, ended, said } = start(['run', 'p.yaml'], { cwd, stderr: unread });
  const rows = (): string => readFileSync(join(cwd, 'out.ndjson'), 'utf8');
  await vi.waitFor(() => expect(rows()).not.toBe(''), patience);
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 0, signal: null });
  expect(said.stdout).toMatch(/standard error took no more: \d+ bytes or more are lost\n$/);
});
