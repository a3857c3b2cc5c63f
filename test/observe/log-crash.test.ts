import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { describe, expect, onTestFinished, test } from 'vitest';

const program = fileURLToPath(new URL('log-crash.ts', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs it to its end. */
function run(way: string, target: string, lines: number): Promise<Ended> {
  const child = spawn(process.execPath, [program, way, target, String(lines)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const said = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, ...said })));
}

function temporaryFile(): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-log-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return join(directory, 'log.ndjson');
}

interface Line {
  readonly event: string;
  readonly at?: number;
  readonly repeated?: number;
}

function linesOf(text: string): Line[] {
  expect(text.endsWith('\n')).toBe(true);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

function said(lines: readonly Line[]): (number | undefined)[] {
  return lines.filter(({ event }) => event === 'line.said').map(({ at }) => at);
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

describe('lines that are held when the process ends', () => {
  test.each([
    ['throw', 1],
    ['reject', 1],
    ['exit', 7],
    ['end', 0],
  ])('%s: are in the file, each once', async (way, code) => {
    const file = temporaryFile();
    expect((await run(way, file, 7)).code).toBe(code);
    const lines = linesOf(readFileSync(file, 'utf8'));
    expect(said(lines)).toEqual(upTo(7));
    expect(lines.at(-1)).toMatchObject({ event: 'line.repeated', repeated: 2 });
  });

  test.each([
    ['throw', 1],
    ['reject', 1],
    ['exit', 7],
  ])('%s: are in the pipe', async (way, code) => {
    const ended = await run(way, 'stdout', 250);
    expect(ended.code).toBe(code);
    const lines = linesOf(ended.stdout);
    expect(lines.at(-1)).toMatchObject({ event: 'line.repeated', repeated: 2 });
    expect(said(lines)).toEqual(upTo(250));
  });

  test('some in the stream, which has not begun to write them: are in the file, each once', async () => {
    const file = temporaryFile();
    expect((await run('burst', file, 350)).code).toBe(7);
    const lines = linesOf(readFileSync(file, 'utf8'));
    expect(said(lines).sort((a, b) => a! - b!)).toEqual(upTo(350));
  });

  test('many, yet not too many, with writes on their way: are in the file, each once and whole', async () => {
    const file = temporaryFile();
    expect((await run('busy', file, 850)).code).toBe(7);
    const lines = linesOf(readFileSync(file, 'utf8'));
    const counted = Map.groupBy(said(lines), (at) => at);
    expect(counted.size).toBe(850);
    expect(Math.min(...[...counted.values()].map(({ length }) => length))).toBe(6);
    expect(said(lines)).toHaveLength(6 * 850);
  });

  test('a pipe that is full, whose reader comes late: are in it, each once and whole', async () => {
    const child = spawn(process.execPath, [program, 'full', 'stdout', '1000'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child.stderr, 'data');
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    expect(await once(child, 'close')).toEqual([7, null]);
    const lines = linesOf(stdout);
    expect(said(lines)).toEqual(upTo(1000));
    expect(new Set(lines.map((line) => (line as { text?: string }).text))).toEqual(
      new Set(['é'.repeat(333)]),
    );
  });

  test('are lost where nobody asked, or it was undone: importing installs nothing', async () => {
    expect(await run('undone', 'stdout', 7)).toMatchObject({ code: 0, stdout: '' });
  });
});

test('a reader that goes away neither throws nor spins', async () => {
  const script = `
    import { BufferedStructuredLogger } from ${JSON.stringify(join(import.meta.dirname, '../../src/observe/log.ts'))};
    const log = new BufferedStructuredLogger({ stream: process.stdout, maxBuffer: 1 });
    log.flushOnCrash();
    let turns = 0;
    const say = () => {
      log.info('x', { text: 'x'.repeat(1000) });
      if (log.droppedLines === 0 || ++turns < 1000) setImmediate(say);
      else process.exitCode = process.cpuUsage().user < 5e6 ? 0 : 9;
    };
    say();
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdout.once('data', () => child.stdout.destroy());
  const code = await new Promise((resolve) => child.on('close', resolve));
  expect({ code, told: stderr.match(/its stream failed/g) }).toEqual({
    code: 0,
    told: ['its stream failed'],
  });
});
