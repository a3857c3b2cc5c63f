import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

import { onTestFinished } from 'vitest';

const main = join(import.meta.dirname, '../../src/cli/main.ts');

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What it has said so far. */
  readonly said: { stdout: string; stderr: string };
}

export interface StartOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** False: nobody reads its standard output, so that it fills up. */
  readonly read?: boolean;
  /** What it writes to, as a descriptor of a file that is open. */
  readonly stdout?: 'pipe' | 'ignore' | number;
  readonly stderr?: 'pipe' | number;
}

/** A directory of its own for one test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-cli-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Starts the command line as a process of its own, with a state directory of its own. */
export function start(words: readonly string[], options: StartOptions = {}): Started {
  const { cwd = temporaryDirectory(), env = {}, read = true } = options;
  const { stdout = 'pipe', stderr = 'pipe' } = options;
  const { PATH, HOME, NODE_COMPILE_CACHE } = process.env;
  const child = spawn(process.execPath, [main, ...words], {
    cwd,
    env: { PATH, HOME, NODE_COMPILE_CACHE, XDG_STATE_HOME: join(cwd, 'state'), ...env },
    stdio: ['ignore', stdout, stderr],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const said = { stdout: '', stderr: '' };
  if (read) child.stdout?.setEncoding('utf8').on('data', (text: string) => (said.stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
  const ended = new Promise<Ended>((resolve) => {
    const done = read ? 'close' : 'exit';
    child.on(done, (code, signal) => resolve({ code, signal, ...said }));
  });
  return { child, ended, said };
}

/** Runs the command line to its end. */
export function millrace(words: readonly string[], options?: StartOptions): Promise<Ended> {
  return start(words, options).ended;
}
